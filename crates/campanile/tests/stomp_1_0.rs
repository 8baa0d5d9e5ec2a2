//! STOMP 1.0, clause by clause. Its text explains by examples, which have blanks around values.
//!
//! | part | clause | test |
//! |---|---|---|
//! | frames | a NUL ends them, line ends may follow | `v10_frames_…` |
//! | frames | `content-length` is optional | `v10_content_length_…` |
//! | frames | headers have no escapes; blanks around values | `v10_headers_…` |
//! | CONNECT | CONNECTED with `session` | `v10_connect_…` |
//! | heart-beats | there are none | `v10_heart_beats_…` |
//! | SEND | `destination`, own headers, `transaction` | `v10_send_…` |
//! | SUBSCRIBE | `destination`, `ack`, `selector`, maybe `id` | `v10_subscribe_…` |
//! | UNSUBSCRIBE | `destination` or `id` | `v10_unsubscribe_…` |
//! | BEGIN, COMMIT, ABORT | `transaction` | `v10_transactions_…` |
//! | ACK | `message-id` | `v10_ack_…` |
//! | DISCONNECT | the end | `v10_disconnect_…` |
//! | Standard Headers | `receipt` on any frame but CONNECT | `v10_receipt_…` |
//! | MESSAGE, ERROR | their headers | `v10_message_…`, `v10_error_…` |

mod support;

use std::time::Duration;

use campanile::Message;
use campanile::testing::TestMessage;

use support::conform::{answers, assert_fatal, count, fatal, receipt, session, subscribe, texts};
use support::stomp::{Received, connect, refusal, send, start};

#[test]
fn v10_frames_end_with_a_nul_and_line_ends_may_follow() {
    let (_test, mut client) = session("1.0");
    subscribe(&mut client, "0", "/topic/a");
    client.send_text("SEND\ndestination:/topic/a\n\nhello\n\0\n\n\r\nSEND\n");
    client.send_text("destination:/topic/a\n\nthere\0");
    assert_eq!(Received::next(&mut client).body(), "hello\n");
    assert_eq!(Received::next(&mut client).body(), "there");
}

#[test]
fn v10_content_length_optional_null_terminated() {
    let (_test, mut client) = session("1.0");
    subscribe(&mut client, "0", "/topic/a");
    for (length, body) in [
        ("", "abc"),
        ("content-length: 4\n", "a\0b\0"),
        ("content-length:1 \n", "x"),
    ] {
        client.send_text(&format!("SEND\ndestination:/topic/a\n{length}\n{body}\0"));
        assert_eq!(Received::next(&mut client).body(), body);
    }
    let head = "SEND\ndestination:/topic/a\n";
    fatal(
        "1.0",
        format!("{head}content-length:2\n\nabc\0"),
        "bad-body",
        1002,
    );
    fatal(
        "1.0",
        format!("{head}content-length:-2\n\nab\0"),
        "bad-content-length",
        1002,
    );
    fatal(
        "1.0",
        format!("{head}content-length: \n\nab\0"),
        "bad-content-length",
        1002,
    );
    fatal(
        "1.0",
        format!("{head}content-length:99999999999\n\n"),
        "too-big",
        1009,
    );
}

#[test]
fn v10_headers_have_no_escapes_and_blanks_around_values_do_not_count() {
    let (_test, mut client) = session("1.0");
    send(
        &mut client,
        "SUBSCRIBE\nid: 0 \ndestination: /topic/a \nack: auto\nreceipt: r \n\n",
    );
    assert_eq!(receipt(&mut client), "r");
    send(
        &mut client,
        "SEND\ndestination: /topic/a\nnote:C:\\new\\table\\\nkept: as is \n\nx",
    );
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("0"));
    assert_eq!(message.header("destination"), Some("/topic/a"));
    assert_eq!(message.header("note"), Some("C:\\new\\table\\"));
    assert_eq!(message.header("kept"), Some(" as is "));
    for header in ["note", ":x"] {
        let stream = format!("SEND\ndestination:/topic/a\n{header}\n\nx\0");
        fatal("1.0", stream, "bad-header", 1002);
    }
    fatal(
        "1.0",
        b"SEND\ndestination:/topic/\xff\n\nx\0",
        "bad-text",
        1007,
    );
}

#[test]
fn v10_headers_of_other_versions_arrive_as_one_header_each() {
    let mut test = start();
    let mut speaker = connect(&mut test, "/stomp", "1.2");
    let mut client = connect(&mut test, "/stomp", "1.0");
    subscribe(&mut client, "0", "/topic/a");
    let evil = "a\\cb\\nc:one\\r\\ntwo\\cthree\\n\\nfour";
    send(
        &mut speaker,
        &format!("SEND\ndestination:/topic/a\n{evil}\n\nbody"),
    );
    let message = Received::next(&mut client);
    assert_eq!(message.header("a_b_c"), Some("one  two:three  four"));
    assert_eq!(message.body(), "body");
    // Sent by the application itself, a line end is no line end either.
    let headers = [("x\ny:z", "1\r\n\r\n2\u{0}3")];
    let forged = Message::text("own").with_headers(headers);
    test.handle().publish("/topic/a", forged).expect("room");
    let message = Received::next(&mut client);
    assert_eq!(
        (message.header("x_y_z"), message.body()),
        (Some("1    2 3"), "own")
    );
}

#[test]
fn v10_connect_may_have_nothing_and_connected_names_the_session() {
    for stream in [
        "CONNECT\n\n\0",
        "CONNECT\nlogin: me\npasscode: secret\n\n\0\n",
        "CONNECT\naccept-version:1.0\nhost:h\n\n\0",
        "CONNECT\r\n\r\n\0",
        "CONNECT\n\nwhatever\0",
    ] {
        let frames = answers(stream);
        assert_eq!(frames.len(), 1, "{stream:?}");
        let connected = Received(frames[0].clone());
        assert_eq!(connected.command(), "CONNECTED", "{stream:?}");
        assert_eq!(connected.header("session").map(str::len), Some(32));
        assert_eq!(connected.header("version"), Some("1.0"));
        assert_eq!(connected.header("heart-beat"), None);
        assert!(!connected.0.contains("secret"));
    }
    fatal("1.0", "CONNECT\n\n\0", "connected-already", 1002);
}

#[test]
fn v10_heart_beats_do_not_exist_whoever_asks() {
    for connect in ["", "accept-version:1.0\n", "accept-version:0.9,1.0\n"] {
        for beat in ["1000,1000", "1000, 1000", "nonsense"] {
            let mut test = start();
            let mut client = test.connect("/stomp");
            send(
                &mut client,
                &format!("CONNECT\n{connect}heart-beat:{beat}\n\n"),
            );
            assert_eq!(Received::next(&mut client).header("heart-beat"), None);
            // Neither do we send any, nor is one missed.
            for _ in 0..12 {
                test.advance(Duration::from_secs(10));
            }
            assert_eq!(client.received(), [], "{connect:?} {beat}");
        }
    }
}

#[test]
fn v10_send_needs_a_destination_and_hands_on_headers_and_body() {
    fatal("1.0", "SEND\n\nx\0", "missing-header", 1002);
    fatal(
        "1.0",
        "SEND\ndestination:/nowhere\n\nx\0",
        "unknown-destination",
        1008,
    );
    fatal(
        "1.0",
        "SEND\ndestination:/topic/a\ntransaction:t\n\nx\0",
        "unknown-transaction",
        1008,
    );
    fatal(
        "1.0",
        "send\ndestination:/topic/a\n\nx\0",
        "unknown-command",
        1002,
    );
    let (_test, mut client) = session("1.0");
    subscribe(&mut client, "0", "/topic/a");
    send(
        &mut client,
        "SEND\ndestination:/topic/a\nselector-me:1\ntwice:1\ntwice:2\n\nhello",
    );
    let message = Received::next(&mut client);
    assert_eq!(message.header("selector-me"), Some("1"));
    assert_eq!(
        (message.header("twice"), count(&message, "twice")),
        (Some("1"), 1)
    );
    assert_eq!(message.body(), "hello");
}

#[test]
fn v10_subscribe_needs_only_a_destination() {
    fatal("1.0", "SUBSCRIBE\nid:0\n\n\0", "missing-header", 1002);
    fatal(
        "1.0",
        "SUBSCRIBE\ndestination:/topic/a\nack:never\n\n\0",
        "bad-header",
        1002,
    );
    let (_test, mut client) = session("1.0");
    let head = "SUBSCRIBE\ndestination:/topic/a\nack:client\nselector: size > 10";
    send(
        &mut client,
        &format!("{head}\nreceipt:r\n\nthis body means nothing"),
    );
    assert_eq!(receipt(&mut client), "r");
    for size in [5, 50] {
        send(
            &mut client,
            &format!("SEND\ndestination:/topic/a\nsize:{size}\n\n{size}"),
        );
    }
    let frames = texts(&mut client);
    assert_eq!(frames.len(), 1, "{frames:?}");
    let message = Received(frames[0].clone());
    assert_eq!(
        (message.header("subscription"), message.body()),
        (None, "50")
    );
    // The same again is one too many, as nothing could tell them apart.
    send(&mut client, "SUBSCRIBE\ndestination:/topic/a\n\n");
    assert_fatal(&mut client, "duplicate-subscription", 1008);
}

#[test]
fn v10_unsubscribe_by_destination_or_id() {
    fatal("1.0", "UNSUBSCRIBE\n\n\0", "missing-header", 1002);
    fatal(
        "1.0",
        "UNSUBSCRIBE\ndestination:/topic/a\n\n\0",
        "no-subscription",
        1008,
    );
    let (test, mut client) = session("1.0");
    send(&mut client, "SUBSCRIBE\ndestination:/topic/a\n\n");
    send(&mut client, "SUBSCRIBE\ndestination:/topic/a\nid:1\n\n");
    test.handle().publish("/topic/a", "x").expect("room");
    assert_eq!(texts(&mut client).len(), 2);
    // Which has no id is ended by its destination, and which has one by that.
    send(
        &mut client,
        "UNSUBSCRIBE\ndestination: /topic/a\nreceipt:r\n\n",
    );
    assert_eq!(receipt(&mut client), "r");
    test.handle().publish("/topic/a", "x").expect("room");
    assert_eq!(
        Received::next(&mut client).header("subscription"),
        Some("1")
    );
    send(
        &mut client,
        "UNSUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:s\n\n",
    );
    assert_eq!(receipt(&mut client), "s");
    test.handle().publish("/topic/a", "x").expect("room");
    assert_eq!(client.received(), []);
}

#[test]
fn v10_transactions_have_a_name() {
    for command in ["BEGIN", "COMMIT", "ABORT"] {
        fatal("1.0", format!("{command}\n\n\0"), "missing-header", 1002);
    }
    for command in ["COMMIT", "ABORT"] {
        fatal(
            "1.0",
            format!("{command}\ntransaction: t\n\n\0"),
            "unknown-transaction",
            1008,
        );
        let (_test, mut client) = session("1.0");
        send(&mut client, "BEGIN\ntransaction: t\n\n");
        let frame = format!("{command}\ntransaction:t\nreceipt:r\n\n");
        send(&mut client, &frame);
        assert_eq!(receipt(&mut client), "r");
    }
}

#[test]
fn v10_ack_needs_a_message_id_and_there_is_no_nack() {
    fatal(
        "1.0",
        "ACK\nid:1\nsubscription:0\n\n\0",
        "missing-header",
        1002,
    );
    fatal("1.0", "NACK\nmessage-id:1\n\n\0", "unknown-command", 1002);
    let (_test, mut client) = session("1.0");
    send(
        &mut client,
        "SUBSCRIBE\ndestination:/topic/a\nack:client\n\n",
    );
    send(&mut client, "SEND\ndestination:/topic/a\n\nx");
    let message = Received::next(&mut client);
    assert_eq!(message.header("ack"), None);
    let id = message.header("message-id").expect("an id");
    send(
        &mut client,
        &format!("ACK\nmessage-id: {id}\nreceipt:r\n\n"),
    );
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn v10_disconnect_is_the_end() {
    let (_test, mut client) = session("1.0");
    client.send_text("DISCONNECT\n\n\0SHOUT\n\n\0");
    assert_eq!(client.next_close().0, 1000);
    assert_eq!(client.received(), [TestMessage::End]);
    let (_test, mut client) = session("1.0");
    send(&mut client, "DISCONNECT\nreceipt: bye\n\n");
    assert_eq!(receipt(&mut client), "bye");
    assert_eq!(client.next_close().0, 1000);
}

#[test]
fn v10_receipt_for_any_frame_but_connect() {
    let frames = answers("CONNECT\nreceipt:c\n\n\0");
    assert_eq!(frames.len(), 1, "{frames:?}");
    let (_test, mut client) = session("1.0");
    for head in [
        "SUBSCRIBE\ndestination:/topic/b",
        "SEND\ndestination:/topic/a",
        "ACK\nmessage-id:0",
        "UNSUBSCRIBE\ndestination:/topic/b",
    ] {
        send(&mut client, &format!("{head}\nreceipt:message:12\\345\n\n"));
        assert_eq!(receipt(&mut client), "message:12\\345", "{head}");
    }
}

#[test]
fn v10_message_has_destination_and_message_id() {
    let (_test, mut client) = session("1.0");
    send(&mut client, "SUBSCRIBE\ndestination:/topic/*\n\n");
    send(&mut client, "SEND\ndestination:/topic/a\n\nx");
    let message = Received::next(&mut client);
    assert_eq!(message.header("destination"), Some("/topic/a"));
    assert!(
        message
            .header("message-id")
            .is_some_and(|id| !id.is_empty())
    );
    assert_eq!(count(&message, "subscription"), 0);
}

#[test]
fn v10_error_has_a_message_and_a_body_and_is_the_end() {
    let (_test, mut client) = session("1.0");
    send(
        &mut client,
        "SEND\ndestination: /nowhere\nreceipt: x:1\n\nx",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("unknown-destination"));
    assert_eq!(error.header("receipt-id"), Some("x:1"));
    assert!(error.body().contains("/nowhere"), "{}", error.body());
    assert_eq!(client.next_close().0, 1008);
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(&mut client, "SUBSCRIBE\ndestination:/topic/a\n\n");
    assert_eq!(refusal(&mut client), ("not-connected".into(), 1002));
}
