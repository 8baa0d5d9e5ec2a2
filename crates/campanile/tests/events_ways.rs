//! What is published reaches whoever listens over HTTP, in four ways, as the same records.

mod listen;
mod support;

use std::time::Duration;

use campanile::{
    Broker, Campanile, EventsEndpoint, HistoryLimits, Message, OriginPolicy, StompEndpoint,
};
use listen::{EVENTS, LINES, get, poll};
use serde_json::{Value, json};
use support::{House, next_close, next_text};

const A: &str = "/events?destination=/topic/a";

fn endpoint() -> EventsEndpoint {
    EventsEndpoint::new().origins(OriginPolicy::Any)
}

async fn house() -> House {
    let broker = Broker::new()
        .history("/topic/**", HistoryLimits::default())
        .clients_may_send("/topic/**");
    let app = Campanile::builder()
        .broker(broker)
        .events("/events", endpoint())
        .stomp("/stomp", StompEndpoint::new());
    House::serve(app.build().expect("an application")).await
}

fn publish(house: &House, destination: &str, message: impl Into<Message>) {
    let accepted = house.handle.publish(destination, message);
    accepted.expect("room in the inboxes");
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn events_server_sent_events_begin_with_a_cursor_and_carry_records() {
    let house = house().await;
    let mut answer = get(house.address, A, &[EVENTS]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    let first = answer.event().await;
    assert_eq!(first.retry.as_deref(), Some("2000"));
    assert_eq!(first.event.as_deref(), Some("subscribed"));
    let cursor = first.id.clone().expect("a cursor");
    assert_eq!(first.json(), json!({ "cursor": cursor }));
    publish(&house, "/topic/b", "for others");
    publish(&house, "/topic/a", "two\nlines\r\n\u{2028}");
    let message = answer.event().await;
    assert_eq!((&message.event, &message.retry), (&None, &None));
    let record = message.json();
    assert_eq!(record["id"], message.id.expect("an id"));
    assert_eq!(record["destination"], "/topic/a");
    assert_eq!(record["contentType"], "text/plain");
    assert_eq!(record["data"], "two\nlines\r\n\u{2028}");
    assert_eq!(record.get("headers"), None);
    let time = record["time"].as_str().expect("a time");
    assert!(
        time.ends_with('Z') && time.len() == "2026-11-22T05:17:34.123Z".len(),
        "{time}"
    );
    house.leave().await;
}

#[tokio::test]
async fn events_lines_and_websocket_messages_are_the_same_records() {
    let house = house().await;
    let mut lines = get(house.address, A, &[LINES]).await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.header("x-accel-buffering"), Some("no"));
    let mut socket = house.open(A).await;
    let mut events = get(house.address, A, &[EVENTS]).await;
    let cursor = events.event().await.id.expect("a cursor");
    let subscribed = json!({ "event": "subscribed", "cursor": cursor });
    assert_eq!(lines.record().await, subscribed);
    assert_eq!(parsed(&next_text(&mut socket).await), subscribed);
    let mut polled = get(house.address, A, &[]).await;
    let json = Message::text("{\"n\":1}").with_headers([
        ("content-type", "application/json"),
        ("from", "ada\n"),
        ("from", "not counted"),
    ]);
    publish(&house, "/topic/a", json);
    let record = lines.record().await;
    assert_eq!(record["contentType"], "application/json");
    assert_eq!(record["data"], "{\"n\":1}");
    assert_eq!(record["headers"], json!({ "from": "ada\n" }));
    assert_eq!(parsed(&next_text(&mut socket).await), record);
    assert_eq!(events.event().await.json(), record);
    assert_eq!(
        polled.json().await,
        json!({ "messages": [record], "cursor": record["id"] })
    );
    house.leave().await;
}

#[tokio::test]
async fn events_bytes_that_are_no_text_are_base64() {
    let house = house().await;
    let mut lines = get(house.address, A, &[LINES]).await;
    lines.record().await;
    publish(&house, "/topic/a", vec![0, 159, 146, 150]);
    let record = lines.record().await;
    assert_eq!(record["contentType"], "application/octet-stream");
    assert_eq!(record["dataBase64"], "AJ+Slg==");
    assert_eq!(record.get("data"), None);
    house.leave().await;
}

#[tokio::test]
async fn events_several_destinations_and_patterns_give_one_copy() {
    let house = house().await;
    let target = "/events?destination=/topic/a&destination=/topic/*&destination=/topic/a\
                  &destination=/topic/deep/**&destination=/topic/%22%0A";
    let mut lines = get(house.address, target, &[LINES]).await;
    lines.record().await;
    for name in [
        "/topic/a",
        "/topic/deep/b/c",
        "/topic/x/y",
        "/topic/\"\n",
        "/topic/b",
    ] {
        publish(&house, name, "x");
    }
    for name in ["/topic/a", "/topic/deep/b/c", "/topic/\"\n", "/topic/b"] {
        assert_eq!(lines.record().await["destination"], name);
    }
    house.leave().await;
}

#[tokio::test]
async fn events_a_poll_answers_at_once_or_with_the_first_message() {
    let house = house().await;
    let empty = poll(house.address, &format!("{A}&wait=0")).await;
    let cursor = empty["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(empty, json!({ "messages": [], "cursor": cursor }));
    let timed_out = poll(house.address, &format!("{A}&wait=1")).await;
    assert_eq!(timed_out, empty);
    let mut waiting = get(house.address, A, &[]).await;
    publish(&house, "/topic/a", "first");
    let answer = waiting.json().await;
    assert_eq!(answer["messages"][0]["data"], "first");
    assert_eq!(answer["cursor"], answer["messages"][0]["id"]);
    // A connection serves one poll after the other.
    let again = poll(house.address, &format!("{A}&wait=0&after={cursor}")).await;
    assert_eq!(again["messages"], answer["messages"]);
    assert_eq!(again["recovered"], true);
    house.leave().await;
}

#[tokio::test]
async fn events_ids_are_those_of_stomp() {
    let house = house().await;
    let mut lines = get(house.address, A, &[LINES]).await;
    lines.record().await;
    let mut stomp = house.open("/stomp").await;
    for frame in [
        "CONNECT\naccept-version:1.2\nhost:localhost\n\n\0",
        "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n\0",
    ] {
        stomp.send_text(frame).await.expect("sent");
        next_text(&mut stomp).await;
    }
    let frame = "SEND\ndestination:/topic/a\ncontent-type:text/plain\nx:y\n\nhello\0";
    stomp.send_text(frame).await.expect("sent");
    let message = next_text(&mut stomp).await;
    let record = lines.record().await;
    let id = record["id"].as_str().expect("an id");
    assert!(
        message.contains(&format!("\nmessage-id:{id}\n")),
        "{message}"
    );
    assert_eq!(record["data"], "hello");
    assert_eq!(record["headers"], json!({ "x": "y" }));
    house.leave().await;
}

#[tokio::test]
async fn events_leaving_ends_each_way_with_a_reason() {
    let house = house().await;
    let address = house.address;
    let mut events = get(address, A, &[EVENTS]).await;
    let mut lines = get(address, A, &[LINES]).await;
    let mut polled = get(address, A, &[]).await;
    let mut socket = house.open(A).await;
    next_text(&mut socket).await;
    let leaving = tokio::spawn(house.leave());
    events.event().await;
    let last = events.event().await;
    assert_eq!(last.event.as_deref(), Some("close"));
    assert_eq!(last.retry.as_deref(), Some("2000"));
    assert_eq!(last.json()["code"], 1001);
    let reason = last.json()["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.starts_with("leaving: "), "{reason}");
    assert_eq!(events.next_event().await, None);
    lines.record().await;
    let close = json!({ "event": "close", "code": 1001, "reason": reason });
    assert_eq!(lines.record().await, close);
    assert_eq!(lines.line().await, None);
    let answer = polled.json().await;
    assert_eq!(answer["messages"], json!([]));
    assert_eq!(answer["close"], json!({ "code": 1001, "reason": reason }));
    assert_eq!(next_close(&mut socket).await, (1001, reason));
    leaving.await.expect("no panic");
}

#[tokio::test]
async fn events_silence_is_filled_with_signs_of_life() {
    let endpoint = endpoint().heart_beat(Duration::from_millis(500));
    let app = Campanile::builder().events("/events", endpoint.retry(Duration::from_millis(7)));
    let house = House::serve(app.build().expect("an application")).await;
    let mut events = get(house.address, A, &[EVENTS]).await;
    let mut lines = get(house.address, A, &[LINES]).await;
    assert_eq!(events.event().await.retry.as_deref(), Some("7"));
    let silence = events.event().await;
    assert_eq!((silence.comments, silence.data.as_str()), (1, ""));
    lines.record().await;
    assert_eq!(lines.record().await, json!({ "event": "heart-beat" }));
    house.leave().await;
}
