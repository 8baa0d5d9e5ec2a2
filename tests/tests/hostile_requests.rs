//! Requests that are too big, or whose bounds are in doubt (RFC 9110, RFC 9112), and what comes with
//! them in one segment or in very many, at every endpoint of the finished program, directly and
//! behind each proxy. Numbers are those of the project's list of hostile input.

use std::time::Duration;

use campanile_tests::{
    Answers, ENDPOINTS, MIB, Raw, Request, Server, Way,
    attack::join_all,
    attack_everywhere, everywhere,
    frames::{BINARY, TEXT, frame},
};
use tokio::task::JoinSet;

/// What a request that is too big may make the process grow by, at most.
const REQUEST_GROWTH_MAX: usize = 16 * MIB;

/// Sends bytes that are no request of HTTP, as far as they are read, and expects one of `statuses`
/// and the end of the connection behind it. A proxy may refuse it itself, with a status of its own,
/// or close.
async fn refused(server: &Server, bytes: &[u8], statuses: &[u16]) {
    refused_or_mended(server, bytes, statuses, &[]).await;
}

/// As `refused`, but for `mending` proxies, which may make a right handshake of it and hand that on.
async fn refused_or_mended(server: &Server, bytes: &[u8], statuses: &[u16], mending: &[Way]) {
    let mut raw = Raw::connect(server).await;
    // What is left unsent when the program closes was not to be read.
    let _ = raw.try_send(bytes).await;
    let answer = raw.answer().await;
    let way = server.way();
    if way.is_behind_a_proxy() {
        // From 502 on, a proxy would say that it has not got through to the program.
        let is_right = match &answer {
            Some(it) if it.status == 101 => mending.contains(&way),
            Some(it) => (400..=501).contains(&it.status) || it.is_greeting(),
            None => true,
        };
        assert!(is_right, "{answer:?}");
        return;
    }
    let is_right = answer
        .as_ref()
        .is_some_and(|it| statuses.contains(&it.status));
    assert!(is_right, "{answer:?} instead of {statuses:?}");
    raw.expect_end().await;
}

#[tokio::test]
async fn item_11_sixty_kilobytes_of_escapes_are_refused() {
    attack_everywhere(REQUEST_GROWTH_MAX, async |scene, endpoint| {
        let server = &scene.server;
        let extensions = format!("a; b=\"{}", "\\a".repeat(30_000));
        let request = endpoint
            .upgrade()
            .with("Sec-WebSocket-Extensions", &extensions);
        refused(server, &request.bytes(), &[400, 431]).await;
    })
    .await;
}

#[tokio::test]
async fn item_15_a_head_that_is_too_big_is_431_and_closes() {
    attack_everywhere(REQUEST_GROWTH_MAX, async |scene, endpoint| {
        let server = &scene.server;
        let one = endpoint.upgrade().with("X-Big", &"a".repeat(64 * 1024));
        refused(server, &one.bytes(), &[431]).await;
        let mut many = endpoint.upgrade();
        for number in 0..3_000 {
            many = many.with(&format!("X-{number}"), "a");
        }
        refused(server, &many.bytes(), &[431]).await;
        let mut more_than_a_hundred = endpoint.upgrade();
        for number in 0..101 {
            more_than_a_hundred = more_than_a_hundred.with(&format!("X-{number}"), "a");
        }
        refused(server, &more_than_a_hundred.bytes(), &[431]).await;
    })
    .await;
}

#[tokio::test]
async fn item_15_an_address_that_is_too_long_is_refused_and_closes() {
    attack_everywhere(REQUEST_GROWTH_MAX, async |scene, endpoint| {
        let server = &scene.server;
        for bytes in [9_000, 100 * 1024] {
            let request = Request::upgrade(&format!("{}?{}", endpoint.path, "a".repeat(bytes)));
            refused(server, &request.bytes(), &[414, 431, 400]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_15_folded_headers_are_400() {
    everywhere(async |server, endpoint| {
        let request = endpoint.upgrade().with("X-Folded", "one\r\n two");
        // HAProxy makes one line of it, as RFC 9112 5.2 lets it.
        refused_or_mended(server, &request.bytes(), &[400], &[Way::Haproxy]).await;
    })
    .await;
}

#[tokio::test]
async fn item_15_a_bare_line_feed_is_400() {
    everywhere(async |server, endpoint| {
        let request = endpoint.upgrade().with("X-Bare", "one\nX-Other: two");
        // The proxies make two lines of it, as RFC 9112 2.2 lets them.
        refused_or_mended(server, &request.bytes(), &[400], &Way::PROXIES).await;
        let bare = format!("GET {} HTTP/1.1\nHost: localhost\n\n", endpoint.path);
        refused(server, bare.as_bytes(), &[400]).await;
    })
    .await;
}

#[tokio::test]
async fn item_15_a_nul_is_400() {
    everywhere(async |server, endpoint| {
        for request in [
            endpoint.upgrade().with("X-Nul", "one\0two"),
            endpoint.upgrade().with("X-\0", "one"),
            Request::upgrade(&format!("{}\0", endpoint.path)),
        ] {
            refused(server, &request.bytes(), &[400]).await;
        }
    })
    .await;
}

/// Sends a request with the header lines `headers`, and other requests behind its body. It must be
/// refused, alone be answered, and the connection be closed. A proxy that knows where such a request
/// ends may hand a right one on instead: whatever is answered, nothing behind it may be.
async fn refused_with_what_is_behind(server: &Server, path: &str, headers: &str, body: &str) {
    let behind = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    let post = format!("POST {path} HTTP/1.1");
    for line in [&post, "GET /socket/publish?userId=1&message=hi HTTP/1.1"] {
        let request = format!("{line}\r\nHost: localhost\r\n{headers}\r\n{body}{behind}");
        let mut raw = Raw::connect(server).await;
        raw.send(request.as_bytes()).await;
        let response = raw.response().await;
        let is_mended = server.way() == Way::Haproxy && headers.contains(": chunked\r\n");
        assert!(
            matches!(response.status, 400 | 501) || (is_mended && response.status != 404),
            "{line} {headers:?} {response:?}"
        );
        raw.expect_end().await;
    }
}

#[tokio::test]
async fn item_16_a_length_in_doubt_is_400_and_nothing_behind_it_is_read() {
    everywhere(async |server, endpoint| {
        for (headers, body) in [
            ("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"),
            ("Content-Length: 0, 5\r\n", "hello"),
            ("Content-Length: +5\r\n", "hello"),
            ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
            ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ] {
            refused_with_what_is_behind(server, endpoint.path, headers, body).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_16_a_length_and_chunks_are_400_and_nothing_behind_them_is_read() {
    everywhere(async |server, endpoint| {
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        ] {
            refused_with_what_is_behind(server, endpoint.path, headers, "0\r\n\r\n").await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_17_frames_in_the_segment_of_the_request_are_not_lost() {
    everywhere(async |server, endpoint| {
        let mut raw = Raw::connect(server).await;
        let mut bytes = endpoint.upgrade().bytes();
        bytes.extend(frame(TEXT, b"early"));
        bytes.extend(frame(BINARY, b"bird"));
        raw.send(&bytes).await;
        assert_eq!(raw.response().await.status, 101);
        match endpoint.answers {
            Answers::Everything => {
                assert_eq!(raw.frame().await.expect("an echo").payload, b"early");
                assert_eq!(raw.frame().await.expect("an echo").payload, b"bird");
            }
            Answers::Text | Answers::Nothing => {
                // Binary was read as well, for it is refused; nobody waits for what follows.
                let close = loop {
                    let frame = raw.frame().await.expect("a Close");
                    if frame.opcode == 8 {
                        break frame;
                    }
                };
                assert_eq!(close.payload[..2], 1003_u16.to_be_bytes());
            }
        }
        let mut raw = Raw::connect(server).await;
        let mut bytes = endpoint.upgrade().bytes();
        bytes.extend(frame(TEXT, b"early"));
        raw.send(&bytes).await;
        assert_eq!(raw.response().await.status, 101);
        endpoint.expect_taken(&mut raw, b"early").await;
    })
    .await;
}

#[tokio::test]
async fn item_17_a_head_that_trickles_in_is_cut_off() {
    let servers = Way::ALL.map(Server::start_behind);
    let mut trickling = JoinSet::new();
    for server in &servers {
        for endpoint in &ENDPOINTS {
            let raw = Raw::connect(server).await;
            let name = format!("{:?}, {}", server.way(), endpoint.path);
            trickling.spawn(trickle(raw, endpoint.upgrade().bytes(), name));
        }
    }
    join_all(trickling).await;
}

/// Sends a byte a second: the whole would take minutes.
async fn trickle(mut raw: Raw, bytes: Vec<u8>, name: String) {
    let mut taken = 0;
    for byte in &bytes {
        if raw.try_send(&[*byte]).await.is_err() {
            break;
        }
        taken += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        taken < bytes.len(),
        "{name}: {taken} bytes were read, one a second"
    );
    raw.end().await;
    let answer = String::from_utf8_lossy(raw.received()).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.") && answer[8..].starts_with(" 408 "),
        "{name}: {answer}"
    );
}
