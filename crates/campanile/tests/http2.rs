//! HTTP/2 on listeners under TLS, and WebSockets over it (RFC 8441).
#![cfg(feature = "tls")]

#[path = "support/http2.rs"]
mod http2;
#[path = "support/secure.rs"]
mod secure;
mod support;

use axum::routing::{get, post};
use campanile::http::{HeaderMap, Method, StatusCode};
use campanile::{
    Binary, Campanile, Endpoint, Handshake, HandshakeInterceptor, Intercepting, OutboxPolicy,
    Refused, Text,
};
use campanile_client::CloseCode;
use campanile_websocket::Opcode;

use crate::http2::{Multiplexed, Said, negotiated, text};
use crate::secure::SecureHouse;
use crate::support::within;

const MIB: usize = 1 << 20;

fn app() -> Campanile {
    let large = OutboxPolicy {
        bytes_max: 64 * MIB,
        ..OutboxPolicy::default()
    };
    let echo = Endpoint::new()
        .message_bytes_max(4 * MIB)
        .outbox(large)
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes);
    let routes = axum::Router::new()
        .route("/who", get(async || "nobody"))
        .route("/length", post(async |body: String| body.len().to_string()))
        .route("/cookies", get(cookies))
        .route("/large", get(async || "x".repeat(3 * MIB)));
    Campanile::builder()
        .endpoint("/echo", echo)
        .endpoint("/news", Endpoint::new())
        .endpoint("/chat", Endpoint::new().protocols(["chat", "superchat"]))
        .endpoint("/versions", Endpoint::new().intercept(Versions))
        .routes(routes)
        .build()
        .expect("valid")
}

async fn cookies(headers: HeaderMap) -> String {
    let lines = headers.get_all("cookie").iter();
    let texts = lines.map(|line| line.to_str().expect("text"));
    texts.collect::<Vec<_>>().join("|")
}

/// Tells what it sees of a handshake.
struct Versions;

impl HandshakeInterceptor for Versions {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        let seen = format!(
            "{} {:?} {} {:?} {}",
            handshake.method(),
            handshake.version(),
            handshake.uri(),
            handshake.host(),
            handshake.is_secure()
        );
        let is_refused = handshake.query("refuse").is_some();
        let seen = seen.parse().expect("a value");
        handshake.answer_headers_mut().insert("seen", seen);
        Box::pin(async move {
            match is_refused {
                true => Err(Refused::new(StatusCode::FORBIDDEN, "you asked for it")),
                false => Ok(()),
            }
        })
    }
}

#[tokio::test]
async fn s2_clients_choose_http_2_or_1_1() {
    let house = SecureHouse::serve(app()).await;
    let both: [&[u8]; 2] = [b"http/1.1", b"h2"];
    assert_eq!(negotiated(&house, &both).await.as_deref(), Some(&b"h2"[..]));
    let old = negotiated(&house, &both[..1]).await;
    assert_eq!(old.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(negotiated(&house, &[]).await, None);
    let client = Multiplexed::connect(&house).await;
    assert!(client.may_open_websockets());
    house.leave().await;
}

#[tokio::test]
async fn ordinary_requests_are_answered_over_http_2() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    assert_eq!(client.get("/who").await, (200, "nobody".to_owned()));
    assert_eq!(client.get("/large").await.1.len(), 3 * MIB);
    assert_eq!(client.get("/nowhere").await.0, 404);

    let head = client.request(Method::HEAD, "/who");
    let (response, _) = client.ask(head).await.expect("an answer");
    assert_eq!(response.headers()["content-length"], "6");
    assert!(response.headers().contains_key("date"));
    assert_eq!(text(response).await, (200, String::new()));

    let mut crumbs = client.request(Method::GET, "/cookies");
    for crumb in ["a=b", "c=d"] {
        let crumb = crumb.parse().expect("a value");
        crumbs.headers_mut().append("cookie", crumb);
    }
    let (response, _) = client.ask(crumbs).await.expect("an answer");
    assert_eq!(text(response).await, (200, "a=b; c=d".to_owned()));

    let plain = client.request(Method::GET, "/echo");
    let (response, _) = client.ask(plain).await.expect("an answer");
    // Its `Connection: close` is not for HTTP/2.
    assert!(!response.headers().contains_key("connection"));
    assert_eq!(response.status().as_u16(), 400);

    let long = format!("/who?{}", "x".repeat(campanile::TARGET_BYTES_MAX));
    assert_eq!(client.get(&long).await.0, 414);
    house.leave().await;
}

#[tokio::test]
async fn a_body_longer_than_all_windows_is_read() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let sent = client.post("/length", &"x".repeat(MIB + MIB / 2)).await;
    assert_eq!(sent, (200, (MIB + MIB / 2).to_string()));
    house.leave().await;
}

#[tokio::test]
async fn s2_a_websocket_over_http_2_echoes_and_closes() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let mut socket = client.open("/echo", &[]).await;
    for name in ["sec-websocket-accept", "upgrade", "connection"] {
        assert_eq!(socket.header(name), None, "{name}");
    }
    for length in [0, 1, 125, 126, 16_384, 65_536, 3 * MIB] {
        let sent = "ü".repeat(length / 2);
        socket.send_text(&sent).await;
        assert!(socket.next_text().await == sent, "{length} bytes");
    }
    socket.send(Opcode::Binary, &[0, 255, 1]).await;
    assert_eq!(socket.next().await, Said::Binary(vec![0, 255, 1]));
    socket.send_close(CloseCode::NORMAL).await;
    assert_eq!(socket.next().await, Said::Close(1000, String::new()));
    // The stream is ended, not reset, though the client has not ended it yet.
    assert_eq!(socket.next().await, Said::End);
    socket.end();
    assert_eq!(client.get("/who").await.0, 200);
    house.leave().await;
}

#[tokio::test]
async fn s2_a_close_frame_that_ends_its_stream_is_answered() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    for _ in 0..50 {
        let mut socket = client.open("/echo", &[]).await;
        socket.send_close(CloseCode::NORMAL).await;
        socket.end();
        assert_eq!(socket.next().await, Said::Close(1000, String::new()));
        assert_eq!(socket.next().await, Said::End);
    }
    house.leave().await;
}

#[tokio::test]
async fn s2_s5_s190_sub_protocols_and_interceptors_are_as_ever() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let offers = [("sec-websocket-protocol", "other, superchat, chat")];
    let socket = client.open("/chat", &offers).await;
    assert_eq!(socket.header("sec-websocket-protocol"), Some("superchat"));
    let none = client.open("/chat", &[]).await;
    assert_eq!(none.header("sec-websocket-protocol"), None);

    drop(socket);
    let socket = client.open("/versions?a=b", &[]).await;
    let host = house.secure;
    let seen = format!("CONNECT HTTP/2.0 /versions?a=b Some(\"{host}\") true");
    assert_eq!(socket.header("seen"), Some(seen.as_str()));
    let refused = client.handshake("/versions?refuse=1", &[]);
    let (status, detail) = client.refused(refused).await;
    assert_eq!(status, 403);
    assert!(detail.contains("you asked for it"), "{detail}");
    drop((socket, none));
    house.leave().await;
}

#[tokio::test]
async fn s2_s4_messages_are_compressed_over_http_2() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let offers = [(
        "sec-websocket-extensions",
        "permessage-deflate; client_max_window_bits",
    )];
    let mut socket = client.open("/echo", &offers).await;
    let agreed = socket
        .header("sec-websocket-extensions")
        .expect("agreed on");
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    let long = "long and longer ".repeat(1_000);
    socket.send_text(&long).await;
    assert_eq!(socket.next_text().await, long);
    drop(socket);
    house.leave().await;
}

#[tokio::test]
async fn s2_s10_handshakes_that_break_the_rules_are_refused() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let own = format!("https://{}", house.secure);
    client.open("/echo", &[("origin", &own)]).await;
    let foreign = client.handshake("/echo", &[("origin", "https://elsewhere.example")]);
    assert_eq!(client.refused(foreign).await.0, 403);

    let mut unknown = client.handshake("/echo", &[]);
    let protocol = h2::ext::Protocol::from_static("connect-udp");
    unknown.extensions_mut().insert(protocol);
    let (status, detail) = client.refused(unknown).await;
    assert_eq!(status, 501);
    assert!(detail.contains("websocket"), "{detail}");

    let old = client.handshake("/echo", &[("sec-websocket-version", "8")]);
    let (response, _) = client.ask(old).await.expect("an answer");
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert!(!response.headers().contains_key("upgrade"));
    assert_eq!(text(response).await.0, 400);

    let nowhere = client.handshake("/nowhere", &[]);
    assert_eq!(client.refused(nowhere).await.0, 404);
    house.leave().await;
}

#[tokio::test]
async fn s2_sockets_and_requests_share_one_connection() {
    let house = SecureHouse::serve(app()).await;
    // A stream that is not read leaves room for the others.
    let mut windows = h2::client::Builder::new();
    windows.initial_connection_window_size(1 << 20);
    let client = Multiplexed::connect_with(&house, &windows).await;
    let mut sockets = [
        client.open("/echo", &[]).await,
        client.open("/echo", &[]).await,
    ];
    for round in 0..100 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send_text(&format!("{round} of {number}")).await;
        }
        if round % 20 == 0 {
            assert_eq!(client.get("/who").await, (200, "nobody".to_owned()));
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            assert_eq!(socket.next_text().await, format!("{round} of {number}"));
        }
    }
    // Nobody reads one of them: the other one and requests go on.
    let mut news = client.open("/news", &[]).await;
    for number in 0..20 {
        let text = format!("{number} {}", "x".repeat(30_000));
        house.handle.broadcast("/news", text).expect("accepted");
    }
    let [first, _] = &mut sockets;
    first.send_text("still here").await;
    assert_eq!(first.next_text().await, "still here");
    assert_eq!(client.get("/who").await.0, 200);
    for number in 0..20 {
        let text = news.next_text().await;
        assert!(text.starts_with(&format!("{number} ")));
    }
    drop((news, sockets));
    house.leave().await;
}

#[tokio::test]
async fn s2_s29_a_socket_that_nobody_reads_ends_in_its_policy() {
    let impatient = Endpoint::new().outbox(OutboxPolicy {
        bytes_max: 256 << 10,
        ..OutboxPolicy::default()
    });
    let routes = axum::Router::new().route("/who", get(async || "nobody"));
    let app = Campanile::builder().endpoint("/impatient", impatient);
    let app = app.routes(routes).build().expect("valid");
    let house = SecureHouse::serve(app).await;
    let client = Multiplexed::connect(&house).await;
    let mut slow = client.open("/impatient", &[]).await;
    let mut sent = 0;
    while house.handle.count("/impatient") > 0 {
        assert!(sent < 10_000, "nothing bounds what waits");
        let text = format!("{sent} {}", "x".repeat(32 << 10));
        let _ = house.handle.broadcast("/impatient", text);
        sent += 1;
        tokio::task::yield_now().await;
    }
    // Whoever reads after all, and soon, is told why.
    let mut expected = 0;
    let said = loop {
        match slow.next().await {
            Said::Text(text) => {
                assert!(text.starts_with(&format!("{expected} ")));
                expected += 1;
            }
            other => break other,
        }
    };
    match said {
        Said::Close(code, reason) => {
            assert_eq!(code, 1008);
            assert!(reason.starts_with("slow-consumer"), "{reason}");
        }
        Said::Reset(reason) => assert_eq!(reason, Some(h2::Reason::CANCEL)),
        other => panic!("{other:?}"),
    }
    assert!(expected < sent);
    assert_eq!(client.get("/who").await.0, 200);
    drop(slow);
    house.leave().await;
}

#[tokio::test]
async fn s2_a_stream_that_is_reset_or_ended_ends_its_session() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let (cut, mut ended) = (
        client.open("/news", &[]).await,
        client.open("/news", &[]).await,
    );
    assert_eq!(house.handle.count("/news"), 2);
    cut.reset();
    ended.end();
    assert_eq!(ended.next().await, Said::End);
    within(async {
        while house.handle.count("/news") > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    house.leave().await;
}

#[tokio::test]
async fn s2_leaving_closes_every_socket_with_1001_and_says_goaway() {
    let house = SecureHouse::serve(app()).await;
    let client = Multiplexed::connect(&house).await;
    let mut sockets = [
        client.open("/echo", &[]).await,
        client.open("/news", &[]).await,
    ];
    let idle = Multiplexed::connect(&house).await;
    let left = tokio::spawn(house.leave());
    for socket in &mut sockets {
        let Said::Close(code, reason) = socket.next().await else {
            panic!("not a close");
        };
        assert_eq!(code, 1001);
        assert!(reason.starts_with("leaving"), "{reason}");
        socket.send_close(CloseCode::GOING_AWAY).await;
        assert_eq!(socket.next().await, Said::End);
        socket.end();
    }
    drop(sockets);
    // GOAWAY without an error, and then the end.
    within(idle.driven)
        .await
        .expect("no panic")
        .expect("a clean end");
    within(client.driven)
        .await
        .expect("no panic")
        .expect("a clean end");
    left.await.expect("left");
}

#[tokio::test]
async fn s2_what_is_switched_off_is_not_offered() {
    let without_websockets = |serve: campanile::Serve| serve.websocket_over_http2(false);
    let house = SecureHouse::serve_as(app(), without_websockets).await;
    let client = Multiplexed::connect(&house).await;
    assert!(!client.may_open_websockets());
    assert_eq!(client.get("/who").await.0, 200);
    let mut old = house.open("/echo").await;
    old.send_text("over HTTP/1.1").await.expect("sent");
    assert_eq!(support::next_text(&mut old).await, "over HTTP/1.1");
    drop(old);
    house.leave().await;

    let house = SecureHouse::serve_as(app(), |serve| serve.http2(false)).await;
    let both: [&[u8]; 2] = [b"h2", b"http/1.1"];
    let chosen = negotiated(&house, &both).await;
    assert_eq!(chosen.as_deref(), Some(&b"http/1.1"[..]));
    house.leave().await;
}
