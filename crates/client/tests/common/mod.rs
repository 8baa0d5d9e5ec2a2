//! A tiny server that plays one script on one connection.
#![allow(dead_code, reason = "each test file uses a part of it")]

#[cfg(feature = "stomp")]
pub(crate) mod broker;

use std::{future::Future, time::Duration};

use campanile_client::{Client, ClientError, Limits, Message};
use campanile_websocket::{
    Closing, Decoder, Event, Role, accept_key, encode_binary, encode_close, encode_close_empty,
    encode_pong, encode_text,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Bound on every test's waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server that accepts one connection and plays `script` on it.
pub(crate) async fn server<S, F>(script: S) -> (String, tokio::task::JoinHandle<()>)
where
    S: FnOnce(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        timeout(PATIENCE, script(stream))
            .await
            .expect("the script ends");
    });
    (format!("ws://{address}/path?query"), task)
}

pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the request"));
    }
    String::from_utf8(head).expect("ASCII")
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The usual answer, with `extra` header lines.
pub(crate) fn answer(head: &str, extra: &str) -> String {
    let accept = accept_key(header(head, "Sec-WebSocket-Key").expect("a key"));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    )
}

pub(crate) async fn open(stream: &mut TcpStream) -> String {
    let head = read_head(stream).await;
    stream
        .write_all(answer(&head, "").as_bytes())
        .await
        .expect("the answer");
    head
}

/// Echoes until a Close, answers it, and closes TCP.
pub(crate) async fn echo(mut stream: TcpStream) {
    let limits = Limits {
        frame_bytes_max: 1 << 20,
        message_bytes_max: 1 << 20,
        fragments_max: 1000,
    };
    let mut decoder = Decoder::new(Role::Server);
    let mut closing = Closing::default();
    let mut buffer = vec![0; 4096];
    while !closing.is_done() {
        let read = stream.read(&mut buffer).await.expect("bytes");
        assert_ne!(read, 0, "the client left without a Close");
        let mut taken = 0;
        while taken < read {
            let decoded = decoder
                .decode(&mut buffer[taken..read], &limits)
                .expect("valid frames");
            taken += decoded.consumed;
            let out = match decoded.event {
                Some(Event::Text(text)) => encode_text(text),
                Some(Event::Binary(data)) => encode_binary(data),
                Some(Event::Ping(payload)) => encode_pong(payload).expect("a pong"),
                Some(Event::Close(frame)) => {
                    assert!(closing.receive_close() && closing.send_close());
                    frame.map_or_else(encode_close_empty, |it| encode_close(it.code, &it.reason))
                }
                Some(Event::Pong(_)) | None => continue,
            };
            stream.write_all(&out).await.expect("an echo");
        }
    }
}

/// One event of the client's, as an owned description.
pub(crate) async fn client_event(stream: &mut TcpStream) -> String {
    let mut decoder = Decoder::new(Role::Server);
    loop {
        let mut byte = [stream.read_u8().await.expect("a byte of a frame")];
        let decoded = decoder
            .decode(&mut byte, &Limits::default())
            .expect("valid frames");
        if let Some(event) = decoded.event {
            return format!("{event:?}");
        }
    }
}

pub(crate) async fn next(client: &mut Client) -> Result<Option<Message>, ClientError> {
    timeout(PATIENCE, client.next())
        .await
        .expect("an answer in time")
}

pub(crate) fn text(text: &str) -> Option<Message> {
    Some(Message::Text(text.to_owned()))
}
