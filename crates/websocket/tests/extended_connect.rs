//! The rules for handshakes by extended CONNECT (RFC 8441), named after the section.

use campanile_websocket::{HandshakeError, HandshakeRequest, validate_extended_connect};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let of = |(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    lines.iter().copied().map(of).collect()
}

/// The request of RFC 8441 5.1, with its `:authority` as `host`, and `more`.
fn validate(more: &[(&'static str, &'static str)]) -> Result<HandshakeRequest, HandshakeError> {
    let mut all = headers(&[
        ("host", "server.example.com"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-version", "13"),
        ("origin", "http://www.example.com"),
    ]);
    all.extend(headers(more));
    validate_extended_connect(&Method::CONNECT, "websocket", &all)
}

#[test]
fn rfc8441_5_1_the_example_is_accepted_and_answered_without_key() {
    let request = validate(&[]).expect("legal");
    assert_eq!(request.protocols, ["chat", "superchat"]);
    let answer = request.response_headers(Some("chat"), &request.extensions);
    let expected = headers(&[
        ("sec-websocket-protocol", "chat"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ]);
    assert_eq!(answer, expected);
}

#[test]
fn rfc8441_5_a_key_is_not_looked_at() {
    let request = validate(&[("sec-websocket-key", "nonsense")]).expect("legal");
    assert!(request.accept.is_empty());
}

#[test]
fn rfc8441_4_other_protocols_and_methods_are_refused() {
    let refused = validate_extended_connect(&Method::CONNECT, "connect-udp", &HeaderMap::new());
    let error = refused.expect_err("not a WebSocket");
    assert_eq!(error, HandshakeError::ProtocolNotWebSocket);
    assert_eq!(error.status(), StatusCode::NOT_IMPLEMENTED);
    assert!(error.headers().is_empty());
    let refused = validate_extended_connect(&Method::GET, "websocket", &HeaderMap::new());
    let error = refused.expect_err("not a CONNECT");
    assert_eq!(error, HandshakeError::MethodNotConnect);
    assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(error.headers(), headers(&[("allow", "CONNECT")]));
}

#[test]
fn rfc6455_4_4_another_version_is_told_which_one_is_spoken() {
    for version in ["12", "14", "", "13, 14"] {
        let error = validate(&[("sec-websocket-version", version)]).expect_err(version);
        assert_eq!(
            error,
            HandshakeError::ConnectVersionUnsupported,
            "{version}"
        );
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let told = headers(&[("sec-websocket-version", "13")]);
        assert_eq!(error.headers(), told);
    }
}

#[test]
fn rfc6455_4_1_offers_keep_the_rules_of_http_1() {
    let refused = |more| validate(&[more]).expect_err("illegal");
    let protocol = refused(("sec-websocket-protocol", "a b"));
    assert_eq!(protocol, HandshakeError::ProtocolInvalid);
    let extensions = refused(("sec-websocket-extensions", "a b"));
    let invalid = matches!(extensions, HandshakeError::ExtensionsInvalid { .. });
    assert!(invalid, "{extensions:?}");
    let host = refused(("host", "a/b"));
    assert_eq!(host, HandshakeError::HostInvalid);
}
