//! What the project's first documents describe, as the finished program serves it without any
//! configuration. Pages and tools depend on every word of it.

use campanile_client::{Client, Message, Opcode};
use campanile_tests::{
    MIB, Raw, Request, Response, Server,
    clients::{self, LIMITS, next, next_close, next_text, settle},
    within,
};

/// The opening handshake of the document on the protocol, without its comments.
const SAMPLE_HANDSHAKE: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

/// Publishes over plain HTTP; `query` is percent-encoded already.
async fn publish(server: &Server, query: &str) -> Response {
    Raw::ask(server, &Request::get(&format!("/socket/publish?{query}"))).await
}

async fn assert_delivered(server: &Server, query: &str, user: &str, sessions: u64) {
    let response = publish(server, query).await;
    assert_eq!(response.status, 200, "{response:?}");
    let media_type = response.header("Content-Type").expect("a media type");
    assert!(media_type.starts_with("application/json"), "{media_type}");
    let expected = serde_json::json!({ "userId": user, "delivered": sessions });
    assert_eq!(response.json(), expected, "{query}");
}

#[tokio::test]
async fn seed_003_the_sample_handshake_byte_for_byte() {
    let server = Server::start(&[]);
    let mut raw = Raw::connect(&server).await;
    raw.send(SAMPLE_HANDSHAKE.as_bytes()).await;
    let response = raw.response().await;
    assert_eq!(response.status, 101, "{response:?}");
    assert_eq!(
        response.header("Sec-WebSocket-Accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(response.header("Sec-WebSocket-Protocol"), Some("chat"));
    let upgrade = response.header("Upgrade").expect("an Upgrade header");
    assert!(upgrade.eq_ignore_ascii_case("websocket"), "{upgrade}");
    let connection = response.header("Connection").expect("a Connection header");
    assert!(connection.eq_ignore_ascii_case("upgrade"), "{connection}");
}

#[tokio::test]
async fn seed_000_text_goes_to_all_sessions_unchanged() {
    let server = Server::start(&[]);
    let mut sender = clients::open(&server, "/chat").await;
    let mut other = clients::open(&server, "/chat").await;
    let mut third = clients::open(&server, "/chat?name=Alice").await;
    for text in [
        "hello",
        "",
        " spaces ",
        "<b>你好 🙂</b>",
        "{\"json\":true}\r\n",
        "@",
        "@ nobody",
    ] {
        sender.send_text(text).await.expect("sent");
        for session in [&mut sender, &mut other, &mut third] {
            assert_eq!(next_text(session).await, text);
        }
    }
}

#[tokio::test]
async fn seed_000_guests_are_numbered_and_can_be_written_to() {
    let server = Server::start(&[]);
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(clients::open(&server, "/chat").await);
    }
    let [first, second, third] = guests.as_mut_slice() else {
        panic!("three guests")
    };
    third
        .send_text("@Guest1 for the first")
        .await
        .expect("sent");
    assert_eq!(next_text(third).await, "@Guest1 for the first");
    assert_eq!(next_text(first).await, "@Guest1 for the first");
    first
        .send_text("@Guest2 for the second")
        .await
        .expect("sent");
    assert_eq!(next_text(first).await, "@Guest2 for the second");
    assert_eq!(next_text(second).await, "@Guest2 for the second");
    // The third's next message is the broadcast: it saw nothing of what the others wrote.
    second.send_text("for all").await.expect("sent");
    for guest in [first, second, third] {
        assert_eq!(next_text(guest).await, "for all");
    }
}

#[tokio::test]
async fn seed_000_a_name_from_the_address_belongs_to_all_its_sessions() {
    let server = Server::start(&[]);
    let mut alice = clients::open(&server, "/chat?name=Alice").await;
    let mut alice_again = clients::open(&server, "/chat?name=Alice").await;
    let mut chinese = clients::open(&server, "/chat?name=%E5%B0%8F%E6%98%8E").await;
    let mut sender = clients::open(&server, "/chat?name=Bob").await;
    sender.send_text("@Alice psst").await.expect("sent");
    for session in [&mut alice, &mut alice_again, &mut sender] {
        assert_eq!(next_text(session).await, "@Alice psst");
    }
    sender.send_text("@小明 你好").await.expect("sent");
    for session in [&mut chinese, &mut sender] {
        assert_eq!(next_text(session).await, "@小明 你好");
    }
    sender.send_text("done").await.expect("sent");
    for session in [&mut alice, &mut alice_again, &mut chinese, &mut sender] {
        assert_eq!(next_text(session).await, "done");
    }
}

#[tokio::test]
async fn seed_000_binary_is_refused_with_1003() {
    let server = Server::start(&[]);
    let mut client = clients::open(&server, "/chat").await;
    client.send_binary(b"\x00\x01").await.expect("sent");
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(code, 1003, "{reason}");
    assert!(!reason.is_empty());
}

#[tokio::test]
async fn seed_000_a_message_of_64_kib_passes_and_a_longer_one_is_1009() {
    let server = Server::start(&[]);
    let mut client = clients::open(&server, "/chat").await;
    let longest = "x".repeat(64 * 1024);
    client.send_text(&longest).await.expect("sent");
    assert_eq!(next_text(&mut client).await.len(), longest.len());
    client
        .send_text(&format!("{longest}x"))
        .await
        .expect("sent");
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(code, 1009, "{reason}");
    assert!(
        reason.contains("65536"),
        "{reason:?} does not name the limit"
    );
}

#[tokio::test]
async fn seed_001_a_message_over_http_reaches_all_sessions_of_the_user() {
    let server = Server::start(&[]);
    // The document's page spells the path with a capital letter.
    let mut sessions = vec![
        clients::open(&server, "/websocket/10086").await,
        clients::open(&server, "/webSocket/10086").await,
    ];
    let mut other = clients::open(&server, "/websocket/10010").await;
    assert_delivered(&server, "userId=10086&message=hello", "10086", 2).await;
    for session in &mut sessions {
        assert_eq!(next_text(session).await, "hello");
    }
    assert_delivered(&server, "userId=10010&message=other", "10010", 1).await;
    assert_eq!(next_text(&mut other).await, "other");
    assert_delivered(&server, "userId=nobody&message=lost", "nobody", 0).await;
}

#[tokio::test]
async fn seed_001_messages_are_percent_decoded_and_unknown_parameters_ignored() {
    let server = Server::start(&[]);
    let mut client = clients::open(&server, "/websocket/10086").await;
    for (query, text) in [
        (
            "userId=10086&message=%E4%BD%A0%E5%A5%BD+world%21",
            "你好 world!",
        ),
        ("userId=10086&message=a%2Bb%26c%3Dd%25", "a+b&c=d%"),
        // What jQuery makes of the document's page.
        (
            "userId=10086&message=hi&id=7777&content=hi&_=1700000000000",
            "hi",
        ),
        ("message=first&userId=10086", "first"),
        ("userId=%310086&message=%F0%9F%99%82", "🙂"),
    ] {
        assert_delivered(&server, query, "10086", 1).await;
        assert_eq!(next_text(&mut client).await, text, "{query}");
    }
    let mut chinese = clients::open(&server, "/websocket/%E5%B0%8F%E6%98%8E").await;
    assert_delivered(&server, "userId=%E5%B0%8F%E6%98%8E&message=hi", "小明", 1).await;
    assert_eq!(next_text(&mut chinese).await, "hi");
}

#[tokio::test]
async fn seed_001_a_publication_without_its_parameters_is_400() {
    let server = Server::start(&[]);
    for query in [
        "",
        "userId=10086",
        "message=hello",
        "userid=10086&Message=hello",
    ] {
        let response = publish(&server, query).await;
        assert_eq!(response.status, 400, "{query:?} {response:?}");
        let media_type = response.header("Content-Type").expect("a media type");
        assert!(
            media_type.starts_with("application/problem+json"),
            "{media_type}"
        );
        assert_eq!(response.json()["status"], 400, "{query:?}");
    }
}

#[tokio::test]
async fn seed_001_sessions_are_not_greeted_and_not_echoed() {
    let server = Server::start(&[]);
    // The page closes on the first message that it gets, so there may be none but those published.
    let builder = Client::builder(&server.url("/websocket/quiet")).limits(LIMITS);
    let mut client = within("a connection", builder.connect())
        .await
        .expect("connected");
    client.send_text("test1").await.expect("sent");
    client.ping(b"quiet?").await.expect("sent");
    assert_eq!(next(&mut client).await, Message::Pong(b"quiet?"[..].into()));
    assert_delivered(&server, "userId=quiet&message=now", "quiet", 1).await;
    assert_eq!(next_text(&mut client).await, "now");
}

#[tokio::test]
async fn seed_004_every_session_gets_the_time_every_five_seconds() {
    let server = Server::start(&[]);
    let mut sessions = vec![
        clients::open(&server, "/ws/1").await,
        clients::open(&server, "/ws/another").await,
    ];
    for session in &mut sessions {
        session
            .send_text("is logged, not echoed")
            .await
            .expect("sent");
    }
    let mut seen = Vec::new();
    for session in &mut sessions {
        for _ in 0..2 {
            let text = next_text(session).await;
            let time = text
                .strip_prefix("这是来自服务端的消息：")
                .expect("the message's words");
            let parts: Vec<&str> = time.split(':').collect();
            let [hours, minutes, seconds] = parts.as_slice() else {
                panic!("{time} is no time")
            };
            for (part, below) in [(hours, 24), (minutes, 60), (seconds, 60)] {
                assert!(
                    part.len() == 2 && part.parse::<u8>().is_ok_and(|it| it < below),
                    "{time}"
                );
            }
            seen.push(text);
        }
    }
    assert_ne!(seen[0], seen[1], "the same time twice");
}

#[tokio::test]
async fn echo_returns_text_binary_and_fragments() {
    let server = Server::start(&[]);
    let mut client = clients::open(&server, "/echo").await;
    for text in ["", "hello", "你好 🙂"] {
        client.send_text(text).await.expect("sent");
        assert_eq!(next_text(&mut client).await, text);
    }
    let octets: Vec<u8> = (0..=255).collect();
    client.send_binary(&octets).await.expect("sent");
    assert_eq!(
        next(&mut client).await,
        Message::Binary(octets.clone().into())
    );
    let parts: Vec<&[u8]> = octets.chunks(7).collect();
    client
        .send_fragmented(Opcode::Binary, &parts)
        .await
        .expect("sent");
    assert_eq!(next(&mut client).await, Message::Binary(octets.into()));
    settle(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_returns_16_mib() {
    let server = Server::start(&[]);
    let mut client = clients::open(&server, "/echo").await;
    let text = "0123456789abcdef".repeat(MIB);
    client.send_text(&text).await.expect("sent");
    assert!(
        next_text(&mut client).await == text,
        "16 MiB of text were altered"
    );
    client.send_binary(text.as_bytes()).await.expect("sent");
    assert!(
        next(&mut client).await == Message::Binary(text.clone().into()),
        "altered"
    );
    // In 65,536 fragments, as test suites do.
    let parts: Vec<&[u8]> = text.as_bytes().chunks(256).collect();
    client
        .send_fragmented(Opcode::Binary, &parts)
        .await
        .expect("sent");
    assert!(
        next(&mut client).await == Message::Binary(text.into()),
        "altered"
    );
}

#[tokio::test]
async fn the_demos_accept_pages_from_files_and_from_elsewhere() {
    let server = Server::start(&[]);
    for path in ["/chat", "/echo", "/websocket/1", "/webSocket/1", "/ws/1"] {
        for origin in [
            "null",
            "http://example.com",
            "https://localhost:3000",
            "file://",
        ] {
            let response = Raw::ask(&server, &Request::upgrade(path).with("Origin", origin)).await;
            assert_eq!(response.status, 101, "{path} {origin}");
        }
        let host = Request::upgrade(path).replaced("Host", "server.example.com:8080");
        assert_eq!(Raw::ask(&server, &host).await.status, 101, "{path}");
    }
}
