//! What several tests and the fuzz target share.

pub(crate) mod fuzzed;

use campanile_sockjs::{Transport, append_messages};
use serde_json::Value;

/// The transports whose answers carry frames over plain HTTP.
pub(crate) fn receivers() -> impl Iterator<Item = Transport> {
    Transport::ALL.into_iter().filter(|it| it.is_receiver())
}

/// The frame with these messages.
pub(crate) fn frame_of<T: AsRef<str>>(messages: &[T]) -> Vec<u8> {
    let mut frame = Vec::new();
    append_messages(&mut frame, messages.iter().map(AsRef::as_ref));
    frame
}

/// `text` as a string of JSON, escaped character by character as the protocol's table says.
pub(crate) fn escaped_slowly(text: &str) -> String {
    let escape = |character: char| match character {
        '\u{200c}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff0}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(character)),
        other => {
            let quoted = Value::from(other.to_string()).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    };
    let content: String = text.chars().map(escape).collect();
    format!("\"{content}\"")
}

/// The frame in a record, taken out as a browser would do it.
pub(crate) fn frame_in(transport: Transport, record: &[u8]) -> Vec<u8> {
    let (before, after): (&[u8], &[u8]) = match transport {
        Transport::Eventsource => (b"data: ", b"\r\n\r\n"),
        Transport::Htmlfile => (b"<script>\np(", b");\n</script>\r\n"),
        Transport::Jsonp => (b"/**/f(", b");\r\n"),
        _ => (b"", b"\n"),
    };
    let inner = record
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .unwrap_or_else(|| panic!("{transport:?}: {}", record.escape_ascii()));
    if transport.needs_callback() {
        assert!(!inner.contains(&b'<'), "{}", inner.escape_ascii());
        let script: String = serde_json::from_slice(inner).expect("a string of a script");
        script.into_bytes()
    } else if transport == Transport::Eventsource {
        decode_uri(inner)
    } else {
        inner.to_vec()
    }
}

/// What `decodeURI` makes of octets in which nothing but `%` is escaped.
fn decode_uri(escaped: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = escaped.iter();
    while let Some(octet) = rest.next() {
        if *octet == b'%' {
            assert_eq!((rest.next(), rest.next()), (Some(&b'2'), Some(&b'5')));
        }
        plain.push(*octet);
    }
    plain
}
