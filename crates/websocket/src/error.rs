//! What a peer did wrong, and what to tell it.

use crate::close::CloseCode;

/// A rule that the peer broke. The connection cannot be used any more: send a Close frame with
/// [`close_code`](Self::close_code) and [`reason`](Self::reason), then close it (RFC 6455 7.1.7).
///
/// Every variant is the peer's fault, except that a limit may simply be set too low for what the
/// application wants to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A frame from a client was not masked (RFC 6455 5.1). 1002.
    #[error("frame from the client is not masked (RFC 6455 5.1)")]
    ClientFrameUnmasked,
    /// A frame from a server was masked (RFC 6455 5.1). 1002.
    #[error("frame from the server is masked (RFC 6455 5.1)")]
    ServerFrameMasked,
    /// A reserved bit was set which no negotiated extension gives a meaning to, or RSV1 elsewhere
    /// than on the first frame of a message (RFC 6455 5.2, RFC 7692 6). 1002.
    #[error("reserved bit set without an extension that defines it (RFC 6455 5.2)")]
    ReservedBitSet,
    /// An opcode that is reserved (RFC 6455 5.2). 1002.
    #[error("opcode {opcode} is reserved (RFC 6455 5.2)")]
    UnknownOpcode {
        /// The opcode that was sent: 3 to 7 or 11 to 15.
        opcode: u8,
    },
    /// A control frame of more than 125 octets (RFC 6455 5.5). 1002.
    #[error("control frame over 125 bytes (RFC 6455 5.5)")]
    ControlTooLong,
    /// A control frame without FIN (RFC 6455 5.5). 1002.
    #[error("control frame is fragmented (RFC 6455 5.5)")]
    ControlFragmented,
    /// A continuation frame while no message was open (RFC 6455 5.4). 1002.
    #[error("continuation frame, but no message is open (RFC 6455 5.4)")]
    ContinuationWithoutMessage,
    /// A new message while the fragments of another one were incomplete (RFC 6455 5.4). 1002.
    #[error("new message inside an unfinished one (RFC 6455 5.4)")]
    MessageInsideMessage,
    /// A length in more octets than it needs (RFC 6455 5.2). 1002.
    #[error("payload length is not in its shortest form (RFC 6455 5.2)")]
    LengthNotMinimal,
    /// A 64-bit length whose most significant bit is set (RFC 6455 5.2). 1002.
    #[error("payload length has its top bit set (RFC 6455 5.2)")]
    LengthTopBitSet,
    /// A frame longer than [`Limits::frame_bytes_max`](crate::Limits::frame_bytes_max). 1009.
    #[error("frame over {frame_bytes_max} bytes; send smaller frames or raise frame_bytes_max")]
    FrameTooBig {
        /// The limit, in octets.
        frame_bytes_max: usize,
    },
    /// A message longer than [`Limits::message_bytes_max`](crate::Limits::message_bytes_max). 1009.
    #[error("message over {message_bytes_max} bytes; send less or raise message_bytes_max")]
    MessageTooBig {
        /// The limit, in octets.
        message_bytes_max: usize,
    },
    /// A message of more frames than [`Limits::fragments_max`](crate::Limits::fragments_max). 1009.
    #[error("message in over {fragments_max} fragments; send fewer or raise fragments_max")]
    TooManyFragments {
        /// The limit, in frames.
        fragments_max: usize,
    },
    /// A Close frame with a body of one octet (RFC 6455 5.5.1). 1002.
    #[error("close frame with a body of 1 byte (RFC 6455 5.5.1)")]
    CloseBodyTooShort,
    /// A close code that may not be sent (RFC 6455 7.4). 1002.
    #[error("close code {code} must not be sent (RFC 6455 7.4)")]
    CloseCodeInvalid {
        /// The code that was sent.
        code: u16,
    },
    /// A close reason that is not UTF-8 (RFC 6455 5.5.1). 1007.
    #[error("close reason is not UTF-8 (RFC 6455 5.5.1)")]
    CloseReasonNotUtf8,
    /// A text message that is not UTF-8, or ends within a character (RFC 6455 8.1). 1007.
    #[error("text message is not UTF-8 (RFC 6455 8.1)")]
    TextNotUtf8,
    /// A compressed message that could not be inflated (RFC 7692 6.2). 1007. Returned by an
    /// [`Inflate`](crate::Inflate).
    #[error("message cannot be inflated (RFC 7692 6.2)")]
    InflateFailed,
}

impl DecodeError {
    /// The close code to send: 1002, 1007 or 1009 (RFC 6455 7.4.1).
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::FrameTooBig { .. }
            | Self::MessageTooBig { .. }
            | Self::TooManyFragments { .. } => CloseCode::TOO_BIG,
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 | Self::InflateFailed => {
                CloseCode::INVALID_PAYLOAD
            }
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The close reason to send, at most 123 octets of ASCII. It starts with a stable word and a
    /// colon: `protocol`, `bad-text`, `bad-deflate` or `too-big`; for a limit it goes on to name
    /// it, as in `too-big: message over 65536 bytes`.
    pub fn reason(&self) -> String {
        match self {
            Self::FrameTooBig { frame_bytes_max } => {
                format!("too-big: frame over {frame_bytes_max} bytes")
            }
            Self::MessageTooBig { message_bytes_max } => {
                format!("too-big: message over {message_bytes_max} bytes")
            }
            Self::TooManyFragments { fragments_max } => {
                format!("too-big: message in over {fragments_max} fragments")
            }
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 => format!("bad-text: {self}"),
            Self::InflateFailed => format!("bad-deflate: {self}"),
            _ => format!("protocol: {self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::CLOSE_REASON_BYTES_MAX;

    #[test]
    fn reasons_fit_a_close_frame_and_start_with_a_stable_word() {
        let max = usize::MAX;
        let cases = [
            (DecodeError::ClientFrameUnmasked, 1002, "protocol: "),
            (DecodeError::ServerFrameMasked, 1002, "protocol: "),
            (DecodeError::ReservedBitSet, 1002, "protocol: "),
            (
                DecodeError::UnknownOpcode { opcode: 15 },
                1002,
                "protocol: ",
            ),
            (DecodeError::ControlTooLong, 1002, "protocol: "),
            (DecodeError::ControlFragmented, 1002, "protocol: "),
            (DecodeError::ContinuationWithoutMessage, 1002, "protocol: "),
            (DecodeError::MessageInsideMessage, 1002, "protocol: "),
            (DecodeError::LengthNotMinimal, 1002, "protocol: "),
            (DecodeError::LengthTopBitSet, 1002, "protocol: "),
            (
                DecodeError::FrameTooBig {
                    frame_bytes_max: max,
                },
                1009,
                "too-big: frame over ",
            ),
            (
                DecodeError::MessageTooBig {
                    message_bytes_max: max,
                },
                1009,
                "too-big: message over ",
            ),
            (
                DecodeError::TooManyFragments { fragments_max: max },
                1009,
                "too-big: message in ",
            ),
            (DecodeError::CloseBodyTooShort, 1002, "protocol: "),
            (
                DecodeError::CloseCodeInvalid { code: u16::MAX },
                1002,
                "protocol: ",
            ),
            (DecodeError::CloseReasonNotUtf8, 1007, "bad-text: "),
            (DecodeError::TextNotUtf8, 1007, "bad-text: "),
            (DecodeError::InflateFailed, 1007, "bad-deflate: "),
        ];
        for (error, code, start) in cases {
            let reason = error.reason();
            assert_eq!(error.close_code().get(), code, "{error:?}");
            assert!(reason.starts_with(start), "{reason}");
            assert!(
                reason.len() <= CLOSE_REASON_BYTES_MAX && reason.is_ascii(),
                "{reason}"
            );
        }
        let error = DecodeError::MessageTooBig {
            message_bytes_max: 65_536,
        };
        assert_eq!(error.reason(), "too-big: message over 65536 bytes");
    }
}
