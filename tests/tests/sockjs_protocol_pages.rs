//! The protocol's tests of SockJS's greeting, the page for frames, what is told about a service,
//! and HTTP itself. `sockjs_protocol.rs` lists all.
#![expect(non_snake_case, reason = "the protocol's names, to be found by")]

use campanile_tests::{
    Raw, Request, Response,
    sockjs::{
        CLOSE, ECHO, ECHO_WITHOUT_WEBSOCKET, GO_AWAY, GREETING, ORIGIN, Services, expect_cached,
        expect_content_type, expect_cors, expect_not_cached, expect_preflight, get, post,
        preflight, session, text, xhr_prelude,
    },
};

/// The page for frames, before and behind the address of the client's library.
const IFRAME: [&str; 2] = [
    r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src=""#,
    r#""></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"#,
];

async fn expect_404(services: &Services, suffix: &str) {
    let path = format!("{ECHO}{suffix}");
    assert_eq!(services.get(&path).await.status, 404, "{path}");
}

#[tokio::test]
async fn s34_test_greeting() {
    let services = Services::start();
    for path in [ECHO.to_owned(), format!("{ECHO}/")] {
        let response = services.get(&path).await;
        assert_eq!(response.status, 200, "{path}");
        expect_content_type(&response, "text/plain;charset=UTF-8");
        assert_eq!(text(&response), GREETING);
        assert_eq!(response.header("Set-Cookie"), None);
    }
}

#[tokio::test]
async fn s34_s51_test_notFound() {
    let services = Services::start();
    assert_eq!(services.get(ECHO).await.status, 200);
    for suffix in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"] {
        expect_404(&services, suffix).await;
    }
}

/// Expects the page for frames, which browsers keep for long.
async fn expect_iframe(services: &Services, suffix: &str) {
    let response = services.get(&format!("{ECHO}{suffix}")).await;
    assert_eq!(response.status, 200, "{suffix}");
    expect_content_type(&response, "text/html;charset=UTF-8");
    expect_cached(&response);
    assert!(response.header("ETag").is_some_and(|it| !it.is_empty()));
    assert_eq!(response.header("Last-Modified"), None);
    assert_eq!(response.header("Set-Cookie"), None);
    let page = text(&response);
    let library = page
        .trim()
        .strip_prefix(IFRAME[0])
        .and_then(|rest| rest.strip_suffix(IFRAME[1]));
    let library = library.unwrap_or_else(|| panic!("another page: {page}"));
    assert!(!library.contains('"'), "{library:?}");
    assert!(
        library.starts_with('/') || library.starts_with("http"),
        "{library:?}"
    );
}

#[tokio::test]
async fn s44_s45_test_simpleUrl() {
    expect_iframe(&Services::start(), "/iframe.html").await;
}

/// A client may put its version into the name.
#[tokio::test]
async fn s44_test_versionedUrl() {
    let services = Services::start();
    for version in ["a", "", "0.1.2", "0.1.2abc-dirty.2144"] {
        expect_iframe(&services, &format!("/iframe-{version}.html")).await;
    }
}

/// A query keeps browsers from taking the page that they have.
#[tokio::test]
async fn s44_test_queriedUrl() {
    let services = Services::start();
    for suffix in [
        "/iframe-a.html?t=1234",
        "/iframe-0.1.2.html?t=123414",
        "/iframe-0.1.2abc-dirty.2144.html?t=qweqweq123",
    ] {
        expect_iframe(&services, suffix).await;
    }
}

#[tokio::test]
async fn s44_s51_test_invalidUrl() {
    let services = Services::start();
    expect_iframe(&services, "/iframe.html").await;
    for suffix in [
        "/iframe.htm",
        "/iframe",
        "/IFRAME.HTML",
        "/IFRAME",
        "/iframe.HTML",
        "/iframe.xml",
        "/iframe-/.html",
    ] {
        expect_404(&services, suffix).await;
    }
}

#[tokio::test]
async fn s44_test_cacheability() {
    let services = Services::start();
    let path = format!("{ECHO}/iframe.html");
    let tag = services.get(&path).await;
    let tag = tag.header("ETag").expect("a tag");
    let again = services.get(&path).await;
    assert_eq!(again.header("ETag"), Some(tag));
    let response = services.ask(&get(&path, &[("If-None-Match", tag)])).await;
    assert_eq!(response.status, 304);
    assert_eq!(response.header("Content-Type"), None);
    assert_eq!(response.body, b"");
}

/// A random number for clients, which browsers had none of once.
fn entropy(response: &Response) -> u64 {
    let entropy = response.json()["entropy"].as_u64();
    entropy.unwrap_or_else(|| panic!("no entropy: {response:?}"))
}

#[tokio::test]
async fn s35_test_basic_info_test() {
    let services = Services::start();
    let request = get(&format!("{ECHO}/info"), &[ORIGIN]);
    let response = services.ask(&request).await;
    assert_eq!(response.status, 200);
    expect_content_type(&response, "application/json;charset=UTF-8");
    assert_eq!(response.header("Set-Cookie"), None);
    expect_not_cached(&response);
    expect_cors(&response, "test");
    let info = response.json();
    assert_eq!(info["websocket"], true);
    assert!(info["cookie_needed"].is_boolean(), "{info}");
    assert_eq!(info["origins"], serde_json::json!(["*:*"]));
    assert!(entropy(&response) < 1 << 32, "{info}");
}

#[tokio::test]
async fn s35_test_entropy() {
    let services = Services::start();
    let path = format!("{ECHO}/info");
    let (one, other) = (services.get(&path).await, services.get(&path).await);
    assert_ne!(entropy(&one), entropy(&other));
}

#[tokio::test]
async fn s35_s50_test_options_info_test() {
    let services = Services::start();
    expect_preflight(&services, &format!("{ECHO}/info"), &["OPTIONS", "GET"]).await;
}

/// A page that was opened from a file has the origin `null`.
#[tokio::test]
async fn s35_s50_test_options_null_origin() {
    let services = Services::start();
    let headers = [
        ("Origin", "null"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let request = preflight(&format!("{ECHO}/info"), &headers);
    let response = services.ask(&request).await;
    assert_eq!(response.status, 204);
    assert_eq!(response.body, b"");
    assert_eq!(response.header("Access-Control-Allow-Origin"), Some("null"));
}

#[tokio::test]
async fn s37_test_disabled_websocket() {
    let services = Services::start();
    let path = format!("{ECHO_WITHOUT_WEBSOCKET}/info");
    let response = services.get(&path).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.json()["websocket"], false);
}

/// Asks for the greeting with `Connection: Keep-Alive`, in this version of HTTP.
async fn ask_for_greeting(raw: &mut Raw, version: &str) -> Response {
    let request = Request::get(ECHO)
        .line(&format!("GET {ECHO} HTTP/{version}"))
        .with("Connection", "Keep-Alive");
    raw.send(&request.bytes()).await;
    raw.response().await
}

/// The head of a greeting of which the length is told, or the connection's end does it.
#[tokio::test]
async fn s34_test_synchronous_http10() {
    let services = Services::start();
    let mut raw = services.connect().await;
    let response = ask_for_greeting(&mut raw, "1.0").await;
    assert_eq!(response.status, 200);
    assert_eq!(text(&response), GREETING);
    // Chunks came with HTTP/1.1.
    assert_eq!(response.header("Transfer-Encoding"), None);
    let connection = response.header("Connection").unwrap_or_default();
    match response.header("Content-Length") {
        // The answer was read to its end.
        None => assert!(connection.eq_ignore_ascii_case("close"), "{response:?}"),
        Some(_) if connection.eq_ignore_ascii_case("keep-alive") => {
            assert_eq!(ask_for_greeting(&mut raw, "1.0").await.status, 200);
        }
        Some(_) => {
            assert!(
                connection.is_empty() || connection.eq_ignore_ascii_case("close"),
                "{response:?}"
            );
            raw.expect_end().await;
        }
    }
}

#[tokio::test]
async fn s41_test_streaming_http10() {
    let services = Services::start();
    let path = format!("{}/xhr_streaming", session(CLOSE));
    let request = String::from_utf8(post(&path, &[("Connection", "Keep-Alive")], ""));
    let request = request.expect("text").replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut raw = services.send(request.as_bytes()).await;
    let head = raw.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("Transfer-Encoding"), None);
    assert_eq!(head.header("Content-Length"), None);
    raw.end().await;
    let all = String::from_utf8_lossy(raw.received());
    assert_eq!(all, format!("{}o\n{GO_AWAY}\n", xhr_prelude()));
}

#[tokio::test]
async fn s34_test_synchronous_http11() {
    let services = Services::start();
    let mut raw = services.connect().await;
    for _ in 0..2 {
        let response = ask_for_greeting(&mut raw, "1.1").await;
        assert_eq!(response.status, 200);
        assert_eq!(text(&response), GREETING);
        // That it goes on is what HTTP/1.1 means without a word.
        let connection = response.header("Connection").unwrap_or("keep-alive");
        assert!(
            connection.eq_ignore_ascii_case("keep-alive"),
            "{response:?}"
        );
        let told = [
            response.header("Content-Length"),
            response.header("Transfer-Encoding"),
        ];
        assert_eq!(told.iter().flatten().count(), 1, "{response:?}");
    }
}

#[tokio::test]
async fn s41_test_streaming_http11() {
    let services = Services::start();
    let path = format!("{}/xhr_streaming", session(CLOSE));
    let request = post(&path, &[("Connection", "Keep-Alive")], "");
    let (head, mut stream) = services.stream(&request).await;
    assert_eq!(head.header("Content-Length"), None);
    stream.expect_chunk(&xhr_prelude()).await;
    stream.expect_chunk("o\n").await;
    stream.expect_chunk(&format!("{GO_AWAY}\n")).await;
    stream.expect_last_chunk().await;
}
