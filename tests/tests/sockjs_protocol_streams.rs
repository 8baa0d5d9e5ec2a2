//! The protocol's tests of SockJS over streams that pages open without XMLHttpRequest, and of
//! polling by scripts; and of the cookie that load balancers go by. `sockjs_protocol.rs` lists all.

use campanile_tests::{
    Raw, Response,
    sockjs::{
        CLOSE, ECHO, ECHO_WITH_COOKIE, FORM, Services, expect_content_type, expect_not_cached,
        expect_refusal, get, post, session, text,
    },
};

const SCRIPT: &str = "application/javascript;charset=UTF-8";
const TEXT: &str = "text/plain;charset=UTF-8";
/// What `htmlfile` begins with, for the callback `callback`.
const HTML_PRELUDE: &str = r#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.callback;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"#;

/// Opens a stream by a GET.
async fn stream(services: &Services, path: &str) -> (Response, Raw) {
    services.stream(&get(path, &[])).await
}

#[tokio::test]
async fn s42_test_transport_event_source() {
    let services = Services::start();
    let session = session(ECHO);
    let (head, mut stream) = stream(&services, &format!("{session}/eventsource")).await;
    expect_content_type(&head, "text/event-stream");
    expect_not_cached(&head);
    // A browser of old missed the first line.
    stream.expect_chunk("\r\n").await;
    stream.expect_chunk("data: o\r\n\r\n").await;
    services.send_messages(&session, r#"["x"]"#).await;
    stream.expect_chunk("data: a[\"x\"]\r\n\r\n").await;
    // Nothing of a message can be taken for an end of line.
    let messages = r#"["  \u0000\n\r "]"#;
    services.send_messages(&session, messages).await;
    stream
        .expect_chunk(&format!("data: a{messages}\r\n\r\n"))
        .await;
}

#[tokio::test]
async fn s42_s48_test_response_limit_event_source() {
    let services = Services::start();
    let session = session(ECHO);
    let (_, mut stream) = stream(&services, &format!("{session}/eventsource")).await;
    stream.expect_chunk("\r\n").await;
    stream.expect_chunk("data: o\r\n\r\n").await;
    let messages = format!(r#"["{}"]"#, "x".repeat(4096));
    services.send_messages(&session, &messages).await;
    stream
        .expect_chunk(&format!("data: a{messages}\r\n\r\n"))
        .await;
    stream.expect_last_chunk().await;
}

/// Expects the page that `htmlfile` begins with: long enough for browsers to begin with it, too.
async fn expect_html_prelude(stream: &mut Raw) {
    let prelude = stream.chunk().await.expect("the prelude");
    assert!(prelude.len() > 1024, "only {} bytes", prelude.len());
    let prelude = String::from_utf8(prelude).expect("UTF-8");
    assert_eq!(prelude.trim(), HTML_PRELUDE);
}

/// Expects a frame, given as it stands in a script's string.
async fn expect_script(stream: &mut Raw, frame: &str) {
    let script = format!("<script>\np(\"{frame}\");\n</script>\r\n");
    stream.expect_chunk(&script).await;
}

#[tokio::test]
async fn s43_test_transport_html_file() {
    let services = Services::start();
    let session = session(ECHO);
    let path = format!("{session}/htmlfile?c=%63allback");
    let (head, mut stream) = stream(&services, &path).await;
    expect_content_type(&head, "text/html;charset=UTF-8");
    expect_not_cached(&head);
    expect_html_prelude(&mut stream).await;
    expect_script(&mut stream, "o").await;
    services.send_messages(&session, r#"["x"]"#).await;
    expect_script(&mut stream, r#"a[\"x\"]"#).await;
}

/// Expects that a transport does not run without the name of a callback.
async fn expect_callback_required(transport: &str) {
    let services = Services::start();
    let response = services.get(&format!("{ECHO}/a/a/{transport}")).await;
    expect_refusal(&response, 500, "\"callback\" parameter required");
}

/// Expects that a transport takes no name that could be more than one.
async fn expect_callback_checked(transport: &str) {
    let services = Services::start();
    for callback in ["%20", "*", "abc(", "abc%28"] {
        let path = format!("{ECHO}/a/a/{transport}?c={callback}");
        let response = services.get(&path).await;
        expect_refusal(&response, 500, "invalid \"callback\" parameter");
    }
}

#[tokio::test]
async fn s43_s51_test_no_callback_html_file() {
    expect_callback_required("htmlfile").await;
}

#[tokio::test]
async fn s43_s51_test_invalid_callback_html_file() {
    expect_callback_checked("htmlfile").await;
}

#[tokio::test]
async fn s43_s48_test_response_limit_html_file() {
    let services = Services::start();
    let session = session(ECHO);
    let path = format!("{session}/htmlfile?c=callback");
    let (_, mut stream) = stream(&services, &path).await;
    expect_html_prelude(&mut stream).await;
    expect_script(&mut stream, "o").await;
    let message = "x".repeat(4096);
    let messages = format!(r#"["{message}"]"#);
    services.send_messages(&session, &messages).await;
    expect_script(&mut stream, &format!(r#"a[\"{message}\"]"#)).await;
    stream.expect_last_chunk().await;
}

/// Polls by `jsonp`: expects a call of `x` with this frame, as it stands in a script's string.
async fn expect_call(services: &Services, session: &str, frame: &str) {
    let response = services.get(&format!("{session}/jsonp?c=x")).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(text(&response), format!("/**/x(\"{frame}\");\r\n"));
}

/// Sends a form by `jsonp_send`.
async fn send_form(services: &Services, session: &str, form: &str) -> Response {
    let path = format!("{session}/jsonp_send");
    services.ask(&post(&path, &[FORM], form)).await
}

/// Sends a form, or something else, that is taken: with an answer, since a browser of old had
/// trouble with none.
async fn send_taken(services: &Services, request: &[u8]) {
    let response = services.ask(request).await;
    assert_eq!((response.status, &*text(&response)), (200, "ok"));
}

#[tokio::test]
async fn s56_test_transport_json_polling() {
    let services = Services::start();
    let session = session(ECHO);
    let path = format!("{session}/jsonp?c=%63allback");
    let response = services.get(&path).await;
    assert_eq!(response.status, 200);
    expect_content_type(&response, SCRIPT);
    expect_not_cached(&response);
    assert_eq!(text(&response), "/**/callback(\"o\");\r\n");

    let response = send_form(&services, &session, "d=%5B%22x%22%5D").await;
    assert_eq!((response.status, &*text(&response)), (200, "ok"));
    expect_content_type(&response, TEXT);
    expect_not_cached(&response);

    let response = services.get(&path).await;
    assert_eq!(response.status, 200);
    assert_eq!(text(&response), "/**/callback(\"a[\\\"x\\\"]\");\r\n");
}

#[tokio::test]
async fn s51_s56_test_no_callback_json_polling() {
    expect_callback_required("jsonp").await;
}

#[tokio::test]
async fn s51_s56_test_invalid_callback_json_polling() {
    expect_callback_checked("jsonp").await;
}

#[tokio::test]
async fn s51_s56_test_invalid_json_json_polling() {
    let services = Services::start();
    let session = session(ECHO);
    expect_call(&services, &session, "o").await;
    let response = send_form(&services, &session, "d=%5B%22x").await;
    expect_refusal(&response, 500, "Broken JSON encoding.");
    for nothing in ["", "d=", "p=p"] {
        let response = send_form(&services, &session, nothing).await;
        expect_refusal(&response, 500, "Payload expected.");
    }
    let response = send_form(&services, &session, "d=%5B%22b%22%5D").await;
    assert_eq!(text(&response), "ok");
    expect_call(&services, &session, r#"a[\"b\"]"#).await;
}

/// Only a form is decoded as one.
#[tokio::test]
async fn s56_test_content_types_json_polling() {
    let services = Services::start();
    let session = session(ECHO);
    expect_call(&services, &session, "o").await;
    let path = format!("{session}/jsonp_send");
    let form = post(&path, &[FORM], "d=%5B%22abc%22%5D");
    send_taken(&services, &form).await;
    let plain = post(&path, &[("Content-Type", "text/plain")], r#"["%61bc"]"#);
    send_taken(&services, &plain).await;
    expect_call(&services, &session, r#"a[\"abc\",\"%61bc\"]"#).await;
}

#[tokio::test]
async fn s52_s56_test_close_json_polling() {
    let services = Services::start();
    let session = session(CLOSE);
    expect_call(&services, &session, "o").await;
    for _ in 0..2 {
        expect_call(&services, &session, r#"c[3000,\"Go away!\"]"#).await;
    }
}

#[tokio::test]
async fn s56_test_sending_empty_frame_json_polling() {
    let services = Services::start();
    let session = session(ECHO);
    expect_call(&services, &session, "o").await;
    for form in ["d=%5B%5D", "d=%5B%22x%22%5D"] {
        let response = send_form(&services, &session, form).await;
        assert_eq!(text(&response), "ok");
    }
    expect_call(&services, &session, r#"a[\"x\"]"#).await;
}

/// Expects the cookie with this value, for all paths.
fn expect_cookie(response: &Response, value: &str) {
    let cookie = response.header("Set-Cookie").unwrap_or_default();
    let mut parts = cookie.split(';').map(str::trim);
    assert_eq!(parts.next(), Some(&*format!("JSESSIONID={value}")));
    let path = parts.next().map(str::to_lowercase);
    assert_eq!(path.as_deref(), Some("path=/"), "{cookie:?}");
}

/// Expects a stream to come with the cookie.
async fn expect_stream_with_cookie(path: &str, request: impl Fn(&str) -> Vec<u8>) {
    let services = Services::start();
    let path = format!("{}/{path}", session(ECHO_WITH_COOKIE));
    let (head, _) = services.stream(&request(&path)).await;
    expect_cookie(&head, "dummy");
}

#[tokio::test]
async fn s36_test_basic_jsessionid_cookie() {
    let services = Services::start();
    let response = services.get(&format!("{ECHO_WITH_COOKIE}/info")).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("Set-Cookie"), None);
    assert_eq!(response.json()["cookie_needed"], true);
}

/// A cookie that is there already is left as it is.
#[tokio::test]
async fn s36_s40_test_xhr() {
    let services = Services::start();
    let cookie = ("Cookie", "JSESSIONID=abcdef");
    for (headers, value) in [(&[][..], "dummy"), (&[cookie], "abcdef")] {
        let path = format!("{}/xhr", session(ECHO_WITH_COOKIE));
        let response = services.ask(&post(&path, headers, "")).await;
        assert_eq!((response.status, &*text(&response)), (200, "o\n"));
        expect_cookie(&response, value);
    }
}

#[tokio::test]
async fn s36_s41_test_xhr_streaming() {
    expect_stream_with_cookie("xhr_streaming", |path| post(path, &[], "")).await;
}

#[tokio::test]
async fn s36_s42_test_eventsource() {
    expect_stream_with_cookie("eventsource", |path| get(path, &[])).await;
}

#[tokio::test]
async fn s36_s43_test_htmlfile() {
    expect_stream_with_cookie("htmlfile?c=%63allback", |path| get(path, &[])).await;
}

#[tokio::test]
async fn s36_s56_test_jsonp() {
    let services = Services::start();
    let session = session(ECHO_WITH_COOKIE);
    let response = services.get(&format!("{session}/jsonp?c=%63allback")).await;
    assert_eq!(response.status, 200);
    expect_cookie(&response, "dummy");
    assert_eq!(text(&response), "/**/callback(\"o\");\r\n");
    let response = send_form(&services, &session, "d=%5B%22x%22%5D").await;
    assert_eq!((response.status, &*text(&response)), (200, "ok"));
    expect_cookie(&response, "dummy");
}
