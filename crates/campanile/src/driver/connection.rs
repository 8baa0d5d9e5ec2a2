//! One connection: its socket, its codec and its callbacks.

mod events;
mod sockjs;
mod stomp;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{Cause, Ending, Moment, Outcome, Shard, Slot};
use campanile_websocket::{
    CloseCode, DecodeError, Decoder, Event as Frame, InflaterPool, Limits, Role,
    encode_close_reply, encode_pong,
};

use self::sockjs::Arrays;
use super::caller::Caller;
use super::inbound::Inbound;
use super::transport::Transport;
use super::{Arrival, EndpointRuntime};
use crate::context::Event;
use crate::session::Session;
use crate::stomp::StompSession;
use crate::wire::Wire;

/// How many reads one connection may do before others have their turn.
const READS_PER_TURN: usize = 4;

/// How many frames of one connection are decoded before others have their turn.
const MESSAGES_PER_TURN: usize = 512;

/// How much inflating one connection may cause before others have their turn, in bytes. A byte that
/// is inflated to nothing can cost as much as [`INFLATED_BYTES_PER_BYTE`] that are.
const INFLATED_BYTES_PER_TURN: usize = 1 << 20;

/// What a byte that may be compressed counts for, whatever it is inflated to.
const INFLATED_BYTES_PER_BYTE: usize = 16;

/// How much is inflated at once: it can come to a thousand times as much.
const COMPRESSED_BYTES_AT_ONCE: usize = 2 << 10;

/// How much may wait to be written to a client before we stop reading what it sends: who does not
/// take answers gets no more questions answered.
pub(crate) const UNREAD_REPLIES_BYTES_MAX: usize = 64 << 10;

/// A connection whose session is registered with the shard.
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    pub(crate) session: Session,
    pub(crate) endpoint: Arc<EndpointRuntime>,
    pub(crate) inbound: Inbound,
    codec: Codec,
    wire: Wire,
    /// There if the endpoint speaks STOMP.
    stomp: Option<Box<StompSession>>,
    may_compress: bool,
    /// Bytes that were read before reading paused, to be decoded when it goes on.
    held_back: Vec<u8>,
    /// The peer broke the protocol, or has said all: what else it sends is read and thrown away.
    pub(crate) failed: bool,
    /// The socket may have more to read than was read.
    pub(crate) may_have_more: bool,
    /// The peer will send no more: behind what it has sent, the end is to be read.
    pub(crate) is_read_closed: bool,
}

/// What its bytes are read as.
enum Codec {
    /// Frames of WebSocket.
    WebSocket(Decoder),
    /// Whatever its STOMP session makes of them.
    Bare,
    /// Frames of WebSocket, with an array of messages each.
    Arrays(Box<(Decoder, Arrays)>),
    /// One array of messages a line.
    Lines(Box<Arrays>),
    /// Nothing comes from this client; only its end can be read.
    Silent,
}

/// What is left of a turn of reading.
struct Left {
    messages: usize,
    inflated_bytes: usize,
}

/// Where a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The socket is empty.
    Drained,
    /// It is another connection's turn.
    Unfinished,
    /// Too many messages wait for a handler.
    Paused,
    /// Too much waits to be written to the client, or will be when the turn is over.
    Blocked,
    /// The peer has gone.
    Gone,
}

impl Connection {
    pub(crate) fn new(
        arrival: Arrival,
        session: Session,
        endpoint: Arc<EndpointRuntime>,
        inflaters: &Arc<InflaterPool>,
    ) -> Self {
        let Arrival {
            transport,
            early,
            wire,
            may_compress,
            start: _,
        } = arrival;
        let codec = match wire {
            Wire::Bare => Codec::Bare,
            Wire::SockJsHttp => Codec::Lines(Box::default()),
            Wire::EventStream | Wire::JsonLines => Codec::Silent,
            Wire::WebSocket | Wire::SockJsWebSocket => {
                let mut decoder = Decoder::new(Role::Server);
                // An array is understood as a whole only.
                if endpoint.callbacks.is_in_parts() && wire == Wire::WebSocket {
                    decoder = decoder.in_parts();
                }
                if may_compress {
                    decoder = decoder.with_inflaters(Arc::clone(inflaters) as _);
                }
                match wire {
                    Wire::SockJsWebSocket => Codec::Arrays(Box::new((decoder, Arrays::default()))),
                    _ => Codec::WebSocket(decoder),
                }
            }
        };
        let stomp = endpoint.stomp.as_ref();
        let stomp = stomp.map(|runtime| Box::new(StompSession::new(Arc::clone(runtime), wire)));
        Self {
            transport,
            session,
            endpoint,
            inbound: Inbound::default(),
            codec,
            wire,
            stomp,
            may_compress,
            held_back: early,
            failed: false,
            may_have_more: true,
            is_read_closed: false,
        }
    }

    /// Reads and decodes until the socket is empty, the turn is over or reading must pause.
    /// Messages go to their callbacks.
    pub(crate) fn read(
        &mut self,
        slot: Slot,
        buffer: &mut [u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> Turn {
        if let Some(stop) = self.must_stop(slot, shard) {
            return stop;
        }
        let mut left = Left {
            messages: MESSAGES_PER_TURN,
            inflated_bytes: INFLATED_BYTES_PER_TURN,
        };
        if self.has_unread() {
            self.go_on(slot, shard, caller, now);
            if self.has_unread() {
                return self.must_stop(slot, shard).unwrap_or(Turn::Unfinished);
            }
        }
        if !self.held_back.is_empty() {
            let mut held_back = std::mem::take(&mut self.held_back);
            let stopped = self.decode(slot, &mut held_back, &mut left, shard, caller, now);
            if let Some(turn) = stopped {
                return turn;
            }
        }
        for _ in 0..READS_PER_TURN {
            if let Some(stop) = self.must_stop(slot, shard) {
                return stop;
            }
            match self.transport.read(buffer) {
                Ok(0) => return self.peer_sends_no_more(slot, shard, now),
                Ok(count) => {
                    let input = &mut buffer[..count];
                    shard.received(slot, false, now);
                    let stopped = self.decode(slot, input, &mut left, shard, caller, now);
                    if let Some(turn) = stopped {
                        return turn;
                    }
                    let has_given_all = self.transport.has_given_all(count, buffer.len());
                    if has_given_all && !self.is_read_closed {
                        self.may_have_more = false;
                        return Turn::Drained;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.may_have_more = false;
                    return Turn::Drained;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Turn::Gone,
            }
        }
        Turn::Unfinished
    }

    /// Decodes what was read. Says why, when it had to stop and hold the rest back.
    fn decode(
        &mut self,
        slot: Slot,
        mut input: &mut [u8],
        left: &mut Left,
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> Option<Turn> {
        while !self.failed && !input.is_empty() {
            let stop = if let Some(stop) = self.must_stop(slot, shard) {
                Some(stop)
            } else if self.has_unread() || left.messages == 0 || left.inflated_bytes == 0 {
                Some(Turn::Unfinished)
            } else {
                None
            };
            if stop.is_some() {
                self.held_back = input.to_vec();
                return stop;
            }
            left.messages -= 1;
            let is_in_parts = self.is_in_parts();
            let limits = self.message_limits();
            let decoder = match &mut self.codec {
                Codec::WebSocket(decoder) => decoder,
                Codec::Arrays(both) => &mut both.0,
                Codec::Bare => {
                    let consumed = self.take_frames(slot, input, left, shard, caller, now);
                    input = &mut input[consumed..];
                    continue;
                }
                Codec::Lines(_) => {
                    let consumed = self.take_line(slot, input, shard, caller, now);
                    input = &mut input[consumed..];
                    continue;
                }
                Codec::Silent => break,
            };
            let at_once = match self.may_compress {
                true => input.len().min(COMPRESSED_BYTES_AT_ONCE),
                false => input.len(),
            };
            let decoded = decoder.decode(&mut input[..at_once], &limits);
            let event = match decoded {
                Ok(decoded) => {
                    let consumed = decoded.consumed;
                    if self.may_compress {
                        let cost = consumed * INFLATED_BYTES_PER_BYTE + decoded.inflated_bytes;
                        left.inflated_bytes = left.inflated_bytes.saturating_sub(cost);
                    }
                    let is_last = decoded.is_last;
                    let happened = decoded.event.and_then(|frame| {
                        Happened::from(frame, is_last, is_in_parts, &self.endpoint)
                    });
                    input = &mut input[consumed..];
                    happened
                }
                Err(error) => {
                    self.fail(slot, &error, shard, now);
                    break;
                }
            };
            match event {
                None => {}
                Some(Happened::Message(event)) => {
                    self.websocket_message(slot, event, shard, caller, now);
                }
                // Refused only when the session is being closed, and then no pong is owed.
                Some(Happened::Pong(frame)) => drop(shard.reply(slot, frame)),
                Some(Happened::Close(ending, answer)) => {
                    let answered = shard.close_answered(slot, ending, answer, now);
                    if answered != Outcome::Done(()) {
                        // We have sent a close before: this was the answer to it.
                        shard.peer_closed(slot);
                    }
                }
            }
        }
        match &mut self.codec {
            Codec::WebSocket(decoder) => decoder.release(),
            Codec::Arrays(both) => both.0.release(),
            Codec::Bare | Codec::Lines(_) | Codec::Silent => {}
        }
        let stop = || self.must_stop(slot, shard).unwrap_or(Turn::Unfinished);
        self.has_unread().then(stop)
    }

    /// Whether messages are handed on in parts, as they come.
    fn is_in_parts(&self) -> bool {
        self.endpoint.callbacks.is_in_parts() && self.arrays().is_none()
    }

    /// How long what the client sends may be.
    fn message_limits(&self) -> Limits {
        let mut limits = self.endpoint.limits;
        if self.is_in_parts() {
            // Nothing of a frame is kept, however long it is.
            limits.frame_bytes_max = usize::MAX;
        }
        if let Some(bytes) = self.session.message_bytes_max() {
            limits.message_bytes_max = bytes;
            limits.frame_bytes_max = bytes;
        }
        limits
    }

    /// Why nothing may be taken from the client now, if that is so.
    fn must_stop(&self, slot: Slot, shard: &Shard) -> Option<Turn> {
        let is_connecting = self.stomp.as_ref().is_some_and(|one| one.is_connecting());
        if self.inbound.is_full() || is_connecting {
            Some(Turn::Paused)
        } else if shard.waiting_bytes(slot) > UNREAD_REPLIES_BYTES_MAX {
            Some(Turn::Blocked)
        } else {
            None
        }
    }

    /// Fails the connection (RFC 6455 7.1.7): our close frame, and no waiting for the peer's.
    fn fail(&mut self, slot: Slot, error: &DecodeError, shard: &mut Shard, now: Moment) {
        tracing::debug!(session = %self.session.id(), %error, "the client broke the protocol");
        self.close_for(
            slot,
            error.close_code(),
            &error.reason(),
            Cause::Protocol,
            shard,
            now,
        );
        self.failed = true;
        shard.peer_closed(slot);
    }

    /// Begins a close from our side.
    pub(crate) fn close_for(
        &self,
        slot: Slot,
        code: CloseCode,
        reason: &str,
        cause: Cause,
        shard: &mut Shard,
        now: Moment,
    ) {
        let ending = Ending {
            code: code.get(),
            reason: reason.to_owned(),
            cause,
        };
        // Refused only where a close is under way already, which is as good.
        let _ = shard.close(slot, ending, now);
    }
}

/// A decoded frame that no longer borrows the buffer.
enum Happened {
    Message(Event),
    Pong(Bytes),
    Close(Ending, Bytes),
}

impl Happened {
    /// `None` for a frame that asks for nothing.
    fn from(
        frame: Frame<'_>,
        is_last: bool,
        is_in_parts: bool,
        endpoint: &EndpointRuntime,
    ) -> Option<Self> {
        Some(match frame {
            Frame::Text(text) => {
                let text = text.to_owned();
                Self::Message(match is_in_parts {
                    true => Event::TextPart { text, is_last },
                    false => Event::Text(text),
                })
            }
            Frame::Binary(bytes) => {
                let bytes = Bytes::copy_from_slice(bytes);
                Self::Message(match is_in_parts {
                    true => Event::BinaryPart { bytes, is_last },
                    false => Event::Binary(bytes),
                })
            }
            // A ping is at most 125 bytes, so its pong can be encoded.
            Frame::Ping(payload) => Self::Pong(encode_pong(payload).unwrap_or_default()),
            Frame::Pong(payload) if endpoint.callbacks.takes_pongs() => {
                Self::Message(Event::Pong(Bytes::copy_from_slice(payload)))
            }
            Frame::Pong(_) => return None,
            Frame::Close(frame) => {
                let answer = encode_close_reply(frame.as_ref());
                let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                    (frame.code.get(), frame.reason)
                });
                Self::Close(
                    Ending {
                        code,
                        reason,
                        cause: Cause::Peer,
                    },
                    answer,
                )
            }
        })
    }
}
