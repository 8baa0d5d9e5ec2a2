//! What the fuzz target does with one input. The corpus is replayed through the same function by
//! an ordinary test.

use campanile_sockjs::{
    Callback, DecodeError, Records, Route, append_close, append_message, decode_messages,
    first_line, form_payload, merge, session_cookie,
};
use serde_json::Value;

use super::{escaped_slowly, frame_in, frame_of, receivers};

/// Takes `data` for each of the things that a client sends, and for each that is sent to one, and
/// returns what became of it as a payload.
pub(crate) fn input(data: &[u8]) -> Result<Vec<String>, DecodeError> {
    let outcome = payload(data);
    for content_type in [
        None,
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
    ] {
        let form = form_payload(content_type, data);
        assert!(form.len() <= data.len());
    }
    lines(data);
    if let Ok(text) = str::from_utf8(data) {
        sent(text);
        asked(text);
    }
    outcome
}

/// Requires of a payload what `serde_json` says of it, but for half surrogate pairs; and of its
/// messages that they come back.
fn payload(data: &[u8]) -> Result<Vec<String>, DecodeError> {
    let outcome = decode_messages(data);
    match (&outcome, texts_in(data)) {
        (Ok(messages), Some(expected)) => assert_eq!(*messages, expected),
        (Ok(messages), None) => {
            let all = messages.concat();
            assert!(all.contains('\u{fffd}'), "half a pair must be in {all:?}");
        }
        (Err(DecodeError::Empty), _) => assert_eq!(data, b""),
        (Err(DecodeError::TooMany), _) => assert!(data.len() > 3 * 4096),
        (Err(error), expected) => assert_eq!(expected, None, "{error}"),
    }
    if let Ok(messages) = &outcome {
        let frame = frame_of(messages);
        assert_eq!(decode_messages(&frame[1..]).as_ref(), Ok(messages));
    }
    outcome
}

fn texts_in(data: &[u8]) -> Option<Vec<String>> {
    match serde_json::from_slice(data).ok()? {
        Value::String(text) => Some(vec![text]),
        Value::Array(values) => {
            let mut values = values.into_iter();
            values.try_fold(Vec::new(), |mut texts, value| match value {
                Value::String(text) => {
                    texts.push(text);
                    Some(texts)
                }
                _ => None,
            })
        }
        _ => None,
    }
}

/// Requires that lines are taken one after the other, whatever they are.
fn lines(data: &[u8]) {
    let mut rest = data;
    while let Some((line, octets)) = first_line(rest) {
        assert!(!line.contains(&b'\n') && octets == line.len() + 1);
        let mut frame = Vec::new();
        let consumed = merge(rest, &mut frame);
        assert!((octets..=rest.len()).contains(&consumed));
        assert!(!frame.contains(&b'\n') && frame.len() < consumed + 1);
        assert_eq!(rest[consumed - 1], b'\n');
        rest = &rest[octets..];
    }
    assert!(!rest.contains(&b'\n'));
    assert_eq!(merge(rest, &mut Vec::new()), 0);
}

/// Requires that a text arrives as it is by each transport, and as a close's reason.
fn sent(text: &str) {
    let mut frame = Vec::new();
    append_message(&mut frame, text);
    assert_eq!(frame, format!("a[{}]", escaped_slowly(text)).as_bytes());
    assert_arrives(&frame);
    assert_eq!(decode_messages(&frame[1..]), Ok(vec![text.to_owned()]));
    frame.clear();
    append_close(&mut frame, 4999, text);
    assert_arrives(&frame);
    let close: Value = serde_json::from_slice(&frame[1..]).expect("JSON");
    assert_eq!(close, serde_json::json!([4999, text]));
}

fn assert_arrives(frame: &[u8]) {
    assert!(frame.iter().all(|octet| *octet >= b' '));
    for transport in receivers() {
        let records = Records::new(transport, Some("c=f")).expect("a callback");
        let mut record = Vec::new();
        records.append_record(frame, &mut record);
        assert_eq!(frame_in(transport, &record), frame, "{transport:?}");
    }
}

/// Requires that what a request says means only what it may.
fn asked(text: &str) {
    if let Some(Route::Session {
        server,
        session,
        transport,
    }) = Route::parse(text)
    {
        assert_eq!(text, format!("/{server}/{session}/{}", transport.name()));
        for id in [server, session] {
            assert!(!id.is_empty() && !id.contains(['/', '.']));
        }
    }
    for query in [text, &format!("c={text}")] {
        if let Ok(callback) = Callback::from_query(Some(query)) {
            let name = callback.as_str();
            assert!(!name.is_empty() && name.len() <= 64);
            assert!(!name.contains(|it: char| !it.is_ascii_alphanumeric() && !"-_.".contains(it)));
        }
    }
    for cookies in [text, &format!("JSESSIONID={text}")] {
        let header = session_cookie(Some(cookies));
        let value = header
            .strip_prefix("JSESSIONID=")
            .and_then(|rest| rest.strip_suffix("; path=/"))
            .expect("one cookie");
        assert!(!value.is_empty() && value.bytes().all(|it| it.is_ascii_graphic()));
        assert!(!value.contains([';', ',', '"', '\\']));
    }
}
