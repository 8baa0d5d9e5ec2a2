//! Opening handshakes that break a rule (RFC 6455 4.2, RFC 9110), each answered as the rule says, at
//! every endpoint of the finished program, directly and behind each proxy. Numbers are those of the
//! project's list of hostile input; what is no request at all is in `hostile_requests.rs`.

use campanile_tests::{Raw, Request, Response, Server, Way, everywhere};

/// Expects a handshake to be refused with `status`. A proxy may refuse it itself, with a status of
/// its own, or close. Returns the answer if it has that status.
async fn refused(server: &Server, request: &Request, status: u16) -> Option<Response> {
    refused_or_mended(server, request, status, &[]).await
}

/// As `refused`, but for `mending` proxies, which may make a right handshake of it and hand that on.
async fn refused_or_mended(
    server: &Server,
    request: &Request,
    status: u16,
    mending: &[Way],
) -> Option<Response> {
    let mut raw = Raw::connect(server).await;
    raw.send(&request.bytes()).await;
    let answer = raw.answer().await;
    let way = server.way();
    // From 502 on, a proxy would say that it has not got through to the program.
    let is_right = match &answer {
        Some(it) if way.is_behind_a_proxy() => {
            (400..=501).contains(&it.status)
                || it.is_greeting()
                || (it.status == 101 && mending.contains(&way))
        }
        Some(it) => it.status == status,
        None => way.is_behind_a_proxy(),
    };
    assert!(is_right, "{request:?}\n{answer:?}");
    answer.filter(|it| it.status == status)
}

async fn accepted(server: &Server, request: &Request) -> Response {
    let response = Raw::ask(server, request).await;
    assert_eq!(response.status, 101, "{request:?}\n{response:?}");
    response
}

#[tokio::test]
async fn item_01_a_missing_or_wrong_key_is_400() {
    everywhere(async |server, endpoint| {
        refused(
            server,
            &endpoint.upgrade().without("Sec-WebSocket-Key"),
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
            let request = endpoint.upgrade().replaced("Sec-WebSocket-Key", key);
            refused(server, &request, 400).await;
        }
        let twice = endpoint
            .upgrade()
            .with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        refused(server, &twice, 400).await;
    })
    .await;
}

#[tokio::test]
async fn item_02_another_version_is_426_and_names_13() {
    everywhere(async |server, endpoint| {
        let mut requests = vec![endpoint.upgrade().without("Sec-WebSocket-Version")];
        for version in ["12", "13, 8", "8", "013", "", "99999999999999999999"] {
            requests.push(
                endpoint
                    .upgrade()
                    .replaced("Sec-WebSocket-Version", version),
            );
        }
        for request in &requests {
            if let Some(response) = refused(server, request, 426).await {
                let known = response.header("Sec-WebSocket-Version");
                assert_eq!(known, Some("13"), "{request:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn item_03_other_methods_are_405_and_name_get() {
    everywhere(async |server, endpoint| {
        for method in ["POST", "PUT", "DELETE"] {
            let line = format!("{method} {} HTTP/1.1", endpoint.path);
            let request = endpoint.upgrade().line(&line).with("Content-Length", "0");
            if let Some(response) = refused(server, &request, 405).await {
                let allowed = response.header("Allow").expect("an Allow header");
                assert!(allowed.split(',').any(|it| it.trim() == "GET"), "{allowed}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn item_04_http_1_0_is_refused() {
    everywhere(async |server, endpoint| {
        let line = format!("GET {} HTTP/1.0", endpoint.path);
        refused(server, &endpoint.upgrade().line(&line), 400).await;
    })
    .await;
}

#[tokio::test]
async fn item_05_no_host_is_400() {
    everywhere(async |server, endpoint| {
        refused(server, &endpoint.upgrade().without("Host"), 400).await;
    })
    .await;
}

#[tokio::test]
async fn item_05_two_hosts_is_400() {
    everywhere(async |server, endpoint| {
        // HAProxy makes one of two that are the same.
        let same = endpoint.upgrade().with("Host", "localhost");
        refused_or_mended(server, &same, 400, &[Way::Haproxy]).await;
        refused(server, &endpoint.upgrade().with("Host", "example.com"), 400).await;
    })
    .await;
}

#[tokio::test]
async fn item_05_a_host_with_bad_characters_is_400() {
    everywhere(async |server, endpoint| {
        for host in [
            "local host",
            "local/host",
            "a@b",
            "a\\b",
            "<a>",
            "a:b:c",
            "[::1",
        ] {
            refused(server, &endpoint.upgrade().replaced("Host", host), 400).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_06_tokens_are_lists_in_any_case() {
    everywhere(async |server, endpoint| {
        for (upgrade, connection) in [
            ("WEBSOCKET", "keep-alive, Upgrade"),
            ("WebSocket", "UPGRADE"),
            ("websocket", "keep-alive,upgrade"),
            ("foo/1, websocket", "Upgrade , keep-alive"),
        ] {
            let request = endpoint
                .upgrade()
                .replaced("Upgrade", upgrade)
                .replaced("Connection", connection);
            let response = accepted(server, &request).await;
            assert_eq!(
                response.header("Sec-WebSocket-Accept"),
                Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            );
        }
        let two_lines = endpoint.upgrade().replaced("Connection", "keep-alive");
        let two_lines = two_lines.with("Connection", "Upgrade");
        // Before 1.23, nginx hands the first of them on, as its variables have it.
        if server.way() == Way::Nginx {
            refused_or_mended(server, &two_lines, 400, &[Way::Nginx]).await;
        } else {
            accepted(server, &two_lines).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_07_connection_close_gets_a_plain_answer() {
    everywhere(async |server, endpoint| {
        for connection in ["close", "close, Upgrade"] {
            let mut raw = Raw::connect(server).await;
            let request = endpoint.upgrade().replaced("Connection", connection);
            raw.send(&request.bytes()).await;
            let response = raw.response().await;
            // HAProxy obeys `close` itself, and hands the other word on.
            if response.status == 101 && connection != "close" {
                assert_eq!(server.way(), Way::Haproxy);
                raw.expect_open().await;
                continue;
            }
            assert_ne!(response.status, 101, "{connection}");
            raw.expect_end().await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_07_an_upgrade_of_anything_else_does_not_hang() {
    everywhere(async |server, endpoint| {
        let below = |path: &str| format!("{}{path}", endpoint.path);
        for path in [
            "/nowhere",
            "/xhr",
            "/info",
            &below("/info"),
            &below("/0/session/xhr"),
            "/",
        ] {
            for request in [
                Request::upgrade(path),
                Request::upgrade(path).replaced("Upgrade", "h2c"),
                Request::upgrade(path).line(&format!("POST {path} HTTP/1.1")),
                Request::upgrade(path).with("Content-Length", "5"),
            ] {
                let mut raw = Raw::connect(server).await;
                let mut bytes = request.bytes();
                bytes.extend_from_slice(b"hello");
                raw.send(&bytes).await;
                let response = raw.response().await;
                assert_ne!(response.status, 101, "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn item_10_sub_protocols_are_chosen_among_those_offered() {
    everywhere(async |server, endpoint| {
        // The others know no sub-protocol.
        let chooses = endpoint.path == "/chat";
        for (offered, chosen) in [
            ("chat", Some("chat")),
            ("superchat, chat", Some("superchat")),
            ("unheard-of, superchat", Some("superchat")),
            ("unheard-of", None),
            ("unheard-of, v99.stomp", None),
        ] {
            let request = endpoint.upgrade().with("Sec-WebSocket-Protocol", offered);
            let response = accepted(server, &request).await;
            let chosen = chosen.filter(|_| chooses);
            let told = response.header("Sec-WebSocket-Protocol");
            assert_eq!(told, chosen, "{offered}");
        }
        let two_lines = endpoint
            .upgrade()
            .with("Sec-WebSocket-Protocol", "unheard-of")
            .with("Sec-WebSocket-Protocol", "chat");
        let response = accepted(server, &two_lines).await;
        let told = response.header("Sec-WebSocket-Protocol");
        assert_eq!(told, Some("chat").filter(|_| chooses));
        let response = accepted(server, &endpoint.upgrade()).await;
        assert_eq!(
            response.header("Sec-WebSocket-Protocol"),
            None,
            "none was offered"
        );
    })
    .await;
}

#[tokio::test]
async fn item_10_a_bad_sub_protocol_list_is_400() {
    everywhere(async |server, endpoint| {
        for offered in [
            "chat, chat",
            "two words",
            "chat, a/b",
            "a\"b",
            "chät",
            "chat;q=1",
        ] {
            let request = endpoint.upgrade().with("Sec-WebSocket-Protocol", offered);
            refused(server, &request, 400).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_11_garbage_in_the_extension_header_is_400() {
    everywhere(async |server, endpoint| {
        let unclosed = format!("a; b=\"{}", "\\a".repeat(6_000));
        for extensions in [
            "permessage-deflate; =",
            "; a",
            "a b",
            "a; b=c d",
            "a; b=\"c",
            &unclosed,
        ] {
            let request = endpoint
                .upgrade()
                .with("Sec-WebSocket-Extensions", extensions);
            refused(server, &request, 400).await;
        }
        let unknown = endpoint.upgrade().with(
            "Sec-WebSocket-Extensions",
            "x-unheard-of; a=1; b=\"2\", x-other",
        );
        let response = accepted(server, &unknown).await;
        assert_eq!(response.header("Sec-WebSocket-Extensions"), None);
    })
    .await;
}
