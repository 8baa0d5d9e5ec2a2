//! Where Spring's simple broker departs from STOMP, and what is done here instead: one test for each
//! departure.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Campanile, StompEndpoint};

use support::conform::{answers, assert_fatal, count, fatal, receipt, session, subscribe, texts};
use support::stomp::{Received, connect, refusal, send, start};

const TEXT: &str = "SEND\ndestination:/topic/a\n";

#[test]
fn s69_s79_spring_deviation_01_every_frame_may_ask_for_a_receipt_and_none_is_leaked() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    for head in ["ACK\nid:1,0\n", "NACK\nid:1,0\n", "UNSUBSCRIBE\nid:0\n"] {
        subscribe(&mut client, "other", "/topic/a");
        send(&mut client, "UNSUBSCRIBE\nid:other\n\n");
        send(&mut client, &format!("{head}receipt:r\n\n"));
        assert_eq!(receipt(&mut client), "r", "{head}");
    }
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, &format!("{TEXT}receipt:mine\n\nx"));
    let frames = texts(&mut client);
    assert_eq!(frames.len(), 2);
    assert_eq!(
        frames.iter().filter(|frame| frame.contains("mine")).count(),
        1
    );
}

#[test]
fn s70_spring_deviation_02_a_farewell_without_a_receipt_is_a_clean_close() {
    let (_test, mut client) = session("1.2");
    send(&mut client, "DISCONNECT\n\n");
    assert_eq!(client.next_close().0, 1000, "no ERROR before it");
    assert_eq!(client.received(), [TestMessage::End]);
    let (_test, mut client) = session("1.2");
    send(&mut client, "DISCONNECT\nreceipt:r\n\n");
    assert_eq!(receipt(&mut client), "r");
    assert_eq!(client.next_close().0, 1000, "the server closes");
}

#[test]
fn s67_spring_deviation_03_a_missed_heart_beat_is_a_close_that_says_so() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,10000\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    // An idle session gets its first one within the interval, not within two.
    test.advance(Duration::from_secs(10));
    assert_eq!(client.next_text(), "\n");
    test.advance(Duration::from_secs(19));
    let received = client.received();
    assert!(
        received
            .iter()
            .all(|one| *one == TestMessage::Text("\n".into())),
        "{received:?}"
    );
    test.advance(Duration::from_secs(2));
    let is_close = |one: &TestMessage| matches!(one, TestMessage::Close(1001, _));
    assert!(
        client.received().iter().any(is_close),
        "after three intervals"
    );
}

#[test]
fn s72_spring_deviation_04_what_is_not_done_is_not_accepted_silently() {
    for command in ["COMMIT", "ABORT"] {
        fatal(
            "1.2",
            format!("{command}\ntransaction:t\n\n\0"),
            "unknown-transaction",
            1008,
        );
    }
    let mut test = start();
    let mut witness = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut witness, "0", "/topic/a");
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, &format!("{TEXT}transaction:t\n\nx"));
    assert_fatal(&mut client, "unknown-transaction", 1008);
    assert_eq!(
        witness.received(),
        [],
        "a part of a transaction is not sent by itself"
    );
}

#[test]
fn s71_spring_deviation_05_messages_to_be_acknowledged_have_an_ack_header() {
    let (_test, mut client) = session("1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client\n\n",
    );
    send(&mut client, &format!("{TEXT}\nx"));
    let message = Received::next(&mut client);
    let ack = message.header("ack").expect("what to acknowledge it by");
    send(&mut client, &format!("ACK\nid:{ack}\nreceipt:r\n\n"));
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn s59_spring_deviation_06_who_names_no_version_speaks_1_0_and_who_names_others_is_told() {
    let frames = answers("CONNECT\n\n\0");
    assert!(
        frames[0].starts_with("CONNECTED\nversion:1.0\n"),
        "{frames:?}"
    );
    let frames = answers("CONNECT\naccept-version:9\nhost:h\n\n\0");
    assert!(frames[0].contains("\nversion:1.0,1.1,1.2\n"), "{frames:?}");
    let frames = answers("CONNECT\naccept-version:1.1 , 1.2\nhost:h\n\n\0");
    assert!(
        frames[0].starts_with("CONNECTED\nversion:1.2\n"),
        "{frames:?}"
    );
}

#[test]
fn s61_spring_deviation_07_connected_names_server_and_session() {
    let frames = answers("CONNECT\naccept-version:1.2\nhost:h\n\n\0");
    let connected = Received(frames[0].clone());
    assert!(connected.header("server").is_some() && connected.header("session").is_some());
}

#[test]
fn s76_s77_spring_deviation_08_a_subscription_that_cannot_be_is_an_error() {
    let head = "SUBSCRIBE\n";
    fatal(
        "1.2",
        format!("{head}destination:/topic/a\n\n\0"),
        "missing-header",
        1002,
    );
    fatal("1.2", format!("{head}id:0\n\n\0"), "missing-header", 1002);
    fatal(
        "1.2",
        format!("{head}id:0\ndestination:/x\n\n\0"),
        "unknown-destination",
        1008,
    );
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    assert_fatal(&mut client, "duplicate-subscription", 1008);
}

#[test]
fn s76_s90_spring_deviation_09_sending_to_nowhere_or_without_leave_is_an_error() {
    fatal(
        "1.2",
        "SEND\ndestination:/nowhere\n\nx\0",
        "unknown-destination",
        1008,
    );
    fatal(
        "1.2",
        "SUBSCRIBE\nid:0\ndestination:/nowhere/a\n\n\0",
        "unknown-destination",
        1008,
    );
    let app = Campanile::builder().stomp("/stomp", StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut witness = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut witness, "0", "/topic/a");
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, &format!("{TEXT}\nx"));
    assert_eq!(refusal(&mut client), ("forbidden".into(), 1008));
    assert_eq!(
        witness.received(),
        [],
        "nobody may send past the application by default"
    );
}

#[test]
fn s79_spring_deviation_10_control_headers_stay_here_and_repeated_ones_go_on_once() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    let control = "receipt:1\nmessage-id:mine\nsubscription:mine\nack:mine\nlogin:me\npasscode:p";
    send(
        &mut client,
        &format!("{TEXT}{control}\nreceipt-id:mine\nown:1\nown:2\n\nx"),
    );
    let frames = texts(&mut client).into_iter().map(Received);
    let messages: Vec<Received> = frames
        .filter(|frame| frame.command() == "MESSAGE")
        .collect();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    for name in [
        "receipt",
        "receipt-id",
        "transaction",
        "ack",
        "login",
        "passcode",
    ] {
        assert_eq!(count(message, name), 0, "{name}");
    }
    for name in ["message-id", "subscription", "destination", "own"] {
        assert_eq!(count(message, name), 1, "{name}");
    }
    assert!(!message.0.contains("mine"), "{}", message.0);
    assert_eq!(message.header("own"), Some("1"));
}

#[test]
fn s62_s78_spring_deviation_11_each_version_has_its_escapes_and_line_ends_may_come_first() {
    let (_test, mut client) = session("1.0");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, &format!("{TEXT}note:a\\nb\\q\n\nx"));
    assert_eq!(Received::next(&mut client).header("note"), Some("a\\nb\\q"));
    let frames = answers("\nCONNECT\naccept-version:1.2\nhost:h\n\n\0");
    assert!(frames[0].starts_with("CONNECTED\n"), "{frames:?}");
    fatal(
        "1.2",
        "CONNECT\naccept-version:1.2\nhost:h\n\n\0",
        "connected-already",
        1002,
    );
    let frames = answers("SEND\ndestination:/topic/a\n\nx\0");
    assert!(
        frames[0].starts_with("ERROR\nmessage:not-connected\n"),
        "{frames:?}"
    );
}

#[test]
fn s73_s75_spring_deviation_12_an_error_has_a_body_and_the_receipts_id_and_need_not_be_the_end() {
    let (_test, mut client) = session("1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/x\nreceipt:r\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("unknown-destination"));
    assert_eq!(error.header("receipt-id"), Some("r"));
    assert!(error.body().contains("/topic"), "{}", error.body());
    assert_eq!(client.next_close().0, 1008);
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/x\n\n");
    assert_eq!(Received::next(&mut client).command(), "ERROR");
    subscribe(&mut client, "0", "/topic/a");
}

#[test]
fn spring_deviation_13_a_queue_is_not_taken_for_a_topic() {
    // One message for all is not what a queue promises.
    let mut test = start();
    let mut clients = [(); 2].map(|()| connect(&mut test, "/stomp", "1.2"));
    for client in &mut clients {
        subscribe(client, "0", "/queue/a");
    }
    test.handle().publish("/queue/a", "x").expect("room");
    let got = clients.map(|mut client| texts(&mut client).len());
    assert_eq!(got.iter().sum::<usize>(), 1);
}

#[test]
fn s65_spring_deviation_14_what_is_not_text_goes_out_as_it_came() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    for kind in ["image/png", "application/x-protobuf", "text/plain"] {
        let head = format!("{TEXT}content-type:{kind}\ncontent-length:4\n\n");
        client.send_binary(&[head.as_bytes(), b"\xff\0\x80\n\0"].concat());
        assert!(
            client.next_binary().ends_with(b"\n\n\xff\0\x80\n\0"),
            "{kind}"
        );
    }
}

#[test]
fn s85_spring_deviation_15_a_pattern_is_no_expression_that_is_run() {
    for name in ["/topic/{x:(a+)+b}", "/topic/{x:.*}"] {
        let stream = format!("SUBSCRIBE\nid:0\ndestination:{name}\n\n\0");
        fatal("1.0", stream, "bad-destination", 1008);
    }
}
