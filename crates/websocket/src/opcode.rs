//! What a frame carries (RFC 6455 5.2 and 11.8).

/// The most octets that a control frame may carry (RFC 6455 5.5).
pub const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;

/// What a frame carries (RFC 6455 5.2).
///
/// Opcodes 3 to 7 and 11 to 15 are reserved and have no variant: a frame with one of them is an
/// error, [`UnknownOpcode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// One more fragment of the message that is open (RFC 6455 5.4).
    Continuation = 0,
    /// A message of UTF-8 text, or its first fragment (RFC 6455 5.6).
    Text = 1,
    /// A message of arbitrary octets, or its first fragment (RFC 6455 5.6).
    Binary = 2,
    /// The closing handshake (RFC 6455 5.5.1).
    Close = 8,
    /// A question that asks for a Pong with the same payload (RFC 6455 5.5.2).
    Ping = 9,
    /// The answer to a Ping, or an unasked-for sign of life (RFC 6455 5.5.3).
    Pong = 10,
}

impl Opcode {
    /// Whether this is a control frame: at most 125 octets, never fragmented, and allowed between
    /// the fragments of a message (RFC 6455 5.5).
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl From<Opcode> for u8 {
    fn from(opcode: Opcode) -> Self {
        opcode as Self
    }
}

impl TryFrom<u8> for Opcode {
    type Error = UnknownOpcode;

    fn try_from(value: u8) -> Result<Self, UnknownOpcode> {
        match value {
            0 => Ok(Self::Continuation),
            1 => Ok(Self::Text),
            2 => Ok(Self::Binary),
            8 => Ok(Self::Close),
            9 => Ok(Self::Ping),
            10 => Ok(Self::Pong),
            other => Err(UnknownOpcode(other)),
        }
    }
}

/// A number that RFC 6455 5.2 reserves, or that does not fit into the four bits of an opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("opcode {0} is reserved (RFC 6455 5.2); use 0, 1, 2, 8, 9 or 10")]
pub struct UnknownOpcode(pub u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_5_2_opcodes_round_trip_and_reserved_ones_are_refused() {
        for value in 0..=255u8 {
            match Opcode::try_from(value) {
                Ok(opcode) => assert_eq!(u8::from(opcode), value),
                Err(unknown) => {
                    assert_eq!(unknown, UnknownOpcode(value));
                    assert!(!matches!(value, 0..=2 | 8..=10));
                }
            }
        }
    }

    #[test]
    fn rfc6455_5_5_control_opcodes_have_the_high_bit() {
        for value in [0, 1, 2, 8, 9, 10u8] {
            let opcode = Opcode::try_from(value).expect("a defined opcode");
            assert_eq!(opcode.is_control(), value & 8 != 0);
        }
    }
}
