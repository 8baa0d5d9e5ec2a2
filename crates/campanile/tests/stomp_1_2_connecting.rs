//! STOMP 1.2, clause by clause: connecting and heart-beats.
//!
//! | section | clause | test |
//! |---|---|---|
//! | Connecting | CONNECTED, or ERROR and a close | `v12_connecting_…` |
//! | CONNECT or STOMP Frame | both alike; `host`, `login` | `v12_stomp_is_connect`, `v12_connect_headers` |
//! | CONNECTED Frame | `version`, `heart-beat`, `session`, `server` | `v12_connected_headers` |
//! | Protocol Negotiation | the highest common, none is 1.0 | `v12_negotiation_…` |
//! | Heart-beating | two numbers, the greater of each pair | `v12_heart_beating_…` |
//!
//! One sentence for clients is not held against them: a CONNECT without `host` is answered, since most
//! clients for browsers send none.

mod support;

use std::collections::HashSet;
use std::time::Duration;

use campanile::testing::TestMessage;

use support::conform::{answers, fatal, fatal_at_first};
use support::stomp::{Received, send, start};

const SECOND: Duration = Duration::from_secs(1);
#[test]
fn v12_connecting_is_answered_with_connected_and_before_it_nothing_else_is() {
    let frames =
        answers("CONNECT\naccept-version:1.2\nhost:h\n\n\0SEND\ndestination:/topic/a\n\nx\0");
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert!(frames[0].starts_with("CONNECTED\n"));
    for early in [
        "SEND\ndestination:/topic/a\n\nx\0",
        "SEND\n\n\0",
        "SUBSCRIBE\n\n\0",
        "NACK\n\n\0",
        "UNSUBSCRIBE\nid:0\n\n\0",
        "DISCONNECT\nreceipt:1\n\n\0",
        "BEGIN\n\n\0",
    ] {
        fatal_at_first(early, "not-connected", 1002);
    }
    // What follows a refusal is not looked at, a correct CONNECT neither.
    let frames = answers("DISCONNECT\n\n\0CONNECT\naccept-version:1.2\nhost:h\n\n\0");
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert!(frames[0].starts_with("ERROR\n"));
}

#[test]
fn v12_connecting_twice_is_an_error_and_a_close() {
    for command in ["CONNECT", "STOMP"] {
        let stream = format!("{command}\naccept-version:1.2\nhost:h\n\n\0");
        fatal("1.2", stream, "connected-already", 1002);
    }
    // The second one is refused also where it could not have been answered.
    fatal(
        "1.2",
        "CONNECT\naccept-version:9\nhost:h\n\n\0",
        "connected-already",
        1002,
    );
}

#[test]
fn v12_stomp_is_connect() {
    let connect = answers("CONNECT\naccept-version:1.2\nhost:h\nheart-beat:1,1\n\n\0");
    let stomp = answers("STOMP\naccept-version:1.2\nhost:h\nheart-beat:1,1\n\n\0");
    let without_id = |frames: &[String]| -> Vec<String> {
        let lines = frames[0]
            .lines()
            .filter(|line| !line.starts_with("session:"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(without_id(&connect), without_id(&stomp));
}

#[test]
fn v12_connect_headers_may_be_any_and_host_is_not_insisted_on() {
    for rest in [
        "",
        "host:\n",
        "host:10.0.0.1:61613\n",
        "host:/\nlogin:a\npasscode:b\nx:y\n",
    ] {
        let frames = answers(&format!("CONNECT\naccept-version:1.2\n{rest}\n\0"));
        assert!(frames[0].starts_with("CONNECTED\n"), "{frames:?}");
        assert!(!frames[0].contains("passcode"), "{frames:?}");
    }
}

#[test]
fn v12_connected_headers_are_version_heart_beat_session_and_server() {
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let frames = answers("CONNECT\naccept-version:1.2\nhost:h\n\n\0");
        let connected = Received(frames[0].clone());
        assert_eq!(connected.header("version"), Some("1.2"));
        assert_eq!(connected.header("heart-beat"), Some("500,10000"));
        let server = connected.header("server").expect("a name");
        let (name, version) = server.split_once('/').expect("a version");
        assert!(!name.is_empty() && !version.is_empty() && !server.contains(' '));
        ids.insert(connected.header("session").expect("an id").to_owned());
        assert_eq!(connected.body(), "");
    }
    assert_eq!(ids.len(), 3, "each has its own");
}

#[test]
fn v12_negotiation_takes_the_highest_common_version() {
    for (accept, version) in [
        ("1.2", "1.2"),
        ("1.0,1.1,1.2", "1.2"),
        ("1.2,1.1,1.0", "1.2"),
        ("1.1,1.0", "1.1"),
        ("1.0,2.0", "1.0"),
        (" 1.2 , 1.1", "1.2"),
        ("1.2,1.2", "1.2"),
        ("1.1,,x", "1.1"),
    ] {
        let frames = answers(&format!("CONNECT\naccept-version:{accept}\nhost:h\n\n\0"));
        assert!(
            frames[0].contains(&format!("\nversion:{version}\n")),
            "{accept}: {frames:?}"
        );
    }
    let frames = answers("CONNECT\nhost:h\n\n\0");
    assert!(frames[0].contains("\nversion:1.0\n"), "{frames:?}");
}

#[test]
fn v12_negotiation_without_a_common_version_is_an_error_that_lists_ours_and_a_close() {
    for accept in [
        "2.0",
        "1.3,2.1",
        "",
        "1",
        "1.20",
        "1.2;1.1",
        "v12.stomp",
        "one",
    ] {
        let mut test = start();
        let mut client = test.connect("/stomp");
        send(
            &mut client,
            &format!("CONNECT\naccept-version:{accept}\nhost:h\n\n"),
        );
        let error = Received::next(&mut client);
        assert_eq!(error.command(), "ERROR");
        assert_eq!(error.header("version"), Some("1.0,1.1,1.2"));
        assert_eq!(error.header("content-type"), Some("text/plain"));
        assert!(error.body().contains("1.0,1.1,1.2"), "{}", error.body());
        assert_eq!(client.next_close().0, 1002);
        assert_eq!(client.received(), [TestMessage::End]);
    }
}

#[test]
fn v12_heart_beating_needs_two_numbers() {
    for value in [
        "",
        "0",
        "a,b",
        "-1,0",
        "0,-1",
        "1;1",
        "1,1,1",
        "1, 1",
        " 1,1",
        "1.5,1",
        "+1,1",
        ",",
        "99999999999999999999,0",
    ] {
        let stream = format!("CONNECT\naccept-version:1.2\nhost:h\nheart-beat:{value}\n\n\0");
        fatal_at_first(stream, "bad-header", 1002);
    }
    for value in ["0,0", "00,00", "4294967295,4294967295"] {
        let stream = format!("CONNECT\naccept-version:1.2\nhost:h\nheart-beat:{value}\n\n\0");
        assert!(answers(&stream)[0].starts_with("CONNECTED\n"));
    }
}

/// The heart-beats that come within a minute, and the close, of a client that says nothing more.
fn minute_of_silence(heart_beat: &str) -> (usize, Option<u16>) {
    let mut test = start();
    let mut client = test.connect("/stomp");
    let header = match heart_beat {
        "" => String::new(),
        value => format!("heart-beat:{value}\n"),
    };
    send(
        &mut client,
        &format!("CONNECT\naccept-version:1.2\nhost:h\n{header}\n"),
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    let (mut beats, mut close) = (0, None);
    for _ in 0..240 {
        test.advance(SECOND / 4);
        for one in client.received() {
            match one {
                TestMessage::Text(text) if text == "\n" => beats += 1,
                TestMessage::Close(code, _) => close = Some(code),
                TestMessage::End => {}
                other => panic!("{other:?}"),
            }
        }
    }
    (beats, close)
}

#[test]
fn v12_heart_beating_is_agreed_upon_for_each_direction() {
    // None without the header, and none where one side says 0.
    assert_eq!(minute_of_silence(""), (0, None));
    assert_eq!(minute_of_silence("0,0"), (0, None));
    // We send at least once in each of the client's intervals, however long.
    for (wish, intervals) in [("0,1000", 60), ("0,5000", 12), ("0,20000", 3)] {
        let (beats, close) = minute_of_silence(wish);
        assert!(beats >= intervals - 1, "{wish}: {beats}");
        assert!(beats <= 4 * intervals, "{wish}: {beats}");
        assert_eq!(close, None);
    }
    // Not more often than every 500 ms, which is what we have promised.
    let (beats, close) = minute_of_silence("0,1");
    assert!((110..=240).contains(&beats) && close.is_none(), "{beats}");
    // Who promises beats and sends none is closed after three intervals of 10 s, or of its own.
    assert_eq!(minute_of_silence("1,0"), (0, Some(1001)));
    assert_eq!(minute_of_silence("19000,0"), (0, Some(1001)));
    assert_eq!(minute_of_silence("21000,0"), (0, None));
}

#[test]
fn v12_heart_beating_any_data_is_a_sign_of_life() {
    let mut test = start();
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,0\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    // Line ends of both kinds, frames, and octets of a frame that takes its time.
    let signs = [
        "\n",
        "\r\n",
        "\n\n\n",
        "SEND\ndestination:/topic/a\n\nx\0",
        "SEND\n",
        "destin",
    ];
    for sign in signs {
        client.send_text(sign);
        test.advance(20 * SECOND);
        assert_eq!(client.received(), [], "{sign:?}");
    }
    test.advance(20 * SECOND);
    assert_eq!(client.next_close().0, 1001);
}
