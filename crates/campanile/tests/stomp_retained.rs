//! The last value of topics, as STOMP clients and others get it: in memory.

mod support;

use campanile::testing::{TestApplication, TestClient, TestMessage};
use campanile::{Broker, BuildError, Campanile, Endpoint, Message, RetainedLimits, Session};
use campanile::{StompEndpoint, Text};

use support::stomp::{Received, connect, send};

fn start() -> TestApplication {
    let broker = Broker::new()
        .retained("/topic/prices/**")
        .retained("/topic/news")
        .retained_limits(RetainedLimits {
            destinations_max: 3,
            ..RetainedLimits::default()
        });
    let raw = Endpoint::new().on_text(async |session: Session, Text(name): Text| {
        // Refused only where the session has ended.
        let _ = session.subscribe(name);
    });
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new())
        .endpoint("/raw", raw);
    TestApplication::start(app.build().expect("an application"))
}

fn publish(test: &TestApplication, name: &str, message: impl Into<Message>) {
    let accepted = test.handle().publish(name, message);
    accepted.expect("room in the inboxes");
}

/// What a client has received: the receipt's id, or subscription and body.
fn received(client: &mut TestClient) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(TestMessage::Text(text)) = client.next_message() {
        let frame = Received(text.trim_end_matches('\0').to_owned());
        all.push(match frame.header("subscription") {
            Some(id) => format!("{id} {}", frame.body()),
            None => format!("{} {:?}", frame.command(), frame.header("receipt-id")),
        });
    }
    all
}

#[test]
fn s98_a_subscription_gets_its_receipt_then_what_was_kept_then_what_is_published() {
    let mut test = start();
    for (name, price) in [("acme", "1"), ("bolt", "2"), ("acme", "3")] {
        publish(&test, &format!("/topic/prices/{name}"), price);
    }
    publish(&test, "/topic/other", "not kept");
    let mut client = connect(&mut test, "/stomp", "1.2");
    let all = "SUBSCRIBE\nid:all\ndestination:/topic/prices/*\nreceipt:r\n\n";
    let one = "SUBSCRIBE\nid:one\ndestination:/topic/prices/acme\n\n";
    let other = "SUBSCRIBE\nid:other\ndestination:/topic/other\n\n";
    client.send_text(&format!("{all}\0{one}\0{other}\0"));
    let first = received(&mut client);
    assert_eq!(first, ["RECEIPT Some(\"r\")", "all 2", "all 3", "one 3"]);
    publish(&test, "/topic/prices/bolt", "4");
    assert_eq!(received(&mut client), ["all 4"]);
    // Kept for an endpoint's own protocol, too.
    let mut raw = test.connect("/raw");
    raw.send_text("/topic/prices/bolt");
    assert_eq!(raw.next_text(), "4");
}

#[test]
fn s88_s98_a_selector_chooses_among_what_was_kept() {
    let mut test = start();
    for (name, size) in [("acme", "5"), ("bolt", "50")] {
        let message = Message::text(name).with_headers([("size", size)]);
        publish(&test, &format!("/topic/prices/{name}"), message);
    }
    let mut client = connect(&mut test, "/stomp", "1.1");
    let picky = "SUBSCRIBE\nid:p\ndestination:/topic/prices/*\nselector:size > 10\n\n";
    send(&mut client, picky);
    assert_eq!(received(&mut client), ["p bolt"]);
}

#[test]
fn s98_what_was_kept_can_be_read_and_forgotten_and_is_bounded() {
    let mut test = start();
    let handle = test.handle();
    publish(&test, "/topic/news", "old");
    let kept = handle.retained("/topic/news").expect("a value");
    assert_eq!(kept.content().bytes(), "old");
    for name in ["a", "b", "c"] {
        publish(&test, &format!("/topic/prices/{name}"), name);
    }
    assert!(
        handle.retained("/topic/news").is_none(),
        "the oldest has gone"
    );
    assert_eq!(handle.retained_size().0, 3);
    assert!(handle.forget("/topic/prices/a"));
    assert!(!handle.forget("/topic/prices/a"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/**\n\n");
    assert_eq!(received(&mut client), ["0 b", "0 c"]);
}

#[test]
fn what_is_no_pattern_is_refused_at_build() {
    let broker = Broker::new().retained("/topic/{a:b}");
    let error = Campanile::builder().broker(broker).build();
    let error = error.expect_err("no expressions");
    assert!(matches!(error, BuildError::Broker(_)), "{error}");
    assert!(error.to_string().contains("/topic/{a:b}"), "{error}");
}
