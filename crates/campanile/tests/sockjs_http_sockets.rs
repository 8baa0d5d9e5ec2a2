//! SockJS over plain HTTP on real sockets: streams, connections that break off, leaving.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use campanile::{Campanile, Endpoint, OutboxPolicy, SockJs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use support::kit::{Notes, echo, noting};
use support::{House, within};

const STREAM: &str = "/e/0/s/xhr_streaming";
const SEND: &str = "/e/0/s/xhr_send";

/// A connection that is written and read by hand.
struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    async fn open(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await.expect("a server");
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// Sends a `POST` and reads the head of its answer.
    async fn post(&mut self, path: &str, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let sent = self.stream.write_all(request.as_bytes());
        within(sent).await.expect("sent");
        self.until("\r\n\r\n").await
    }

    /// Everything up to `end`, which is taken away.
    async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self
                .read
                .windows(end.len())
                .position(|it| it == end.as_bytes());
            if let Some(place) = found {
                let mut taken: Vec<u8> = self.read.drain(..place + end.len()).collect();
                taken.truncate(place);
                return String::from_utf8(taken).expect("text");
            }
            assert!(self.more().await, "the server has closed");
        }
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4_096];
        let count = within(self.stream.read(&mut buffer)).await.expect("bytes");
        self.read.extend_from_slice(&buffer[..count]);
        count != 0
    }

    /// The next chunk of a stream; empty for its end.
    async fn chunk(&mut self) -> String {
        let length = self.until("\r\n").await;
        let length = usize::from_str_radix(&length, 16).expect("a length");
        while self.read.len() < length + 2 {
            assert!(self.more().await, "the server has closed");
        }
        let mut chunk: Vec<u8> = self.read.drain(..length + 2).collect();
        chunk.truncate(length);
        String::from_utf8(chunk).expect("text")
    }

    /// Begins a stream, past its prelude.
    async fn stream(&mut self, path: &str) {
        let head = self.post(path, "").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let prelude = self.chunk().await;
        assert_eq!(prelude, "h".repeat(2_048) + "\n");
    }
}

async fn house(endpoint: Endpoint, options: SockJs) -> House {
    let app = Campanile::builder().endpoint("/e", endpoint.sockjs(options));
    House::serve(app.build().expect("an application")).await
}

#[tokio::test]
async fn s41_each_frame_is_a_chunk_and_the_connection_goes_on() {
    let house = house(echo(), SockJs::new().stream_bytes_max(20)).await;
    let mut stream = Line::open(house.address).await;
    stream.stream(STREAM).await;
    assert_eq!(stream.chunk().await, "o\n");
    let mut sender = Line::open(house.address).await;
    for text in ["first", "second"] {
        let head = sender.post(SEND, &format!("[\"{text}\"]")).await;
        assert!(head.starts_with("HTTP/1.1 204"), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
        assert_eq!(stream.chunk().await, format!("a[\"{text}\"]\n"));
    }
    // The limit is reached, and the next request of the same connection goes on.
    assert_eq!(stream.chunk().await, "");
    let head = sender.post(SEND, "[\"third\"]").await;
    assert!(head.starts_with("HTTP/1.1 204"), "{head}");
    stream.stream(STREAM).await;
    assert_eq!(stream.chunk().await, "a[\"third\"]\n");
}

#[tokio::test]
async fn s52_a_second_receiver_is_sent_away_and_the_first_goes_on() {
    let house = house(echo(), SockJs::new()).await;
    let mut first = Line::open(house.address).await;
    first.stream(STREAM).await;
    assert_eq!(first.chunk().await, "o\n");
    let mut second = Line::open(house.address).await;
    second.stream(STREAM).await;
    assert_eq!(
        second.chunk().await,
        "c[2010,\"Another connection still open\"]\n"
    );
    assert_eq!(second.chunk().await, "");
    second.post(SEND, "[\"x\"]").await;
    assert_eq!(first.chunk().await, "a[\"x\"]\n");
}

#[tokio::test]
async fn s52_a_receiver_that_breaks_off_ends_the_session() {
    for path in [STREAM, "/e/0/s/xhr"] {
        let notes = Notes::default();
        let house = house(noting(echo(), &notes), SockJs::new()).await;
        let mut receiver = Line::open(house.address).await;
        receiver.post(path, "").await;
        if path != STREAM {
            // The first poll is answered at once. Of two more, one receives and the other hears so.
            receiver.until("o\n").await;
            let mut other = Line::open(house.address).await;
            let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
            for line in [&mut receiver, &mut other] {
                let sent = line.stream.write_all(request.as_bytes());
                within(sent).await.expect("sent");
            }
            tokio::select! {
                _ = receiver.more() => receiver = other,
                _ = other.more() => {}
            }
        }
        drop(receiver);
        while notes.lock().expect("not poisoned").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(notes.lock().expect("not poisoned")[0], "1006 Peer ");
        let mut next = Line::open(house.address).await;
        next.post(path, "").await;
        next.until("c[1002,\"Connection interrupted\"]\n").await;
        let mut sender = Line::open(house.address).await;
        let head = sender.post(SEND, "[\"x\"]").await;
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    }
}

#[tokio::test]
async fn s52_leaving_ends_streams_and_polls_with_a_reason() {
    let house = house(echo(), SockJs::new()).await;
    let address = house.address;
    let mut stream = Line::open(address).await;
    stream.stream(STREAM).await;
    assert_eq!(stream.chunk().await, "o\n");
    let mut poll = Line::open(address).await;
    poll.post("/e/0/p/xhr", "").await;
    poll.until("o\n").await;
    let request = "POST /e/0/p/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    within(poll.stream.write_all(request.as_bytes()))
        .await
        .expect("sent");
    let left = tokio::spawn(house.leave());
    let told = stream.chunk().await;
    assert!(told.starts_with("c[1001,\"leaving: "), "{told}");
    assert_eq!(stream.chunk().await, "");
    // The other one had been read by then, or its connection was closed before.
    while poll.more().await {}
    let told = String::from_utf8_lossy(&poll.read);
    assert!(
        told.is_empty() || told.contains("\r\n\r\nc[1001,\"leaving: "),
        "{told}"
    );
    within(left).await.expect("nothing is left to wait for");
}

#[tokio::test]
async fn s29_s41_a_stream_that_nobody_reads_ends_in_its_policy() {
    let policy = OutboxPolicy {
        bytes_max: 256 << 10,
        ..OutboxPolicy::default()
    };
    let notes = Notes::default();
    let endpoint = noting(echo(), &notes).outbox(policy);
    let house = house(endpoint, SockJs::new().stream_bytes_max(usize::MAX)).await;
    let mut lazy = Line::open(house.address).await;
    lazy.stream(STREAM).await;
    assert_eq!(lazy.chunk().await, "o\n");
    let text = "x".repeat(60 << 10);
    // More than kernels keep on the way, with time in between: what is closed is closed for its
    // bytes.
    while notes.lock().expect("not poisoned").is_empty() {
        let _ = house.handle.broadcast("/e", text.as_str());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let note = notes.lock().expect("not poisoned")[0].clone();
    assert!(
        note.starts_with("1008 SlowConsumer slow-consumer"),
        "{note}"
    );
    // The connection is cut, although its client takes nothing.
    while lazy.more().await {
        lazy.read.clear();
    }
}
