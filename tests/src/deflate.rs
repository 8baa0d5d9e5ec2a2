//! Compressed messages, right and wrong (RFC 7692, RFC 1951).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

#[path = "../../crates/websocket/tests/common/reader.rs"]
mod reader;
#[path = "../../crates/websocket/tests/common/writer.rs"]
mod writer;

/// What the sender of a message leaves out at its end (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// A message, compressed as hard as zlib can.
///
/// # Panics
/// When zlib fails.
pub fn compressed(message: &[u8]) -> Vec<u8> {
    let mut out = deflated(message, FlushCompress::Sync);
    assert!(out.ends_with(&TAIL), "zlib ends with an empty block");
    out.truncate(out.len() - TAIL.len());
    out
}

/// A message whose last block says that it is the last (BFINAL).
///
/// # Panics
/// When zlib fails.
pub fn with_last_block(message: &[u8]) -> Vec<u8> {
    deflated(message, FlushCompress::Finish)
}

fn deflated(message: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 1_024);
    let done = Compress::new(Compression::best(), false).compress_vec(message, &mut out, flush);
    done.expect("compressed");
    out
}

/// What a compressed message of up to 16 MiB says.
///
/// # Panics
/// When zlib fails.
pub fn inflated(compressed: &[u8]) -> Vec<u8> {
    let input = [compressed, &TAIL].concat();
    let mut message = Vec::with_capacity(16 << 20);
    let done = Decompress::new(false).decompress_vec(&input, &mut message, FlushDecompress::Sync);
    done.expect("compressed data");
    message
}

/// A message without compression, as the beginning of one that goes on.
pub fn stored(message: &[u8]) -> Vec<u8> {
    writer::stored(message)
}

/// Three octets that are copied from `distance` back, and the end of the message.
pub fn back_reference(distance: usize) -> Vec<u8> {
    writer::back_reference(distance)
}

/// A copy from a distance that is beyond every window, and the end of the message.
pub fn beyond_every_window() -> Vec<u8> {
    writer::distance_symbol(30)
}

/// Whether a message can be read with a window of `window` octets.
pub fn keeps_to(window: usize, compressed: &[u8]) -> bool {
    reader::read(compressed, window).is_some()
}
