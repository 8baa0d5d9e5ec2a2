//! permessage-deflate (RFC 7692), without context takeover in either direction.
//!
//! Each message is compressed by itself. That costs some of the gain, and buys two things: a
//! connection that is quiet holds no window of 32 KiB and no state, and a message that is
//! compressed once is the same for all who have negotiated the same window.

mod compressor;
mod inflater;
mod negotiation;
mod stored;
mod window;

pub use compressor::{CompressFailed, Compressor, encode_compressed};
pub use inflater::InflaterPool;
pub use negotiation::{DeflateAnswerInvalid, DeflateOffer, PERMESSAGE_DEFLATE, accept_deflate};
pub use stored::{append_prefix, append_stored};
pub use window::WindowBits;

/// What the sender removes from the end of a message and the receiver puts back: the rest of an
/// empty block without compression (RFC 7692 7.2.1 and 7.2.2).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
