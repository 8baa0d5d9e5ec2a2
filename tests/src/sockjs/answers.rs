//! What is checked of many answers of SockJS.

use crate::{
    Response,
    sockjs::{Services, preflight},
};

/// What `Cache-Control` says of an answer that nobody may keep.
const NOT_CACHED: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

/// The body of an answer.
///
/// # Panics
/// When it is not UTF-8.
pub fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).expect("a body in UTF-8")
}

/// Expects a status, and a body that holds these words.
///
/// # Panics
/// When it is otherwise.
pub fn expect_refusal(response: &Response, status: u16, words: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert!(text(response).contains(words), "{words:?}: {response:?}");
}

/// Expects 405 as the protocol has it: with the methods that are allowed, and nothing to read.
///
/// # Panics
/// When it is otherwise.
pub fn expect_405(response: &Response) {
    assert_eq!(response.status, 405, "{response:?}");
    assert_eq!(response.header("Content-Type"), None);
    assert!(response.header("Allow").is_some_and(|it| !it.is_empty()));
    assert_eq!(response.body, b"");
}

/// Expects a content type; spaces do not count.
///
/// # Panics
/// When it is another.
pub fn expect_content_type(response: &Response, expected: &str) {
    let found = response
        .header("Content-Type")
        .map(|it| it.replace(' ', ""));
    assert_eq!(found.as_deref(), Some(expected));
}

/// Expects that a page of `origin` may read the answer, and its cookies travel.
///
/// # Panics
/// When it is otherwise.
pub fn expect_cors(response: &Response, origin: &str) {
    let allowed = response.header("Access-Control-Allow-Origin");
    assert_eq!(allowed, Some(origin), "{response:?}");
    let credentials = response.header("Access-Control-Allow-Credentials");
    assert_eq!(credentials, Some("true"));
}

/// Expects that nobody keeps the answer.
///
/// # Panics
/// When somebody may.
pub fn expect_not_cached(response: &Response) {
    assert_eq!(response.header("Cache-Control"), Some(NOT_CACHED));
    assert_eq!(response.header("Expires"), None);
    assert_eq!(response.header("Last-Modified"), None);
}

/// Expects that everybody keeps the answer for long.
///
/// # Panics
/// When they may not.
pub fn expect_cached(response: &Response) {
    let control = response.header("Cache-Control").unwrap_or_default();
    let mut directives = control.split(',').map(str::trim);
    assert!(directives.clone().any(|it| it == "public"), "{control:?}");
    let seconds = directives.find_map(|it| it.strip_prefix("max-age="));
    let seconds: u64 = seconds.and_then(|it| it.parse().ok()).unwrap_or_default();
    assert!(seconds >= 1_000_000, "{control:?}");
    assert!(response.header("Expires").is_some_and(|it| !it.is_empty()));
}

/// Expects the answer to questions of browsers of two origins before they use these methods.
///
/// # Panics
/// When it is not as it must be.
pub async fn expect_preflight(services: &Services, path: &str, methods: &[&str]) {
    for origin in ["test", "null"] {
        let asked = methods.join(", ");
        let headers = [
            ("Access-Control-Request-Method", &asked[..]),
            ("Origin", origin),
        ];
        let response = services.ask(&preflight(path, &headers)).await;
        assert_eq!(response.status, 204, "{response:?}");
        assert_eq!(response.body, b"");
        expect_cached(&response);
        let age = response.header("Access-Control-Max-Age").map(str::parse);
        assert!(matches!(age, Some(Ok(1_000_001_u64..))), "{response:?}");
        let allowed = response.header("Access-Control-Allow-Methods");
        let allowed: Vec<&str> = allowed
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .collect();
        assert!(
            methods.iter().all(|it| allowed.contains(it)),
            "{response:?}"
        );
        expect_cors(&response, origin);
    }
}
