//! An open connection: messages in and out, and the closing handshake.

use std::time::Duration;

use bytes::Bytes;
use campanile_websocket::{
    CLOSE_REASON_BYTES_MAX, CONTROL_PAYLOAD_BYTES_MAX, ClientResponse, CloseCode, CloseFrame,
    Decoder, Event, Limits, Opcode, Role, WindowBits,
};
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::{
    builder::Builder,
    compression::{compressed, inflaters},
    error::{ClientError, Step},
    mask::Masks,
    pipe::Pipe,
    stream::Stream,
};

/// What a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Bytes),
    /// The answer to a [`Client::ping`], with its payload; or one that nobody asked for (RFC 6455
    /// 5.5.3).
    Pong(Bytes),
    /// The server closes. It has been answered. `None` when its Close frame carried no code.
    Close(Option<CloseFrame>),
}

/// What the opening handshake leaves behind.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) response: ClientResponse,
    /// Bytes that came behind the handshake's answer.
    pub(crate) rest: Vec<u8>,
    /// What was agreed on, if both sides may compress.
    pub(crate) window: Option<WindowBits>,
    pub(crate) limits: Limits,
    pub(crate) close_timeout: Duration,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Our Close is sent or in the buffer; the server's has not come.
    WeSentClose,
    /// Both Close frames are exchanged: what is left is the end of TCP, which is the server's to
    /// make (RFC 6455 7.1.1).
    AwaitingEnd,
    Ended,
}

/// One WebSocket connection to a server.
///
/// It does nothing between calls. Every method is safe to cancel: a message whose sending was
/// cancelled is sent to its end by the next call.
#[derive(Debug)]
pub struct Client {
    pipe: Pipe,
    headers: HeaderMap,
    protocol: Option<String>,
    decoder: Decoder,
    window: Option<WindowBits>,
    limits: Limits,
    masks: Masks,
    state: State,
    close_timeout: Duration,
    /// Set when the closing handshake starts.
    close_deadline: Option<Instant>,
}

impl Client {
    /// Opens a connection with the default options.
    ///
    /// # Errors
    /// Those of [`Builder::connect`].
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::builder(url).connect().await
    }

    /// Options for a connection to `url`, such as `ws://127.0.0.1:8080/chat?name=Alice`.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(opened: Opened) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        if opened.window.is_some() {
            decoder = decoder.with_inflaters(inflaters());
        }
        Self {
            pipe: Pipe::new(opened.stream, opened.rest),
            headers: opened.response.headers,
            protocol: opened.response.protocol,
            decoder,
            window: opened.window,
            limits: opened.limits,
            masks: Masks::new(),
            state: State::Open,
            close_timeout: opened.close_timeout,
            close_deadline: None,
        }
    }

    /// The sub-protocol that the server chose; `None` when it chose none.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The window that this side compresses with, if compression was [offered](Builder::compression)
    /// and the server has accepted.
    pub fn compression(&self) -> Option<WindowBits> {
        self.window
    }

    /// The headers of the server's answer to the opening handshake.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The address of this end of the TCP connection.
    ///
    /// # Errors
    /// [`ClientError::Io`] when the operating system does not know it any more.
    pub fn local_addr(&self) -> Result<std::net::SocketAddr, ClientError> {
        Ok(self.pipe.local_addr()?)
    }

    /// Sends one text message in one frame. Returns when the kernel has taken it.
    ///
    /// Does not read meanwhile: a server that waits for its own messages to be read before it reads
    /// on needs [`next`](Self::next) to be called in between.
    ///
    /// # Errors
    /// [`ClientError::Closed`] after a Close, [`ClientError::Io`] when the socket fails.
    pub async fn send_text(&mut self, text: &str) -> Result<(), ClientError> {
        self.send_frame(Opcode::Text, text.as_bytes()).await
    }

    /// Sends one binary message in one frame; as [`send_text`](Self::send_text).
    ///
    /// # Errors
    /// Those of [`send_text`](Self::send_text).
    pub async fn send_binary(&mut self, data: &[u8]) -> Result<(), ClientError> {
        self.send_frame(Opcode::Binary, data).await
    }

    /// Sends a ping; its answer comes as [`Message::Pong`]. `payload`: at most 125 bytes.
    ///
    /// # Errors
    /// [`ClientError::PingTooLong`], and those of [`send_text`](Self::send_text).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        if payload.len() > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(ClientError::PingTooLong {
                bytes: payload.len(),
            });
        }
        self.send_frame(Opcode::Ping, payload).await
    }

    /// Sends one message in as many frames as `parts` has elements, empty ones included.
    ///
    /// For tests of servers. The parts of a text need not end between characters. No part at all
    /// sends one empty frame.
    ///
    /// # Errors
    /// [`ClientError::NotFragmentable`] unless `opcode` is text or binary, and those of
    /// [`send_text`](Self::send_text).
    pub async fn send_fragmented(
        &mut self,
        opcode: Opcode,
        parts: &[&[u8]],
    ) -> Result<(), ClientError> {
        if !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(ClientError::NotFragmentable { opcode });
        }
        let Some((last, first)) = parts.split_last() else {
            return self.send_frame(opcode, &[]).await;
        };
        self.refuse_unless_open()?;
        let mut current = opcode;
        for part in first {
            let mask = self.masks.take()?;
            self.pipe.outgoing.append(false, current, part, mask);
            current = Opcode::Continuation;
        }
        let mask = self.masks.take()?;
        self.pipe.outgoing.append(true, current, last, mask);
        Ok(self.pipe.flush().await?)
    }

    /// The next message; waits for it without a bound. `Ok(None)`: the connection is over, and its
    /// Close has been delivered, or [`close`](Self::close) has seen it.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] when the server broke the rules, [`ClientError::Lost`] when it
    /// left without a Close frame, [`ClientError::Io`] when the socket failed; once each, then
    /// `Ok(None)`.
    pub async fn next(&mut self) -> Result<Option<Message>, ClientError> {
        while matches!(self.state, State::Open | State::WeSentClose) {
            if let Some(message) = self.take_message().await? {
                return Ok(Some(message));
            }
            let end = match self.pipe.fill().await {
                Ok(0) => ClientError::Lost,
                Ok(_) => continue,
                Err(error) => error.into(),
            };
            self.state = State::Ended;
            return Err(end);
        }
        if self.state == State::AwaitingEnd {
            // The Close frames are exchanged, so nothing is lost if the end does not come in time.
            let _ = self.await_end().await;
        }
        Ok(None)
    }

    /// Closes: sends a Close frame, waits for the server's and for the end of the TCP connection,
    /// and returns what the server's Close said. Messages that arrive meanwhile are discarded.
    ///
    /// `reason` is cut at 123 bytes (RFC 6455 5.5). Closing what is closed already is no error.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] after the builder's `close_timeout`, [`ClientError::Lost`],
    /// [`ClientError::Protocol`] and [`ClientError::Io`].
    pub async fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
    ) -> Result<Option<CloseFrame>, ClientError> {
        if self.state == State::Open {
            self.append_close(code, reason)?;
            self.state = State::WeSentClose;
        }
        let deadline = self.start_closing();
        let mut answer = None;
        while self.state == State::WeSentClose {
            let Ok(next) = timeout_at(deadline, self.next()).await else {
                self.state = State::Ended;
                return Err(self.timed_out());
            };
            if let Some(Message::Close(frame)) = next? {
                answer = frame;
            }
        }
        if self.state == State::AwaitingEnd {
            self.await_end().await?;
        }
        Ok(answer)
    }

    async fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        self.refuse_unless_open()?;
        self.append(opcode, payload)?;
        Ok(self.pipe.flush().await?)
    }

    /// Adds one message to what is unsent; [`next`](Self::next) and `flush` send it.
    #[cfg(feature = "stomp")]
    pub(crate) fn append_message(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<(), ClientError> {
        self.refuse_unless_open()?;
        self.append(opcode, payload)
    }

    /// Whether so much is unsent that nothing should be added.
    #[cfg(feature = "stomp")]
    pub(crate) fn is_full(&self) -> bool {
        self.pipe.outgoing.is_full()
    }

    /// Sends what is unsent.
    #[cfg(feature = "stomp")]
    pub(crate) async fn flush(&mut self) -> Result<(), ClientError> {
        Ok(self.pipe.flush().await?)
    }

    fn append(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        let mask = self.masks.take()?;
        let window = self.window.filter(|_| !opcode.is_control());
        match window.and_then(|window| compressed(window, payload)) {
            Some(payload) => self.pipe.outgoing.append_compressed(opcode, &payload, mask),
            None => self.pipe.outgoing.append(true, opcode, payload, mask),
        }
        Ok(())
    }

    fn refuse_unless_open(&self) -> Result<(), ClientError> {
        if self.state == State::Open {
            Ok(())
        } else {
            Err(ClientError::Closed)
        }
    }

    fn append_close(&mut self, code: CloseCode, reason: &str) -> Result<(), ClientError> {
        let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
        let mut payload = code.get().to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        let mask = self.masks.take()?;
        self.pipe
            .outgoing
            .append(true, Opcode::Close, &payload, mask);
        Ok(())
    }

    /// The first whole message among the bytes read; pings are answered on the way.
    async fn take_message(&mut self) -> Result<Option<Message>, ClientError> {
        while !self.pipe.incoming.is_empty() {
            if self.pipe.outgoing.is_full() {
                self.pipe.flush().await?;
            }
            let decoded = match self.decoder.decode(self.pipe.incoming.rest(), &self.limits) {
                Ok(decoded) => decoded,
                Err(error) => {
                    let (code, reason) = (error.close_code(), error.reason());
                    if self.state == State::Open {
                        self.append_close(code, &reason)?;
                    }
                    self.pipe.flush_without_waiting().await;
                    self.state = State::Ended;
                    return Err(error.into());
                }
            };
            let consumed = decoded.consumed;
            let message = match decoded.event {
                None => None,
                Some(Event::Text(text)) => Some(Message::Text(text.to_owned())),
                Some(Event::Binary(data)) => Some(Message::Binary(Bytes::copy_from_slice(data))),
                Some(Event::Pong(data)) => Some(Message::Pong(Bytes::copy_from_slice(data))),
                Some(Event::Ping(data)) if self.state == State::Open => {
                    let mask = self.masks.take()?;
                    self.pipe.outgoing.append(true, Opcode::Pong, data, mask);
                    None
                }
                Some(Event::Ping(_)) => None,
                Some(Event::Close(frame)) => Some(Message::Close(frame)),
            };
            self.pipe.incoming.consume(consumed);
            if let Some(Message::Close(frame)) = &message {
                self.answer_close(frame.as_ref()).await?;
            }
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }

    async fn answer_close(&mut self, frame: Option<&CloseFrame>) -> Result<(), ClientError> {
        if self.state == State::Open {
            match frame {
                Some(frame) => self.append_close(frame.code, &frame.reason)?,
                None => {
                    let mask = self.masks.take()?;
                    self.pipe.outgoing.append(true, Opcode::Close, &[], mask);
                }
            }
        }
        self.state = State::AwaitingEnd;
        // Not waited for, so that a cancelled call cannot lose the message.
        self.pipe.flush_without_waiting().await;
        Ok(())
    }

    /// Waits, for a bounded time, until the server ends the TCP connection.
    async fn await_end(&mut self) -> Result<(), ClientError> {
        let deadline = self.start_closing();
        let end = async {
            // A reset after both Close frames is an end as good as any.
            while matches!(self.pipe.fill().await, Ok(1..)) {
                self.pipe.incoming.discard();
            }
        };
        let ended = timeout_at(deadline, end).await;
        self.pipe.shut_down_without_waiting().await;
        self.state = State::Ended;
        ended.map_err(|_| self.timed_out())
    }

    fn start_closing(&mut self) -> Instant {
        let bound = self.close_timeout;
        *self
            .close_deadline
            .get_or_insert_with(|| Instant::now() + bound)
    }

    fn timed_out(&self) -> ClientError {
        ClientError::TimedOut {
            step: Step::Closing,
            after: self.close_timeout,
        }
    }
}
