//! What clients send: messages as JSON.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::{Deserializer, Error};

/// How many messages a client may put into one request or WebSocket message.
pub const MESSAGES_MAX: usize = 4096;

/// The escape that stands for what no text can hold.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Why a payload has no messages in it. What it says can be told to the client: with status 500 to
/// a request (sockjs-protocol, XhrPolling), with a close to a WebSocket (S51, S52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing. From a WebSocket such a message is no fault and to be ignored.
    #[error("Payload expected. Send an array of strings as JSON")]
    Empty,
    /// It is no JSON, or it is neither an array of strings nor one string.
    #[error(
        "Broken JSON encoding. Send an array of strings: there is none at line {line}, column \
         {column}"
    )]
    Broken {
        /// Where the fault was noticed, from 1.
        line: usize,
        /// Where in this line, in octets, from 1; 0 stands for its beginning.
        column: usize,
    },
    /// There are more messages than [`MESSAGES_MAX`].
    #[error("too many messages: at most {MESSAGES_MAX} at once; send the others after them")]
    TooMany,
}

/// The messages that a client has sent: an array of strings, or one string.
///
/// Half of a surrogate pair (`"\ud800"`), which scripts can have in their strings but no text can,
/// is read as U+FFFD. The caller limits the payload's length.
///
/// # Errors
/// When it is empty, something else, or has more than [`MESSAGES_MAX`] messages: then none of them
/// is to be delivered.
pub fn decode_messages(payload: &[u8]) -> Result<Vec<String>, DecodeError> {
    if payload.is_empty() {
        return Err(DecodeError::Empty);
    }
    let first = parse(payload);
    if matches!(first, Err(DecodeError::Broken { .. }))
        && let Cow::Owned(repaired) = without_lone_surrogates(payload)
    {
        return parse(&repaired);
    }
    first
}

fn parse(payload: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut messages = Messages {
        texts: Vec::new(),
        are_too_many: false,
    };
    let mut deserializer = Deserializer::from_slice(payload);
    let parsed = deserializer.deserialize_any(&mut messages);
    match parsed.and_then(|()| deserializer.end()) {
        Ok(()) => Ok(messages.texts),
        Err(_) if messages.are_too_many => Err(DecodeError::TooMany),
        Err(error) => Err(broken(&error)),
    }
}

fn broken(error: &Error) -> DecodeError {
    DecodeError::Broken {
        line: error.line(),
        column: error.column(),
    }
}

/// What has been read of a payload.
struct Messages {
    texts: Vec<String>,
    are_too_many: bool,
}

impl<'a> Visitor<'a> for &mut Messages {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of strings, or a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.texts.push(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(text) = elements.next_element::<String>()? {
            if self.texts.len() == MESSAGES_MAX {
                self.are_too_many = true;
                return Err(A::Error::custom("too many"));
            }
            self.texts.push(text);
        }
        Ok(())
    }
}

/// The payload with U+FFFD for each escape of half a surrogate pair; borrowed if it has none.
///
/// Escapes stand only within strings, so what is around them need not be understood here.
fn without_lone_surrogates(payload: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired = Cow::Borrowed(payload);
    let mut at = 0;
    while let Some(distance) = payload[at..].iter().position(|octet| *octet == b'\\') {
        at += distance;
        at += match unit(&payload[at..]) {
            None => 2,
            Some(0xd800..=0xdbff) if is_low_half(payload.get(at + 6..)) => 12,
            Some(0xd800..=0xdfff) => {
                repaired.to_mut()[at..at + 6].copy_from_slice(REPLACEMENT);
                6
            }
            Some(_) => 6,
        };
        if at >= payload.len() {
            break;
        }
    }
    repaired
}

fn is_low_half(octets: Option<&[u8]>) -> bool {
    matches!(octets.and_then(unit), Some(0xdc00..=0xdfff))
}

/// What the escape `\uXXXX` stands for that `octets` begin with, if they do.
fn unit(octets: &[u8]) -> Option<u32> {
    let digits = octets.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_broken(payload: &[u8]) -> bool {
        matches!(decode_messages(payload), Err(DecodeError::Broken { .. }))
    }

    #[test]
    fn s39_an_array_of_strings_or_a_string_is_messages() {
        let messages = |payload: &str| decode_messages(payload.as_bytes()).unwrap();
        assert_eq!(messages(r#"["a","b\n\u00e9"]"#), ["a", "b\né"]);
        assert_eq!(messages(r#" [ "你好" , "" ] "#), ["你好", ""]);
        assert_eq!(messages(r#""alone\/""#), ["alone/"]);
        assert_eq!(messages("[]"), [""; 0]);
    }

    #[test]
    fn s51_nothing_and_something_else_are_told_apart() {
        assert_eq!(decode_messages(b""), Err(DecodeError::Empty));
        for payload in [
            "[\"x",
            "[\"a\"",
            "\"a",
            "a",
            "[1]",
            "[null]",
            "null",
            "{}",
            "[[\"a\"]]",
            "[\"a\",]",
            "[\"a\"]]",
            "[\"a\"] b",
            " ",
            "[\"a\n\"]",
            "['a']",
            "\u{feff}[]",
            "[\"\\u12\"]",
            "[\"\\ud8\"]",
            "[\"\\ud800",
        ] {
            assert!(is_broken(payload.as_bytes()), "{payload}");
        }
        assert!(is_broken(b"[\"\xff\"]"));
        assert!(is_broken(b"[\"\xed\xa0\x80\"]"));
    }

    #[test]
    fn s51_errors_say_what_the_protocol_wants_and_what_to_do() {
        assert_eq!(
            DecodeError::Empty.to_string(),
            "Payload expected. Send an array of strings as JSON"
        );
        assert_eq!(
            decode_messages(b"[\"a\", 1]").unwrap_err().to_string(),
            "Broken JSON encoding. Send an array of strings: there is none at line 1, column 7"
        );
    }

    #[test]
    fn s55_half_a_surrogate_pair_is_replaced() {
        for (payload, expected) in [
            (r#"["\ud800"]"#, "\u{fffd}"),
            (r#"["\uDFFFa"]"#, "\u{fffd}a"),
            (r#"["\ud83d\ud83d\udd14"]"#, "\u{fffd}🔔"),
            (r#"["\ud83d\udd14\udd14"]"#, "🔔\u{fffd}"),
            (r#"["\ud800\n"]"#, "\u{fffd}\n"),
            (r#"["\\ud800\ud800"]"#, "\\ud800\u{fffd}"),
            (r#"["\\\ud800\u0041"]"#, "\\\u{fffd}A"),
        ] {
            assert_eq!(
                decode_messages(payload.as_bytes()).unwrap(),
                [expected],
                "{payload}"
            );
        }
    }

    #[test]
    fn s51_the_number_of_messages_has_a_limit() {
        let payload = |count: usize| format!("[{}]", vec!["\"\""; count].join(","));
        let most = decode_messages(payload(MESSAGES_MAX).as_bytes());
        assert_eq!(most.map(|messages| messages.len()), Ok(MESSAGES_MAX));
        assert_eq!(
            decode_messages(payload(MESSAGES_MAX + 1).as_bytes()),
            Err(DecodeError::TooMany)
        );
        assert!(is_broken(
            payload(MESSAGES_MAX).replace(']', ",1]").as_bytes()
        ));
    }
}
