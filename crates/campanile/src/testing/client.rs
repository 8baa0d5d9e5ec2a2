//! A client that a test drives by hand.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use campanile_websocket::{
    CloseCode, Decoder, Event, InflaterPool, Limits, Opcode, Role, append_frame, encode_close,
};
use http::{HeaderMap, header};

use super::stage::Stage;
use crate::driver::MemoryPeer;

/// How much waits for a client that reads, as in a kernel's buffers.
pub(super) const ROOM_BYTES: usize = 256 << 10;

/// How long a message of the server may be that a test client takes.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// What client frames are masked with. A browser takes fresh random bytes; a test wants each of
/// its runs to be the same.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a client has got from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, which the client has answered if it [does](TestClient::answer_pings).
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The server has closed, with this code (1005 if it gave none) and reason.
    Close(u16, String),
    /// The connection has ended; nothing comes after it.
    End,
}

/// A client of a [`TestApplication`](super::TestApplication). Dropping it breaks the connection
/// off without a word.
pub struct TestClient {
    stage: Rc<Stage>,
    peer: MemoryPeer,
    decoder: Decoder,
    answer: HeaderMap,
    received: VecDeque<TestMessage>,
    unread: Vec<u8>,
    answers_pings: bool,
    reads: bool,
    has_ended: bool,
    has_closed: bool,
}

impl TestClient {
    pub(super) fn new(stage: Rc<Stage>, peer: MemoryPeer, answer: HeaderMap) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        if answer.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            decoder = decoder.with_inflaters(Arc::new(InflaterPool::default()));
        }
        Self {
            stage,
            peer,
            decoder,
            answer,
            received: VecDeque::new(),
            unread: Vec::new(),
            answers_pings: true,
            reads: true,
            has_ended: false,
            has_closed: false,
        }
    }

    /// The headers of the answer to its handshake.
    pub fn answer(&self) -> &HeaderMap {
        &self.answer
    }

    /// The sub-protocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        let chosen = self.answer.get(header::SEC_WEBSOCKET_PROTOCOL)?;
        chosen.to_str().ok()
    }

    /// Whether it answers pings, as browsers do by themselves; it does unless told otherwise.
    pub fn answer_pings(&mut self, answers: bool) {
        self.answers_pings = answers;
    }

    /// Stops reading, with room for so many more bytes on the way: a slow consumer.
    pub fn stop_reading(&mut self, room: usize) {
        self.reads = false;
        self.peer.set_room(room);
    }

    /// Reads again.
    pub fn go_on_reading(&mut self) {
        self.reads = true;
        self.peer.set_room(ROOM_BYTES);
    }

    /// Sends a text message.
    pub fn send_text(&mut self, text: &str) {
        self.send_frame(true, Opcode::Text, text.as_bytes());
    }

    /// Sends a binary message.
    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.send_frame(true, Opcode::Binary, bytes);
    }

    /// Sends a text message in several frames.
    pub fn send_text_parts(&mut self, parts: &[&str]) {
        self.send_parts(Opcode::Text, parts.iter().map(|part| part.as_bytes()));
    }

    /// Sends a binary message in several frames.
    pub fn send_binary_parts(&mut self, parts: &[&[u8]]) {
        self.send_parts(Opcode::Binary, parts.iter().copied());
    }

    /// Sends a ping.
    pub fn send_ping(&mut self, payload: &[u8]) {
        self.send_frame(true, Opcode::Ping, payload);
    }

    /// Sends a pong that nobody has asked for.
    pub fn send_pong(&mut self, payload: &[u8]) {
        self.send_frame(true, Opcode::Pong, payload);
    }

    /// Begins the closing handshake.
    ///
    /// # Panics
    /// When the code is none that may be sent (RFC 6455 7.4).
    pub fn close(&mut self, code: u16, reason: &str) {
        let code = CloseCode::new(code).expect("a close code that may be sent");
        let frame = encode_close(code, reason);
        // The server's frame without its two bytes of head is the body.
        self.send_frame(true, Opcode::Close, &frame[2..]);
        self.has_closed = true;
    }

    /// Sends any bytes, such as no client should.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.peer.send(bytes);
        self.stage.settle();
    }

    /// Breaks the connection off without a word.
    pub fn disconnect(&mut self) {
        self.peer.leave();
        self.stage.settle();
    }

    fn send_parts<'a>(&mut self, opcode: Opcode, parts: impl ExactSizeIterator<Item = &'a [u8]>) {
        let last = parts.len().saturating_sub(1);
        for (index, part) in parts.enumerate() {
            let opcode = if index == 0 {
                opcode
            } else {
                Opcode::Continuation
            };
            self.send_frame(index == last, opcode, part);
        }
    }

    fn send_frame(&mut self, is_last: bool, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        append_frame(&mut frame, is_last, opcode, payload, Some(MASK));
        self.send_raw(&frame);
    }

    /// What it got next, if anything has come; never waits.
    pub fn next_message(&mut self) -> Option<TestMessage> {
        self.receive();
        self.received.pop_front()
    }

    /// Everything that it has got and that was not asked for yet.
    pub fn received(&mut self) -> Vec<TestMessage> {
        self.receive();
        self.received.drain(..).collect()
    }

    /// The text message that it got next.
    ///
    /// # Panics
    /// When nothing or something else has come.
    #[track_caller]
    pub fn next_text(&mut self) -> String {
        match self.next_message() {
            Some(TestMessage::Text(text)) => text,
            other => panic!("a text message was expected: {}", told(other)),
        }
    }

    /// The binary message that it got next.
    ///
    /// # Panics
    /// As [`next_text`](Self::next_text).
    #[track_caller]
    pub fn next_binary(&mut self) -> Vec<u8> {
        match self.next_message() {
            Some(TestMessage::Binary(bytes)) => bytes,
            other => panic!("a binary message was expected: {}", told(other)),
        }
    }

    /// The code and reason that the server closes with.
    ///
    /// # Panics
    /// As [`next_text`](Self::next_text).
    #[track_caller]
    pub fn next_close(&mut self) -> (u16, String) {
        match self.next_message() {
            Some(TestMessage::Close(code, reason)) => (code, reason),
            other => panic!("a close was expected: {}", told(other)),
        }
    }

    fn receive(&mut self) {
        self.stage.settle();
        while self.reads && !self.has_ended {
            let taken = self.peer.take();
            if taken.is_empty() && self.unread.is_empty() {
                if self.peer.is_closed() {
                    self.has_ended = true;
                    self.received.push_back(TestMessage::End);
                }
                return;
            }
            self.unread.extend(taken);
            self.decode();
            // There is room for what has waited, and pongs are on their way.
            self.stage.settle();
        }
    }

    fn decode(&mut self) {
        let limits = Limits {
            message_bytes_max: MESSAGE_BYTES_MAX,
            frame_bytes_max: MESSAGE_BYTES_MAX,
            ..Limits::default()
        };
        let mut unread = std::mem::take(&mut self.unread);
        let mut input = &mut unread[..];
        let mut pongs = Vec::new();
        while !input.is_empty() {
            let decoded = self.decoder.decode(input, &limits);
            let decoded = decoded.expect("the server's frames are valid");
            let message = match decoded.event {
                None => None,
                Some(Event::Text(text)) => Some(TestMessage::Text(text.to_owned())),
                Some(Event::Binary(bytes)) => Some(TestMessage::Binary(bytes.to_vec())),
                Some(Event::Ping(payload)) => {
                    pongs.push(payload.to_vec());
                    Some(TestMessage::Ping(payload.to_vec()))
                }
                Some(Event::Pong(payload)) => Some(TestMessage::Pong(payload.to_vec())),
                Some(Event::Close(frame)) => {
                    let (code, reason) =
                        frame.map_or((1005, String::new()), |one| (one.code.get(), one.reason));
                    Some(TestMessage::Close(code, reason))
                }
            };
            let consumed = decoded.consumed;
            self.received.extend(message);
            input = &mut input[consumed..];
        }
        self.decoder.release();
        for pong in pongs {
            if self.answers_pings {
                self.send_pong(&pong);
            }
        }
        // A client answers the server's close, unless it was the first to close (RFC 6455 5.5.1).
        if !self.has_closed
            && let Some(TestMessage::Close(code, _)) = self.received.back()
        {
            self.has_closed = true;
            let code = code.to_be_bytes();
            let body: &[u8] = if code == 1005_u16.to_be_bytes() {
                &[]
            } else {
                &code
            };
            self.send_frame(true, Opcode::Close, body);
        }
    }
}

fn told(message: Option<TestMessage>) -> String {
    match message {
        None => "nothing has come; does time have to advance first?".into(),
        Some(message) => format!("{message:?} has come"),
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.peer.leave();
    }
}

impl std::fmt::Debug for TestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestClient")
            .field("received", &self.received)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
