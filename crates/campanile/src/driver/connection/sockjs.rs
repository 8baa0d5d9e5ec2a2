//! Connections whose client sends messages as SockJS does: several in one array, as JSON.

use std::collections::VecDeque;

use campanile_hub::{Cause, Ending, Moment, Shard, Slot};
use campanile_sockjs::{DecodeError, decode_messages};
use campanile_websocket::{CloseCode, encode_close};

use super::{Connection, MESSAGES_PER_TURN};
use crate::context::Event;
use crate::driver::caller::Caller;
use crate::wire::Wire;

/// What has come from a client of SockJS and has not been handed on.
pub(super) struct Arrays {
    wire: Wire,
    /// The messages of one array that wait until more may be taken: no array is read before.
    waiting: VecDeque<String>,
    /// The beginning of a line, over HTTP; no longer than a message may be.
    line: Vec<u8>,
}

impl Arrays {
    pub(super) fn new(wire: Wire) -> Option<Box<Self>> {
        wire.is_sockjs().then(|| {
            Box::new(Self {
                wire,
                waiting: VecDeque::new(),
                line: Vec::new(),
            })
        })
    }

    /// Whether a message waits until more may be taken.
    pub(super) fn has_unread(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Connection {
    /// Hands a WebSocket's message on to whoever understands it.
    pub(super) fn websocket_message(
        &mut self,
        slot: Slot,
        event: Event,
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        match event {
            Event::Text(text) if self.arrays.is_some() => {
                self.take_array(slot, text.as_bytes(), shard, caller, now);
            }
            Event::Binary(_) if self.arrays.is_some() => {
                let reason = "unsupported: SockJS has no binary messages";
                let code = CloseCode::UNSUPPORTED_DATA;
                self.close_for(slot, code, reason, Cause::Protocol, shard, now);
            }
            event => self.message(slot, event, shard, caller, now),
        }
    }

    /// Takes a line of what was read over HTTP: an array, as a request has brought it. Says how many
    /// bytes it took.
    pub(super) fn take_line(
        &mut self,
        slot: Slot,
        read: &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> usize {
        let length = read.iter().position(|byte| *byte == b'\n');
        let part = &read[..length.unwrap_or(read.len())];
        let bytes_max = self.message_limits().message_bytes_max;
        let Some(arrays) = &mut self.arrays else {
            return read.len();
        };
        if arrays.line.len() + part.len() > bytes_max {
            arrays.line = Vec::new();
            let reason = format!("too-big: message over {bytes_max} bytes");
            self.fail_array(slot, CloseCode::TOO_BIG, &reason, shard, now);
            return read.len();
        }
        match length {
            None => {
                arrays.line.extend_from_slice(part);
                read.len()
            }
            Some(length) => {
                let mut line = std::mem::take(&mut arrays.line);
                if line.is_empty() {
                    self.take_array(slot, part, shard, caller, now);
                } else {
                    line.extend_from_slice(part);
                    self.take_array(slot, &line, shard, caller, now);
                }
                length + 1
            }
        }
    }

    fn take_array(
        &mut self,
        slot: Slot,
        array: &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        match decode_messages(array) {
            Ok(messages) => {
                if let Some(arrays) = &mut self.arrays {
                    arrays.waiting = messages.into();
                }
                self.hand_on(slot, shard, caller, now);
            }
            Err(DecodeError::Empty) => {}
            Err(error @ DecodeError::TooMany) => {
                let reason = format!("too-big: {error}");
                self.fail_array(slot, CloseCode::TOO_BIG, &reason, shard, now);
            }
            Err(error) => {
                let reason = format!("bad-json: {error}");
                self.fail_array(slot, CloseCode::INVALID_PAYLOAD, &reason, shard, now);
            }
        }
    }

    /// Hands messages of an array on, as far as that is possible now; the others wait.
    pub(super) fn hand_on(&mut self, slot: Slot, shard: &mut Shard, caller: &Caller, now: Moment) {
        let is_in_parts = self.endpoint.callbacks.is_in_parts();
        for _ in 0..MESSAGES_PER_TURN {
            let is_stopped = self.must_stop(slot, shard).is_some() || self.has_unread_frames();
            let Some(arrays) = self.arrays.as_mut().filter(|_| !is_stopped) else {
                return;
            };
            let Some(text) = arrays.waiting.pop_front() else {
                break;
            };
            let event = match is_in_parts {
                true => Event::TextPart {
                    text,
                    is_last: true,
                },
                false => Event::Text(text),
            };
            self.message(slot, event, shard, caller, now);
        }
        if let Some(arrays) = self.arrays.as_mut().filter(|one| !one.has_unread()) {
            arrays.waiting = VecDeque::new();
        }
    }

    /// Ends a session whose client has sent what is no array of messages. Over WebSocket it is the
    /// close that says so, without a frame of SockJS before it.
    fn fail_array(
        &mut self,
        slot: Slot,
        code: CloseCode,
        reason: &str,
        shard: &mut Shard,
        now: Moment,
    ) {
        tracing::debug!(session = %self.session.id(), reason, "the client broke the protocol");
        let wire = self
            .arrays
            .as_ref()
            .map_or(Wire::SockJsHttp, |one| one.wire);
        match wire {
            Wire::SockJsWebSocket => {
                let ending = Ending {
                    code: code.get(),
                    reason: reason.to_owned(),
                    cause: Cause::Protocol,
                };
                // Refused only where a close is under way already, which is as good.
                let _ = shard.close_with(slot, ending, encode_close(code, reason), now);
            }
            _ => self.close_for(slot, code, reason, Cause::Protocol, shard, now),
        }
        self.failed = true;
        shard.peer_closed(slot);
    }
}
