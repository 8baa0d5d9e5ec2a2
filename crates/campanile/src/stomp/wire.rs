//! What STOMP frames travel in.

use bytes::Bytes;
use campanile_hub::Content;
use campanile_stomp::{Command, Version};
use campanile_websocket::{Opcode, encode_frame, frame_header};

use crate::sockjs;
use crate::wire::Wire;

/// What a message with this content travels as (S65).
pub(super) fn opcode_of(content: &Content) -> Opcode {
    match content.is_text() {
        true => Opcode::Text,
        false => Opcode::Binary,
    }
}

impl Wire {
    /// One whole frame on its way.
    pub(super) fn carry(self, opcode: Opcode, mut frame: Vec<u8>) -> Bytes {
        match self {
            Self::WebSocket => encode_frame(opcode, &frame),
            Self::SockJsWebSocket | Self::SockJsHttp => match str::from_utf8(&frame) {
                Ok(text) => sockjs::message(self, text),
                Err(_) => sockjs::not_text(self),
            },
            _ => {
                self.append_end(&mut frame);
                frame.into()
            }
        }
    }

    /// What stands behind a frame. Line ends may (STOMP 1.2, Augmented BNF), and over TCP there are
    /// clients that take them for granted: PHP's extension loses a frame that follows a NUL at once.
    pub(super) fn append_end(self, out: &mut Vec<u8>) {
        if self == Self::Bare {
            out.push(b'\n');
        }
    }

    /// A sign of life.
    pub(super) fn heart_beat(self) -> Bytes {
        match self {
            Self::WebSocket => encode_frame(Opcode::Text, b"\n"),
            Self::SockJsWebSocket | Self::SockJsHttp => sockjs::message(self, "\n"),
            _ => Bytes::from_static(b"\n"),
        }
    }

    /// What stands before a frame of this length.
    pub(super) fn append_head(self, out: &mut Vec<u8>, opcode: Opcode, length: usize) {
        if self == Self::WebSocket {
            out.extend_from_slice(frame_header(true, false, opcode, length).as_ref());
        }
    }

    /// A frame of ours whose body is text, on its way.
    pub(crate) fn frame(
        self,
        version: Version,
        command: Command,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Bytes {
        let frame = campanile_stomp::encode(version, command, headers, body.as_bytes());
        self.carry(Opcode::Text, frame)
    }
}

/// An ERROR that is the last word: `reason` begins with a stable word and a colon, as that of a
/// WebSocket's close does.
pub(crate) fn last_error(version: Version, reason: &str) -> Bytes {
    let (word, detail) = match reason.split_once(": ") {
        Some((word, detail)) if !word.contains(' ') => (word, detail),
        _ => ("closed", reason),
    };
    let headers = [("message", word), ("content-type", "text/plain")];
    Wire::Bare.frame(version, Command::Error, &headers, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s68_a_line_end_follows_frames_over_tcp_and_none_is_in_a_message_of_websocket() {
        let frame = |wire: Wire| wire.carry(Opcode::Text, b"A\n\n\0".to_vec());
        assert_eq!(&frame(Wire::Bare)[..], b"A\n\n\0\n");
        assert!(frame(Wire::WebSocket).ends_with(b"A\n\n\0"));
        assert_eq!(&Wire::Bare.heart_beat()[..], b"\n");
        assert_eq!(&Wire::WebSocket.heart_beat()[..], b"\x81\x01\n");
    }

    #[test]
    fn s46_s68_a_frame_is_one_message_of_sockjs_and_a_heart_beat_is_one_too() {
        let frame = |bytes: &[u8]| Wire::SockJsHttp.carry(Opcode::Binary, bytes.to_vec());
        assert_eq!(&frame(b"A\n\n\"\0")[..], b"a[\"A\\n\\n\\\"\\u0000\"]\n");
        assert!(frame(b"A\n\n\xff\0").starts_with(b"c[1003,\"binary: "));
        assert_eq!(&Wire::SockJsHttp.heart_beat()[..], b"a[\"\\n\"]\n");
        let websocket = Wire::SockJsWebSocket.heart_beat();
        assert_eq!(&websocket[..], b"\x81\x07a[\"\\n\"]");
    }

    #[test]
    fn s73_a_reason_becomes_an_error_with_its_word() {
        let frame = last_error(Version::V12, "leaving: reconnect in a moment");
        let expected = b"ERROR\nmessage:leaving\ncontent-type:text/plain\n\
                         content-length:21\n\nreconnect in a moment\0\n";
        assert_eq!(&frame[..], expected);
        let frame = last_error(Version::V12, "go away: now");
        assert!(frame.starts_with(b"ERROR\nmessage:closed\n"), "{frame:?}");
        assert!(frame.ends_with(b"\n\ngo away: now\0\n"), "{frame:?}");
    }
}
