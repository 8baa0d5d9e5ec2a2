//! The hook for permessage-deflate (RFC 7692).

use crate::error::DecodeError;

/// Inflates the messages of one connection: the hook for permessage-deflate (RFC 7692).
pub trait Inflate: Send {
    /// Inflates the next piece of a message and appends it to `output`.
    ///
    /// `last` is true for exactly one piece of each message, its last, which may be empty. The
    /// four octets `00 00 FF FF` that the sender has removed (RFC 7692 7.2.2) are not in `input`.
    /// At most `output_bytes_max` octets may be appended by this call.
    ///
    /// # Errors
    /// [`DecodeError::InflateFailed`] for data that cannot be inflated, and
    /// [`DecodeError::MessageTooBig`] as soon as more than `output_bytes_max` octets would be
    /// appended: it must stop *while* inflating. The decoder fills in the limit that applies, so
    /// any number will do. An error ends the connection.
    fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut Vec<u8>,
        output_bytes_max: usize,
    ) -> Result<(), DecodeError>;
}
