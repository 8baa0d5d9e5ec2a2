//! wss and https, over real sockets, with certificates that are made for each test (S3).
#![cfg(feature = "tls")]

#[path = "support/secure.rs"]
mod secure;
mod support;

use axum::routing::get;
use campanile::http::StatusCode;
use campanile::{
    Binary, Campanile, Endpoint, Handle, Handshake, HandshakeInterceptor, Intercepting,
    OutboxPolicy, Refusal, Refused, Text,
};
use campanile_client::{Client, ClientError, CloseCode, DeflateOffer, Limits, Message, TlsError};
use campanile_websocket::{ClientHandshake, Opcode, append_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::secure::SecureHouse;
use crate::support::{next, next_close, next_text, within};

const MIB: usize = 1 << 20;

fn app() -> Campanile {
    let echo = Endpoint::new()
        .message_bytes_max(16 * MIB)
        .outbox(OutboxPolicy {
            bytes_max: 64 * MIB,
            ..OutboxPolicy::default()
        })
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes);
    let chat = Endpoint::new()
        .outbox(OutboxPolicy {
            bytes_max: 64 * MIB,
            ..OutboxPolicy::default()
        })
        .on_text(said);
    let impatient = Endpoint::new().outbox(OutboxPolicy {
        bytes_max: 256 << 10,
        ..OutboxPolicy::default()
    });
    Campanile::builder()
        .endpoint("/echo", echo)
        .endpoint("/chat", chat)
        .endpoint("/impatient", impatient)
        .endpoint(
            "/invited",
            Endpoint::new().protocols(["chat"]).intercept(Invited),
        )
        .routes(axum::Router::new().route("/who", get(async || "nobody")))
        .build()
        .expect("valid")
}

/// Lets in who has an invitation.
struct Invited;

impl HandshakeInterceptor for Invited {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        let is_invited = handshake.headers().contains_key("invitation");
        Box::pin(async move {
            match is_invited {
                true => Ok(()),
                false => Err(Refused::new(StatusCode::FORBIDDEN, "you are not invited")),
            }
        })
    }
}

async fn said(handle: Handle, Text(text): Text) -> Result<(), Refusal> {
    handle.broadcast("/chat", text).map(drop)
}

async fn open_large(house: &SecureHouse, path: &str) -> Client {
    let limits = Limits {
        message_bytes_max: 16 * MIB,
        frame_bytes_max: 16 * MIB,
        ..Limits::default()
    };
    within(house.client(path).limits(limits).connect())
        .await
        .expect("a session")
}

/// Bytes of which no part is like another one.
fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

#[tokio::test]
async fn s3_large_messages_go_both_ways() {
    let house = SecureHouse::serve(app()).await;
    let mut client = open_large(&house, "/echo").await;
    for length in [0, 1, 16_383, 16_384, 16_385, 65_536, 4 * MIB, 7 * MIB + 3] {
        let sent = pattern(length, length as u32);
        within(client.send_binary(&sent)).await.expect("sent");
        let Message::Binary(echoed) = next(&mut client).await else {
            panic!("not binary");
        };
        assert!(echoed == sent, "{length} bytes came back as others");
    }
    drop(client);
    house.leave().await;
}

#[tokio::test]
async fn s3_a_broadcast_reaches_a_slow_reader_whole_and_in_order() {
    let house = SecureHouse::serve(app()).await;
    let mut slow = open_large(&house, "/chat").await;
    let mut others = [house.open("/chat").await, house.open("/chat").await];
    // The same server speaks plain HTTP on another port.
    let plain = format!("ws://{}/chat", house.plain);
    let mut plain = within(Client::connect(&plain)).await.expect("a session");
    for number in 0..100_u32 {
        let text = format!("{number} {}", "x".repeat(60_000));
        house.handle.broadcast("/chat", text).expect("accepted");
    }
    for client in others.iter_mut().chain([&mut plain]) {
        for number in 0..100 {
            let text = next_text(client).await;
            assert!(text.starts_with(&format!("{number} ")) && text.len() > 60_000);
        }
    }
    for number in 0..100 {
        let text = next_text(&mut slow).await;
        assert!(text.starts_with(&format!("{number} ")) && text.len() > 60_000);
    }
    drop((slow, others, plain));
    house.leave().await;
}

#[tokio::test]
async fn s3_many_small_messages_keep_their_order() {
    let house = SecureHouse::serve(app()).await;
    let mut client = house.open("/echo").await;
    for round in 0..20 {
        for number in 0..500 {
            let text = format!("{round} {number}");
            within(client.send_text(&text)).await.expect("sent");
        }
        for number in 0..500 {
            assert_eq!(next_text(&mut client).await, format!("{round} {number}"));
        }
    }
    let mut listener = house.open("/chat").await;
    for number in 0..5_000 {
        house
            .handle
            .broadcast("/chat", number.to_string())
            .expect("accepted");
    }
    for number in 0..5_000 {
        assert_eq!(next_text(&mut listener).await, number.to_string());
    }
    drop((client, listener));
    house.leave().await;
}

/// A handshake, and frames right behind it.
fn handshake_and(path: &str, frames: &[(Opcode, &[u8])]) -> Vec<u8> {
    let mut bytes = ClientHandshake::new("localhost", path, [7; 16]).request_bytes();
    for (opcode, payload) in frames {
        append_frame(&mut bytes, true, *opcode, payload, Some([1, 2, 3, 4]));
    }
    bytes
}

/// Reads until what was read ends so.
async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    within(async {
        while !all.ends_with(end) {
            let read = stream.read_buf(&mut all).await.expect("bytes");
            assert_ne!(read, 0, "the end after {:?}", String::from_utf8_lossy(&all));
        }
    })
    .await;
    all
}

#[tokio::test]
async fn s3_frames_in_the_handshakes_own_segment_are_not_lost() {
    let house = SecureHouse::serve(app()).await;
    let long = pattern(30_000, 5);
    let frames: [(Opcode, &[u8]); 3] = [
        (Opcode::Text, b"early"),
        (Opcode::Binary, &long),
        (Opcode::Text, b"bird"),
    ];
    let mut stream = house.raw().await;
    let sent = handshake_and("/echo", &frames);
    within(stream.write_all(&sent)).await.expect("sent");
    within(stream.flush()).await.expect("sent");
    let all = read_until(&mut stream, b"bird").await;
    assert!(all.starts_with(b"HTTP/1.1 101 "));
    let behind = all.windows(4).position(|four| four == b"\r\n\r\n");
    let mut expected = Vec::new();
    for (opcode, payload) in frames {
        append_frame(&mut expected, true, opcode, payload, None);
    }
    assert!(all[behind.expect("a head") + 4..] == expected);
    drop(stream);
    house.leave().await;
}

#[tokio::test]
async fn s3_a_page_of_our_own_origin_comes_by_https() {
    let house = SecureHouse::serve(app()).await;
    let own = format!("https://{}", house.secure);
    let connected = within(house.client("/echo").origin(own).connect()).await;
    assert!(connected.is_ok());
    let foreign = format!("http://{}", house.secure);
    let refused = within(house.client("/echo").origin(foreign).connect()).await;
    let refused = refused.expect_err("another origin").to_string();
    assert!(refused.contains("403"), "{refused}");
    drop(connected);
    house.leave().await;
}

#[tokio::test]
async fn s3_plain_http_is_told_to_use_tls() {
    let house = SecureHouse::serve(app()).await;
    let mut stream = TcpStream::connect(house.secure).await.expect("connected");
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    within(read).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("use https:// or wss://"), "{answer}");
    drop(stream);
    house.leave().await;
}

#[tokio::test]
async fn s182_a_client_has_its_tls_context_headers_and_sub_protocols() {
    let house = SecureHouse::serve(app()).await;
    let uninvited = house.client("/invited").protocols(["chat"]).connect();
    let refused = within(uninvited).await.expect_err("no header").to_string();
    assert!(refused.contains("403"), "{refused}");
    let invited = house
        .client("/invited")
        .header("Invitation", "yes")
        .protocols(["superchat", "chat"])
        .compression(DeflateOffer::default());
    let client = within(invited.connect()).await.expect("invited");
    assert_eq!(client.protocol(), Some("chat"));
    assert!(client.compression().is_some());
    drop(client);
    house.leave().await;
}

#[tokio::test]
async fn s206_a_client_says_why_it_does_not_trust_a_server() {
    let house = SecureHouse::serve(app()).await;
    let error = within(Client::connect(&house.url("/echo"))).await;
    let error = error.expect_err("an unknown authority");
    assert!(error.to_string().contains("add_root_pem"), "{error}");

    let by_name = format!("wss://localhost:{}/echo", house.secure.port());
    let trust = house.authority.trust();
    let named = Client::builder(&by_name).tls(trust.clone()).connect();
    assert!(within(named).await.is_ok());

    let reckless = campanile_client::Tls::new().danger_accept_any_certificate();
    let url = house.url("/echo");
    let accepted = Client::builder(&url).tls(reckless).connect();
    assert!(within(accepted).await.is_ok());

    let plain = format!("wss://{}/echo", house.plain);
    let error = within(Client::builder(&plain).tls(trust.clone()).connect()).await;
    let error = error.expect_err("no TLS there");
    assert!(
        matches!(error, ClientError::Tls(TlsError::NotTls)),
        "{error}"
    );
    house.leave().await;

    let elsewhere = house_for("elsewhere.example").await;
    let error = within(elsewhere.client("/echo").connect()).await;
    let error = error.expect_err("another name").to_string();
    assert!(error.contains("elsewhere.example"), "{error}");
    elsewhere.leave().await;
}

async fn house_for(host: &str) -> SecureHouse {
    let authority = secure::Authority::new("authority");
    let issued = authority.issue("server", &[host]);
    let tls = campanile::Tls::from_pem(issued.certificate, issued.key).expect("a pair");
    SecureHouse::serve_with(app(), authority, tls).await
}

#[tokio::test]
async fn s3_leaving_ends_sessions_with_1001_and_a_close_notify() {
    let house = SecureHouse::serve(app()).await;
    let mut client = house.open("/echo").await;
    let mut raw = house.raw().await;
    let sent = handshake_and("/echo", &[(Opcode::Text, b"here")]);
    raw.write_all(&sent).await.expect("sent");
    raw.flush().await.expect("sent");
    read_until(&mut raw, b"here").await;
    let mut browser = house.raw().await;
    let request = b"GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n";
    browser.write_all(request).await.expect("sent");
    read_until(&mut browser, b"nobody").await;
    let left = tokio::spawn(house.leave());
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(code, 1001, "{reason}");
    assert!(within(client.next()).await.expect("no error").is_none());

    let mut close = [0; 2];
    within(raw.read_exact(&mut close)).await.expect("a close");
    assert_eq!(close[0], 0x88);
    let mut body = vec![0; close[1].into()];
    within(raw.read_exact(&mut body)).await.expect("its body");
    assert_eq!(&body[..2], 1001_u16.to_be_bytes());
    let mut answer = Vec::new();
    append_frame(&mut answer, true, Opcode::Close, &body[..2], Some([0; 4]));
    raw.write_all(&answer).await.expect("sent");
    raw.flush().await.expect("sent");
    // Without a close_notify this would be an error.
    let end = within(raw.read(&mut close)).await.expect("a clean end");
    assert_eq!(end, 0);
    let end = within(browser.read(&mut close)).await.expect("a clean end");
    assert_eq!(end, 0);
    left.await.expect("left");
}

#[tokio::test]
async fn s3_what_is_encrypted_and_not_sent_outlives_the_session() {
    const CLIENTS: usize = 24;
    let house = SecureHouse::serve(app()).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(open_large(&house, "/echo").await);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        // The socket is full at another place of the last record each time.
        let sent = pattern(3 * MIB + number * 1_777, 1);
        within(client.send_binary(&sent)).await.expect("sent");
    }
    for client in &mut clients {
        let answer = within(client.close(CloseCode::NORMAL, "done")).await;
        let answer = answer.expect("the answer came").expect("with a code");
        assert_eq!(answer.code, CloseCode::NORMAL);
    }
    drop(clients);
    house.leave().await;
}

#[tokio::test]
async fn s3_a_slow_consumer_is_closed_with_1008() {
    let house = SecureHouse::serve(app()).await;
    let mut slow = house.open("/impatient").await;
    let mut sent = 0;
    // More than all buffers between the two together.
    while house.handle.count("/impatient") > 0 && sent < 100_000 {
        let text = format!("{sent} {}", "x".repeat(32 << 10));
        house
            .handle
            .broadcast("/impatient", text)
            .expect("accepted");
        sent += 1;
        tokio::task::yield_now().await;
    }
    let mut expected = 0;
    let (code, reason) = loop {
        match next(&mut slow).await {
            Message::Text(text) => {
                assert!(text.starts_with(&format!("{expected} ")));
                expected += 1;
            }
            Message::Close(Some(frame)) => break (frame.code.get(), frame.reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1008);
    assert!(reason.starts_with("slow-consumer"), "{reason}");
    assert!(expected < sent);
    assert!(within(slow.next()).await.expect("no error").is_none());
    drop(slow);
    house.leave().await;
}
