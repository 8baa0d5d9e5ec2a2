//! Compressed messages, with a server that is played by hand.

mod common;

use std::sync::Arc;

use campanile_client::{Client, ClientError, DecodeError, DeflateOffer, Message, WindowBits};
use campanile_websocket::{
    Compressor, Decoder, Event, InflaterPool, Limits, Opcode, Role, encode_compressed,
};
use common::{answer, header, next, read_head, server, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Reads the client's next message; whether it was compressed, and its text.
async fn message(stream: &mut TcpStream) -> (bool, String) {
    let pool = Arc::new(InflaterPool::new());
    let mut decoder = Decoder::new(Role::Server).with_inflaters(pool);
    let mut first = None;
    loop {
        let byte = stream.read_u8().await.expect("a byte of a frame");
        let compressed = *first.get_or_insert(byte & 0x40 != 0);
        let mut octets = [byte];
        let decoded = decoder.decode(&mut octets, &Limits::default());
        if let Some(Event::Text(text)) = decoded.expect("a legal frame").event {
            return (compressed, text.to_owned());
        }
    }
}

async fn accept(stream: &mut TcpStream, extensions: &str) -> String {
    let head = read_head(stream).await;
    let line = format!("Sec-WebSocket-Extensions: {extensions}\r\n");
    let answer = answer(&head, &line);
    stream.write_all(answer.as_bytes()).await.expect("sent");
    head
}

#[tokio::test]
async fn rfc7692_messages_are_compressed_in_both_directions() {
    let long = "ding dong ".repeat(100);
    let sent = long.clone();
    let (url, task) = server(async move |mut stream| {
        let head = accept(&mut stream, &format!("{BOTH}; client_max_window_bits=10")).await;
        let offered = header(&head, "Sec-WebSocket-Extensions").expect("an offer");
        assert_eq!(offered, format!("{BOTH}; client_max_window_bits=12"));
        // What gains goes out compressed, a short one as it is.
        assert_eq!(message(&mut stream).await, (true, sent.clone()));
        assert_eq!(message(&mut stream).await, (false, "short".to_owned()));
        let mut compressed = Vec::new();
        let mut compressor = Compressor::new(WindowBits::MAX);
        let done = compressor.compress(sent.as_bytes(), &mut compressed);
        done.expect("compressed");
        let frame = encode_compressed(Opcode::Text, &compressed);
        stream.write_all(&frame).await.expect("sent");
    })
    .await;
    let offer = DeflateOffer {
        client_window: WindowBits::new(12),
        ..DeflateOffer::default()
    };
    let mut client = Client::builder(&url)
        .compression(offer)
        .connect()
        .await
        .expect("open");
    assert_eq!(client.compression().map(WindowBits::get), Some(10));
    client.send_text(&long).await.expect("sent");
    client.send_text("short").await.expect("sent");
    assert_eq!(next(&mut client).await.expect("a message"), text(&long));
    task.await.expect("the script");
}

#[tokio::test]
async fn without_an_agreement_nothing_is_compressed() {
    let long = "ding dong ".repeat(100);
    let sent = long.clone();
    let (url, task) = server(async move |mut stream| {
        let head = read_head(&mut stream).await;
        let answer = answer(&head, "");
        stream.write_all(answer.as_bytes()).await.expect("sent");
        assert_eq!(message(&mut stream).await, (false, sent));
        stream.write_all(b"\xc1\x01\x00").await.expect("sent");
    })
    .await;
    let builder = Client::builder(&url).compression(DeflateOffer::default());
    let mut client = builder.connect().await.expect("open");
    assert_eq!(client.compression(), None);
    client.send_text(&long).await.expect("sent");
    let refused: Result<Option<Message>, _> = next(&mut client).await;
    assert!(matches!(
        refused,
        Err(ClientError::Protocol(DecodeError::ReservedBitSet))
    ));
    task.await.expect("the script");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_offer_fails_the_handshake() {
    for extensions in [
        "permessage-deflate",
        &format!("{BOTH}; client_max_window_bits=9"),
    ] {
        let extensions = extensions.to_owned();
        let (url, task) = server(async move |mut stream| {
            accept(&mut stream, &extensions).await;
        })
        .await;
        let builder = Client::builder(&url).compression(DeflateOffer::default());
        let refused = builder.connect().await;
        assert!(
            matches!(refused, Err(ClientError::Compression(_))),
            "{refused:?}"
        );
        task.await.expect("the script");
    }
}
