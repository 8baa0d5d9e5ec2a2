//! The seam between the decoder and permessage-deflate (RFC 7692).

use std::fmt;

use crate::error::DecodeError;

/// Takes inflated octets, piece by piece. An error stops the inflating.
pub type InflateOutput<'o> = dyn FnMut(&[u8]) -> Result<(), DecodeError> + 'o;

/// Inflates one message after another, each by itself: the context of a message is not taken over
/// to the next (RFC 7692 7.1.1). [`InflaterPool`](crate::InflaterPool) lends some.
pub trait Inflate: Send {
    /// Inflates the next piece of a message and hands what it comes to to `output`, in pieces that
    /// are small beside the limits that `output` watches over: a message that is too long must be
    /// found out *while* it is inflated.
    ///
    /// `last` is true for exactly one piece of each message, its last, which may be empty. The
    /// four octets `00 00 FF FF` that the sender has removed (RFC 7692 7.2.2) are not in `input`.
    ///
    /// # Errors
    /// [`DecodeError::InflateFailed`] for data that cannot be inflated, and what `output` fails
    /// with. An error ends the connection.
    fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut InflateOutput<'_>,
    ) -> Result<(), DecodeError>;
}

/// Lends inflaters to decoders, each for the time of one compressed message: so a connection that
/// is quiet holds none.
pub trait Inflaters: Send + Sync {
    /// An inflater at the beginning of a message.
    fn lend(&self) -> Box<dyn Inflate>;

    /// Takes back what was [lent](Self::lend), at the end of a message. One that has failed, or
    /// whose message was never finished, does not come back.
    fn take_back(&self, inflater: Box<dyn Inflate>);
}

/// An inflater on loan.
pub(crate) struct Borrowed(pub(crate) Box<dyn Inflate>);

impl fmt::Debug for Borrowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Borrowed")
    }
}
