//! A client of HTTP/2 and of WebSockets over it, over the `h2` crate.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use campanile::http::{Method, Request, Response};
use campanile_client::CloseCode;
use campanile_websocket::{Decoder, Event, InflaterPool, Limits, Opcode, Role, append_frame};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::secure::SecureHouse;
use super::support::within;

/// A connection of HTTP/2.
pub(crate) struct Multiplexed {
    requests: SendRequest<Bytes>,
    /// Ends with the connection.
    pub(crate) driven: JoinHandle<Result<(), h2::Error>>,
    authority: String,
}

/// What the two sides agree on during the TLS handshake when the client offers these.
pub(crate) async fn negotiated(house: &SecureHouse, offered: &[&[u8]]) -> Option<Vec<u8>> {
    let stream = connect_tls(house, offered).await;
    stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
}

pub(crate) async fn connect_tls(
    house: &SecureHouse,
    offered: &[&[u8]],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut config = house.authority.client_config(None);
    config.alpn_protocols = offered.iter().map(|one| one.to_vec()).collect();
    let socket = TcpStream::connect(house.secure).await;
    let name = ServerName::from(house.secure.ip());
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector.connect(name, socket.expect("a connection"));
    within(connected).await.expect("a TLS connection")
}

impl Multiplexed {
    pub(crate) async fn connect(house: &SecureHouse) -> Self {
        Self::connect_with(house, &Builder::new()).await
    }

    pub(crate) async fn connect_with(house: &SecureHouse, builder: &Builder) -> Self {
        let stream = connect_tls(house, &[b"h2"]).await;
        let (requests, connection) = within(builder.handshake(stream)).await.expect("HTTP/2");
        let multiplexed = Self {
            requests,
            driven: tokio::spawn(connection),
            authority: house.secure.to_string(),
        };
        // An answer shows that the server's settings have come.
        multiplexed.get("/who").await;
        multiplexed
    }

    /// Whether the server has said that it takes extended CONNECT.
    pub(crate) fn may_open_websockets(&self) -> bool {
        self.requests.is_extended_connect_protocol_enabled()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Request<()> {
        let uri = format!("https://{}{path}", self.authority);
        let request = Request::builder().method(method).uri(uri);
        request.body(()).expect("a request")
    }

    /// The request of RFC 8441 5.1, with these headers.
    pub(crate) fn handshake(&self, path: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = self.request(Method::CONNECT, path);
        let protocol = Protocol::from_static("websocket");
        request.extensions_mut().insert(protocol);
        let version = [("sec-websocket-version", "13")];
        let known = headers.iter().any(|(name, _)| *name == version[0].0);
        for (name, value) in version.iter().filter(|_| !known).chain(headers) {
            let value = value.parse().expect("a value");
            request.headers_mut().append(*name, value);
        }
        request
    }

    /// Sends a request without a body, whose stream may go on, and waits for the answer's head.
    pub(crate) async fn ask(
        &self,
        request: Request<()>,
    ) -> Result<(Response<RecvStream>, SendStream<Bytes>), h2::Error> {
        let is_last = request.method() != Method::CONNECT;
        let mut requests = within(self.requests.clone().ready()).await?;
        let (response, stream) = requests.send_request(request, is_last)?;
        Ok((within(response).await?, stream))
    }

    /// The answer to a GET: its status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request = self.request(Method::GET, path);
        let (response, _) = self.ask(request).await.expect("an answer");
        text(response).await
    }

    /// The answer to a POST: its status and body.
    pub(crate) async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut requests = within(self.requests.clone().ready()).await.expect("open");
        let request = self.request(Method::POST, path);
        let (response, mut stream) = requests.send_request(request, false).expect("open");
        send_all(&mut stream, body.as_bytes()).await;
        stream.send_data(Bytes::new(), true).expect("open");
        text(within(response).await.expect("an answer")).await
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> Socket {
        let request = self.handshake(path, headers);
        let (response, sending) = self.ask(request).await.expect("an answer");
        let status = response.status().as_u16();
        assert_eq!(status, 200, "{}", text(response).await.1);
        let (head, receiving) = response.into_parts();
        Socket {
            head: Response::from_parts(head, ()),
            sending,
            receiving,
            received: Vec::new(),
            decoder: Decoder::new(Role::Client).with_inflaters(Arc::new(InflaterPool::new())),
        }
    }

    /// What a handshake is refused with.
    pub(crate) async fn refused(&self, request: Request<()>) -> (u16, String) {
        let (response, _) = self.ask(request).await.expect("an answer");
        assert!(!response.status().is_success());
        text(response).await
    }
}

/// The status and the body of an answer.
pub(crate) async fn text(response: Response<RecvStream>) -> (u16, String) {
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut all = Vec::new();
    while let Some(bytes) = within(body.data()).await {
        let bytes = bytes.expect("a whole answer");
        let released = body.flow_control().release_capacity(bytes.len());
        released.expect("it is ours");
        all.extend_from_slice(&bytes);
    }
    (status, String::from_utf8(all).expect("text"))
}

/// Sends bytes, as fast as the server takes them.
async fn send_all(stream: &mut SendStream<Bytes>, bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let room = poll_fn(|context| stream.poll_capacity(context));
        let room = within(room).await.expect("open").expect("open");
        let part = rest.split_to(rest.len().min(room));
        stream.send_data(part, false).expect("open");
    }
}

/// A WebSocket on a stream.
pub(crate) struct Socket {
    pub(crate) head: Response<()>,
    sending: SendStream<Bytes>,
    receiving: RecvStream,
    received: Vec<u8>,
    decoder: Decoder,
}

/// What a server has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
    /// The stream has ended as it should.
    End,
    Reset(Option<Reason>),
}

impl Socket {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name)?.to_str().ok()
    }

    pub(crate) async fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        append_frame(&mut frame, true, opcode, payload, Some([9, 8, 7, 6]));
        send_all(&mut self.sending, &frame).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send(Opcode::Text, text.as_bytes()).await;
    }

    pub(crate) async fn send_close(&mut self, code: CloseCode) {
        self.send(Opcode::Close, &code.get().to_be_bytes()).await;
    }

    /// Says that nothing more comes, as a closed TCP connection would (RFC 8441 5).
    pub(crate) fn end(&mut self) {
        self.sending.send_data(Bytes::new(), true).expect("open");
    }

    /// Ends it as a TCP connection that is cut.
    pub(crate) fn reset(mut self) {
        self.sending.send_reset(Reason::CANCEL);
    }

    /// The next that the server has to say.
    pub(crate) async fn next(&mut self) -> Said {
        let limits = Limits {
            message_bytes_max: 64 << 20,
            frame_bytes_max: 64 << 20,
            ..Limits::default()
        };
        loop {
            let decoded = self.decoder.decode(&mut self.received, &limits);
            let decoded = decoded.expect("no error");
            let said = match decoded.event {
                Some(Event::Text(text)) => Some(Said::Text(text.to_owned())),
                Some(Event::Binary(bytes)) => Some(Said::Binary(bytes.to_vec())),
                Some(Event::Close(Some(frame))) => {
                    Some(Said::Close(frame.code.get(), frame.reason))
                }
                Some(Event::Close(None)) => Some(Said::Close(1005, String::new())),
                Some(Event::Ping(_) | Event::Pong(_)) | None => None,
            };
            let consumed = decoded.consumed;
            self.received.drain(..consumed);
            if let Some(said) = said {
                return said;
            }
            if consumed == 0 || self.received.is_empty() {
                match within(self.receiving.data()).await {
                    None => return Said::End,
                    Some(Err(error)) => return Said::Reset(error.reason()),
                    Some(Ok(bytes)) => {
                        let flow = self.receiving.flow_control();
                        flow.release_capacity(bytes.len()).expect("it is ours");
                        self.received.extend_from_slice(&bytes);
                    }
                }
            }
        }
    }

    pub(crate) async fn next_text(&mut self) -> String {
        match self.next().await {
            Said::Text(text) => text,
            other => panic!("not a text: {other:?}"),
        }
    }
}
