//! What SockJS clients are sent: messages, closes and signs of life in its frames.

use bytes::Bytes;
use campanile_hub::{Content, Format};
use campanile_sockjs::{GO_AWAY, HEART_BEAT, OPEN, append_close, append_escaped, append_message};
use campanile_websocket::{
    CloseCode, Opcode, encode_close, encode_frame, encode_ping, encode_pong, frame_header,
};

use crate::wire::Wire;

/// What a frame with one message begins with.
const MESSAGE_BEGIN: &[u8] = b"a[\"";

/// What it ends with.
const MESSAGE_END: &[u8] = b"\"]";

/// What is said of bytes that SockJS cannot carry.
const NOT_TEXT: &str = "binary: SockJS carries text alone; send UTF-8, or use another transport";

/// Messages in frames of SockJS, one each.
pub(crate) struct SockJsFormat(pub(crate) Wire);

impl Format for SockJsFormat {
    fn encode_content(&self, content: &Content) -> Bytes {
        let wire = self.0;
        let is_websocket = wire == Wire::SockJsWebSocket;
        match content {
            Content::Text(_) | Content::Binary(_) | Content::Parts(_) => {
                match str::from_utf8(content.bytes()) {
                    Ok(text) => message(wire, text),
                    Err(_) => not_text(wire),
                }
            }
            // Whoever makes them sees to it that they are short enough.
            Content::Ping(payload) if is_websocket => encode_ping(payload).unwrap_or_default(),
            Content::Pong(payload) if is_websocket => encode_pong(payload).unwrap_or_default(),
            Content::Ping(_) | Content::Pong(_) => Bytes::new(),
        }
    }

    /// A WebSocket asks by itself whether anybody is there; over HTTP there is nothing to ask with.
    fn ping(&self) -> Option<Bytes> {
        ping(self.0)
    }

    fn opening(&self) -> Option<Bytes> {
        Some(frame(self.0, OPEN))
    }

    fn heart_beat(&self) -> Option<Bytes> {
        Some(frame(self.0, HEART_BEAT))
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        Some(close(self.0, code, reason))
    }

    fn is_close_answered(&self) -> bool {
        self.0.is_websocket()
    }
}

/// A frame of SockJS on its way.
fn frame(wire: Wire, frame: &[u8]) -> Bytes {
    match wire {
        Wire::SockJsWebSocket => encode_frame(Opcode::Text, frame),
        _ => [frame, b"\n"].concat().into(),
    }
}

/// A message in a frame of its own.
pub(crate) fn message(wire: Wire, text: &str) -> Bytes {
    let mut framed = Vec::with_capacity(text.len() + MESSAGE_BEGIN.len() + MESSAGE_END.len());
    append_message(&mut framed, text);
    match wire {
        Wire::SockJsWebSocket => encode_frame(Opcode::Text, &framed),
        _ => {
            framed.push(b'\n');
            framed.into()
        }
    }
}

/// What takes the place of a message that is not text: the client is told to leave, and why. Over
/// WebSocket it answers with the end of the session; over HTTP whoever carries the lines ends the
/// session with the first that says so.
pub(crate) fn not_text(wire: Wire) -> Bytes {
    close(wire, CloseCode::UNSUPPORTED_DATA.get(), NOT_TEXT)
}

/// The last that a client is sent: the frame that says why, and behind it WebSocket's own.
pub(crate) fn close(wire: Wire, code: u16, reason: &str) -> Bytes {
    // 1005 and 1006 are never sent (RFC 6455 7.4.1).
    let known = CloseCode::new(code);
    let (told, reason) = match known {
        Some(code) => (code.get(), reason),
        None => (GO_AWAY.code, GO_AWAY.reason),
    };
    let mut text = Vec::new();
    append_close(&mut text, told, reason);
    let last = frame(wire, &text);
    match (wire, CloseCode::new(told)) {
        (Wire::SockJsWebSocket, Some(told)) => {
            [&last[..], &encode_close(told, reason)].concat().into()
        }
        _ => last,
    }
}

/// The bytes that ask for a sign of life where there is a WebSocket.
pub(crate) fn ping(wire: Wire) -> Option<Bytes> {
    match wire {
        Wire::SockJsWebSocket => encode_ping(b"").ok(),
        _ => None,
    }
}

/// Appends how a frame with one message begins, of which so many bytes follow, its end included.
pub(crate) fn append_begin(wire: Wire, out: &mut Vec<u8>, text_bytes: usize) {
    if wire == Wire::SockJsWebSocket {
        let length = MESSAGE_BEGIN.len() + text_bytes;
        out.extend_from_slice(frame_header(true, false, Opcode::Text, length).as_ref());
    }
    out.extend_from_slice(MESSAGE_BEGIN);
}

/// The rest of a message and the end of its frame: what all share whose messages begin differently.
/// `None` if it is not text.
pub(crate) fn rest(wire: Wire, rest: &[u8]) -> Option<Bytes> {
    let text = str::from_utf8(rest).ok()?;
    let mut shared = Vec::with_capacity(text.len() + text.len() / 8 + 3);
    append_escaped(&mut shared, text);
    shared.extend_from_slice(MESSAGE_END);
    if wire == Wire::SockJsHttp {
        shared.push(b'\n');
    }
    Some(shared.into())
}

/// Whether text stands for itself within a frame.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use campanile_hub::Parts;
    use campanile_websocket::{Decoder, Event, Limits, Role};

    use super::*;

    /// What a client takes out of a WebSocket.
    fn unframed(bytes: &[u8]) -> Vec<String> {
        let (mut bytes, mut decoder) = (bytes.to_vec(), Decoder::new(Role::Client));
        let (mut input, mut taken) = (&mut bytes[..], Vec::new());
        while !input.is_empty() {
            let decoded = decoder.decode(input, &Limits::default());
            let decoded = decoded.expect("legal frames");
            let consumed = decoded.consumed;
            taken.extend(decoded.event.map(|event| match event {
                Event::Text(text) => text.to_owned(),
                Event::Ping(payload) => format!("ping {payload:?}"),
                Event::Close(Some(close)) => format!("{} {}", close.code.get(), close.reason),
                other => panic!("{other:?}"),
            }));
            input = &mut input[consumed..];
        }
        taken
    }

    fn over_http(content: &Content) -> String {
        let bytes = SockJsFormat(Wire::SockJsHttp).encode_content(content);
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn s39_s40_a_message_is_a_frame_of_its_own() {
        let text = Content::text("a\n\"\u{2028}");
        let expected = r#"a["a\n\"\u2028"]"#;
        let websocket = SockJsFormat(Wire::SockJsWebSocket);
        assert_eq!(unframed(&websocket.encode_content(&text)), [expected]);
        assert_eq!(over_http(&text), format!("{expected}\n"));
        let parts = Content::Parts(Parts::text(["x", "", "y"]));
        assert_eq!(over_http(&parts), "a[\"xy\"]\n");
        assert_eq!(unframed(&websocket.opening().expect("o")), ["o"]);
        assert_eq!(unframed(&websocket.heart_beat().expect("h")), ["h"]);
        let http = SockJsFormat(Wire::SockJsHttp);
        assert_eq!(&http.opening().expect("o")[..], b"o\n");
        assert_eq!(&http.heart_beat().expect("h")[..], b"h\n");
        assert!(http.ping().is_none());
        assert!(over_http(&Content::Ping(Bytes::new())).is_empty());
    }

    #[test]
    fn s39_binary_goes_as_text_or_ends_the_session() {
        let utf8 = Content::binary("grüß".as_bytes().to_vec());
        assert_eq!(over_http(&utf8), "a[\"grüß\"]\n");
        let other = Content::binary(vec![0xff]);
        let told = over_http(&other);
        assert!(told.starts_with("c[1003,\"binary: "), "{told}");
        let bytes = SockJsFormat(Wire::SockJsWebSocket).encode_content(&other);
        let [frame, close] = &unframed(&bytes)[..] else {
            panic!("two frames")
        };
        assert!(frame.starts_with("c[1003,\"binary: "), "{frame}");
        assert!(close.starts_with("1003 binary: "), "{close}");
    }

    #[test]
    fn s52_the_last_frame_says_why_and_a_websocket_closes_behind_it() {
        let closed = |wire, code| SockJsFormat(wire).close(code, "Go \"away\"!").expect("c");
        let bytes = closed(Wire::SockJsHttp, 3000);
        assert_eq!(&bytes[..], b"c[3000,\"Go \\\"away\\\"!\"]\n");
        let bytes = closed(Wire::SockJsWebSocket, 3000);
        let expected = ["c[3000,\"Go \\\"away\\\"!\"]", "3000 Go \"away\"!"];
        assert_eq!(unframed(&bytes), expected);
        // What is never sent.
        let bytes = closed(Wire::SockJsWebSocket, 1006);
        assert_eq!(unframed(&bytes), ["c[3000,\"Go away!\"]", "3000 Go away!"]);
        assert!(!SockJsFormat(Wire::SockJsHttp).is_close_answered());
        assert!(SockJsFormat(Wire::SockJsWebSocket).is_close_answered());
    }
}
