//! Opening handshakes and requests that break a rule (RFC 6455 4.2, RFC 9110, RFC 9112), each
//! answered as the rule says, on the finished program. Numbers are those of the project's list of
//! hostile input.

use std::time::Duration;

use campanile_tests::{MIB, Raw, Request, Response, Server, frames};

/// What a request that is too big may make the process grow by, at most.
const REQUEST_GROWTH_MAX: usize = 16 * MIB;

async fn refused(server: &Server, request: &Request, status: u16) -> Response {
    let response = Raw::ask(server, request).await;
    assert_eq!(response.status, status, "{request:?}\n{response:?}");
    response
}

async fn accepted(server: &Server, request: &Request) -> Response {
    refused(server, request, 101).await
}

/// Sends bytes that are no request of HTTP, as far as they are read, and expects one of `statuses`
/// and the end of the connection behind it.
async fn refused_and_closed(server: &Server, bytes: &[u8], statuses: &[u16]) {
    let mut raw = Raw::connect(server).await;
    // What is left unsent when the program closes was not to be read.
    let _ = raw.try_send(bytes).await;
    let response = raw.response().await;
    assert!(
        statuses.contains(&response.status),
        "{response:?} instead of {statuses:?}"
    );
    raw.expect_end().await;
}

#[tokio::test]
async fn item_01_a_missing_or_wrong_key_is_400() {
    let server = Server::start(&[]);
    refused(
        &server,
        &Request::upgrade("/echo").without("Sec-WebSocket-Key"),
        400,
    )
    .await;
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25j",     // 15 octets
        "dGhlIHNhbXBsZSBub25jZSE=", // 17 octets
        "dGhlIHNhbXBsZSBub25jZQ",   // padding missing
        "!!!not base64 at all!!!!",
        "dGhlIHNhbXBsZSBub25jZQ==, AAAAAAAAAAAAAAAAAAAAAA==",
    ] {
        let request = Request::upgrade("/echo").replaced("Sec-WebSocket-Key", key);
        refused(&server, &request, 400).await;
    }
    let twice = Request::upgrade("/echo").with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
    refused(&server, &twice, 400).await;
}

#[tokio::test]
async fn item_02_another_version_is_426_and_names_13() {
    let server = Server::start(&[]);
    let mut requests = vec![Request::upgrade("/echo").without("Sec-WebSocket-Version")];
    for version in ["12", "13, 8", "8", "013", "", "99999999999999999999"] {
        requests.push(Request::upgrade("/echo").replaced("Sec-WebSocket-Version", version));
    }
    for request in &requests {
        let response = refused(&server, request, 426).await;
        assert_eq!(
            response.header("Sec-WebSocket-Version"),
            Some("13"),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn item_03_other_methods_are_405_and_name_get() {
    let server = Server::start(&[]);
    for method in ["POST", "PUT", "DELETE"] {
        let line = format!("{method} /echo HTTP/1.1");
        let request = Request::upgrade("/echo")
            .line(&line)
            .with("Content-Length", "0");
        let response = refused(&server, &request, 405).await;
        let allowed = response.header("Allow").expect("an Allow header");
        assert!(allowed.split(',').any(|it| it.trim() == "GET"), "{allowed}");
    }
}

#[tokio::test]
async fn item_04_http_1_0_is_refused() {
    let server = Server::start(&[]);
    let response = Raw::ask(
        &server,
        &Request::upgrade("/echo").line("GET /echo HTTP/1.0"),
    )
    .await;
    assert!((400..500).contains(&response.status), "{response:?}");
}

#[tokio::test]
async fn item_05_no_host_is_400() {
    let server = Server::start(&[]);
    refused(&server, &Request::upgrade("/echo").without("Host"), 400).await;
}

#[tokio::test]
async fn item_05_two_hosts_is_400() {
    let server = Server::start(&[]);
    refused(
        &server,
        &Request::upgrade("/echo").with("Host", "localhost"),
        400,
    )
    .await;
    refused(
        &server,
        &Request::upgrade("/echo").with("Host", "example.com"),
        400,
    )
    .await;
}

#[tokio::test]
async fn item_05_a_host_with_bad_characters_is_400() {
    let server = Server::start(&[]);
    for host in [
        "local host",
        "local/host",
        "a@b",
        "a\\b",
        "<a>",
        "a:b:c",
        "[::1",
    ] {
        refused(
            &server,
            &Request::upgrade("/echo").replaced("Host", host),
            400,
        )
        .await;
    }
}

#[tokio::test]
async fn item_06_tokens_are_lists_in_any_case() {
    let server = Server::start(&[]);
    for (upgrade, connection) in [
        ("WEBSOCKET", "keep-alive, Upgrade"),
        ("WebSocket", "UPGRADE"),
        ("websocket", "keep-alive,upgrade"),
        ("foo/1, websocket", "Upgrade , keep-alive"),
    ] {
        let request = Request::upgrade("/echo")
            .replaced("Upgrade", upgrade)
            .replaced("Connection", connection);
        let response = accepted(&server, &request).await;
        assert_eq!(
            response.header("Sec-WebSocket-Accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
    }
    let two_lines = Request::upgrade("/echo").replaced("Connection", "keep-alive");
    accepted(&server, &two_lines.with("Connection", "Upgrade")).await;
}

#[tokio::test]
async fn item_07_connection_close_gets_a_plain_answer() {
    let server = Server::start(&[]);
    for connection in ["close", "close, Upgrade"] {
        let mut raw = Raw::connect(&server).await;
        let request = Request::upgrade("/echo").replaced("Connection", connection);
        raw.send(&request.bytes()).await;
        let response = raw.response().await;
        assert_ne!(response.status, 101, "{connection}");
        raw.expect_end().await;
    }
}

#[tokio::test]
async fn item_07_an_upgrade_of_anything_else_does_not_hang() {
    let server = Server::start(&[]);
    for path in [
        "/nowhere",
        "/xhr",
        "/info",
        "/echo/info",
        "/echo/0/session/xhr",
        "/",
    ] {
        for request in [
            Request::upgrade(path),
            Request::upgrade(path).replaced("Upgrade", "h2c"),
            Request::upgrade(path).line(&format!("POST {path} HTTP/1.1")),
            Request::upgrade(path).with("Content-Length", "5"),
        ] {
            let mut raw = Raw::connect(&server).await;
            let mut bytes = request.bytes();
            bytes.extend_from_slice(b"hello");
            raw.send(&bytes).await;
            let response = raw.response().await;
            assert_ne!(response.status, 101, "{path}");
        }
    }
}

#[tokio::test]
async fn item_10_sub_protocols_are_chosen_among_those_offered() {
    let server = Server::start(&[]);
    for (offered, chosen) in [
        ("chat", Some("chat")),
        ("superchat, chat", Some("superchat")),
        ("unheard-of, superchat", Some("superchat")),
        ("unheard-of", None),
        ("unheard-of, v99.stomp", None),
    ] {
        let request = Request::upgrade("/chat").with("Sec-WebSocket-Protocol", offered);
        let response = accepted(&server, &request).await;
        assert_eq!(
            response.header("Sec-WebSocket-Protocol"),
            chosen,
            "{offered}"
        );
    }
    let two_lines = Request::upgrade("/chat")
        .with("Sec-WebSocket-Protocol", "unheard-of")
        .with("Sec-WebSocket-Protocol", "chat");
    let response = accepted(&server, &two_lines).await;
    assert_eq!(response.header("Sec-WebSocket-Protocol"), Some("chat"));
    let response = accepted(&server, &Request::upgrade("/chat")).await;
    assert_eq!(
        response.header("Sec-WebSocket-Protocol"),
        None,
        "none was offered"
    );
}

#[tokio::test]
async fn item_10_a_bad_sub_protocol_list_is_400() {
    let server = Server::start(&[]);
    for offered in [
        "chat, chat",
        "two words",
        "chat, a/b",
        "a\"b",
        "chät",
        "chat;q=1",
    ] {
        let request = Request::upgrade("/chat").with("Sec-WebSocket-Protocol", offered);
        refused(&server, &request, 400).await;
    }
}

#[tokio::test]
async fn item_11_garbage_in_the_extension_header_is_400() {
    let server = Server::start(&[]);
    let unclosed = format!("a; b=\"{}", "\\a".repeat(6_000));
    for extensions in [
        "permessage-deflate; =",
        "; a",
        "a b",
        "a; b=c d",
        "a; b=\"c",
        &unclosed,
    ] {
        let request = Request::upgrade("/echo").with("Sec-WebSocket-Extensions", extensions);
        refused(&server, &request, 400).await;
    }
    let unknown = Request::upgrade("/echo").with(
        "Sec-WebSocket-Extensions",
        "x-unheard-of; a=1; b=\"2\", x-other",
    );
    let response = accepted(&server, &unknown).await;
    assert_eq!(response.header("Sec-WebSocket-Extensions"), None);
}

#[tokio::test]
async fn item_11_sixty_kilobytes_of_escapes_are_refused() {
    let server = Server::start(&[]);
    let extensions = format!("a; b=\"{}", "\\a".repeat(30_000));
    let request = Request::upgrade("/echo").with("Sec-WebSocket-Extensions", &extensions);
    refused_and_closed(&server, &request.bytes(), &[400, 431]).await;
}

#[tokio::test]
async fn item_15_a_head_that_is_too_big_is_431_and_closes() {
    let server = Server::start(&[]);
    let before = server.rss_bytes();
    let one = Request::upgrade("/echo").with("X-Big", &"a".repeat(64 * 1024));
    refused_and_closed(&server, &one.bytes(), &[431]).await;
    let mut many = Request::upgrade("/echo");
    for number in 0..3_000 {
        many = many.with(&format!("X-{number}"), "a");
    }
    refused_and_closed(&server, &many.bytes(), &[431]).await;
    let mut more_than_a_hundred = Request::upgrade("/echo");
    for number in 0..101 {
        more_than_a_hundred = more_than_a_hundred.with(&format!("X-{number}"), "a");
    }
    refused_and_closed(&server, &more_than_a_hundred.bytes(), &[431]).await;
    server.assert_memory_within(before, REQUEST_GROWTH_MAX);
}

#[tokio::test]
async fn item_15_an_address_that_is_too_long_is_refused_and_closes() {
    let server = Server::start(&[]);
    let before = server.rss_bytes();
    for bytes in [9_000, 100 * 1024] {
        let request = Request::upgrade(&format!("/echo?{}", "a".repeat(bytes)));
        refused_and_closed(&server, &request.bytes(), &[414, 431, 400]).await;
    }
    server.assert_memory_within(before, REQUEST_GROWTH_MAX);
}

#[tokio::test]
async fn item_15_folded_headers_are_400() {
    let server = Server::start(&[]);
    let request = Request::upgrade("/echo").with("X-Folded", "one\r\n two");
    refused_and_closed(&server, &request.bytes(), &[400]).await;
}

#[tokio::test]
async fn item_15_a_bare_line_feed_is_400() {
    let server = Server::start(&[]);
    let request = Request::upgrade("/echo").with("X-Bare", "one\nX-Other: two");
    refused_and_closed(&server, &request.bytes(), &[400]).await;
    let bare = b"GET /echo HTTP/1.1\nHost: localhost\n\n";
    refused_and_closed(&server, bare, &[400]).await;
}

#[tokio::test]
async fn item_15_a_nul_is_400() {
    let server = Server::start(&[]);
    for request in [
        Request::upgrade("/echo").with("X-Nul", "one\0two"),
        Request::upgrade("/echo").with("X-\0", "one"),
        Request::upgrade("/echo\0"),
    ] {
        refused_and_closed(&server, &request.bytes(), &[400]).await;
    }
}

/// Sends a request with the header lines `headers`, and other requests behind its body. It must be
/// refused, alone be answered, and the connection be closed.
async fn refused_with_what_is_behind(server: &Server, headers: &str, body: &str) {
    let behind = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    for line in [
        "POST /echo HTTP/1.1",
        "GET /socket/publish?userId=1&message=hi HTTP/1.1",
    ] {
        let request = format!("{line}\r\nHost: localhost\r\n{headers}\r\n{body}{behind}");
        let mut raw = Raw::connect(server).await;
        raw.send(request.as_bytes()).await;
        let response = raw.response().await;
        assert!(
            matches!(response.status, 400 | 501),
            "{line} {headers:?} {response:?}"
        );
        raw.expect_end().await;
    }
}

#[tokio::test]
async fn item_16_a_length_in_doubt_is_400_and_nothing_behind_it_is_read() {
    let server = Server::start(&[]);
    for (headers, body) in [
        ("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 0, 5\r\n", "hello"),
        ("Content-Length: +5\r\n", "hello"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    ] {
        refused_with_what_is_behind(&server, headers, body).await;
    }
}

#[tokio::test]
async fn item_16_a_length_and_chunks_are_400_and_nothing_behind_them_is_read() {
    let server = Server::start(&[]);
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        refused_with_what_is_behind(&server, headers, "0\r\n\r\n").await;
    }
}

#[tokio::test]
async fn item_17_frames_in_the_segment_of_the_request_are_not_lost() {
    let server = Server::start(&[]);
    let mut raw = Raw::connect(&server).await;
    let mut bytes = Request::upgrade("/echo").bytes();
    bytes.extend(frames::frame(frames::TEXT, b"early"));
    bytes.extend(frames::frame(frames::BINARY, b"bird"));
    raw.send(&bytes).await;
    assert_eq!(raw.response().await.status, 101);
    assert_eq!(raw.frame().await.expect("an echo").payload, b"early");
    assert_eq!(raw.frame().await.expect("an echo").payload, b"bird");
}

#[tokio::test]
async fn item_17_a_head_that_trickles_in_is_cut_off() {
    let server = Server::start(&[]);
    let mut raw = Raw::connect(&server).await;
    let bytes = Request::upgrade("/echo").bytes();
    let mut taken = 0;
    // A byte a second: the whole head would take minutes.
    for byte in &bytes {
        if raw.try_send(&[*byte]).await.is_err() {
            break;
        }
        taken += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        taken < bytes.len(),
        "the program read {taken} bytes, one a second"
    );
    raw.end().await;
    let answer = String::from_utf8_lossy(raw.received()).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
}
