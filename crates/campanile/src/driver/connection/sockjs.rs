//! Connections whose client sends messages as SockJS does: several in one array, as JSON.

use std::collections::VecDeque;

use campanile_hub::{Cause, Ending, Moment, Shard, Slot};
use campanile_sockjs::{DecodeError, decode_messages};
use campanile_websocket::{CloseCode, encode_close};

use super::{Codec, Connection, MESSAGES_PER_TURN};
use crate::context::Event;
use crate::driver::caller::Caller;
use crate::sockjs::body_bytes_max;

/// What has come from a client of SockJS and has not been handed on.
#[derive(Default)]
pub(super) struct Arrays {
    /// The messages of one array that wait until more may be taken: no array is read before.
    waiting: VecDeque<String>,
    /// The beginning of a line, over HTTP; no longer than a request's body may be.
    line: Vec<u8>,
}

impl Arrays {
    /// Whether a message waits until more may be taken.
    pub(super) fn has_unread(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Adds what was read to the line that has begun, up to its end. Says how many bytes were taken.
    fn add(&mut self, read: &[u8], bytes_max: usize) -> (usize, Line) {
        let end = read.iter().position(|byte| *byte == b'\n');
        let part = &read[..end.unwrap_or(read.len())];
        if self.line.len() + part.len() > bytes_max {
            self.line = Vec::new();
            return (read.len(), Line::TooLong);
        }
        self.line.extend_from_slice(part);
        match end {
            None => (read.len(), Line::Begun),
            Some(end) => (end + 1, Line::Whole(std::mem::take(&mut self.line))),
        }
    }
}

/// How far a line has come.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Begun,
    Whole(Vec<u8>),
    TooLong,
}

impl Connection {
    /// What has come, if its client sends messages as SockJS does.
    pub(super) fn arrays(&self) -> Option<&Arrays> {
        match &self.codec {
            Codec::Arrays(both) => Some(&both.1),
            Codec::Lines(arrays) => Some(arrays),
            Codec::WebSocket(_) | Codec::Bare | Codec::Silent => None,
        }
    }

    fn arrays_mut(&mut self) -> Option<&mut Arrays> {
        match &mut self.codec {
            Codec::Arrays(both) => Some(&mut both.1),
            Codec::Lines(arrays) => Some(arrays),
            Codec::WebSocket(_) | Codec::Bare | Codec::Silent => None,
        }
    }

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
            Event::Text(text) if self.arrays().is_some() => {
                self.take_array(slot, text.as_bytes(), shard, caller, now);
            }
            Event::Binary(_) if self.arrays().is_some() => {
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
        let bytes_max = body_bytes_max(self.message_limits().message_bytes_max);
        let Some(arrays) = self.arrays_mut() else {
            return read.len();
        };
        let (consumed, line) = arrays.add(read, bytes_max);
        match line {
            Line::Begun => {}
            Line::Whole(array) => self.take_array(slot, &array, shard, caller, now),
            Line::TooLong => {
                let reason = format!("too-big: messages over {bytes_max} bytes");
                self.fail_array(slot, CloseCode::TOO_BIG, &reason, shard, now);
            }
        }
        consumed
    }

    fn take_array(
        &mut self,
        slot: Slot,
        array: &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        let bytes_max = self.message_limits().message_bytes_max;
        match decode_messages(array) {
            Ok(messages) if messages.iter().any(|text| text.len() > bytes_max) => {
                let reason = format!("too-big: message over {bytes_max} bytes");
                self.fail_array(slot, CloseCode::TOO_BIG, &reason, shard, now);
            }
            Ok(messages) => {
                if let Some(arrays) = self.arrays_mut() {
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
            let Some(arrays) = self.arrays_mut().filter(|_| !is_stopped) else {
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
        if let Some(arrays) = self.arrays_mut().filter(|one| !one.has_unread()) {
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
        if let Codec::Arrays(_) = &self.codec {
            let ending = Ending {
                code: code.get(),
                reason: reason.to_owned(),
                cause: Cause::Protocol,
            };
            // Refused only where a close is under way already, which is as good.
            let _ = shard.close_with(slot, ending, encode_close(code, reason), now);
        } else {
            self.close_for(slot, code, reason, Cause::Protocol, shard, now);
        }
        self.failed = true;
        shard.peer_closed(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s40_a_line_is_whole_whatever_pieces_it_comes_in() {
        let mut arrays = Arrays::default();
        let mut lines = Vec::new();
        for piece in ["[\"a\"]\n[", "\"b", "\"]\n", "\n[]\n"] {
            let mut input = piece.as_bytes();
            while !input.is_empty() {
                let (consumed, line) = arrays.add(input, 5);
                input = &input[consumed..];
                if let Line::Whole(line) = line {
                    lines.push(String::from_utf8(line).expect("text"));
                }
            }
        }
        assert_eq!(lines, ["[\"a\"]", "[\"b\"]", "", "[]"]);
        assert_eq!(arrays.line.capacity(), 0);
    }

    #[test]
    fn s40_s194_a_line_has_a_limit_and_nothing_is_kept_of_what_is_longer() {
        let mut arrays = Arrays::default();
        assert_eq!(arrays.add(b"[\"aa", 6), (4, Line::Begun));
        assert_eq!(
            arrays.add(b"\"]\n[", 6).1,
            Line::Whole(b"[\"aa\"]".to_vec())
        );
        assert_eq!(arrays.add(b"[\"aa", 6), (4, Line::Begun));
        assert_eq!(arrays.add(b"a\"]\n[]\n", 6), (7, Line::TooLong));
        assert_eq!(arrays.line.capacity(), 0);
    }
}
