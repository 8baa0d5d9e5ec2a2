//! STOMP 1.2, clause by clause: what each frame does once a session is open.
//!
//! | section | clause | test |
//! |---|---|---|
//! | SEND | `destination`; own headers; errors | `v12_send_…` |
//! | SUBSCRIBE | `destination`, `id`, `ack` | `v12_subscribe_…` |
//! | UNSUBSCRIBE | `id` of one's own | `v12_unsubscribe_…` |
//! | ACK, NACK | `id` | `v12_ack_and_nack_need_an_id` |
//! | DISCONNECT | receipt, close, silence | `v12_disconnect_…` |
//! | MESSAGE | its headers | `v12_message_…` |
//! | RECEIPT | after the effect, `receipt-id` | `v12_receipt_…` |
//! | ERROR | its headers, and the close | `v12_error_…` |
//! | Connection Lingering | the ERROR is read before the end | `v12_lingering_…` |
//!
//! Transactions are refused, all of them.

mod support;

use std::collections::HashSet;
use std::time::Duration;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Broker, Campanile, Json, StompEndpoint};

use support::conform::{answers, assert_fatal, count, fatal};
use support::conform::{receipt, session, subscribe, texts};
use support::stomp::{Received, connect, refusal, send, start};

const SECOND: Duration = Duration::from_secs(1);
const TEXT: &str = "SEND\ndestination:/topic/a\n";

#[test]
fn v12_send_needs_a_destination_that_exists() {
    fatal("1.2", "SEND\n\nx\0", "missing-header", 1002);
    for name in ["", "/", "topic/a", "/topic", "/queue", "/topics/a"] {
        let stream = format!("SEND\ndestination:{name}\n\nx\0");
        fatal("1.2", stream, "unknown-destination", 1008);
    }
    fatal(
        "1.2",
        format!("{TEXT}transaction:t\n\nx\0"),
        "unknown-transaction",
        1008,
    );
}

#[test]
fn v12_send_hands_on_headers_and_body_as_they_are() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    send(
        &mut client,
        &format!("{TEXT}Zeta:1\nalpha:2\nX-a\\cb:3\npriority:4\n\n hello \n"),
    );
    let message = Received::next(&mut client);
    let lines: Vec<&str> = message.0.lines().collect();
    let own = ["Zeta:1", "alpha:2", "X-a\\cb:3", "priority:4"];
    let at = lines
        .iter()
        .position(|line| *line == own[0])
        .expect("it is handed on");
    assert_eq!(lines[at..at + 4], own, "in their order");
    assert_eq!(message.body(), " hello \n");
}

#[test]
fn v12_subscribe_needs_an_id_a_destination_and_a_known_ack_mode() {
    fatal(
        "1.2",
        "SUBSCRIBE\ndestination:/topic/a\n\n\0",
        "missing-header",
        1002,
    );
    fatal("1.2", "SUBSCRIBE\nid:0\n\n\0", "missing-header", 1002);
    for mode in ["", "Auto", "auto ", "client_individual", "none"] {
        let stream = format!("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:{mode}\n\n\0");
        fatal("1.2", stream, "bad-header", 1002);
    }
    let (_test, mut client) = session("1.2");
    for mode in ["auto", "client", "client-individual"] {
        let head = format!("SUBSCRIBE\nid:{mode}\ndestination:/topic/a\nack:{mode}\n");
        send(&mut client, &format!("{head}receipt:{mode}\n\n"));
        assert_eq!(receipt(&mut client), mode);
    }
    fatal(
        "1.2",
        "SUBSCRIBE\nid:0\ndestination:/elsewhere\n\n\0",
        "unknown-destination",
        1008,
    );
}

#[test]
fn v12_subscribe_ids_are_unique_within_a_connection_and_may_be_used_again() {
    for (first, second) in [("auto", "auto"), ("auto", "client"), ("client", "auto")] {
        let (_test, mut client) = session("1.2");
        for (mode, name) in [(first, "a"), (second, "b")] {
            let head = "SUBSCRIBE\nid:0\nreceipt:r";
            send(
                &mut client,
                &format!("{head}\ndestination:/topic/{name}\nack:{mode}\n\n"),
            );
        }
        assert_eq!(receipt(&mut client), "r");
        assert_fatal(&mut client, "duplicate-subscription", 1008);
    }
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp", "1.2");
    let mut bob = connect(&mut test, "/stomp", "1.2");
    for client in [&mut ada, &mut bob] {
        subscribe(client, "0", "/topic/a");
        send(client, "UNSUBSCRIBE\nid:0\n\n");
        subscribe(client, "0", "/topic/a");
    }
    // Several may listen to the same destination, and each gets its copy.
    subscribe(&mut ada, "1", "/topic/a");
    test.handle().publish("/topic/a", "x").expect("room");
    let ids: HashSet<String> = texts(&mut ada)
        .into_iter()
        .map(|frame| {
            Received(frame)
                .header("subscription")
                .expect("an id")
                .to_owned()
        })
        .collect();
    assert_eq!(ids, HashSet::from(["0".to_owned(), "1".to_owned()]));
    assert_eq!(texts(&mut bob).len(), 1);
}

#[test]
fn v12_unsubscribe_ends_one_of_ones_own() {
    fatal("1.2", "UNSUBSCRIBE\n\n\0", "missing-header", 1002);
    fatal(
        "1.2",
        "UNSUBSCRIBE\ndestination:/topic/a\n\n\0",
        "missing-header",
        1002,
    );
    fatal(
        "1.2",
        "UNSUBSCRIBE\nid:nobody's\n\n\0",
        "no-subscription",
        1008,
    );
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp", "1.2");
    let mut eve = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut ada, "hers", "/topic/a");
    send(&mut eve, "UNSUBSCRIBE\nid:hers\n\n");
    assert_eq!(refusal(&mut eve).0, "no-subscription");
    test.handle().publish("/topic/a", "1").expect("room");
    assert_eq!(Received::next(&mut ada).body(), "1");
    send(&mut ada, "UNSUBSCRIBE\nid:hers\nreceipt:r\n\n");
    assert_eq!(receipt(&mut ada), "r");
    test.handle().publish("/topic/a", "2").expect("room");
    assert_eq!(ada.received(), []);
    // Once is enough.
    send(&mut ada, "UNSUBSCRIBE\nid:hers\n\n");
    assert_fatal(&mut ada, "no-subscription", 1008);
}

#[test]
fn v12_ack_and_nack_need_an_id() {
    for command in ["ACK", "NACK"] {
        fatal(
            "1.2",
            format!("{command}\nmessage-id:1\nsubscription:0\n\n\0"),
            "missing-header",
            1002,
        );
    }
    for command in ["BEGIN", "COMMIT", "ABORT"] {
        fatal("1.2", format!("{command}\n\n\0"), "missing-header", 1002);
    }
}

#[test]
fn v12_message_has_an_ack_header_where_it_is_to_be_acknowledged() {
    let (test, mut client) = session("1.2");
    let mut seen = HashSet::new();
    for (id, mode) in [
        ("a\\c", "client"),
        ("b", "client-individual"),
        ("c", "auto"),
    ] {
        let head = format!("SUBSCRIBE\nid:{id}\ndestination:/topic/a\nack:{mode}\n");
        send(&mut client, &format!("{head}receipt:{id}\n\n"));
        assert_eq!(receipt(&mut client), id);
    }
    for body in ["1", "2"] {
        test.handle().publish("/topic/a", body).expect("room");
    }
    let frames = texts(&mut client);
    assert_eq!(frames.len(), 6);
    for message in frames.into_iter().map(Received) {
        let is_auto = message.header("subscription") == Some("c");
        assert_eq!(
            count(&message, "ack"),
            usize::from(!is_auto),
            "{}",
            message.0
        );
        if let Some(ack) = message.header("ack") {
            assert!(seen.insert(ack.to_owned()), "{ack} names two messages");
            for command in ["ACK", "NACK"] {
                send(
                    &mut client,
                    &format!("{command}\nid:{ack}\nreceipt:done\n\n"),
                );
                assert_eq!(receipt(&mut client), "done");
            }
        }
    }
    // The id is given back as any other.
    send(&mut client, "UNSUBSCRIBE\nid:a\\c\nreceipt:r\n\n");
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn v12_message_has_destination_message_id_and_subscription_once_each() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "a", "/topic/*");
    subscribe(&mut client, "b", "/topic/a");
    let forged = "message-id:mine\nsubscription:mine\nack:mine\nreceipt-id:mine\n";
    for _ in 0..3 {
        send(
            &mut client,
            &format!("{TEXT}{forged}content-type:text/plain\n\nx"),
        );
    }
    let frames: Vec<Received> = texts(&mut client).into_iter().map(Received).collect();
    assert_eq!(frames.len(), 6);
    let mut ids = HashSet::new();
    for message in &frames {
        assert_eq!(message.command(), "MESSAGE");
        assert_eq!(message.header("destination"), Some("/topic/a"));
        assert_eq!(message.header("content-length"), Some("1"));
        for name in [
            "destination",
            "message-id",
            "subscription",
            "content-length",
        ] {
            assert_eq!(count(message, name), 1, "{name}");
        }
        assert!(!message.0.contains("mine"), "{}", message.0);
        ids.insert(message.header("message-id").expect("an id").to_owned());
    }
    assert_eq!(ids.len(), 3, "each message has its own");
}

/// An application with handlers: one that answers a subscription, and one that takes its time.
fn with_handlers() -> TestApplication {
    let app = Campanile::builder()
        .broker(Broker::new().clients_may_send("/topic/**"))
        .stomp("/stomp", StompEndpoint::new())
        .subscription("/time", async || "noon")
        .subscription("/never", async || {
            Err::<(), _>(std::io::Error::other("broken"))
        })
        .message("/later", async |Json(number): Json<u32>| {
            tokio::time::sleep(SECOND).await;
            Json(number)
        })
        .send_to("/topic/a");
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn v12_message_ids_of_answers_to_subscriptions_are_unique_and_the_subscription_can_be_ended() {
    let mut test = with_handlers();
    let mut client = connect(&mut test, "/stomp", "1.2");
    let mut ids = HashSet::new();
    for (id, mode) in [("0", "auto"), ("1", "client")] {
        let head = format!("SUBSCRIBE\nid:{id}\ndestination:/app/time\nack:{mode}");
        send(&mut client, &format!("{head}\n\n"));
        let message = Received::next(&mut client);
        assert_eq!(message.header("subscription"), Some(id));
        assert_eq!(count(&message, "ack"), usize::from(mode == "client"));
        ids.insert(message.header("message-id").expect("an id").to_owned());
        send(
            &mut client,
            &format!("UNSUBSCRIBE\nid:{id}\nreceipt:{id}\n\n"),
        );
        assert_eq!(receipt(&mut client), id);
    }
    assert_eq!(ids.len(), 2);
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/app/time\n\n");
    assert_eq!(Received::next(&mut client).body(), "noon");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    assert_fatal(&mut client, "duplicate-subscription", 1008);
    // What was refused has taken no id.
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/app/never\n\n");
    assert_eq!(Received::next(&mut client).command(), "ERROR");
    subscribe(&mut client, "0", "/topic/a");
}

#[test]
fn v12_disconnect_is_a_receipt_and_a_close_and_nothing_after_it_is_looked_at() {
    let mut test = start();
    let mut witness = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut witness, "0", "/topic/a");
    let mut client = connect(&mut test, "/stomp", "1.2");
    client.send_text(&format!(
        "{TEXT}\nbefore\0DISCONNECT\nreceipt:77\n\n\0{TEXT}\nafter\0SHOUT\n"
    ));
    assert_eq!(receipt(&mut client), "77");
    assert_eq!(client.next_close().0, 1000);
    assert_eq!(client.received(), [TestMessage::End]);
    assert_eq!(Received::next(&mut witness).body(), "before");
    assert_eq!(witness.received(), []);
    let (_test, mut client) = session("1.2");
    send(&mut client, "DISCONNECT\n\n");
    assert_eq!(client.next_close().0, 1000);
    assert_eq!(client.received(), [TestMessage::End]);
}

#[test]
fn v12_receipt_frames_received_before_a_disconnect_are_processed() {
    let mut test = with_handlers();
    let mut witness = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut witness, "0", "/topic/a");
    let mut client = connect(&mut test, "/stomp", "1.2");
    for number in 0..3 {
        send(
            &mut client,
            &format!("SEND\ndestination:/app/later\n\n{number}"),
        );
    }
    send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
    for _ in 0..3 {
        test.advance(SECOND);
    }
    assert_eq!(receipt(&mut client), "bye");
    let bodies: Vec<String> = texts(&mut witness)
        .into_iter()
        .map(|frame| Received(frame).body().to_owned())
        .collect();
    assert_eq!(bodies, ["0", "1", "2"]);
}

#[test]
fn v12_receipt_frames_received_before_a_connection_is_lost_are_processed() {
    let mut test = with_handlers();
    let mut witness = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut witness, "0", "/topic/a");
    let mut client = connect(&mut test, "/stomp", "1.2");
    for number in 0..3 {
        let frame = format!("SEND\ndestination:/app/later\n\n{number}");
        send(&mut client, &frame);
    }
    client.disconnect();
    for _ in 0..3 {
        test.advance(SECOND);
    }
    assert_eq!(texts(&mut witness).len(), 3);
}

#[test]
fn v12_receipt_comes_after_the_effect() {
    let mut test = with_handlers();
    let mut client = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut client, "0", "/topic/a");
    send(
        &mut client,
        "SEND\ndestination:/app/later\nreceipt:later\n\n1",
    );
    send(&mut client, &format!("{TEXT}receipt:at once\n\n2"));
    let before = texts(&mut client);
    assert!(
        before
            .iter()
            .all(|frame| !frame.contains("receipt-id:later")),
        "{before:?}"
    );
    test.advance(SECOND);
    let frames = [before, texts(&mut client)].concat();
    let of = |what: &str| frames.iter().filter(|frame| frame.contains(what)).count();
    assert_eq!(
        (of("receipt-id:later"), of("receipt-id:at once")),
        (1, 1),
        "{frames:?}"
    );
    assert_eq!((of("\n\n1"), of("\n\n2")), (1, 1), "{frames:?}");
}

#[test]
fn v12_error_names_the_frame_says_what_to_do_and_closes() {
    let (_test, mut client) = session("1.2");
    send(&mut client, "SUBSCRIBE\nid:0\nreceipt:message\\c12345\n\n");
    let error = Received::next(&mut client);
    assert_eq!(error.header("receipt-id"), Some("message\\c12345"));
    assert_eq!(error.header("message"), Some("missing-header"));
    assert_eq!(error.header("content-type"), Some("text/plain"));
    let length = error.body().len().to_string();
    assert_eq!(error.header("content-length"), Some(&*length));
    assert!(error.body().contains("destination"), "{}", error.body());
    let (code, reason) = client.next_close();
    assert_eq!(
        (code, &*reason),
        (1002, "missing-header: see the ERROR frame")
    );
    assert_eq!(client.received(), [TestMessage::End]);
    // Before a version is agreed upon nothing is escaped, so that whoever it is understands.
    let frames = answers("SEND\nreceipt:a:b\\t\n\n\0");
    assert_eq!(
        Received(frames[0].clone()).header("receipt-id"),
        Some("a:b\\t")
    );
    let frames = answers("CONNECT\naccept-version:3\nreceipt:c\n\n\0");
    assert_eq!(Received(frames[0].clone()).header("receipt-id"), Some("c"));
    // An effect that was refused has no receipt besides.
    assert_eq!(frames.len(), 1);
}

#[test]
fn v12_lingering_answers_come_before_the_error_and_the_error_before_the_end() {
    let (_test, mut client) = session("1.2");
    client.send_text(&format!(
        "{TEXT}receipt:1\n\nx\0SHOUT\n\n\0{TEXT}receipt:2\n\ny\0"
    ));
    let frames = client.received();
    let position = |what: &str| {
        let is = |one: &TestMessage| matches!(one, TestMessage::Text(text) if text.contains(what));
        frames.iter().position(is)
    };
    let error = position("ERROR\n").expect("an ERROR");
    assert!(
        position("receipt-id:1").expect("a receipt") < error,
        "{frames:?}"
    );
    assert_eq!(position("receipt-id:2"), None);
    assert!(
        matches!(frames[error + 1], TestMessage::Close(1002, _)),
        "{frames:?}"
    );
    assert_eq!(frames[error + 2..], [TestMessage::End]);
}
