//! SockJS over plain HTTP: how long sessions live, and what each request gets.

mod support;

use std::time::Duration;

use campanile::testing::TestApplication;
use campanile::{Campanile, CloseCode, Endpoint, SockJs, Text};

use support::kit::echo;
use support::sockjs::{poll, post, send};

fn start(endpoint: Endpoint, options: SockJs) -> TestApplication {
    let app = Campanile::builder().endpoint("/e", endpoint.sockjs(options));
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn s40_a_poll_opens_a_session_and_gets_what_was_sent_since_the_last_one() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    for number in 1..=8 {
        send(&mut test, "/e/0/s/xhr_send", &format!("[\"{number}\"]"));
    }
    let all = "a[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]\n";
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), all);
    assert_eq!(
        post(&mut test, "/e/0/other/xhr_send", "[\"x\"]").status,
        404
    );
}

#[test]
fn s47_a_session_without_requests_ends_and_is_remembered_for_a_while() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    test.advance(Duration::from_secs(4));
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"x\"]\n");
    test.advance(Duration::from_secs(6));
    let told =
        "c[1001,\"no-receiver: no request fetched messages for 5 s; open another session\"]\n";
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), told);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), told);
    assert_eq!(post(&mut test, "/e/0/s/xhr_send", "[\"x\"]").status, 404);
    test.advance(Duration::from_secs(6));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
}

#[test]
fn s47_a_session_that_is_fetched_from_lives_on_without_messages() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    // Each of these waits for a heart-beat, so five disconnect delays.
    for _ in 0..3 {
        assert_eq!(poll(&mut test, "/e/0/s/xhr"), "h\n");
    }
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"x\"]\n");
}

#[test]
fn s46_s47_heart_beats_do_not_pile_up_while_nobody_fetches() {
    let options = SockJs::new()
        .heart_beat(Duration::from_secs(1))
        .disconnect_delay(Duration::from_secs(60));
    let mut test = start(echo(), options);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    test.advance(Duration::from_secs(20));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "h\n");
    test.advance(Duration::from_secs(20));
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"x\"]\n");
}

#[test]
fn s48_a_stream_ends_at_its_limit_and_the_next_one_goes_on() {
    let mut test = start(echo(), SockJs::new().stream_bytes_max(1));
    let prelude = "h".repeat(2_048) + "\n";
    let path = "/e/0/s/xhr_streaming";
    assert_eq!(poll(&mut test, path), format!("{prelude}o\n"));
    send(&mut test, "/e/0/s/xhr_send", "[\"a\",\"b\"]");
    assert_eq!(poll(&mut test, path), format!("{prelude}a[\"a\"]\n"));
    assert_eq!(poll(&mut test, path), format!("{prelude}a[\"b\"]\n"));

    let mut test = start(echo(), SockJs::new().stream_bytes_max(7));
    // The prelude does not count: an opening and two heart-beats are six bytes, a third one is too
    // many.
    assert_eq!(poll(&mut test, path), format!("{prelude}o\nh\nh\nh\n"));
    send(&mut test, "/e/0/s/xhr_send", "[\"a\"]");
    assert_eq!(poll(&mut test, path), format!("{prelude}a[\"a\"]\n"));
}

#[test]
fn s49_a_session_with_too_many_messages_for_nobody_ends_as_a_slow_consumer() {
    for (messages, overflows) in [(10, false), (11, true)] {
        let mut test = start(echo(), SockJs::new().messages_max(10));
        assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
        let handle = test.handle();
        for _ in 0..messages {
            handle.broadcast("/e", "x").expect("room");
        }
        test.settle();
        let all = vec!["\"x\""; messages].join(",");
        assert_eq!(poll(&mut test, "/e/0/s/xhr"), format!("a[{all}]\n"));
        let told = "c[1008,\"slow-consumer: more than 10 messages waited for a request; \
                    reconnect and read faster\"]\n";
        let expected = if overflows { told } else { "h\n" };
        assert_eq!(poll(&mut test, "/e/0/s/xhr"), expected);
    }
}

#[test]
fn s52_a_session_that_the_application_has_closed_says_so_to_everybody() {
    let closing = Endpoint::new().on_open(async || {
        CloseCode::new(3_000).map(|code| campanile::Close::new(code, "Go away!"))
    });
    let mut test = start(closing, SockJs::new().jsonp(true));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "c[3000,\"Go away!\"]\n");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "c[3000,\"Go away!\"]\n");
    assert_eq!(post(&mut test, "/e/0/s/xhr_send", "[\"x\"]").status, 404);
    let mut get = |path: &str| test.get(path).1;
    assert_eq!(
        get("/e/0/e/eventsource"),
        "\r\ndata: o\r\n\r\ndata: c[3000,\"Go away!\"]\r\n\r\n"
    );
    assert_eq!(get("/e/0/j/jsonp?c=f"), "/**/f(\"o\");\r\n");
    assert_eq!(
        get("/e/0/j/jsonp?c=f"),
        "/**/f(\"c[3000,\\\"Go away!\\\"]\");\r\n"
    );
}

#[test]
fn s51_what_is_sent_is_bounded_and_checked() {
    let mut test = start(echo().message_bytes_max(20), SockJs::new().jsonp(true));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    let path = "/e/0/s/xhr_send";
    // Four messages' lengths, of which each message may have one.
    let long = format!("[\"{}\"]", "x".repeat(77));
    assert_eq!(post(&mut test, path, &long).status, 413);
    let text = "x".repeat(20);
    send(
        &mut test,
        path,
        &format!("[\"{text}\",\"{text}\",\"{text}\"]"),
    );
    let echoed = format!("a[\"{text}\",\"{text}\",\"{text}\"]\n");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), echoed);
    for (body, expected) in [("", "Payload expected."), ("[\"x", "Broken JSON encoding.")] {
        let answer = post(&mut test, path, body);
        assert_eq!(answer.status, 500);
        assert!(answer.body.starts_with(expected), "{}", answer.body);
    }
    send(&mut test, path, "[\"a\",\n\r\n\"b\"]\n");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"a\",\"b\"]\n");
    let answer = post(&mut test, "/e/0/s/xhr_send?t=1", "[\"c\"]");
    assert_eq!(answer.status, 204);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"c\"]\n");
    send(&mut test, path, &format!("[\"{text}y\"]"));
    let told = "c[1009,\"too-big: message over 20 bytes\"]\n";
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), told);
}

#[test]
fn s40_messages_to_a_slow_callback_wait_for_it_in_order() {
    let slow = Endpoint::new().on_text(async |Text(text): Text| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        text
    });
    let mut test = start(
        slow,
        SockJs::new()
            .disconnect_delay(Duration::from_secs(3_000))
            .messages_max(9_999),
    );
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    let mut expected = Vec::new();
    for number in 0..50 {
        let json: Vec<String> = (0..10).map(|one| format!("\"{number}-{one}\"")).collect();
        send(
            &mut test,
            "/e/0/s/xhr_send",
            &format!("[{}]", json.join(",")),
        );
        expected.extend(json);
    }
    let mut got = String::new();
    while got.matches(',').count() + 1 < expected.len() || got.is_empty() {
        let answer = poll(&mut test, "/e/0/s/xhr");
        if let Some(messages) = answer
            .strip_prefix("a[")
            .and_then(|rest| rest.strip_suffix("]\n"))
        {
            got += if got.is_empty() { "" } else { "," };
            got += messages;
        }
    }
    assert_eq!(got, expected.join(","));
}

#[test]
fn s52_leaving_ends_each_session_with_a_reason() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    test.leave(Duration::ZERO);
    let told = poll(&mut test, "/e/0/s/xhr");
    assert!(told.starts_with("c[1001,\"leaving: "), "{told}");
    assert_eq!(post(&mut test, "/e/0/new/xhr", "").status, 503);
}
