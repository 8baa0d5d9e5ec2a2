//! What a peer did wrong, and what to tell it.

use std::fmt;

use crate::command::Command;

/// How many octets of what a peer has sent an error repeats.
const EXCERPT_BYTES_MAX: usize = 23;

/// The beginning of something that a peer has sent, for the error that complains about it: at most
/// 23 octets, shown as printable ASCII with escapes for everything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Excerpt {
    octets: [u8; EXCERPT_BYTES_MAX],
    len: u8,
}

impl Excerpt {
    pub(crate) fn new(text: &[u8]) -> Self {
        let len = text.len().min(EXCERPT_BYTES_MAX);
        let mut octets = [0; EXCERPT_BYTES_MAX];
        octets[..len].copy_from_slice(&text[..len]);
        Self {
            octets,
            len: len as u8,
        }
    }

    /// The octets as they were sent, as many as were kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_bytes().escape_ascii(), formatter)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

/// A rule that the peer broke. The connection cannot be used any more: send an ERROR with
/// [`word`](Self::word) as `message` and this error's text as the body, then close it with
/// [`close_code`](Self::close_code) where it is a WebSocket (STOMP 1.2, ERROR; S73).
///
/// Every variant is the peer's fault, except that a limit may simply be set too low for what the
/// application wants to receive. Headers are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A frame does not begin with a command of STOMP.
    #[error("\"{command}\" is no STOMP command; begin each frame with one, in upper case")]
    UnknownCommand {
        /// The beginning of the line.
        command: Excerpt,
    },
    /// A server's command from a client, or the other way round.
    #[error("{command} is not for this side to receive; clients and servers have their own")]
    CommandNotForRole {
        /// What was sent.
        command: Command,
    },
    /// A NUL before the blank line that ends the headers.
    #[error("NUL within the headers; end them with a blank line, also when there is no body")]
    NulInHead,
    /// A header without a colon (STOMP 1.2, Augmented BNF).
    #[error("header {header} has no colon; write NAME:VALUE")]
    HeaderWithoutColon {
        /// Which one.
        header: usize,
    },
    /// A header whose name is empty (STOMP 1.2, Augmented BNF).
    #[error("header {header} has an empty name; write NAME:VALUE")]
    HeaderNameEmpty {
        /// Which one.
        header: usize,
    },
    /// An escape that the session's version does not define, or a backslash at the end of a line
    /// (STOMP 1.2, Value Encoding).
    #[error(
        "header {header} has a backslash before \"{}\", which is no escape of this version; \
         write a backslash as two",
        octet.escape_ascii()
    )]
    BadEscape {
        /// Which header.
        header: usize,
        /// What follows the backslash; a line feed stands for the end of the line.
        octet: u8,
    },
    /// A carriage return within a header of 1.2, where it needs an escape (STOMP 1.2, Augmented
    /// BNF).
    #[error("header {header} has a carriage return within; write it as \\r")]
    CarriageReturnInHeader {
        /// Which one.
        header: usize,
    },
    /// A carriage return between frames that no line feed follows.
    #[error("carriage return without a line feed between frames; a heart-beat is one line feed")]
    StrayCarriageReturn,
    /// Headers that are not UTF-8 (STOMP 1.2, Value Encoding).
    #[error("headers are not UTF-8; encode names and values so")]
    HeadNotUtf8,
    /// A `content-length` that is not a number of digits only.
    #[error("content-length is not a number; write the body's octets in digits, or leave it out")]
    ContentLengthInvalid,
    /// A body where the version allows none (STOMP 1.2, Body).
    #[error("{command} may have no body; end its headers with a blank line and a NUL")]
    BodyNotAllowed {
        /// The frame's command.
        command: Command,
    },
    /// No NUL behind a body of the length that `content-length` tells (STOMP 1.2, Header
    /// content-length).
    #[error(
        "no NUL after the {content_length} octets of content-length; count octets, not letters"
    )]
    BodyNotTerminated {
        /// The length that was told.
        content_length: usize,
    },
    /// More headers than [`Limits::headers_max`](crate::Limits::headers_max).
    #[error("over {headers_max} headers; send fewer or raise headers_max")]
    TooManyHeaders {
        /// The limit.
        headers_max: usize,
    },
    /// A header longer than [`Limits::header_bytes_max`](crate::Limits::header_bytes_max).
    #[error("header over {header_bytes_max} bytes; send a shorter one or raise header_bytes_max")]
    HeaderTooBig {
        /// The limit, in octets.
        header_bytes_max: usize,
    },
    /// Headers longer than [`Limits::head_bytes_max`](crate::Limits::head_bytes_max) together.
    #[error("headers over {head_bytes_max} bytes; send fewer or raise head_bytes_max")]
    HeadTooBig {
        /// The limit, in octets.
        head_bytes_max: usize,
    },
    /// A body longer than [`Limits::body_bytes_max`](crate::Limits::body_bytes_max).
    #[error("body over {body_bytes_max} bytes; send less or raise body_bytes_max")]
    BodyTooBig {
        /// The limit, in octets.
        body_bytes_max: usize,
    },
    /// A frame longer than [`Limits::frame_bytes_max`](crate::Limits::frame_bytes_max).
    #[error("frame over {frame_bytes_max} bytes; send less or raise frame_bytes_max")]
    FrameTooBig {
        /// The limit, in octets.
        frame_bytes_max: usize,
    },
}

impl DecodeError {
    /// The stable word for the `message` header of an ERROR: `unknown-command`, `bad-header`,
    /// `bad-escape`, `bad-text`, `bad-content-length`, `bad-body`, `malformed-frame` or `too-big`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UnknownCommand { .. } | Self::CommandNotForRole { .. } => "unknown-command",
            Self::NulInHead | Self::StrayCarriageReturn => "malformed-frame",
            Self::HeaderWithoutColon { .. }
            | Self::HeaderNameEmpty { .. }
            | Self::CarriageReturnInHeader { .. } => "bad-header",
            Self::BadEscape { .. } => "bad-escape",
            Self::HeadNotUtf8 => "bad-text",
            Self::ContentLengthInvalid => "bad-content-length",
            Self::BodyNotAllowed { .. } | Self::BodyNotTerminated { .. } => "bad-body",
            Self::TooManyHeaders { .. }
            | Self::HeaderTooBig { .. }
            | Self::HeadTooBig { .. }
            | Self::BodyTooBig { .. }
            | Self::FrameTooBig { .. } => "too-big",
        }
    }

    /// The WebSocket close code that goes with it: 1009 for a limit, 1007 for text that is not
    /// UTF-8, else 1002 (RFC 6455 7.4.1).
    pub fn close_code(&self) -> u16 {
        match self.word() {
            "too-big" => 1009,
            "bad-text" => 1007,
            _ => 1002,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s73_errors_have_a_stable_word_a_close_code_and_a_remedy() {
        let header = 3;
        let command = Command::Begin;
        let octet = b't';
        let excerpt = Excerpt::new(b"GET / HTTP/1.1\xff\n and a lot more than is repeated");
        let max = usize::MAX;
        let cases = [
            (
                DecodeError::UnknownCommand { command: excerpt },
                "unknown-command",
                1002,
            ),
            (
                DecodeError::CommandNotForRole { command },
                "unknown-command",
                1002,
            ),
            (DecodeError::NulInHead, "malformed-frame", 1002),
            (DecodeError::StrayCarriageReturn, "malformed-frame", 1002),
            (
                DecodeError::HeaderWithoutColon { header },
                "bad-header",
                1002,
            ),
            (DecodeError::HeaderNameEmpty { header }, "bad-header", 1002),
            (
                DecodeError::CarriageReturnInHeader { header },
                "bad-header",
                1002,
            ),
            (DecodeError::BadEscape { header, octet }, "bad-escape", 1002),
            (DecodeError::HeadNotUtf8, "bad-text", 1007),
            (
                DecodeError::ContentLengthInvalid,
                "bad-content-length",
                1002,
            ),
            (DecodeError::BodyNotAllowed { command }, "bad-body", 1002),
            (
                DecodeError::BodyNotTerminated {
                    content_length: max,
                },
                "bad-body",
                1002,
            ),
            (
                DecodeError::TooManyHeaders { headers_max: max },
                "too-big",
                1009,
            ),
            (
                DecodeError::HeaderTooBig {
                    header_bytes_max: max,
                },
                "too-big",
                1009,
            ),
            (
                DecodeError::HeadTooBig {
                    head_bytes_max: max,
                },
                "too-big",
                1009,
            ),
            (
                DecodeError::BodyTooBig {
                    body_bytes_max: max,
                },
                "too-big",
                1009,
            ),
            (
                DecodeError::FrameTooBig {
                    frame_bytes_max: max,
                },
                "too-big",
                1009,
            ),
        ];
        for (error, word, code) in cases {
            let text = error.to_string();
            assert_eq!((error.word(), error.close_code()), (word, code), "{text}");
            assert!(
                text.is_ascii() && text.len() < 200 && !text.contains('\n'),
                "{text}"
            );
            assert!(text.contains("; "), "{text} names no remedy");
            assert!(word.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'));
        }
        assert_eq!(excerpt.as_bytes().len(), 23);
        assert!(excerpt.to_string().starts_with("GET / HTTP/1.1\\xff\\n"));
    }

    #[test]
    fn an_escape_at_the_end_of_a_line_is_told() {
        let text = DecodeError::BadEscape {
            header: 1,
            octet: b'\n',
        }
        .to_string();
        assert!(text.contains("before \"\\n\""), "{text}");
    }
}
