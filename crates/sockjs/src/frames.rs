//! The frames that a server sends.

use crate::escape::append_escaped;

/// The frame that begins a session: without it a client cannot tell a session from an answer of
/// something else (S39).
pub const OPEN: &[u8] = b"o";
/// The frame that keeps proxies from taking a silent connection for a dead one (S46).
pub const HEART_BEAT: &[u8] = b"h";

/// Why a session has ended, for the client's `onclose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Close {
    /// A code of WebSocket, 1000 to 4999 (RFC 6455 7.4), or one of the protocol's own in 2000.
    pub code: u16,
    /// A few words.
    pub reason: &'static str,
}

impl Close {
    /// Appends the frame that says so.
    pub fn append(self, out: &mut Vec<u8>) {
        append_close(out, self.code, self.reason);
    }
}

/// The server has ended the session, and does not say more (S52).
pub const GO_AWAY: Close = Close {
    code: 3000,
    reason: "Go away!",
};
/// For the second of two requests that would receive for one session at the same time. The session
/// and the first of them go on (S52).
pub const ANOTHER_CONNECTION: Close = Close {
    code: 2010,
    reason: "Another connection still open",
};
/// For who comes after a request that received for the session and was cut off: what was written to
/// it may be lost (S52).
pub const INTERRUPTED: Close = Close {
    code: 1002,
    reason: "Connection interrupted",
};
/// For a WebSocket whose client has sent what [`decode_messages`](crate::decode_messages) refuses:
/// it is closed with this, and gets no frame that says so before (S52; sockjs-protocol, Websocket).
pub const BROKEN_JSON: Close = Close {
    code: 1007,
    reason: "Broken JSON encoding.",
};

/// Appends the frame with one message: `a["text"]`.
///
/// No frame has a line end or another control character in it, whatever the text is.
pub fn append_message(out: &mut Vec<u8>, text: &str) {
    append_messages(out, [text]);
}

/// Appends one frame with several messages, in their order: `a["first","second"]`.
pub fn append_messages<'a>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = &'a str>) {
    out.extend_from_slice(b"a[");
    for (at, text) in texts.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        append_string(out, text);
    }
    out.push(b']');
}

/// Appends the last frame of a session: `c[3000,"Go away!"]`. It is repeated to each request for
/// the session that comes after it (S52).
pub fn append_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    out.extend_from_slice(b"c[");
    out.extend_from_slice(code.to_string().as_bytes());
    out.push(b',');
    append_string(out, reason);
    out.push(b']');
}

fn append_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    append_escaped(out, text);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(append: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        append(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn s39_messages_are_an_array_of_strings() {
        assert_eq!(written(|out| append_message(out, "a\nb")), r#"a["a\nb"]"#);
        assert_eq!(
            written(|out| append_messages(out, ["1", "", "\""])),
            r#"a["1","","\""]"#
        );
        assert_eq!(written(|out| append_messages(out, [])), "a[]");
    }

    #[test]
    fn s52_a_close_has_its_code_and_its_reason() {
        assert_eq!(written(|out| GO_AWAY.append(out)), r#"c[3000,"Go away!"]"#);
        assert_eq!(
            written(|out| ANOTHER_CONNECTION.append(out)),
            r#"c[2010,"Another connection still open"]"#
        );
        assert_eq!(
            written(|out| INTERRUPTED.append(out)),
            r#"c[1002,"Connection interrupted"]"#
        );
        assert_eq!(
            written(|out| BROKEN_JSON.append(out)),
            r#"c[1007,"Broken JSON encoding."]"#
        );
        assert_eq!(
            written(|out| append_close(out, 4000, "\"\n\u{2028}")),
            r#"c[4000,"\"\n\u2028"]"#
        );
    }
}
