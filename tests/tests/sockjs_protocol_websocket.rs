//! The protocol's tests of SockJS over WebSocket, with its frames and without.
//! `sockjs_protocol.rs` lists all.
#![expect(non_snake_case, reason = "the protocol's names, to be found by")]

use campanile_tests::{
    Raw, Request, frames,
    sockjs::{CLOSE, ECHO, GO_AWAY, Services, expect_405, get, post, session},
};

/// What a handshake needs at least to be looked at as one.
const UPGRADE: (&str, &str) = ("Upgrade", "WebSocket");

/// Opens a session over WebSocket, which is told so.
async fn open(services: &Services, session: &str) -> Raw {
    let mut raw = services.open(&format!("{session}/websocket")).await;
    raw.expect_text("o").await;
    raw
}

async fn send(raw: &mut Raw, text: &str) {
    raw.send(&frames::frame(frames::TEXT, text.as_bytes()))
        .await;
}

/// Closes as a client does, and waits for the end.
async fn close(mut raw: Raw) {
    raw.send(&frames::close(1000, b"")).await;
    raw.expect_no_more_messages().await;
}

#[tokio::test]
async fn s51_test_httpMethod() {
    let services = Services::start();
    let response = services.get(&format!("{ECHO}/0/0/websocket")).await;
    assert_eq!(response.status, 400);
}

/// Proxies may write over this header.
#[tokio::test]
async fn s51_test_invalidConnectionHeader() {
    let services = Services::start();
    let path = format!("{ECHO}/0/0/websocket");
    let request = get(&path, &[UPGRADE, ("Connection", "close")]);
    assert_eq!(services.ask(&request).await.status, 400);
}

#[tokio::test]
async fn s51_test_invalidMethod() {
    let services = Services::start();
    let path = format!("{ECHO}/0/0/websocket");
    for headers in [&[UPGRADE, ("Connection", "Upgrade")][..], &[]] {
        let response = services.ask(&post(&path, headers, "")).await;
        expect_405(&response);
    }
}

#[tokio::test]
async fn s39_test_transport_websocket() {
    let services = Services::start();
    let mut raw = open(&services, &session(ECHO)).await;
    send(&mut raw, r#"["a"]"#).await;
    raw.expect_text(r#"a["a"]"#).await;
    close(raw).await;
}

#[tokio::test]
async fn s39_s52_test_close_websocket() {
    let services = Services::start();
    let mut raw = open(&services, &session(CLOSE)).await;
    raw.expect_text(GO_AWAY).await;
    raw.expect_no_more_messages().await;
}

#[tokio::test]
async fn s39_test_headersSanity() {
    let services = Services::start();
    let path = format!("{}/websocket", session(ECHO));
    let request = Request::upgrade(&path)
        .replaced("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==")
        .with("Sec-WebSocket-Origin", "http://asd");
    let mut raw = services.send(&request.bytes()).await;
    let response = raw.head().await;
    assert_eq!(response.status, 101);
    let accept = response.header("Sec-WebSocket-Accept");
    assert_eq!(accept, Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk="));
    for (name, expected) in [("Connection", "upgrade"), ("Upgrade", "websocket")] {
        let value = response.header(name).map(str::to_lowercase);
        assert_eq!(value.as_deref(), Some(expected));
    }
    assert_eq!(response.header("Content-Length"), None);
}

/// Neither an empty message nor a list of none says anything.
#[tokio::test]
async fn s39_test_empty_frame() {
    let services = Services::start();
    let mut raw = open(&services, &session(ECHO)).await;
    for message in ["", "[]", r#"["a"]"#] {
        send(&mut raw, message).await;
    }
    raw.expect_text(r#"a["a"]"#).await;
    close(raw).await;
}

/// Over WebSocket a session is its connection: its name says nothing.
#[tokio::test]
async fn s39_test_reuseSessionId() {
    let services = Services::start();
    let session = session(ECHO);
    let mut one = open(&services, &session).await;
    let mut other = open(&services, &session).await;
    send(&mut one, r#"["a"]"#).await;
    one.expect_text(r#"a["a"]"#).await;
    send(&mut other, r#"["b"]"#).await;
    other.expect_text(r#"a["b"]"#).await;
    close(one).await;
    close(other).await;

    let mut later = open(&services, &session).await;
    send(&mut later, r#"["a"]"#).await;
    later.expect_text(r#"a["a"]"#).await;
    close(later).await;
}

/// What cannot be read ends the connection at once: there is not even a frame that says so.
#[tokio::test]
async fn s39_s52_test_broken_json() {
    let services = Services::start();
    let mut raw = open(&services, &session(ECHO)).await;
    send(&mut raw, r#"["a"#).await;
    raw.expect_no_more_messages().await;
}

#[tokio::test]
async fn s38_test_transport_raw_websocket() {
    let services = Services::start();
    let mut raw = services.open(&format!("{ECHO}/websocket")).await;
    send(&mut raw, "Hello world!\u{ffff}").await;
    raw.expect_text("Hello world!\u{ffff}").await;
    close(raw).await;
}

#[tokio::test]
async fn s38_s52_test_close_raw_websocket() {
    let services = Services::start();
    let mut raw = services.open(&format!("{CLOSE}/websocket")).await;
    let close = raw.frame().await.expect("a Close frame");
    assert_eq!(close.opcode, 8, "{close:?}");
    let (code, reason) = close.payload.split_at(2);
    assert_eq!(
        (code, reason),
        (&3000_u16.to_be_bytes()[..], &b"Go away!"[..])
    );
    raw.send(&frames::frame(frames::CLOSE, &close.payload))
        .await;
    raw.expect_end().await;
}
