//! A broker of one script, over TCP.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{future::Future, time::Duration};

use campanile_client::stomp::{Reconnect, StompBuilder, StompClient, StompMessage, Subscription};
use campanile_stomp::{Decoder, Limits, Role, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use super::PATIENCE;

/// A frame of the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) command: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A broker's end of one connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    decoder: Decoder,
    input: Vec<u8>,
    version: &'static str,
    /// Line ends between frames, heart-beats among them.
    pub(crate) line_ends: usize,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: Decoder::new(Role::Server),
            input: Vec::new(),
            version: "1.2",
            line_ends: 0,
        }
    }

    /// Waits for a client and lets it in.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        Self::accept_with(listener, "1.2", "").await.0
    }

    /// The same, with a version and more lines of headers for CONNECTED; also returns CONNECT.
    pub(crate) async fn accept_with(
        listener: &TcpListener,
        version: &'static str,
        lines: &str,
    ) -> (Self, Sent) {
        let (stream, _) = timeout(PATIENCE, listener.accept())
            .await
            .expect("a client in time")
            .expect("a client");
        let mut peer = Self::new(stream);
        let connect = peer.frame("CONNECT").await;
        peer.version = version;
        peer.decoder
            .set_version(Version::from_name(version).expect("a version"));
        peer.send(&format!("CONNECTED\nversion:{version}\n{lines}\n\0"))
            .await;
        (peer, connect)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream
            .write_all(text.as_bytes())
            .await
            .expect("it is sent");
    }

    /// The client's next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        loop {
            let decoded = self
                .decoder
                .decode(&self.input, &Limits::default())
                .expect("a valid frame");
            let consumed = decoded.consumed;
            self.line_ends += decoded.heart_beats;
            let sent = decoded.frame.map(|frame| Sent {
                command: frame.command().as_str().to_owned(),
                headers: frame
                    .headers()
                    .map(|it| (it.name.into_owned(), it.value.into_owned()))
                    .collect(),
                body: frame.body().to_vec(),
            });
            self.input.drain(..consumed);
            if sent.is_some() {
                return sent;
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            if read
                .expect("the client says something in time")
                .unwrap_or(0)
                == 0
            {
                return None;
            }
        }
    }

    /// The next frame, which has this command.
    pub(crate) async fn frame(&mut self, command: &str) -> Sent {
        let sent = self.next().await.expect("a frame");
        assert_eq!(sent.command, command, "{sent:?}");
        sent
    }

    /// The same, answered with its receipt.
    pub(crate) async fn acknowledge(&mut self, command: &str) -> Sent {
        let sent = self.frame(command).await;
        self.receipt(&sent).await;
        sent
    }

    pub(crate) async fn receipt(&mut self, sent: &Sent) {
        self.receipt_with(sent, "").await;
    }

    /// A receipt with more lines of headers.
    pub(crate) async fn receipt_with(&mut self, sent: &Sent, lines: &str) {
        let receipt = sent.header("receipt").expect("it asks for a receipt");
        self.send(&format!("RECEIPT\nreceipt-id:{receipt}\n{lines}\n\0"))
            .await;
    }

    /// The next SUBSCRIBE, acknowledged with where it begins and whether that was recovered;
    /// returns what it was to begin after.
    pub(crate) async fn subscribe_from(&mut self, lines: &str) -> Option<String> {
        let subscribe = self.frame("SUBSCRIBE").await;
        self.receipt_with(&subscribe, lines).await;
        subscribe.header("after").map(str::to_owned)
    }

    /// A message of the subscription `mine`, with an id and more lines of headers, without a body.
    pub(crate) async fn message_with(&mut self, id: &str, lines: &str) {
        let frame = format!(
            "MESSAGE\nsubscription:mine\ndestination:/topic/a\nmessage-id:{id}\n{lines}\n\0"
        );
        self.send(&frame).await;
    }

    /// An ERROR about a frame.
    pub(crate) async fn refuse(&mut self, sent: &Sent, message: &str) {
        let receipt = sent.header("receipt").expect("it asks for a receipt");
        let frame = format!("ERROR\nmessage:{message}\nreceipt-id:{receipt}\n\nwhat to do\0");
        self.send(&frame).await;
    }

    pub(crate) async fn message(&mut self, subscription: &str, number: usize) {
        let frame = format!(
            "MESSAGE\nsubscription:{subscription}\ndestination:/topic/a\nmessage-id:m-{number}\n\
             ack:a-{number}\n\n{number}\0"
        );
        self.send(&frame).await;
    }

    /// Waits for DISCONNECT, answers, and for the end of the connection.
    pub(crate) async fn goodbye(mut self) {
        self.acknowledge("DISCONNECT").await;
        assert_eq!(self.next().await, None);
    }
}

/// A listener, and the URL that it is reached by.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("stomp://{address}"))
}

/// A broker that plays `script`, which gets the listener.
pub(crate) async fn broker<S, F>(script: S) -> (String, JoinHandle<()>)
where
    S: FnOnce(TcpListener) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (listener, url) = listen().await;
    let task = tokio::spawn(async move {
        timeout(PATIENCE, script(listener))
            .await
            .expect("the script ends");
    });
    (url, task)
}

/// A client that tries again at once, and sends no heart-beats.
pub(crate) fn client(url: &str) -> StompBuilder {
    let reconnect = Reconnect::default()
        .delay_first(Duration::from_millis(1))
        .delay_max(Duration::from_millis(5));
    StompClient::builder(url)
        .heart_beat(Duration::ZERO, Duration::ZERO)
        .reconnect(reconnect)
}

pub(crate) async fn connect(url: &str) -> StompClient {
    client(url).connect().await.expect("a session")
}

/// The next message.
pub(crate) async fn next(subscription: &mut Subscription) -> StompMessage {
    within(subscription.next())
        .await
        .expect("no error")
        .expect("a message")
}

/// What comes of something, in time.
pub(crate) async fn within<F: IntoFuture>(something: F) -> F::Output {
    timeout(PATIENCE, something).await.expect("it ends in time")
}
