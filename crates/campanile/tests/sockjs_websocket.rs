//! SockJS over WebSocket: in memory, in virtual time.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::http::StatusCode;
use campanile::testing::{TestApplication, TestClient, TestMessage};
use campanile::{
    Campanile, Cause, Close, CloseCode, Endpoint, HandlerError, IntoReply, Message, Reply, Session,
    SockJs, SockJsTransport, Text, TextPart, TransportKind, WAITING_MESSAGES_MAX,
};
use tokio::sync::Semaphore;

use support::kit::{Notes, echo, noting, only, start};

const PATH: &str = "/e/000/k3jz9q/websocket";

/// Connects, and takes the frame that a session begins with.
fn connect(test: &mut TestApplication) -> TestClient {
    let mut client = test.connect(PATH);
    assert_eq!(client.next_text(), "o");
    client
}

#[test]
fn s24_s39_s52_messages_go_in_arrays_and_the_last_frame_says_why() {
    let answer = async |session: Session, Text(text): Text| -> Result<Reply, HandlerError> {
        match &*text {
            "bye" => Close::new(CloseCode::new(3000).expect("a code"), "Go away!").into_reply(),
            "facts" => format!("{} {}", session.transport(), session.uri()).into_reply(),
            _ => text.into_reply(),
        }
    };
    let notes = Notes::default();
    let endpoint = Endpoint::new()
        .on_open(async || "welcome")
        .on_text(answer)
        .with_sockjs();
    let mut test = start(noting(endpoint, &notes));
    let mut client = connect(&mut test);
    assert_eq!(client.next_text(), r#"a["welcome"]"#);
    client.send_text(r#"["a\u2028\"b","","ü"]"#);
    assert_eq!(client.next_text(), r#"a["a\u2028\"b"]"#);
    assert_eq!(client.next_text(), r#"a[""]"#);
    assert_eq!(client.next_text(), r#"a["ü"]"#);
    client.send_text(r#""alone""#);
    assert_eq!(client.next_text(), r#"a["alone"]"#);
    // Nothing is no fault, and says nothing.
    client.send_text("");
    client.send_text("[]");
    client.send_text(r#"["facts"]"#);
    assert_eq!(client.next_text(), format!("a[\"websocket {PATH}\"]"));
    assert_eq!(
        only(&mut test).transport(),
        TransportKind::WebSocket,
        "not how it was opened"
    );
    client.send_text(r#"["bye"]"#);
    assert_eq!(client.next_text(), r#"c[3000,"Go away!"]"#);
    assert_eq!(client.next_close(), (3000, "Go away!".to_owned()));
    assert_eq!(client.next_message(), Some(TestMessage::End));
    test.settle();
    let notes = notes.lock().expect("not poisoned");
    assert_eq!(*notes, ["3000 Application Go away!"]);
}

#[test]
fn s38_a_raw_websocket_has_no_frames_of_sockjs() {
    let mut test = start(echo().with_sockjs());
    for path in ["/e/websocket", "/e"] {
        let mut client = test.connect(path);
        client.send_text(r#"["a"]"#);
        assert_eq!(client.next_text(), r#"["a"]"#);
        client.send_binary(b"\xff");
        assert_eq!(client.next_binary(), b"\xff");
        client.close(1000, "");
        assert_eq!(client.next_close().0, 1000);
    }
    for path in ["/e/websocket/", "/e/../websocket", "/e/000/a.b/websocket"] {
        let refusal = test.handshake(path).connect().expect_err("no such path");
        assert_eq!(refusal.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn s37_s51_s56_without_websocket_its_paths_are_not_there() {
    let off = SockJs::new().websocket(false);
    let replaced = SockJs::new().transports([SockJsTransport::Xhr]);
    for options in [off, replaced] {
        let mut test = start(echo().sockjs(options));
        for path in ["/e/websocket", PATH] {
            let refusal = test.handshake(path).connect().expect_err("no such path");
            assert_eq!(refusal.status, StatusCode::NOT_FOUND, "{path}");
        }
        // What has nothing to do with SockJS stays.
        let mut client = test.connect("/e");
        client.send_text("a");
        assert_eq!(client.next_text(), "a");
    }
    let mut test = start(echo());
    let refusal = test.handshake(PATH).connect().expect_err("no SockJS");
    assert_eq!(refusal.status, StatusCode::NOT_FOUND);
}

#[test]
fn s52_bad_json_closes_with_1007_and_no_frame_before_it() {
    let notes = Notes::default();
    let mut test = start(noting(echo(), &notes).with_sockjs());
    for bad in [r#"["x"#, "a", "[1]", r#"["a",["b"]]"#, r#"{"a":"b"}"#] {
        let mut client = connect(&mut test);
        client.send_text(r#"["before"]"#);
        assert_eq!(client.next_text(), r#"a["before"]"#);
        client.send_text(bad);
        let (code, reason) = client.next_close();
        assert_eq!(code, 1007, "{bad}");
        assert!(reason.starts_with("bad-json: Broken JSON"), "{reason}");
        assert_eq!(client.next_message(), Some(TestMessage::End));
        test.settle();
        let note = notes.lock().expect("not poisoned").pop();
        let expected = format!("1007 {:?} {reason}", Cause::Protocol);
        assert_eq!(note, Some(expected));
    }
    assert_eq!(test.handle().sessions(), 0);
}

#[test]
fn s21_s39_sockjs_has_no_binary_messages() {
    let mut test = start(echo().with_sockjs());
    let mut client = connect(&mut test);
    client.send_binary(b"[\"a\"]");
    assert!(client.next_text().starts_with("c[1003,\"unsupported: "));
    assert_eq!(client.next_close().0, 1003);

    let (mut plain, mut client) = (test.connect("/e"), connect(&mut test));
    let tell = |test: &TestApplication, bytes: &'static [u8]| {
        let message = Message::binary(bytes);
        test.handle().broadcast("/e", message).expect("accepted");
    };
    tell(&test, "grüß".as_bytes());
    assert_eq!(client.next_text(), "a[\"grüß\"]");
    assert_eq!(plain.next_binary(), "grüß".as_bytes());
    tell(&test, b"\xff\xfe");
    assert!(client.next_text().starts_with("c[1003,\"binary: "));
    let (code, reason) = client.next_close();
    assert_eq!(code, 1003);
    assert!(reason.starts_with("binary: "), "{reason}");
    assert_eq!(client.next_message(), Some(TestMessage::End));
    // Nobody else is concerned.
    assert_eq!(plain.next_binary(), b"\xff\xfe");
    assert_eq!(test.handle().sessions(), 1);
}

#[test]
fn s39_s194_a_message_has_a_limit_as_json() {
    let mut test = start(echo().message_bytes_max(100).with_sockjs());
    let mut client = connect(&mut test);
    let text = "x".repeat(96);
    client.send_text(&format!("[\"{text}\"]"));
    assert_eq!(client.next_text(), format!("a[\"{text}\"]"));
    client.send_text(&format!("[\"x{text}\"]"));
    let frame = client.next_text();
    assert!(frame.starts_with("c[1009,\"too-big: "), "{frame}");
    assert_eq!(client.next_close().0, 1009);

    let mut test = start(echo().with_sockjs());
    let mut client = connect(&mut test);
    let many = vec!["\"\""; campanile_sockjs::MESSAGES_MAX + 1].join(",");
    client.send_text(&format!("[{many}]"));
    let (code, reason) = client.next_close();
    assert_eq!(code, 1009);
    assert!(reason.starts_with("too-big: too many messages"), "{reason}");
}

#[test]
fn s46_a_silent_session_gets_heart_beats_and_others_do_not() {
    for (options, interval) in [
        (SockJs::new(), 25),
        (SockJs::new().heart_beat(Duration::from_secs(10)), 10),
    ] {
        let mut test = start(echo().sockjs(options));
        let (mut plain, mut client) = (test.connect("/e"), connect(&mut test));
        for _ in 0..3 {
            test.advance(Duration::from_secs(interval));
            assert_eq!(client.next_text(), "h");
            assert_eq!(client.next_message(), None);
        }
        // What is sent to it is a sign of life, too.
        for _ in 0..10 {
            test.advance(Duration::from_secs(interval / 2));
            client.send_text("\"a\"");
            assert_eq!(client.next_text(), r#"a["a"]"#);
        }
        assert_eq!(client.next_message(), None);
        assert_eq!(plain.next_message(), None);
    }
}

#[test]
fn s17_a_websocket_below_sockjs_is_asked_whether_it_is_there() {
    let endpoint = echo().ping_after(Duration::from_secs(20)).with_sockjs();
    let mut test = start(endpoint);
    let mut client = connect(&mut test);
    test.advance(Duration::from_secs(21));
    assert_eq!(client.next_message(), Some(TestMessage::Ping(Vec::new())));
    client.answer_pings(false);
    test.advance(Duration::from_secs(60));
    let messages = client.received();
    let last = messages.iter().rev().find_map(|one| match one {
        TestMessage::Close(code, _) => Some(*code),
        _ => None,
    });
    assert_eq!(last, Some(1001), "{messages:?}");
}

#[test]
fn s39_s193_an_endpoint_in_parts_gets_whole_messages() {
    let notes = Notes::default();
    let noted = Arc::clone(&notes);
    let endpoint = Endpoint::new().on_text_part(move |TextPart { text, is_last }: TextPart| {
        let note = format!("{text} {is_last}");
        noted.lock().expect("not poisoned").push(note);
        async {}
    });
    let mut test = start(endpoint.with_sockjs());
    let mut client = connect(&mut test);
    client.send_text_parts(&[r#"["on"#, r#"e","#, r#""two"]"#]);
    test.settle();
    let notes = notes.lock().expect("not poisoned");
    assert_eq!(*notes, ["one true", "two true"]);
}

#[test]
fn s150_messages_of_one_array_wait_for_callbacks_as_others_do() {
    const MESSAGES: usize = 1_000;
    let (gate, called) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let handled = Arc::new(Mutex::new(Vec::new()));
    let (open, counted, noted) = (Arc::clone(&gate), Arc::clone(&called), Arc::clone(&handled));
    let endpoint = Endpoint::new().on_text(move |Text(text): Text| {
        let (open, noted) = (Arc::clone(&open), Arc::clone(&noted));
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            open.acquire().await.expect("an open gate").forget();
            noted.lock().expect("not poisoned").push(text);
        }
    });
    let mut test = start(endpoint.with_sockjs());
    let mut client = connect(&mut test);
    let numbers: Vec<String> = (0..=MESSAGES).map(|number| number.to_string()).collect();
    let (array, last) = numbers.split_at(MESSAGES);
    client.send_text(&format!("[\"{}\"]", array.join("\",\"")));
    // What comes later has to wait for all of them.
    client.send_text(&format!("\"{}\"", last[0]));
    test.settle();
    assert_eq!(called.load(Ordering::Relaxed), 1);
    gate.add_permits(WAITING_MESSAGES_MAX);
    test.settle();
    assert_eq!(
        handled.lock().expect("not poisoned").len(),
        WAITING_MESSAGES_MAX
    );
    // They come in their order, the last one behind them.
    gate.add_permits(numbers.len());
    test.settle();
    assert_eq!(*handled.lock().expect("not poisoned"), numbers);
    client.send_text("[]");
    assert_eq!(client.next_message(), None);
}

#[test]
fn s39_one_publication_reaches_clients_of_every_kind() {
    let mut test = start(echo().with_sockjs());
    let (mut plain, mut raw) = (test.connect("/e"), test.connect("/e/websocket"));
    let (mut one, mut other) = (connect(&mut test), connect(&mut test));
    let handle = test.handle();
    for text in ["plain", "\"\n\u{fff0}"] {
        handle.broadcast("/e", text).expect("accepted");
    }
    for client in [&mut plain, &mut raw] {
        assert_eq!(client.next_text(), "plain");
        assert_eq!(client.next_text(), "\"\n\u{fff0}");
    }
    for client in [&mut one, &mut other] {
        assert_eq!(client.next_text(), r#"a["plain"]"#);
        assert_eq!(client.next_text(), r#"a["\"\n\ufff0"]"#);
    }
    test.leave(Duration::ZERO);
    assert!(one.next_text().starts_with("c[1001,\"leaving: "));
    assert_eq!(one.next_close().0, 1001);
}

#[test]
fn s4_a_client_may_compress_and_gets_frames_as_they_are() {
    let mut test = start(echo().with_sockjs());
    let handshake = test.handshake(PATH);
    let handshake = handshake.header("sec-websocket-extensions", "permessage-deflate");
    let mut client = handshake.connect().expect("a session");
    assert!(client.answer().contains_key("sec-websocket-extensions"));
    assert_eq!(client.next_text(), "o");
    let text = "x".repeat(1_000);
    client.send_text(&format!("[\"{text}\"]"));
    assert_eq!(client.next_text(), format!("a[\"{text}\"]"));
}

#[test]
fn s39_several_paths_and_templates_have_their_sessions() {
    let here = async |session: Session| session.path_parameters().get("room").map(str::to_owned);
    let endpoint = Endpoint::new().on_open(here).with_sockjs();
    let app = Campanile::builder().endpoint("/rooms/{room}", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = test.connect("/rooms/red/000/k3jz9q/websocket");
    assert_eq!(client.next_text(), "o");
    assert_eq!(client.next_text(), r#"a["red"]"#);
}
