//! STOMP sessions over WebSocket: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::testing::{TestClient, TestMessage};

use support::stomp::{Received, connect, refusal, send, start};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn s58_s59_s61_the_highest_common_version_is_chosen_and_none_given_means_1_0() {
    let mut test = start();
    for (asked, version) in [("1.0,1.1,1.2", "1.2"), ("1.1", "1.1"), ("1.1, 1.0", "1.1")] {
        let mut client = test.connect("/stomp?user=ada");
        send(
            &mut client,
            &format!("STOMP\naccept-version:{asked}\nhost:h\n\n"),
        );
        let connected = Received::next(&mut client);
        assert_eq!(connected.header("version"), Some(version), "{asked}");
        assert!(
            connected
                .header("server")
                .is_some_and(|name| name.starts_with("campanile/"))
        );
        assert_eq!(connected.header("session").map(str::len), Some(32));
        assert_eq!(connected.header("user-name"), Some("ada"));
        assert_eq!(connected.header("heart-beat"), Some("500,10000"));
    }
    connect(&mut test, "/stomp", "1.0");
    let mut client = test.connect("/stomp");
    send(&mut client, "CONNECT\naccept-version:2.0\nhost:h\n\n");
    let error = Received::next(&mut client);
    assert_eq!(error.header("version"), Some("1.0,1.1,1.2"));
    assert_eq!(client.next_close().0, 1002);
    let handshake = test
        .handshake("/stomp")
        .protocols(&["v11.stomp", "v12.stomp"]);
    let client = handshake.connect().expect("a session");
    assert_eq!(client.protocol(), Some("v12.stomp"));
}

#[test]
fn s60_s68_s69_s87_a_message_reaches_every_version_and_receipts_come_after_the_effect() {
    let mut test = start();
    let mut speaker = connect(&mut test, "/stomp", "1.2");
    let mut listeners: Vec<TestClient> = ["1.0", "1.1", "1.2"]
        .into_iter()
        .map(|version| {
            let mut client = connect(&mut test, "/stomp", version);
            send(
                &mut client,
                &format!("SUBSCRIBE\nid:s-{version}\ndestination:/topic/a\nreceipt:r\n\n"),
            );
            let receipt = Received::next(&mut client);
            assert_eq!(
                (receipt.command(), receipt.header("receipt-id")),
                ("RECEIPT", Some("r"))
            );
            client
        })
        .collect();
    send(
        &mut speaker,
        "SEND\ndestination:/topic/a\ncontent-type:text/plain\nnote:a\\cb\\nc\nreceipt:7\n\nhello",
    );
    let receipt = Received::next(&mut speaker);
    assert_eq!(receipt.header("receipt-id"), Some("7"));
    let notes = ["a:b c", "a\\cb\\nc", "a\\cb\\nc"];
    for ((client, version), note) in listeners.iter_mut().zip(["1.0", "1.1", "1.2"]).zip(notes) {
        let message = Received::next(client);
        assert_eq!(message.command(), "MESSAGE");
        assert_eq!(
            message.header("subscription"),
            Some(&*format!("s-{version}"))
        );
        assert_eq!(message.header("destination"), Some("/topic/a"));
        assert_eq!(message.header("content-type"), Some("text/plain"));
        assert_eq!(message.header("note"), Some(note), "{version}");
        assert!(message.header("message-id").is_some());
        // S79: what controlled the SEND is not the receivers' business.
        assert_eq!(message.header("receipt"), None);
        assert_eq!(message.body(), "hello");
    }
    let client = &mut listeners[2];
    send(client, "UNSUBSCRIBE\nid:s-1.2\nreceipt:u\n\n");
    assert_eq!(Received::next(client).header("receipt-id"), Some("u"));
    test.handle()
        .publish("/topic/a", "from the server")
        .expect("room");
    assert_eq!(Received::next(&mut listeners[0]).body(), "from the server");
    assert_eq!(listeners[2].next_message(), None);
}

#[test]
fn s63_frames_may_be_split_over_and_packed_into_messages() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    let all = "CONNECT\naccept-version:1.2\nhost:h\n\n\0\n\n\
               SUBSCRIBE\nid:0\ndestination:/topic/a\n\n\0\
               SEND\ndestination:/topic/a\n\nx\0";
    for piece in all.as_bytes().chunks(7) {
        client.send_text(str::from_utf8(piece).expect("ascii"));
    }
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    assert_eq!(Received::next(&mut client).body(), "x");
    let both = "SEND\ndestination:/topic/a\n\n1\0SEND\ndestination:/topic/a\n\n2\0";
    client.send_text(both);
    assert_eq!(Received::next(&mut client).body(), "1");
    assert_eq!(Received::next(&mut client).body(), "2");
}

#[test]
fn s70_a_farewell_is_a_clean_close_with_and_without_a_receipt() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "DISCONNECT\n\n");
    assert_eq!(client.next_close().0, 1000);
    let mut client = connect(&mut test, "/stomp", "1.1");
    send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
    assert_eq!(
        Received::next(&mut client).header("receipt-id"),
        Some("bye")
    );
    assert_eq!(client.next_close().0, 1000);
}

#[test]
fn s73_s76_s77_s78_what_is_wrong_is_an_error_that_says_so_and_a_close() {
    let mut test = start();
    for (frames, word) in [
        (
            &["SUBSCRIBE\ndestination:/topic/a\n\n"][..],
            "missing-header",
        ),
        (&["SUBSCRIBE\nid:0\n\n"], "missing-header"),
        (
            &["SUBSCRIBE\nid:0\ndestination:/nowhere/a\n\n"],
            "unknown-destination",
        ),
        (
            &["SUBSCRIBE\nid:0\ndestination:/topic/{a:.*}\n\n"],
            "bad-destination",
        ),
        (
            &["SUBSCRIBE\nid:0\ndestination:/topic/a\nselector:a =\n\n"],
            "bad-selector",
        ),
        (&["SEND\ndestination:/queue/a\n\n"], "forbidden"),
        (&["SEND\n\nx"], "missing-header"),
        (&["UNSUBSCRIBE\nid:9\n\n"], "no-subscription"),
        (
            &["CONNECT\naccept-version:1.2\nhost:h\n\n"],
            "connected-already",
        ),
        (&["COMMIT\ntransaction:t\n\n"], "unknown-transaction"),
        (&["SHOUT\n\n"], "unknown-command"),
        (
            &[
                "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n",
                "SUBSCRIBE\nid:0\ndestination:/topic/b\n\n",
            ],
            "duplicate-subscription",
        ),
    ] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        for frame in frames {
            send(&mut client, frame);
        }
        assert_eq!(refusal(&mut client).0, word, "{frames:?}");
    }
    let mut early = test.connect("/stomp");
    send(&mut early, "SEND\ndestination:/topic/a\n\nx");
    assert_eq!(refusal(&mut early), ("not-connected".into(), 1002));
    assert_eq!(test.handle().sessions(), 0);
}

#[test]
fn s75_a_refused_frame_need_not_end_the_session() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/nowhere/a\nreceipt:5\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(
        (error.command(), error.header("receipt-id")),
        ("ERROR", Some("5"))
    );
    for number in 0..5 {
        send(
            &mut client,
            &format!("SUBSCRIBE\nid:{number}\ndestination:/topic/a\n\n"),
        );
    }
    send(&mut client, "SUBSCRIBE\nid:5\ndestination:/topic/a\n\n");
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("too-many-subscriptions"));
    send(&mut client, "SEND\ndestination:/topic/a\n\nstill here");
    assert_eq!(Received::next(&mut client).body(), "still here");
    // What cannot be understood ends it nevertheless.
    send(&mut client, "SHOUT\n\n");
    while let Some(TestMessage::Text(_)) = client.next_message() {}
    assert!(client.received().contains(&TestMessage::End));
}

#[test]
fn s66_s67_heart_beats_go_both_ways_as_agreed() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:1000,2000\n\n",
    );
    assert_eq!(
        Received::next(&mut client).header("heart-beat"),
        Some("500,10000")
    );
    // We send every 2 s; the client has promised one every 10 s, and has three times as long.
    for _ in 0..5 {
        test.advance(2 * SECOND);
        assert_eq!(client.next_text(), "\n");
    }
    client.send_text("\n");
    test.advance(29 * SECOND);
    let beats = client.received();
    assert!(
        beats
            .iter()
            .all(|one| *one == TestMessage::Text("\n".into())),
        "{beats:?}"
    );
    assert!(beats.len() >= 14, "{}", beats.len());
    test.advance(2 * SECOND);
    let last = client.received();
    let (code, reason) = last
        .iter()
        .find_map(|one| match one {
            TestMessage::Close(code, reason) => Some((*code, reason.clone())),
            _ => None,
        })
        .expect("a close");
    assert!(
        code == 1001 && reason.starts_with("silent: "),
        "{code} {reason}"
    );
}

#[test]
fn s32_who_never_connects_is_closed_however_much_it_sends() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    for _ in 0..6 {
        test.advance(10 * SECOND);
        client.send_text("\n");
    }
    test.advance(SECOND);
    let (code, reason) = client.next_close();
    assert!(
        code == 1008 && reason.starts_with("first-message: "),
        "{code} {reason}"
    );
}

#[test]
fn s82_a_message_full_of_frames_is_taken_one_by_one() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    let connect = "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n\0";
    client.send_text(connect);
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    // As many refused frames as fit, each of which is answered; then the outbox's limit counts.
    let many = "SEND\n\n\0".repeat(10_000);
    client.send_text(&many);
    let received = client.received();
    let is_error =
        |one: &&TestMessage| matches!(one, TestMessage::Text(text) if text.starts_with("ERROR"));
    assert!(received.iter().filter(is_error).count() > 1_000);
    let mut other = support::stomp::connect(&mut test, "/stomp", "1.2");
    send(
        &mut other,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:r\n\n",
    );
    assert_eq!(Received::next(&mut other).command(), "RECEIPT");
}
