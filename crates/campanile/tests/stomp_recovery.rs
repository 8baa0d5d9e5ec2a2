//! Coming back: what a client has missed, or the word that it cannot be had.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Broker, BuildError, Campanile, HistoryBounds, HistoryLimits, Message, Separator, StompEndpoint,
};

use support::conform::{assert_fatal, texts};
use support::stomp::{Received, UserFromQuery, connect, send};

fn few() -> HistoryLimits {
    HistoryLimits {
        count_max: 3,
        ..HistoryLimits::default()
    }
}

fn start() -> TestApplication {
    let broker = Broker::new()
        .history("/topic/few/**", few())
        .history("/topic/kept/**", HistoryLimits::default())
        .history("/user/**", HistoryLimits::default())
        .retained("/topic/kept/price")
        .clients_may_send("/**");
    start_with(broker)
}

fn start_with(broker: Broker) -> TestApplication {
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery));
    TestApplication::start(app.build().expect("an application"))
}

fn publish(test: &TestApplication, name: &str, message: impl Into<Message>) {
    let accepted = test.handle().publish(name, message);
    accepted.expect("room in the inboxes");
}

/// The RECEIPT of a subscription, and the bodies of what has come behind it.
struct Begun {
    cursor: String,
    recovered: Option<String>,
    bodies: Vec<String>,
    last: Option<String>,
}

/// Subscribes, after a cursor or from now on; `more` are header lines.
#[track_caller]
fn join(client: &mut TestClient, destination: &str, after: Option<&str>, more: &str) -> Begun {
    let after = after.map_or(String::new(), |after| format!("after:{after}\n"));
    let head = format!("SUBSCRIBE\nid:{destination}\ndestination:{destination}\nreceipt:r\n");
    send(client, &format!("{head}{after}{more}\n"));
    let mut frames = texts(client).into_iter().map(Received);
    let receipt = frames.next().expect("a receipt");
    assert_eq!(receipt.command(), "RECEIPT", "{}", receipt.0);
    let own = |frame: &Received, name: &str| frame.header(name).map(str::to_owned);
    let mut begun = Begun {
        cursor: own(&receipt, "cursor").expect("where it joined"),
        recovered: own(&receipt, "recovered"),
        bodies: Vec::new(),
        last: None,
    };
    for frame in frames {
        assert_eq!(frame.command(), "MESSAGE", "{}", frame.0);
        begun.last = own(&frame, "message-id");
        begun.bodies.push(frame.body().to_owned());
    }
    begun
}

fn bodies(client: &mut TestClient) -> Vec<String> {
    let frames = texts(client).into_iter().map(Received);
    frames.map(|frame| frame.body().to_owned()).collect()
}

#[test]
fn s98_a_client_that_comes_back_gets_its_receipt_then_what_it_missed_then_what_is_live() {
    let mut test = start();
    publish(&test, "/topic/kept/a", "before");
    let mut client = connect(&mut test, "/stomp", "1.2");
    let first = join(&mut client, "/topic/kept/a", None, "");
    assert_eq!((first.recovered, first.bodies.len()), (None, 0));
    publish(&test, "/topic/kept/a", "seen");
    let seen = Received::next(&mut client);
    let seen = seen.header("message-id").expect("an id").to_owned();
    drop(client);
    for body in ["1", "2"] {
        publish(&test, "/topic/kept/a", body);
    }
    for version in ["1.0", "1.1", "1.2"] {
        // With what it has received, or with where it joined.
        for (after, missed) in [
            (&seen, &["1", "2"][..]),
            (&first.cursor, &["seen", "1", "2"]),
        ] {
            let mut client = connect(&mut test, "/stomp", version);
            let again = join(&mut client, "/topic/kept/a", Some(after), "");
            assert_eq!(again.recovered.as_deref(), Some("true"));
            assert_eq!(again.bodies, missed, "{version}");
            assert_eq!(
                again.last.as_deref(),
                Some(&*again.cursor),
                "nothing came meanwhile"
            );
        }
    }
    let mut client = connect(&mut test, "/stomp", "1.2");
    let again = join(&mut client, "/topic/kept/a", Some(&seen), "");
    publish(&test, "/topic/kept/a", "live");
    assert_eq!(bodies(&mut client), ["live"]);
    let nothing = join(&mut client, "/topic/kept/*", Some(&again.cursor), "");
    assert_eq!(nothing.recovered.as_deref(), Some("true"));
    assert_eq!(nothing.bodies, ["live"]);
    assert_eq!(test.handle().cursor().to_string(), nothing.cursor);
}

#[test]
fn s98_what_cannot_be_had_in_full_is_not_had_in_part() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    let start = join(&mut client, "/topic/few/a", None, "").cursor;
    for number in 0..3 {
        publish(&test, "/topic/few/a", number.to_string());
    }
    let of = |test: &mut TestApplication, name: &str, after: &str| {
        let mut client = connect(test, "/stomp", "1.2");
        let begun = join(&mut client, name, Some(after), "");
        (begun.recovered.expect("it was asked for"), begun.bodies)
    };
    assert_eq!(of(&mut test, "/topic/few/a", &start).1.len(), 3);
    publish(&test, "/topic/few/a", "3");
    let lost = ("false".to_owned(), Vec::new());
    assert_eq!(of(&mut test, "/topic/few/a", &start), lost);
    // A pattern is as good as the worst of what matches it.
    publish(&test, "/topic/kept/b", "x");
    assert_eq!(of(&mut test, "/topic/**", &start), lost);
    let found = ("true".to_owned(), vec!["x".to_owned()]);
    assert_eq!(of(&mut test, "/topic/kept/**", &start), found);
    // Without a history nothing is missed only where there was nothing.
    let quiet = ("true".to_owned(), Vec::new());
    assert_eq!(of(&mut test, "/topic/other", &start), quiet);
    publish(&test, "/topic/other", "x");
    assert_eq!(of(&mut test, "/topic/other", &start), lost);
    // Too old is gone.
    test.advance(HistoryLimits::default().age_max + Duration::from_secs(1));
    assert_eq!(of(&mut test, "/topic/kept/**", &start), lost);
}

#[test]
fn s98_what_is_no_cursor_of_this_life_recovers_nothing_and_is_no_mistake() {
    let mut test = start();
    publish(&test, "/topic/kept/a", "x");
    let own = test.handle().cursor().to_string();
    let (epoch, _) = own.split_once('-').expect("a cursor");
    for after in [
        String::new(),
        "nonsense".into(),
        "0-0".into(),
        "reply-1".into(),
        format!("{epoch}-99999"),
        format!("{epoch}-01"),
        format!("{epoch}-18446744073709551615"),
        format!("{own},0"),
    ] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        let begun = join(&mut client, "/topic/kept/a", Some(&after), "");
        assert_eq!(begun.recovered.as_deref(), Some("false"), "{after}");
        assert_eq!(begun.bodies, [""; 0], "{after}");
        publish(&test, "/topic/kept/a", "live");
        assert_eq!(bodies(&mut client), ["live"], "from its own cursor on");
    }
}

#[test]
fn s98_where_nothing_is_recovered_a_retained_value_comes_as_for_anybody() {
    let mut test = start();
    for price in ["1", "2"] {
        publish(&test, "/topic/kept/price", price);
    }
    let own = test.handle().cursor().to_string();
    let mut client = connect(&mut test, "/stomp", "1.2");
    let lost = join(&mut client, "/topic/kept/price", Some("0-0"), "");
    assert_eq!(lost.bodies, ["2"]);
    let mut client = connect(&mut test, "/stomp", "1.2");
    let found = join(&mut client, "/topic/kept/price", Some(&own), "");
    assert_eq!(found.bodies, [""; 0], "it has that one");
}

#[test]
fn s98_recovery_needs_a_receipt_and_a_destination_that_has_a_past() {
    let mut test = start();
    for (more, word) in [
        ("destination:/topic/kept/a\nafter:0-1\n", "receipt-required"),
        ("destination:/user/queue/a\nafter:0-1\n", "receipt-required"),
        ("destination:/queue/a\nafter:0-1\nreceipt:r\n", "no-history"),
        ("destination:/app/a\nafter:0-1\n", "no-history"),
    ] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        send(&mut client, &format!("SUBSCRIBE\nid:0\n{more}\n"));
        assert_fatal(&mut client, word, 1008);
    }
}

#[test]
fn s98_a_user_gets_what_came_while_nobody_was_there() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let cursor = join(&mut ada, "/user/queue/news", None, "").cursor;
    drop(ada);
    test.settle();
    let sent = test.handle().publish_to_user("ada", "/queue/news", "1");
    sent.expect("room in the inboxes");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    for (name, body) in [("ada", "2"), ("cem", "not hers")] {
        let frame = format!("SEND\ndestination:/user/{name}/queue/news\n\n{body}");
        send(&mut bob, &frame);
    }
    test.settle();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let begun = join(&mut ada, "/user/queue/news", Some(&cursor), "");
    assert_eq!(begun.bodies, ["1", "2"]);
    // What was for one session alone is kept for nobody: under that name all may have lost it.
    let accepted =
        test.handle()
            .publish_to_session(some_session(&mut test), "/queue/news", "for one session");
    accepted.expect("room in the inboxes");
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let begun = join(&mut ada, "/user/queue/news", Some(&begun.cursor), "");
    assert_eq!(begun.recovered.as_deref(), Some("false"));
}

/// Some session.
fn some_session(test: &mut TestApplication) -> campanile::SessionId {
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/stomp")).expect("room");
    sessions.first().expect("a session").id()
}

#[test]
fn s88_s98_a_selector_chooses_among_what_is_replayed() {
    let mut test = start();
    let start = test.handle().cursor().to_string();
    for (body, size) in [("small", "5"), ("big", "50")] {
        let message = Message::text(body).with_headers([("size", size)]);
        publish(&test, "/topic/kept/a", message);
    }
    let mut client = connect(&mut test, "/stomp", "1.2");
    let more = "selector:size > 10\n";
    let begun = join(&mut client, "/topic/kept/**", Some(&start), more);
    assert_eq!(begun.recovered.as_deref(), Some("true"));
    assert_eq!(begun.bodies, ["big"]);
}

#[test]
fn s98_a_long_replay_and_what_is_live_meanwhile_come_whole_and_in_order() {
    const MISSED: usize = 900;
    let mut test = start();
    let start = test.handle().cursor().to_string();
    let body = |number: usize| format!("{number} {}", "x".repeat(500));
    for number in 0..MISSED {
        publish(
            &test,
            ["/topic/kept/a", "/topic/kept/b"][number % 2],
            body(number),
        );
    }
    let mut client = connect(&mut test, "/stomp", "1.2");
    // It reads slowly, and others go on.
    client.stop_reading(10_000);
    let head = "SUBSCRIBE\nid:0\ndestination:/topic/kept/*\nreceipt:r\n";
    send(&mut client, &format!("{head}after:{start}\n\n"));
    test.settle();
    for number in MISSED..MISSED + 50 {
        publish(&test, "/topic/kept/a", body(number));
        test.settle();
    }
    client.go_on_reading();
    let mut frames = texts(&mut client).into_iter().map(Received);
    let receipt = frames.next().expect("a receipt");
    assert_eq!(receipt.header("recovered"), Some("true"));
    let numbers: Vec<usize> = frames
        .map(|frame| {
            let (number, _) = frame.body().split_once(' ').expect("a number");
            number.parse().expect("a number")
        })
        .collect();
    assert_eq!(numbers, (0..MISSED + 50).collect::<Vec<_>>());
}

#[test]
fn s98_clients_are_told_what_does_not_outlive_the_process() {
    let mut test = start();
    for version in ["1.0", "1.1", "1.2"] {
        let mut client = test.connect("/stomp");
        let connect = format!("CONNECT\naccept-version:{version}\nhost:h\n\n");
        send(&mut client, &connect);
        let connected = Received::next(&mut client);
        for what in ["queues", "history"] {
            assert_eq!(connected.header(what), Some("in-memory"), "{version}");
        }
    }
}

#[test]
fn s98_histories_are_bounded_together_and_dots_divide_their_patterns_too() {
    let bounds = HistoryBounds {
        destinations_max: 1,
        ..HistoryBounds::default()
    };
    let broker = Broker::new()
        .topics(["topic."])
        .separator(Separator::Dot)
        .history("topic.**", HistoryLimits::default())
        .history("/user/**", HistoryLimits::default())
        .history_bounds(bounds);
    let mut test = start_with(broker);
    let start = test.handle().cursor().to_string();
    publish(&test, "topic.a", "1");
    let mut client = connect(&mut test, "/stomp", "1.2");
    assert_eq!(join(&mut client, "topic.*", Some(&start), "").bodies, ["1"]);
    publish(&test, "topic.b", "2");
    assert_eq!(bodies(&mut client), ["2"]);
    let lost = join(&mut client, "topic.a", Some(&start), "");
    assert_eq!(lost.recovered.as_deref(), Some("false"));
    let found = join(&mut client, "topic.b", Some(&start), "");
    assert_eq!(found.bodies, ["2"]);
    let sent = test.handle().publish_to_user("ada", "/queue.news", "3");
    sent.expect("room in the inboxes");
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let begun = join(&mut ada, "/user/queue.news", Some(&start), "");
    assert_eq!(begun.bodies, ["3"]);
}

#[test]
fn what_is_wrong_with_histories_is_told_at_build() {
    for text in ["/topic/{a:b}", "/user/{a:b}"] {
        let broker = Broker::new().history(text, HistoryLimits::default());
        let error = Campanile::builder().broker(broker).build();
        let error = error.expect_err("no expressions");
        assert!(matches!(error, BuildError::Broker(_)), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}
