//! Opening a connection, and messages both ways, against a tiny server of the test's own.

use std::time::Duration;

use campanile_client::{
    Client, ClientError, ClientHandshakeError, CloseCode, CloseFrame, Limits, Message, Opcode,
    Step, UrlProblem,
};
use campanile_websocket::{encode_ping, encode_text, select_protocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

mod common;
use common::{answer, echo, header, next, open, read_head, server, text};

#[tokio::test]
async fn messages_go_there_and_back_and_the_end_is_clean() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        echo(stream).await;
    })
    .await;
    let limits = Limits {
        frame_bytes_max: 1 << 20,
        message_bytes_max: 1 << 20,
        fragments_max: 9,
    };
    let mut client = Client::builder(&url)
        .limits(limits)
        .connect()
        .await
        .expect("connected");
    client.send_text("grüß dich").await.expect("sent");
    assert_eq!(next(&mut client).await.expect("echo"), text("grüß dich"));
    let big: Vec<u8> = (0..300_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    client.send_binary(&big).await.expect("sent");
    assert_eq!(
        next(&mut client).await.expect("echo"),
        Some(Message::Binary(big.into()))
    );
    client.ping(b"still there?").await.expect("sent");
    let pong = next(&mut client).await.expect("pong");
    assert_eq!(pong, Some(Message::Pong(b"still there?"[..].into())));
    // The two octets of the u-umlaut lie in two frames.
    let parts: [&[u8]; 4] = [b"gr\xc3", b"\xbc", b"", "ß".as_bytes()];
    client
        .send_fragmented(Opcode::Text, &parts)
        .await
        .expect("sent");
    assert_eq!(next(&mut client).await.expect("echo"), text("grüß"));
    client
        .send_fragmented(Opcode::Binary, &[])
        .await
        .expect("sent");
    assert_eq!(
        next(&mut client).await.expect("echo"),
        Some(Message::Binary(Vec::new().into()))
    );

    let said = client
        .close(CloseCode::NORMAL, "bye")
        .await
        .expect("closed");
    assert_eq!(
        said,
        Some(CloseFrame {
            code: CloseCode::NORMAL,
            reason: "bye".to_owned()
        })
    );
    assert_eq!(next(&mut client).await.expect("over"), None);
    assert!(matches!(
        client.send_text("late").await,
        Err(ClientError::Closed)
    ));
    assert_eq!(
        client.close(CloseCode::NORMAL, "").await.expect("again"),
        None
    );
    served.await.expect("the server is content");
}

#[tokio::test]
async fn the_handshake_carries_what_the_builder_was_given() {
    let (url, served) = server(|mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("GET /path?query HTTP/1.1\r\n"), "{head}");
        assert_eq!(header(&head, "Origin"), Some("http://example.com"));
        assert_eq!(header(&head, "X-Token"), Some("secret"));
        let offered: Vec<String> = header(&head, "Sec-WebSocket-Protocol")
            .expect("an offer")
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        assert_eq!(offered, ["chat", "superchat"]);
        let chosen = select_protocol(&offered, &["superchat"]).expect("a choice");
        let extra = format!("Sec-WebSocket-Protocol: {chosen}\r\nX-Server: test\r\n");
        // A message in the same segment as the answer must not be lost.
        let mut out = answer(&head, &extra).into_bytes();
        out.extend_from_slice(&encode_text("early"));
        stream.write_all(&out).await.expect("the answer");
        echo(stream).await;
    })
    .await;
    let mut client = Client::builder(&url)
        .protocols(["chat", "superchat"])
        .header("X-Token", "secret")
        .origin("http://example.com")
        .connect()
        .await
        .expect("connected");
    assert_eq!(client.protocol(), Some("superchat"));
    assert_eq!(client.headers()["x-server"], "test");
    assert_eq!(next(&mut client).await.expect("early"), text("early"));
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    served.await.expect("the server is content");
}

#[tokio::test]
async fn refusals_say_why() {
    let (url, _served) = server(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        stream
            .write_all(answer.as_bytes())
            .await
            .expect("the answer");
    })
    .await;
    match Client::connect(&url).await {
        Err(ClientError::Handshake(ClientHandshakeError::Refused { status: 404, .. })) => {}
        other => panic!("{other:?}"),
    }

    let (url, _served) = server(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    assert!(matches!(
        Client::connect(&url).await,
        Err(ClientError::NoAnswer)
    ));

    let (url, _served) = server(|mut stream| async move {
        let mut all = Vec::new();
        stream
            .read_to_end(&mut all)
            .await
            .expect("the client's end");
    })
    .await;
    let opening = Client::builder(&url)
        .open_timeout(Duration::from_millis(20))
        .connect()
        .await;
    assert!(matches!(
        opening,
        Err(ClientError::TimedOut {
            step: Step::Opening,
            ..
        })
    ));

    match Client::connect("https://127.0.0.1/").await {
        Err(ClientError::Url {
            problem: UrlProblem::Scheme,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }

    let closed_port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let refused = Client::connect(&format!("ws://127.0.0.1:{closed_port}/")).await;
    assert!(matches!(refused, Err(ClientError::Connect { .. })));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_the_connection_lives_on() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        echo(stream).await;
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    let refused = client.ping(&[0; 126]).await;
    assert!(matches!(
        refused,
        Err(ClientError::PingTooLong { bytes: 126 })
    ));
    let refused = client.send_fragmented(Opcode::Ping, &[b"a", b"b"]).await;
    assert!(matches!(refused, Err(ClientError::NotFragmentable { .. })));
    client.send_text("alive").await.expect("sent");
    assert_eq!(next(&mut client).await.expect("echo"), text("alive"));
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    served.await.expect("the server is content");
}

#[tokio::test]
async fn localhost_is_found_on_either_family() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        // A machine without IPv6 has nothing to find there.
        let Ok(listener) = TcpListener::bind(address).await else {
            continue;
        };
        let port = listener.local_addr().expect("an address").port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let head = open(&mut stream).await;
            assert_eq!(
                header(&head, "Host"),
                Some(format!("localhost:{port}").as_str())
            );
            echo(stream).await;
        });
        let url = format!("ws://localhost:{port}/");
        let mut client = Client::connect(&url).await.expect("connected");
        client.close(CloseCode::NORMAL, "").await.expect("closed");
        served.await.expect("the server is content");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_is_answered_without_holding_them_all() {
    const PINGS: usize = 50_000;
    let (url, served) = server(|stream| async move {
        let mut stream = stream;
        open(&mut stream).await;
        let (mut reader, mut writer) = stream.into_split();
        let pings = tokio::spawn(async move {
            let batch = encode_ping(b"flood").expect("a ping").repeat(PINGS / 100);
            for _ in 0..100 {
                writer.write_all(&batch).await.expect("pings");
            }
            writer
                .write_all(&encode_text("done"))
                .await
                .expect("a text");
            writer
        });
        // Each pong has two octets of header, four of mask and five of payload.
        let mut left = PINGS * 11;
        let mut buffer = vec![0; 65536];
        while left > 0 {
            let read = reader.read(&mut buffer).await.expect("pongs");
            assert_ne!(read, 0, "the client left");
            left = left.checked_sub(read).expect("nothing but pongs");
        }
        drop(pings.await.expect("all pings sent"));
    })
    .await;
    let client = tokio::spawn(async move {
        let mut client = Client::connect(&url).await.expect("connected");
        assert_eq!(next(&mut client).await.expect("a text"), text("done"));
        // What is still unsent goes out while the next message is waited for.
        assert!(matches!(
            next(&mut client).await,
            Err(ClientError::Lost | ClientError::Io(_))
        ));
    });
    client.await.expect("the client is content");
    served.await.expect("the server is content");
}
