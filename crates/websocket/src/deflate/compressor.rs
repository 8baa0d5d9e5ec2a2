//! Compressing whole messages (RFC 7692 7.2.1).

use std::fmt;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use super::{TAIL, WindowBits};
use crate::{encode::frame_header, opcode::Opcode};

/// How hard the compressor tries, from 1 to 9. Of 64 KiB of JSON level 2 leaves a tenth more than
/// level 6 does, in a fifth of the time; level 1 leaves half as much again. For messages of a few
/// hundred octets 2 and 6 hardly differ.
const LEVEL: u32 = 2;

/// How much more room than the message itself is made for the compressed one at first.
const ROOM_BYTES: usize = 64;

/// The compressor has failed. It should not be able to; send the message as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be compressed; send it uncompressed")]
pub struct CompressFailed;

/// Compresses messages for peers that inflate with a given window, each message by itself: the
/// same octets give the same result, whatever was compressed before.
///
/// It holds about 300 KiB, and is costly to make: keep it for the next message. It needs not be
/// kept for a connection.
pub struct Compressor {
    state: Compress,
    window: WindowBits,
}

impl Compressor {
    /// A compressor that never refers further back than `window`.
    pub fn new(window: WindowBits) -> Self {
        Self {
            state: Compress::new_with_window_bits(Compression::new(LEVEL), false, window.get()),
            window,
        }
    }

    /// The window it keeps to.
    pub fn window(&self) -> WindowBits {
        self.window
    }

    /// Appends `message` to `output` as the payload of a frame with RSV1 (RFC 7692 6.1). It may be
    /// longer than the message.
    ///
    /// # Errors
    /// [`CompressFailed`]; then `output` holds nothing of use.
    pub fn compress(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CompressFailed> {
        // Nothing is one octet, which the compressor need not be asked about (RFC 7692 7.2.3.6).
        if message.is_empty() {
            output.push(0);
            return Ok(());
        }
        self.state.reset();
        let start = output.len();
        output.reserve(message.len() + ROOM_BYTES);
        loop {
            let taken = usize::try_from(self.state.total_in()).map_err(|_| CompressFailed)?;
            let rest = message.get(taken..).ok_or(CompressFailed)?;
            self.state
                .compress_vec(rest, output, FlushCompress::Sync)
                .map_err(|_| CompressFailed)?;
            // All is flushed once some room is left.
            if output.len() < output.capacity() {
                break;
            }
            output.reserve(ROOM_BYTES.max(message.len() / 8));
        }
        let all_taken = self.state.total_in() == message.len() as u64;
        if !all_taken || !output[start..].ends_with(&TAIL) {
            return Err(CompressFailed);
        }
        output.truncate(output.len() - TAIL.len());
        Ok(())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Compressor")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// A compressed message as a server sends it: FIN, RSV1, not masked, one allocation (RFC 7692 6.1).
/// `compressed` is what [`Compressor::compress`] has made of it.
pub fn encode_compressed(opcode: Opcode, compressed: &[u8]) -> Bytes {
    let header = frame_header(true, true, opcode, compressed.len());
    let header = header.as_ref();
    let mut frame = Vec::with_capacity(header.len() + compressed.len());
    frame.extend_from_slice(header);
    frame.extend_from_slice(compressed);
    // The vector is exactly full, so this takes it over as it is.
    Bytes::from(frame)
}
