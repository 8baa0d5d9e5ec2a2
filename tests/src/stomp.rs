//! A STOMP client over TCP, with a reader of frames of its own: it shares no code with the server.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::within;

/// How much a frame may have before a test has failed.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A connection that speaks STOMP, or whatever else it is told to send.
#[derive(Debug)]
pub struct Stomp {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A frame as it came, its headers as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StompFrame {
    /// The first line.
    pub command: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The octets before the NUL.
    pub body: Vec<u8>,
}

impl StompFrame {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Stomp {
    /// Opens a connection and says nothing.
    ///
    /// # Panics
    /// When nobody accepts it.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self {
            stream: stream.expect("somebody who accepts"),
            unread: Vec::new(),
        }
    }

    /// Opens a connection and is connected.
    ///
    /// # Panics
    /// When it is not.
    pub async fn connect(address: SocketAddr, version: &str) -> Self {
        let mut client = Self::open(address).await;
        let connect = format!("CONNECT\naccept-version:{version}\nhost:localhost\n\n\0");
        client.send(connect).await;
        let connected = client.frame().await.expect("an answer");
        assert_eq!(connected.command, "CONNECTED", "{connected:?}");
        assert_eq!(connected.header("version"), Some(version));
        client
    }

    /// Subscribes, and waits until it is.
    ///
    /// # Panics
    /// When it is not.
    pub async fn subscribe(&mut self, destination: &str) {
        let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{destination}\nreceipt:s\n\n\0");
        self.send(subscribe).await;
        let receipt = self.frame().await.expect("an answer");
        assert_eq!(receipt.command, "RECEIPT", "{receipt:?}");
    }

    /// Sends octets.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = within("sending", self.stream.write_all(bytes.as_ref())).await;
        sent.expect("a connection");
    }

    /// Closes its half of the connection.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn end_sending(&mut self) {
        self.stream.shutdown().await.expect("a connection");
    }

    /// The next frame; `None` at the end of the connection, which must not come within a frame.
    ///
    /// # Panics
    /// When it is no frame, or the connection is reset.
    pub async fn frame(&mut self) -> Option<StompFrame> {
        loop {
            let line_ends = self.unread.iter().take_while(|one| **one == b'\n').count();
            self.unread.drain(..line_ends);
            if let Some((frame, length)) = parse(&self.unread) {
                self.unread.drain(..length);
                return Some(frame);
            }
            assert!(self.unread.len() <= FRAME_BYTES_MAX, "an endless frame");
            let read = within("a frame", self.stream.read_buf(&mut self.unread)).await;
            if read.expect("a connection that is not reset") == 0 {
                assert!(self.unread.is_empty(), "the end within a frame");
                return None;
            }
        }
    }

    /// Expects an ERROR with this `message`, and the end of the connection behind it.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn expect_error(&mut self, message: &str) -> StompFrame {
        let error = self.frame().await.expect("an ERROR");
        assert_eq!(error.command, "ERROR", "{error:?}");
        assert_eq!(error.header("message"), Some(message), "{error:?}");
        assert!(!error.body.is_empty(), "it says what to do");
        assert_eq!(self.frame().await, None, "the end");
        error
    }
}

/// The frame at the front, and its length; `None` if it is not whole.
fn parse(octets: &[u8]) -> Option<(StompFrame, usize)> {
    let head_end = octets.windows(2).position(|two| two == b"\n\n")?;
    let head = str::from_utf8(&octets[..head_end]).expect("a head in UTF-8");
    let mut lines = head.split('\n');
    let command = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').expect("NAME:VALUE"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let after = &octets[head_end + 2..];
    let length = match length {
        Some((_, length)) => length.parse().expect("a length"),
        None => after.iter().position(|one| *one == 0)?,
    };
    let body = after.get(..length)?.to_vec();
    assert_eq!(*after.get(length)?, 0, "a NUL behind the body");
    let frame = StompFrame {
        command,
        headers,
        body,
    };
    Some((frame, head_end + 2 + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_when_it_is_whole() {
        let first = b"MESSAGE\na:b:c\ncontent-length:3\n\nx\0y\0";
        let octets = [&first[..], b"\nMESSAGE\n\nz\0"].concat();
        for end in 0..first.len() {
            assert_eq!(parse(&octets[..end]), None, "{end}");
        }
        let (frame, length) = parse(&octets).expect("a frame");
        assert_eq!(
            (frame.header("a"), &*frame.body),
            (Some("b:c"), &b"x\0y"[..])
        );
        assert_eq!(length, first.len());
        let (frame, _) = parse(&octets[length + 1..]).expect("another");
        assert_eq!(
            (frame.command.as_str(), &*frame.body),
            ("MESSAGE", &b"z"[..])
        );
    }
}
