//! Handshakes with any header, which a client library would not send.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::within;

/// What a server has answered, and the connection behind it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// Of an answer that is not 101.
    pub(crate) body: String,
    stream: TcpStream,
    read: Vec<u8>,
}

/// Asks for a WebSocket.
pub(crate) async fn shake(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    all.extend_from_slice(headers);
    request(address, "GET", target, &all).await
}

/// Sends a request, with the server's own Host unless there is another one among the headers.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    let mut stream = within(TcpStream::connect(address)).await.expect("a server");
    within(stream.write_all(text.as_bytes()))
        .await
        .expect("sent");
    let mut answer = Answer {
        status: 0,
        headers: Vec::new(),
        body: String::new(),
        stream,
        read: Vec::new(),
    };
    answer.read_head().await;
    answer
}

impl Answer {
    async fn read_head(&mut self) {
        let end = loop {
            let found = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            match found {
                Some(end) => break end,
                None => self.read_more().await,
            }
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        self.status = status.and_then(|text| text.parse().ok()).expect("a status");
        self.headers = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = self.header("content-length").and_then(|it| it.parse().ok());
        let body = self.take(length.unwrap_or(0)).await;
        self.body = String::from_utf8(body).expect("text");
    }

    async fn read_more(&mut self) {
        let mut buffer = [0; 4_096];
        let count = within(self.stream.read(&mut buffer))
            .await
            .expect("no error");
        assert_ne!(count, 0, "the server has closed");
        self.read.extend_from_slice(&buffer[..count]);
    }

    async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.read_more().await;
        }
        self.read.drain(..count).collect()
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The next message, which must be a short text in one plain frame.
    pub(crate) async fn next_text(&mut self) -> String {
        assert_eq!(self.status, 101, "{}", self.body);
        let head = self.take(2).await;
        assert_eq!(head[0], 0x81, "not a text in one plain frame");
        let length = match head[1] {
            126 => {
                let bytes = self.take(2).await;
                usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
            }
            short => usize::from(short),
        };
        String::from_utf8(self.take(length).await).expect("text")
    }

    /// Sends bytes as they are and nothing after them, while it goes on reading.
    pub(crate) async fn send_last(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.expect("sent");
        within(self.stream.shutdown()).await.expect("shut down");
    }

    /// All that still comes until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.read);
        let read = within(self.stream.read_to_end(&mut rest)).await;
        read.expect("no error");
        rest
    }
}
