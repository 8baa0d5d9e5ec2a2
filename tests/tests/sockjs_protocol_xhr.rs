//! The protocol's tests of SockJS over XMLHttpRequest, by polling and as a stream, and of which
//! characters are escaped. `sockjs_protocol.rs` lists all.

use campanile_tests::{
    Request,
    sockjs::{
        ECHO, ORIGIN, Services, expect_content_type, expect_cors, expect_not_cached,
        expect_preflight, expect_refusal, post, preflight, session, text, xhr_prelude,
    },
};

const SCRIPT: &str = "application/javascript;charset=UTF-8";

#[tokio::test]
async fn s40_s50_test_options_xhr_polling() {
    let services = Services::start();
    for transport in ["xhr", "xhr_send"] {
        let path = format!("{ECHO}/abc/abc/{transport}");
        expect_preflight(&services, &path, &["OPTIONS", "POST"]).await;
    }
}

#[tokio::test]
async fn s40_test_transport_xhr_polling() {
    let services = Services::start();
    let session = session(ECHO);
    let request = post(&format!("{session}/xhr"), &[ORIGIN], "");
    let response = services.ask(&request).await;
    assert_eq!(response.status, 200);
    assert_eq!(text(&response), "o\n");
    expect_content_type(&response, SCRIPT);
    expect_cors(&response, "test");
    expect_not_cached(&response);

    let request = post(&format!("{session}/xhr_send"), &[ORIGIN], r#"["x"]"#);
    let response = services.ask(&request).await;
    assert_eq!(response.status, 204);
    // Some browsers took what has no type for XML, and complained.
    expect_content_type(&response, "text/plain;charset=UTF-8");
    expect_cors(&response, "test");
    expect_not_cached(&response);

    assert_eq!(services.poll(&session).await, "a[\"x\"]\n");
}

#[tokio::test]
async fn s51_test_invalid_session() {
    let services = Services::start();
    let session = session(ECHO);
    let path = format!("{session}/xhr_send");
    assert_eq!(services.post(&path, r#"["x"]"#).await.status, 404);
    services.open_by_polling(&session).await;
    assert_eq!(services.post(&path, r#"["x"]"#).await.status, 204);
}

/// Clients of old said nothing of the length of no body (RFC 9112 6.3): this is not one of the 67,
/// but stands beside them as a quirk of HTTP that servers have stumbled over.
#[tokio::test]
async fn s40_a_post_needs_no_length() {
    let services = Services::start();
    let path = format!("{}/xhr", session(ECHO));
    let request = Request::get(&path).line(&format!("POST {path} HTTP/1.1"));
    let response = services.ask(&request.bytes()).await;
    assert_eq!((response.status, &*text(&response)), (200, "o\n"));
}

/// What cannot be read is refused, and the session goes on.
#[tokio::test]
async fn s51_test_invalid_json_xhr_polling() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    let path = format!("{session}/xhr_send");
    let response = services.post(&path, r#"["x"#).await;
    expect_refusal(&response, 500, "Broken JSON encoding.");
    let response = services.post(&path, "").await;
    expect_refusal(&response, 500, "Payload expected.");
    services.send_messages(&session, r#"["a"]"#).await;
    assert_eq!(services.poll(&session).await, "a[\"a\"]\n");
}

/// Clients call what they send this and that. All that waits comes in one frame.
#[tokio::test]
async fn s40_test_content_types_xhr_polling() {
    const TYPES: [&str; 8] = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml; charset=utf-8",
        "text/xml",
    ];
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    for content_type in TYPES {
        let headers = [("Content-Type", content_type)];
        let request = post(&format!("{session}/xhr_send"), &headers, r#"["a"]"#);
        let response = services.ask(&request).await;
        assert_eq!(response.status, 204, "{content_type:?}");
    }
    let expected = format!("a[{}]\n", [r#""a""#; TYPES.len()].join(","));
    assert_eq!(services.poll(&session).await, expected);
}

/// Headers that a browser asks for are allowed.
#[tokio::test]
async fn s40_s50_test_request_headers_cors() {
    let services = Services::start();
    for asked in [Some("a, b, c"), Some(""), None] {
        let path = format!("{}/xhr", session(ECHO));
        let mut headers = vec![ORIGIN, ("Access-Control-Request-Method", "POST")];
        headers.extend(asked.map(|asked| ("Access-Control-Request-Headers", asked)));
        let response = services.ask(&preflight(&path, &headers)).await;
        assert_eq!(response.status, 204);
        expect_cors(&response, "test");
        let allowed = response.header("Access-Control-Allow-Headers");
        assert_eq!(allowed.unwrap_or_default(), asked.unwrap_or_default());
    }
}

/// Clients may send no messages, to be heard of.
#[tokio::test]
async fn s40_test_sending_empty_frame_xhr_polling() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    services.send_messages(&session, "[]").await;
    services.send_messages(&session, r#"["a"]"#).await;
    assert_eq!(services.poll(&session).await, "a[\"a\"]\n");
}

#[tokio::test]
async fn s41_s50_test_options_xhr_streaming() {
    let services = Services::start();
    let path = format!("{ECHO}/abc/abc/xhr_streaming");
    expect_preflight(&services, &path, &["OPTIONS", "POST"]).await;
}

#[tokio::test]
async fn s41_test_transport_xhr_streaming() {
    let services = Services::start();
    let session = session(ECHO);
    let request = post(&format!("{session}/xhr_streaming"), &[ORIGIN], "");
    let (head, mut stream) = services.stream(&request).await;
    expect_content_type(&head, SCRIPT);
    expect_cors(&head, "test");
    expect_not_cached(&head);
    stream.expect_chunk(&xhr_prelude()).await;
    stream.expect_chunk("o\n").await;
    services.send_messages(&session, r#"["x"]"#).await;
    stream.expect_chunk("a[\"x\"]\n").await;
}

/// A browser keeps all of an answer for as long as that lasts, so it ends after 4,096 bytes here.
#[tokio::test]
async fn s48_test_response_limit_xhr_streaming() {
    let services = Services::start();
    let session = session(ECHO);
    let mut stream = services.stream_by_xhr(&session).await;
    stream.expect_chunk("o\n").await;
    let messages = format!(r#"["{}"]"#, "x".repeat(128));
    for _ in 0..31 {
        services.send_messages(&session, &messages).await;
        stream.expect_chunk(&format!("a{messages}\n")).await;
    }
    stream.expect_last_chunk().await;
}

/// Sends a message by `xhr_send`, given as it stands in JSON; returns the frame that comes back by
/// `xhr`.
async fn echoed(services: &Services, session: &str, message: &str) -> String {
    let messages = format!("[\"{message}\"]");
    services.send_messages(session, &messages).await;
    services.poll(session).await
}

/// The one message of a frame.
fn message(frame: &str) -> String {
    let list = frame.strip_prefix('a').unwrap_or_default();
    match serde_json::from_str::<[String; 1]>(list) {
        Ok([message]) => message,
        Err(error) => panic!("{error}: {frame:?}"),
    }
}

/// Sends each character of the basic plane (all but the surrogates, which are none by themselves),
/// `written` so; returns the frames, in which they have come back. No message is longer than a
/// server takes as it comes.
async fn echoed_plane(written: impl Fn(char) -> String) -> Vec<String> {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    let mut frames = Vec::new();
    for part in Vec::from_iter('\0'..='\u{ffff}').chunks(8_192) {
        let text: String = part.iter().copied().map(&written).collect();
        let frame = echoed(&services, &session, &text).await;
        assert_eq!(message(&frame), String::from_iter(part));
        frames.push(frame);
    }
    frames
}

/// A character as JSON may write each.
fn escaped(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// Characters that some browsers mangle on their way in, and a server must escape.
fn is_mangled(character: char) -> bool {
    matches!(
        character,
        '\u{200c}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{ffff}'
    )
}

/// Characters that JSON does not let stand for themselves (RFC 8259 7).
fn is_forbidden(character: char) -> bool {
    character < ' ' || character == '"' || character == '\\'
}

#[tokio::test]
async fn s55_test_xhr_server_encodes() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    let mangled = || ('\0'..='\u{ffff}').filter(|it| is_mangled(*it));
    let frame = echoed(&services, &session, &String::from_iter(mangled())).await;
    let expected: String = mangled().map(escaped).collect();
    assert_eq!(frame, format!("a[\"{expected}\"]\n"));

    // Among all others, of which none but JSON's own are sent escaped.
    let written = |it| {
        if is_forbidden(it) {
            escaped(it)
        } else {
            it.to_string()
        }
    };
    for frame in echoed_plane(written).await {
        let bare = frame
            .trim_end()
            .chars()
            .find(|it| is_mangled(*it) || *it < ' ');
        assert_eq!(bare, None);
    }
}

/// Browsers escape more characters than a test can name: here are all.
#[tokio::test]
async fn s55_test_xhr_server_decodes() {
    echoed_plane(escaped).await;
}
