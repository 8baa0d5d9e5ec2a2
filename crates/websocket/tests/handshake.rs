//! The rules for the opening handshake (RFC 6455 4), named after the section.

use campanile_websocket::{
    ExtensionOffer, HandshakeError, HandshakeRequest, is_upgrade, select_protocol, validate_request,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

/// The request of RFC 6455 1.2 with `changes`: a header with a value replaces, one that is there
/// already with a `+` before its name is added, one without a value is removed.
fn headers(changes: &[(&str, Option<&str>)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut apply = |(name, value): (&str, Option<&str>)| {
        let (name, add) = match name.strip_prefix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = value.map(|value| HeaderValue::from_str(value).expect("a header value"));
        match (value, add) {
            (Some(value), true) => {
                headers.append(name, value);
            }
            (Some(value), false) => {
                headers.insert(name, value);
            }
            (None, _) => {
                headers.remove(name);
            }
        }
    };
    apply(("Host", Some("server.example.com")));
    apply(("Upgrade", Some("websocket")));
    apply(("Connection", Some("Upgrade")));
    apply(("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZQ==")));
    apply(("Origin", Some("http://example.com")));
    apply(("Sec-WebSocket-Protocol", Some("chat, superchat")));
    apply(("Sec-WebSocket-Version", Some("13")));
    for change in changes {
        apply(*change);
    }
    headers
}

fn validate(changes: &[(&str, Option<&str>)]) -> Result<HandshakeRequest, HandshakeError> {
    validate_request(&Method::GET, Version::HTTP_11, &headers(changes))
}

#[track_caller]
fn assert_refused(changes: &[(&str, Option<&str>)], expected: HandshakeError) {
    assert_eq!(validate(changes), Err(expected), "{changes:?}");
    assert_eq!(expected.status(), StatusCode::BAD_REQUEST);
    assert!(expected.headers().is_empty());
}

#[test]
fn rfc6455_1_2_the_sample_request_is_accepted() {
    let request = validate(&[]).expect("legal");
    assert_eq!(request.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(request.protocols, ["chat", "superchat"]);
    assert!(request.extensions.is_empty());
    let protocol = select_protocol(&request.protocols, &["superchat", "chat"]);
    let answer = request.response_headers(protocol, &[]);
    assert_eq!(answer.len(), 4);
    assert_eq!(answer["upgrade"], "websocket");
    assert_eq!(answer["connection"], "Upgrade");
    assert_eq!(
        answer["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(answer["sec-websocket-protocol"], "chat");
}

#[test]
fn rfc6455_4_1_other_methods_are_405_with_allow() {
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::CONNECT] {
        let error = validate_request(&method, Version::HTTP_11, &headers(&[])).expect_err("405");
        assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(error.headers()["allow"], "GET");
    }
}

#[test]
fn rfc6455_4_1_http_before_1_1_is_400() {
    for version in [Version::HTTP_09, Version::HTTP_10] {
        let error = validate_request(&Method::GET, version, &headers(&[])).expect_err("400");
        assert_eq!(error, HandshakeError::HttpTooOld);
    }
}

#[test]
fn rfc9112_3_2_host_is_exactly_one_and_well_formed() {
    assert_refused(&[("Host", None)], HandshakeError::HostMissing);
    assert_refused(&[("+Host", Some("other"))], HandshakeError::HostRepeated);
    let bad = [
        "",
        "a b",
        "a/b",
        "user@host",
        "a\\b",
        "<x>",
        "h:80:80",
        "h:port",
        ":80",
        "[::1",
        "[]",
    ];
    for host in bad
        .into_iter()
        .chain(["[x]", "[::1]x", "h:123456", "[::1]:p"])
    {
        assert_refused(&[("Host", Some(host))], HandshakeError::HostInvalid);
    }
    for host in [
        "localhost",
        "a.b-c_d:8080",
        "127.0.0.1:1",
        "[::1]",
        "[fe80::1]:80",
        "h:",
        "%41",
    ] {
        assert!(validate(&[("Host", Some(host))]).is_ok(), "{host}");
    }
}

#[test]
fn rfc6455_4_2_1_upgrade_and_connection_are_lists_in_any_case() {
    for upgrade in ["WebSocket", "h2c, WEBSOCKET"] {
        assert!(validate(&[("Upgrade", Some(upgrade))]).is_ok());
    }
    assert!(validate(&[("Connection", Some("keep-alive, uPGRADE"))]).is_ok());
    assert!(validate(&[("Connection", Some("x")), ("+Connection", Some("upgrade"))]).is_ok());
    for upgrade in [
        None,
        Some(""),
        Some("websockets"),
        Some("web socket"),
        Some("h2c"),
    ] {
        assert!(!is_upgrade(&headers(&[("Upgrade", upgrade)])));
        assert_refused(&[("Upgrade", upgrade)], HandshakeError::UpgradeMissing);
    }
    for connection in [
        None,
        Some("keep-alive"),
        Some("close"),
        Some("upgrade, close"),
    ] {
        assert_refused(
            &[("Connection", connection)],
            HandshakeError::ConnectionNotUpgrade,
        );
    }
}

#[test]
fn rfc6455_4_2_1_the_key_is_16_octets_in_base64() {
    assert_refused(&[("Sec-WebSocket-Key", None)], HandshakeError::KeyMissing);
    let twice = ("+Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_refused(&[twice], HandshakeError::KeyRepeated);
    let bad = [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "dGhlIHNhbXBsZSBub25j*Q==",
        "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for key in bad {
        assert_refused(
            &[("Sec-WebSocket-Key", Some(key))],
            HandshakeError::KeyInvalid,
        );
    }
}

#[test]
fn rfc6455_4_1_the_example_key_with_spare_bits_is_accepted() {
    assert!(validate(&[("Sec-WebSocket-Key", Some("AQIDBAUGBwgJCgsMDQ4PEC=="))]).is_ok());
}

#[test]
fn rfc6455_4_4_versions_other_than_13_are_426_and_told_so() {
    let twice = ("+Sec-WebSocket-Version", Some("13"));
    let versions = [
        None,
        Some("12"),
        Some("8"),
        Some("13, 8"),
        Some("013"),
        Some(""),
    ];
    let changes = versions.map(|version| ("Sec-WebSocket-Version", version));
    for change in changes.into_iter().chain([twice]) {
        let error = validate(&[change]).expect_err("426");
        assert_eq!(error, HandshakeError::VersionUnsupported, "{change:?}");
        assert_eq!(error.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(error.headers()["sec-websocket-version"], "13");
    }
}

#[test]
fn rfc6455_4_1_protocols_are_unique_tokens() {
    for list in ["a b", "a, \"b\"", "a/1", "a;b"] {
        let change = ("Sec-WebSocket-Protocol", Some(list));
        assert_refused(&[change], HandshakeError::ProtocolInvalid);
    }
    let change = ("Sec-WebSocket-Protocol", Some("a, b, a"));
    assert_refused(&[change], HandshakeError::ProtocolRepeated);
    let change = ("+Sec-WebSocket-Protocol", Some("chat"));
    assert_refused(&[change], HandshakeError::ProtocolRepeated);
    let request = validate(&[
        ("Sec-WebSocket-Protocol", Some("b,, A ,")),
        ("+Sec-WebSocket-Protocol", Some("c")),
    ]);
    assert_eq!(request.expect("legal").protocols, ["b", "A", "c"]);
}

#[test]
fn s5_the_first_protocol_on_the_clients_list_wins_in_the_clients_spelling() {
    let offered = ["v11.STOMP", "v12.stomp"].map(String::from);
    assert_eq!(
        select_protocol(&offered, &["v12.stomp", "v11.stomp"]),
        Some("v11.STOMP")
    );
    assert_eq!(
        select_protocol(&offered, &[String::from("V12.Stomp")]),
        Some("v12.stomp")
    );
    assert_eq!(select_protocol(&offered, &["chat"]), None);
    assert_eq!(select_protocol(&[], &["chat"]), None);
}

#[test]
fn rfc6455_4_2_2_the_answer_has_nothing_that_was_not_offered() {
    let offered = "permessage-deflate; client_max_window_bits";
    let request = validate(&[("Sec-WebSocket-Extensions", Some(offered))]).expect("legal");
    let accepted = |name: &str| ExtensionOffer {
        name: name.into(),
        parameters: Vec::new(),
    };
    let extensions = [accepted("permessage-deflate"), accepted("x-other")];
    let answer = request.response_headers(Some("v12.stomp"), &extensions);
    assert!(!answer.contains_key("sec-websocket-protocol"));
    let values: Vec<_> = answer.get_all("sec-websocket-extensions").iter().collect();
    assert_eq!(values, ["permessage-deflate"]);
}

#[test]
fn rfc6455_9_1_extension_garbage_is_400() {
    let change = ("Sec-WebSocket-Extensions", Some("a; b=\"c"));
    let expected = HandshakeError::ExtensionsInvalid { line: 1, offset: 7 };
    assert_refused(&[change], expected);
}
