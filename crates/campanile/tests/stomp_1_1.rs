//! STOMP 1.1, clause by clause, where it differs from 1.2, and what both have alike once more.
//!
//! | section | clause | test |
//! |---|---|---|
//! | Value Encoding | `\n` `\c` `\\`, and no others | `v11_value_encoding_…` |
//! | Value Encoding | a carriage return is an octet of the value | `v11_carriage_returns_…` |
//! | Value Encoding | not in CONNECT and CONNECTED | `v11_connect_and_connected_…` |
//! | Body | only SEND, MESSAGE and ERROR have one | `v11_body_only_send_has_one` |
//! | Standard Headers | `content-length`, `receipt` | `v11_content_length_…`, `v11_receipt_…` |
//! | Repeated Header Entries | the first counts | `v11_repeated_headers_…` |
//! | Connecting, Protocol Negotiation | `version`, ERROR | `v11_negotiation_…` |
//! | Heart-beating | as in 1.2 | `v11_heart_beating_…` |
//! | SUBSCRIBE, UNSUBSCRIBE | `id` is required | `v11_subscriptions_have_ids` |
//! | ACK, NACK | `message-id` and `subscription` | `v11_ack_and_nack_…` |
//! | MESSAGE | its headers | `v11_message_…` |
//! | DISCONNECT | receipt and close | `v11_disconnect_…` |
//! | ERROR | `message`, `receipt-id`, close | `v11_error_…` |

mod support;

use std::time::Duration;

use campanile::testing::TestMessage;

use support::conform::{answers, count, fatal, fatal_at_first, receipt, session, subscribe};
use support::stomp::{Received, connect, send, start};

const TEXT: &str = "SEND\ndestination:/topic/a\n";

#[test]
fn v11_value_encoding_has_three_escapes() {
    let (_test, mut client) = session("1.1");
    subscribe(&mut client, "a\\cb", "/topic/a");
    send(&mut client, &format!("{TEXT}na\\cme:\\n\\c\\\\r\n\nx"));
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("a\\cb"));
    assert_eq!(message.header("na\\cme"), Some("\\n\\c\\\\r"));
}

#[test]
fn v11_value_encoding_undefined_escape_is_an_error_and_a_close() {
    for escape in ["\\r", "\\t", "\\N", "\\", "\\:"] {
        fatal(
            "1.1",
            format!("{TEXT}note:{escape}\n\nx\0"),
            "bad-escape",
            1002,
        );
        fatal(
            "1.1",
            format!("{TEXT}{escape}:x\n\nx\0"),
            "bad-escape",
            1002,
        );
    }
    fatal(
        "1.1",
        b"SEND\ndestination:/topic/\xff\n\nx\0",
        "bad-text",
        1007,
    );
}

#[test]
fn v11_carriage_returns_belong_to_values_and_reach_each_version_as_it_can_read_them() {
    let mut test = start();
    let mut speaker = connect(&mut test, "/stomp", "1.1");
    let versions = ["1.0", "1.1", "1.2"];
    let mut listeners = versions.map(|version| connect(&mut test, "/stomp", version));
    for client in &mut listeners {
        subscribe(client, "0", "/topic/a");
    }
    speaker.send_text(&format!("{TEXT}note:a\rb\r\n\nx\0"));
    for (client, expected) in listeners.iter_mut().zip(["a b ", "a b ", "a\\rb\\r"]) {
        let message = Received::next(client);
        assert_eq!(message.header("note"), Some(expected));
    }
    // Who ends the first line so ends all lines so: no command ends in a carriage return.
    let (_test, mut client) = session("1.1");
    client.send_text("SUBSCRIBE\r\nid:0\r\ndestination:/topic/a\r\nreceipt:r\r\n\r\n\0\r\n");
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn v11_connect_and_connected_have_no_escapes() {
    let mut test = start();
    let mut client = test.connect("/stomp?user=c:%5Cnew");
    send(
        &mut client,
        "STOMP\naccept-version:1.0,1.1\nhost:h\nlogin:\\t\n\n",
    );
    let connected = Received::next(&mut client);
    assert_eq!(connected.header("version"), Some("1.1"));
    assert_eq!(connected.header("user-name"), Some("c:\\new"));
}

#[test]
fn v11_body_only_send_has_one() {
    for head in [
        "SUBSCRIBE\nid:0\ndestination:/topic/a\n",
        "UNSUBSCRIBE\nid:0\n",
        "ACK\nmessage-id:0\nsubscription:0\n",
        "NACK\nmessage-id:0\nsubscription:0\n",
        "DISCONNECT\n",
    ] {
        fatal("1.1", format!("{head}\nx\0"), "bad-body", 1002);
    }
    fatal_at_first(
        "CONNECT\naccept-version:1.1\nhost:h\n\nx\0",
        "bad-body",
        1002,
    );
}

#[test]
fn v11_content_length_counts_octets_and_a_nul_follows() {
    let (_test, mut client) = session("1.1");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, &format!("{TEXT}content-length:4\n\na\0é"));
    let message = Received::next(&mut client);
    assert_eq!(
        (message.header("content-length"), message.body()),
        (Some("4"), "a\0é")
    );
    fatal(
        "1.1",
        format!("{TEXT}content-length:1\n\nab\0"),
        "bad-body",
        1002,
    );
    fatal(
        "1.1",
        format!("{TEXT}content-length:-1\n\nab\0"),
        "bad-content-length",
        1002,
    );
    fatal(
        "1.1",
        format!("{TEXT}content-length: 1\n\na\0"),
        "bad-content-length",
        1002,
    );
}

#[test]
fn v11_receipt_for_any_frame_but_connect() {
    let frames = answers("CONNECT\naccept-version:1.1\nhost:h\nreceipt:c\n\n\0");
    assert_eq!(frames.len(), 1, "{frames:?}");
    let (_test, mut client) = session("1.1");
    for head in [
        "SUBSCRIBE\nid:0\ndestination:/topic/b",
        "SEND\ndestination:/topic/a",
        "ACK\nmessage-id:0\nsubscription:0",
        "NACK\nmessage-id:0\nsubscription:0",
        "UNSUBSCRIBE\nid:0",
    ] {
        send(&mut client, &format!("{head}\nreceipt:a\\nb\n\n"));
        assert_eq!(receipt(&mut client), "a\\nb", "{head}");
    }
}

#[test]
fn v11_repeated_headers_the_first_counts() {
    let (_test, mut client) = session("1.1");
    subscribe(&mut client, "0", "/topic/a");
    let head = "SEND\ndestination:/topic/a\ndestination:/topic/b\nfoo:World\nfoo:Hello";
    send(&mut client, &format!("{head}\n\nx"));
    let message = Received::next(&mut client);
    assert_eq!(
        (message.header("foo"), count(&message, "foo")),
        (Some("World"), 1)
    );
    assert_eq!(message.header("destination"), Some("/topic/a"));
}

#[test]
fn v11_negotiation_is_told_in_connected_or_refused_with_an_error() {
    for accept in ["1.1", "1.0,1.1", "1.1,2.1", "1.1 , 1.0"] {
        let frames = answers(&format!("CONNECT\naccept-version:{accept}\nhost:h\n\n\0"));
        let connected = Received(frames[0].clone());
        assert_eq!(connected.header("version"), Some("1.1"), "{accept}");
        assert_eq!(connected.header("heart-beat"), Some("500,10000"));
        assert!(connected.header("session").is_some() && connected.header("server").is_some());
    }
    fatal_at_first(
        "CONNECT\naccept-version:2.1\nhost:h\n\n\0",
        "no-common-version",
        1002,
    );
}

#[test]
fn v11_heart_beating_in_both_directions() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.1\nhost:h\nheart-beat:5000,5000\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    for _ in 0..4 {
        test.advance(Duration::from_secs(6));
        assert!(client.received().contains(&TestMessage::Text("\n".into())));
        client.send_text("\n");
    }
    test.advance(Duration::from_secs(40));
    let is_close = |one: &TestMessage| matches!(one, TestMessage::Close(1001, _));
    assert!(client.received().iter().any(is_close));
    for value in ["0", "a,b", "1,-1"] {
        let stream = format!("CONNECT\naccept-version:1.1\nhost:h\nheart-beat:{value}\n\n\0");
        fatal_at_first(stream, "bad-header", 1002);
    }
}

#[test]
fn v11_subscriptions_have_ids() {
    fatal(
        "1.1",
        "SUBSCRIBE\ndestination:/topic/a\n\n\0",
        "missing-header",
        1002,
    );
    fatal("1.1", "SUBSCRIBE\nid:0\n\n\0", "missing-header", 1002);
    fatal(
        "1.1",
        "UNSUBSCRIBE\ndestination:/topic/a\n\n\0",
        "missing-header",
        1002,
    );
    fatal("1.1", "UNSUBSCRIBE\nid:0\n\n\0", "no-subscription", 1008);
    fatal("1.1", "SEND\n\nx\0", "missing-header", 1002);
    let (test, mut client) = session("1.1");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, "UNSUBSCRIBE\nid:0\nreceipt:r\n\n");
    assert_eq!(receipt(&mut client), "r");
    test.handle().publish("/topic/a", "x").expect("room");
    assert_eq!(client.received(), []);
}

#[test]
fn v11_ack_and_nack_name_the_message_and_its_subscription() {
    for command in ["ACK", "NACK"] {
        fatal(
            "1.1",
            format!("{command}\nmessage-id:1\n\n\0"),
            "missing-header",
            1002,
        );
        fatal(
            "1.1",
            format!("{command}\nsubscription:1\n\n\0"),
            "missing-header",
            1002,
        );
        fatal(
            "1.1",
            format!("{command}\nid:1\n\n\0"),
            "missing-header",
            1002,
        );
    }
    let (_test, mut client) = session("1.1");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client-individual\n\n",
    );
    send(&mut client, &format!("{TEXT}\nx"));
    let message = Received::next(&mut client);
    assert_eq!(
        message.header("ack"),
        None,
        "1.1 acknowledges by message-id"
    );
    let id = message.header("message-id").expect("an id");
    send(
        &mut client,
        &format!("ACK\nmessage-id:{id}\nsubscription:0\nreceipt:r\n\n"),
    );
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn v11_message_has_destination_message_id_and_subscription() {
    let (_test, mut client) = session("1.1");
    subscribe(&mut client, "mine", "/topic/*");
    send(
        &mut client,
        &format!("{TEXT}content-type:text/plain\nkept: as is \n\nx"),
    );
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("mine"));
    assert_eq!(message.header("destination"), Some("/topic/a"));
    assert_eq!(message.header("content-type"), Some("text/plain"));
    assert_eq!(message.header("content-length"), Some("1"));
    assert_eq!(message.header("kept"), Some(" as is "));
    assert!(message.header("message-id").is_some());
}

#[test]
fn v11_disconnect_is_a_receipt_and_a_close() {
    let (_test, mut client) = session("1.1");
    client.send_text("DISCONNECT\nreceipt:77\n\n\0SHOUT\n\n\0");
    assert_eq!(receipt(&mut client), "77");
    assert_eq!(client.next_close().0, 1000);
    assert_eq!(client.received(), [TestMessage::End]);
}

#[test]
fn v11_error_names_the_frame_and_closes() {
    let (_test, mut client) = session("1.1");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/nowhere\nreceipt:a\\cb\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("receipt-id"), Some("a\\cb"));
    assert_eq!(error.header("message"), Some("unknown-destination"));
    assert!(!error.body().is_empty());
    assert_eq!(client.next_close().0, 1008);
    assert_eq!(client.received(), [TestMessage::End]);
    for stream in ["send\n\n\0", "MESSAGE\n\n\0", "SEND \n\n\0"] {
        fatal("1.1", stream, "unknown-command", 1002);
    }
    for header in ["note", ":x"] {
        fatal("1.1", format!("{TEXT}{header}\n\nx\0"), "bad-header", 1002);
    }
}
