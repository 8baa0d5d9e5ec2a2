//! What is written instead of octets that would end a header or its name.

use std::borrow::Cow;

use crate::{command::Command, version::Version};

/// Which escapes a frame's headers use (Value Encoding of each version).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// None: all of 1.0, and in every version the frames that open a session.
    None,
    /// `\n`, `\c` and `\\`.
    V11,
    /// The same, and `\r`.
    V12,
}

impl Escapes {
    /// CONNECT and CONNECTED never have escapes, so that 1.0 understands them; STOMP is read in the
    /// same way as CONNECT (STOMP 1.2, Value Encoding and CONNECT or STOMP Frame).
    #[inline]
    pub(crate) fn of(command: Command, version: Option<Version>) -> Self {
        match (command, version) {
            (Command::Connect | Command::Stomp | Command::Connected, _) => Self::None,
            (_, None | Some(Version::V10)) => Self::None,
            (_, Some(Version::V11)) => Self::V11,
            (_, Some(Version::V12)) => Self::V12,
        }
    }

    /// What the escape with `octet` after its backslash stands for.
    #[inline]
    pub(crate) fn meaning(self, octet: u8) -> Option<char> {
        match (self, octet) {
            (Self::None, _) => None,
            (_, b'n') => Some('\n'),
            (_, b'c') => Some(':'),
            (_, b'\\') => Some('\\'),
            (Self::V12, b'r') => Some('\r'),
            _ => None,
        }
    }
}

/// A header's name or value as it was before it was escaped for `version`, which must have done
/// that: an escape that the version does not define stays as it is.
pub fn unescape_header(version: Version, text: &str) -> Cow<'_, str> {
    unescape(text, Escapes::of(Command::Message, Some(version)))
}

/// What is left after the escapes of `text` were undone. They have been checked before; one that is
/// not defined would stay as it is.
#[inline]
pub(crate) fn unescape(text: &str, escapes: Escapes) -> Cow<'_, str> {
    if escapes == Escapes::None {
        return Cow::Borrowed(text);
    }
    match memchr::memchr(b'\\', text.as_bytes()) {
        None => Cow::Borrowed(text),
        Some(first) => Cow::Owned(unescape_from(text, first, escapes)),
    }
}

fn unescape_from(text: &str, first: usize, escapes: Escapes) -> String {
    let (before, mut rest) = text.split_at(first);
    let mut plain = String::with_capacity(text.len());
    plain.push_str(before);
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let octet = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\n');
        plain.push_str(&rest[..at]);
        match escapes.meaning(octet) {
            Some(meaning) => {
                plain.push(meaning);
                rest = &rest[at + 2..];
            }
            None => {
                plain.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// What `octet` is written as, in a name or in a value; `None` for itself.
///
/// What a version cannot express is replaced, so that a header stays one header with one name: a
/// line end by a blank in values, and line ends and colons by `_` in names. A NUL, which no version
/// can express, is replaced as a line end is.
#[inline]
fn replacement(octet: u8, escapes: Escapes, is_name: bool) -> Option<&'static [u8]> {
    let harmless: &[u8] = if is_name { b"_" } else { b" " };
    match (octet, escapes) {
        (0, _) | (b'\r', Escapes::None | Escapes::V11) | (b'\n', Escapes::None) => Some(harmless),
        (b'\r', Escapes::V12) => Some(b"\\r"),
        (b'\n', _) => Some(b"\\n"),
        (b':', Escapes::None) if is_name => Some(harmless),
        (b':', Escapes::V11 | Escapes::V12) => Some(b"\\c"),
        (b'\\', Escapes::V11 | Escapes::V12) => Some(b"\\\\"),
        _ => None,
    }
}

/// Appends the name or value of a header.
#[inline]
pub(crate) fn append_escaped(out: &mut Vec<u8>, text: &str, escapes: Escapes, is_name: bool) {
    let octets = text.as_bytes();
    let mut start = 0;
    for (at, octet) in octets.iter().enumerate() {
        // Everything that may need a replacement is at or below the colon, but for the backslash.
        if *octet > b':' && *octet != b'\\' {
            continue;
        }
        if let Some(replacement) = replacement(*octet, escapes, is_name) {
            out.extend_from_slice(&octets[start..at]);
            out.extend_from_slice(replacement);
            start = at + 1;
        }
    }
    out.extend_from_slice(&octets[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, escapes: Escapes, is_name: bool) -> String {
        let mut out = Vec::new();
        append_escaped(&mut out, text, escapes, is_name);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn s62_stomp12_value_encoding_round_trip() {
        let text = "a\r\nb:c\\d\\\\n grüezi";
        for is_name in [true, false] {
            let wire = escaped(text, Escapes::V12, is_name);
            assert_eq!(wire, r"a\r\nb\cc\\d\\\\n grüezi");
            assert_eq!(unescape(&wire, Escapes::V12), text);
        }
    }

    #[test]
    fn s62_stomp11_value_encoding_has_no_carriage_return() {
        assert_eq!(escaped("a\r\nb:c\\d", Escapes::V11, false), r"a \nb\cc\\d");
        assert_eq!(escaped("a\r\nb:c\\d", Escapes::V11, true), r"a_\nb\cc\\d");
        assert_eq!(unescape(r"a \nb\cc\\d", Escapes::V11), "a \nb:c\\d");
    }

    #[test]
    fn s62_stomp10_has_no_escapes() {
        assert_eq!(escaped("a\r\nb:c\\d", Escapes::None, false), "a  b:c\\d");
        assert_eq!(escaped("a\r\nb:c\\d", Escapes::None, true), "a__b_c\\d");
        let wire = r"C:\new\\";
        assert!(matches!(unescape(wire, Escapes::None), Cow::Borrowed(text) if text == wire));
    }

    #[test]
    fn a_nul_is_replaced_in_every_version() {
        for escapes in [Escapes::None, Escapes::V11, Escapes::V12] {
            assert_eq!(escaped("a\0b", escapes, false), "a b");
            assert_eq!(escaped("a\0b", escapes, true), "a_b");
        }
    }

    #[test]
    fn s62_each_escape_is_undone_once() {
        assert_eq!(unescape(r"\\n", Escapes::V12), "\\n");
        assert_eq!(unescape(r"\\\n", Escapes::V12), "\\\n");
        assert_eq!(unescape(r"\c\c", Escapes::V12), "::");
        assert!(matches!(
            unescape("plain", Escapes::V12),
            Cow::Borrowed("plain")
        ));
        assert_eq!(Escapes::V11.meaning(b'r'), None);
        assert_eq!(Escapes::V12.meaning(b't'), None);
    }

    #[test]
    fn s62_frames_that_open_a_session_have_no_escapes_in_any_version() {
        for command in [Command::Connect, Command::Stomp, Command::Connected] {
            assert_eq!(Escapes::of(command, Some(Version::V12)), Escapes::None);
        }
        assert_eq!(Escapes::of(Command::Send, Some(Version::V12)), Escapes::V12);
        assert_eq!(Escapes::of(Command::Error, None), Escapes::None);
    }
}
