//! Whoever was cut off while listening over HTTP goes on without a gap and without a duplicate.

mod listen;
mod support;

use campanile::{Broker, Campanile, EventsEndpoint, HistoryLimits, OriginPolicy};
use listen::{EVENTS, LINES, get, poll};
use serde_json::Value;
use support::stomp::UserFromQuery;
use support::{House, next_text};

const A: &str = "/events?destination=/topic/a";
const BOTH: &str = "/events?destination=/topic/a&destination=/topic/rooms/*";

async fn serve(broker: Broker) -> House {
    let endpoint = EventsEndpoint::new().origins(OriginPolicy::Any);
    let app = Campanile::builder()
        .broker(broker)
        .events("/events", endpoint.intercept(UserFromQuery));
    House::serve(app.build().expect("an application")).await
}

async fn house() -> House {
    let limits = HistoryLimits {
        count_max: 500,
        ..HistoryLimits::default()
    };
    serve(Broker::new().history("/topic/**", limits)).await
}

fn publish(house: &House, destination: &str, text: &str) {
    let accepted = house.handle.publish(destination, text);
    accepted.expect("room in the inboxes");
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn data(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().expect("messages");
    messages.iter().map(|one| text(&one["data"])).collect()
}

#[tokio::test]
async fn s98_each_way_goes_on_after_a_cursor_or_an_id() {
    let house = house().await;
    let began = poll(house.address, &format!("{BOTH}&wait=0")).await;
    let cursor = text(&began["cursor"]);
    publish(&house, "/topic/a", "1");
    publish(&house, "/topic/rooms/x", "2");
    publish(&house, "/topic/other", "not asked for");
    publish(&house, "/topic/a", "3");
    let target = format!("{BOTH}&after={cursor}");
    let all = poll(house.address, &format!("{target}&wait=0")).await;
    assert_eq!(data(&all), ["1", "2", "3"]);
    assert_eq!(all["recovered"], true);
    let first = text(&all["messages"][0]["id"]);
    let mut events = get(house.address, &format!("{BOTH}&after={first}"), &[EVENTS]).await;
    let subscribed = events.event().await;
    // Cut off now, it would go on where it has wanted to go on.
    assert_eq!(subscribed.id.as_deref(), Some(first));
    assert_eq!(subscribed.json()["recovered"], true);
    for number in ["2", "3"] {
        assert_eq!(events.event().await.json()["data"], number);
    }
    let mut lines = get(house.address, &target, &[LINES]).await;
    assert_eq!(lines.record().await["recovered"], true);
    let mut socket = house.open(&target).await;
    assert!(next_text(&mut socket).await.contains("\"recovered\":true"));
    publish(&house, "/topic/a", "4");
    for number in ["1", "2", "3", "4"] {
        let record = lines.record().await;
        assert_eq!(record["data"], number);
        let same: Value = serde_json::from_str(&next_text(&mut socket).await).expect("JSON");
        assert_eq!(same, record);
    }
    assert_eq!(events.event().await.json()["data"], "4");
    house.leave().await;
}

#[tokio::test]
async fn s98_the_header_counts_more_than_the_url() {
    let house = house().await;
    let began = poll(house.address, &format!("{A}&wait=0")).await;
    let cursor = text(&began["cursor"]);
    publish(&house, "/topic/a", "1");
    publish(&house, "/topic/a", "2");
    let all = poll(house.address, &format!("{A}&wait=0&after={cursor}")).await;
    let first = text(&all["messages"][0]["id"]);
    let target = format!("{A}&wait=0&after={cursor}");
    let mut answer = get(house.address, &target, &[("Last-Event-ID", first)]).await;
    assert_eq!(data(&answer.json().await), ["2"]);
    house.leave().await;
}

#[tokio::test]
async fn s98_a_token_that_is_not_ours_recovers_nothing() {
    let house = house().await;
    publish(&house, "/topic/a", "before");
    for token in ["x", "1-1", "%00", "ffffffffffffffff-0"] {
        let answer = poll(house.address, &format!("{A}&wait=0&after={token}")).await;
        assert_eq!(answer["recovered"], false, "{token}");
        assert_eq!(data(&answer), [""; 0], "{token}");
        let next = text(&answer["cursor"]);
        let answer = poll(house.address, &format!("{A}&wait=0&after={next}")).await;
        assert_eq!(answer["recovered"], true, "{token}");
    }
    let none = poll(house.address, &format!("{A}&wait=0&after=")).await;
    assert_eq!(none.get("recovered"), None);
    let mut answer = get(
        house.address,
        &format!("{A}&wait=0"),
        &[("Last-Event-ID", "\u{e9}")],
    )
    .await;
    assert_eq!(answer.json().await["recovered"], false);
    house.leave().await;
}

#[tokio::test]
async fn s98_what_was_let_go_of_is_said_to_be_missing() {
    let limits = HistoryLimits {
        count_max: 2,
        ..HistoryLimits::default()
    };
    let house = serve(Broker::new().history("/topic/**", limits)).await;
    let began = poll(house.address, &format!("{A}&wait=0")).await;
    for number in ["1", "2", "3"] {
        publish(&house, "/topic/a", number);
    }
    let target = format!("{A}&after={}", text(&began["cursor"]));
    let answer = poll(house.address, &format!("{target}&wait=0")).await;
    assert_eq!(answer["recovered"], false);
    let mut events = get(house.address, &target, &[EVENTS]).await;
    assert_eq!(events.event().await.json()["recovered"], false);
    house.leave().await;
}

#[tokio::test]
async fn s98_polls_one_after_the_other_get_all_and_nothing_twice() {
    const MESSAGES: usize = 300;
    let house = house().await;
    let handle = house.handle.clone();
    let began = poll(house.address, &format!("{BOTH}&wait=0")).await;
    let mut cursor = text(&began["cursor"]).to_owned();
    let publishing = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let to = ["/topic/a", "/topic/rooms/1", "/topic/rooms/2"][number % 3];
            // Long ones, so that an answer cannot hold all of them.
            let message = format!("{number} {}", "x".repeat(3_000));
            handle.publish(to, message).expect("room in the inboxes");
            tokio::task::yield_now().await;
        }
    });
    let mut got = Vec::new();
    while got.len() < MESSAGES {
        let answer = poll(house.address, &format!("{BOTH}&after={cursor}")).await;
        assert_eq!(answer["recovered"], true);
        for one in data(&answer) {
            let number = one.split(' ').next().expect("a number");
            got.push(number.parse::<usize>().expect("a number"));
        }
        cursor = text(&answer["cursor"]).to_owned();
    }
    assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>());
    publishing.await.expect("no panic");
    house.leave().await;
}

#[tokio::test]
async fn s98_streams_that_are_cut_again_and_again_miss_nothing() {
    const MESSAGES: usize = 300;
    let house = house().await;
    let mut first = get(house.address, BOTH, &[EVENTS]).await;
    let mut last = first.event().await.id.expect("a cursor");
    let handle = house.handle.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let to = ["/topic/a", "/topic/rooms/1"][number % 2];
            let message = number.to_string();
            handle.publish(to, message).expect("room in the inboxes");
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    let mut got = Vec::new();
    let mut cuts = 0;
    while got.len() < MESSAGES {
        let header = ("Last-Event-ID", &*last.clone());
        let mut stream = get(house.address, BOTH, &[EVENTS, header]).await;
        // How much is read before the next cut differs each time, and may be nothing.
        cuts += 1;
        for _ in 0..cuts * 7 % 11 + cuts / 50 {
            if got.len() == MESSAGES {
                break;
            }
            let event = stream.event().await;
            if event.event.is_none() {
                got.push(event.json()["data"].clone());
            }
            last = event.id.unwrap_or(last);
        }
    }
    let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(got, expected);
    assert!(cuts >= 50, "{cuts}");
    publishing.await.expect("no panic");
    house.leave().await;
}

#[tokio::test]
async fn s98_values_that_were_kept_come_first_and_whole() {
    const VALUES: usize = 200;
    let house = serve(Broker::new().retained("/topic/prices/**")).await;
    for number in 0..VALUES {
        let name = format!("/topic/prices/{number}");
        publish(&house, &name, &format!("{number} {}", "x".repeat(2_000)));
    }
    publish(&house, "/topic/other", "later");
    let target = "/events?destination=/topic/prices/*";
    // They cannot be asked for piece by piece, so an answer has all of them.
    let answer = poll(house.address, &format!("{target}&wait=0")).await;
    assert_eq!(data(&answer).len(), VALUES);
    let mut events = get(house.address, target, &[EVENTS]).await;
    let subscribed = events.event().await;
    assert_eq!(subscribed.id, None);
    assert_eq!(subscribed.json()["cursor"], answer["cursor"]);
    for number in 0..VALUES {
        let record = events.event().await.json();
        assert_eq!(record["destination"], format!("/topic/prices/{number}"));
    }
    house.leave().await;
}

#[tokio::test]
async fn s98_a_users_own_destinations_are_that_users_alone() {
    let house = house().await;
    let target = "/events?destination=/user/queue/news&user=";
    let mut ada = get(house.address, &format!("{target}ada"), &[LINES]).await;
    let mut bob = get(house.address, &format!("{target}bob"), &[LINES]).await;
    ada.record().await;
    bob.record().await;
    let sent = house
        .handle
        .publish_to_user("ada", "/queue/news", "for ada");
    sent.expect("room in the inboxes");
    let sent = house
        .handle
        .publish_to_user("bob", "/queue/news", "for bob");
    sent.expect("room in the inboxes");
    let record = ada.record().await;
    assert_eq!(record["destination"], "/user/queue/news");
    assert_eq!(record["data"], "for ada");
    assert_eq!(bob.record().await["data"], "for bob");
    house.leave().await;
}
