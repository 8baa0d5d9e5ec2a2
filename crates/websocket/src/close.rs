//! The codes and the body of a Close frame (RFC 6455 5.5.1 and 7.4).

use std::fmt;

use crate::error::DecodeError;

/// The longest reason that fits into a Close frame, in octets: 125 less the two of the code
/// (RFC 6455 5.5.1).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

/// A close code that may be sent (RFC 6455 7.4).
///
/// 1005, 1006 and 1015 describe a closure locally and are never on the wire; so they are not
/// representable here, and neither are unassigned and reserved codes.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server going down, or a browser leaving the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data which this endpoint does not take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that contradicts its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy forbids it.
    pub const POLICY: Self = Self(1008);
    /// 1009: too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: the server failed.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1013: overloaded, try again later (IANA's WebSocket Close Code registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code, if it may be on the wire: 1000 to 1003, 1007 to 1014, and 3000 to 4999, which
    /// RFC 6455 7.4.2 leaves to libraries and applications. `None` for every other number.
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The code as a number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The body of a Close frame that has one (RFC 6455 5.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CloseFrame {
    /// Why the connection is closed.
    pub code: CloseCode,
    /// The same in words, possibly empty; at most [`CLOSE_REASON_BYTES_MAX`] octets when received.
    pub reason: String,
}

/// Reads the body of a Close frame: nothing, or a code and a reason (RFC 6455 5.5.1).
pub(crate) fn parse_close(payload: &[u8]) -> Result<Option<CloseFrame>, DecodeError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(DecodeError::CloseBodyTooShort)
        };
    };
    let code = u16::from_be_bytes(*code);
    let Some(code) = CloseCode::new(code) else {
        return Err(DecodeError::CloseCodeInvalid { code });
    };
    match simdutf8::basic::from_utf8(reason) {
        Ok(reason) => Ok(Some(CloseFrame {
            code,
            reason: reason.to_owned(),
        })),
        Err(_) => Err(DecodeError::CloseReasonNotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_7_4_only_codes_for_the_wire_are_representable() {
        for code in 0..=u16::MAX {
            let legal = (1000..=1003).contains(&code)
                || (1007..=1014).contains(&code)
                || (3000..=4999).contains(&code);
            assert_eq!(
                CloseCode::new(code).map(CloseCode::get),
                legal.then_some(code)
            );
        }
    }

    #[test]
    fn rfc6455_5_5_1_close_bodies() {
        assert_eq!(parse_close(b""), Ok(None));
        assert_eq!(parse_close(b"\x03"), Err(DecodeError::CloseBodyTooShort));
        assert_eq!(
            parse_close(b"\x03\xed"),
            Err(DecodeError::CloseCodeInvalid { code: 1005 })
        );
        assert_eq!(
            parse_close(b"\x03\xe8\xff"),
            Err(DecodeError::CloseReasonNotUtf8)
        );
        let bye = CloseFrame {
            code: CloseCode::NORMAL,
            reason: "bye".into(),
        };
        assert_eq!(parse_close(b"\x03\xe8bye"), Ok(Some(bye)));
    }
}
