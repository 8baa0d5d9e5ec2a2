//! The client's side of the opening handshake (RFC 6455 4.1), named after the section.

use campanile_websocket::{
    CLIENT_HEAD_BYTES_MAX, ClientHandshake, ClientHandshakeError, ExtensionOffer,
};
use http::{HeaderName, HeaderValue};

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn handshake() -> ClientHandshake {
    ClientHandshake::new("server.example.com", "/chat", *b"the sample nonce")
}

fn deflate() -> ExtensionOffer {
    ExtensionOffer {
        name: "permessage-deflate".into(),
        parameters: Vec::new(),
    }
}

fn text(handshake: &ClientHandshake) -> String {
    String::from_utf8(handshake.request_bytes()).expect("ASCII")
}

/// What reading the answer `head`, without its empty line, fails with.
fn error(handshake: &ClientHandshake, head: &str) -> ClientHandshakeError {
    let bytes = format!("{head}\r\n");
    handshake
        .read_response(bytes.as_bytes())
        .expect_err("an error")
}

#[test]
fn rfc6455_4_1_the_request_line_by_line() {
    let origin = HeaderValue::from_static("http://example.com");
    let handshake = handshake()
        .protocols(["chat", "superchat"])
        .extensions([deflate()])
        .header(HeaderName::from_static("origin"), origin);
    let expected = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\norigin: http://example.com\r\n\r\n";
    assert_eq!(text(&handshake), expected);
}

#[test]
fn headers_cannot_be_smuggled_in_through_host_path_or_protocol() {
    let handshake = ClientHandshake::new("h\r\nX: 1", "a b\r\nY: 2?q=é#part", [0; 16])
        .protocols(["chat\r\nZ: 3"])
        .header(
            HeaderName::from_static("host"),
            HeaderValue::from_static("other"),
        )
        .header(
            HeaderName::from_static("sec-websocket-key"),
            HeaderValue::from_static("k"),
        );
    let request = text(&handshake);
    let start = "GET /a%20b%0D%0AY:%202?q=%C3%A9 HTTP/1.1\r\nHost: h%0D%0AX:%201\r\n";
    assert!(request.starts_with(start), "{request}");
    assert_eq!(request.matches("\r\n").count(), 7, "{request}");
}

#[test]
fn rfc6455_4_1_a_correct_answer_is_read_however_it_arrives() {
    let handshake = handshake().protocols(["chat"]).extensions([deflate()]);
    let head = format!(
        "{ANSWER}Sec-WebSocket-Protocol: chat\r\nX-Empty:\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n"
    );
    let bytes = format!("{head}\u{1}frame").into_bytes();
    for end in 0..head.len() {
        assert_eq!(handshake.read_response(&bytes[..end]), Ok(None), "{end}");
    }
    let read = handshake.read_response(&bytes).expect("legal");
    let (response, head_bytes) = read.expect("complete");
    assert_eq!(head_bytes, head.len());
    assert_eq!(response.status, 101);
    assert_eq!(response.protocol.as_deref(), Some("chat"));
    assert_eq!(response.headers["x-empty"], "");
    let extensions: Vec<_> = response
        .extensions
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        extensions,
        ["permessage-deflate; client_no_context_takeover"]
    );
}

#[test]
fn rfc6455_4_1_another_status_is_reported_with_its_headers() {
    let head = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n";
    let ClientHandshakeError::Refused {
        status,
        headers,
        head_bytes,
    } = error(&handshake(), head)
    else {
        panic!("not refused");
    };
    assert_eq!((status, head_bytes), (503, head.len() + 2));
    assert_eq!(headers["retry-after"], "7");
}

#[test]
fn rfc6455_4_1_wrong_answers_are_refused() {
    let handshake = handshake().protocols(["chat"]);
    let without = |start: &str| -> String {
        let keep = |line: &&str| !line.starts_with(start);
        ANSWER.split_inclusive("\r\n").filter(keep).collect()
    };
    let with = |line: &str| format!("{ANSWER}{line}\r\n");
    let cases = [
        (without("Upgrade"), ClientHandshakeError::UpgradeMissing),
        (
            without("Connection"),
            ClientHandshakeError::ConnectionNotUpgrade,
        ),
        (
            without("Sec-WebSocket-Accept"),
            ClientHandshakeError::AcceptWrong,
        ),
        (
            ANSWER.replace("s3pP", "S3PP"),
            ClientHandshakeError::AcceptWrong,
        ),
        (
            with("Sec-WebSocket-Accept: x"),
            ClientHandshakeError::AcceptWrong,
        ),
        (
            with("Sec-WebSocket-Protocol: superchat"),
            ClientHandshakeError::ProtocolNotOffered,
        ),
        (
            with("Sec-WebSocket-Protocol: chat, x"),
            ClientHandshakeError::ProtocolNotOffered,
        ),
        (
            with("Sec-WebSocket-Extensions: x"),
            ClientHandshakeError::ExtensionNotOffered,
        ),
        (
            with("Sec-WebSocket-Extensions: ="),
            ClientHandshakeError::ExtensionNotOffered,
        ),
        (
            with("no colon"),
            ClientHandshakeError::HeaderInvalid { line: 5 },
        ),
        (
            with(" folded: 1"),
            ClientHandshakeError::HeaderInvalid { line: 5 },
        ),
        (
            with("space : 1"),
            ClientHandshakeError::HeaderInvalid { line: 5 },
        ),
        (
            with("nul: \0"),
            ClientHandshakeError::HeaderInvalid { line: 5 },
        ),
        (ANSWER.replace("101", "1x1"), ClientHandshakeError::NotHttp),
        (ANSWER.replace("101", "1010"), ClientHandshakeError::NotHttp),
        (
            ANSWER.replace("HTTP/1.1", "HTTP/1.0"),
            ClientHandshakeError::NotHttp,
        ),
    ];
    for (head, expected) in cases {
        assert_eq!(error(&handshake, &head), expected, "{head}");
    }
}

#[test]
fn a_response_that_is_not_http_is_refused_at_its_first_octet() {
    assert_eq!(
        handshake().read_response(b"S"),
        Err(ClientHandshakeError::NotHttp)
    );
}

#[test]
fn a_head_that_does_not_end_is_refused_at_16_kib() {
    let mut bytes = format!("{ANSWER}X-Long: ").into_bytes();
    bytes.resize(CLIENT_HEAD_BYTES_MAX - 1, b'x');
    assert_eq!(handshake().read_response(&bytes), Ok(None));
    bytes.push(b'x');
    assert_eq!(
        handshake().read_response(&bytes),
        Err(ClientHandshakeError::HeadTooLong)
    );
}
