//! Compressing what goes to clients: each message once for all who share a window.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use campanile_websocket::{Compressor, Opcode, WindowBits, encode_compressed};

use super::governor::Governor;
use crate::endpoint::COMPRESSED_BYTES_MAX;

/// How much room for compressed messages is kept with a compressor.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// What compresses, and decides whether it is worth it, for the subscribers with one window and
/// one threshold.
pub(super) struct Deflating {
    window: WindowBits,
    bytes_min: usize,
    governor: Arc<Governor>,
    started: Instant,
    /// Compressors at rest: as many as have ever been at work at once, at most one a thread.
    idle: Mutex<Vec<Workbench>>,
}

struct Workbench {
    compressor: Compressor,
    output: Vec<u8>,
}

impl Deflating {
    pub(super) fn new(
        window: WindowBits,
        bytes_min: usize,
        governor: Arc<Governor>,
        started: Instant,
    ) -> Self {
        Self {
            window,
            bytes_min,
            governor,
            started,
            idle: Mutex::default(),
        }
    }

    /// The message as a compressed frame. `None`: send it as it is.
    pub(super) fn encode(&self, opcode: Opcode, message: &[u8]) -> Option<Bytes> {
        if !(self.bytes_min..=COMPRESSED_BYTES_MAX).contains(&message.len())
            || !self.governor.allows(self.started.elapsed())
        {
            return None;
        }
        let began = Instant::now();
        let mut bench = self.take();
        let done = bench.compressor.compress(message, &mut bench.output);
        let is_shorter = done.is_ok() && bench.output.len() < message.len();
        let frame = is_shorter.then(|| encode_compressed(opcode, &bench.output));
        self.put_back(bench);
        self.governor.spent(began.elapsed());
        frame
    }

    /// How many compressors are at rest.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.lock().len()
    }

    fn take(&self) -> Workbench {
        let idle = self.lock().pop();
        idle.unwrap_or_else(|| Workbench {
            compressor: Compressor::new(self.window),
            output: Vec::new(),
        })
    }

    fn put_back(&self, mut bench: Workbench) {
        bench.output.clear();
        bench.output.shrink_to(KEPT_BYTES_MAX);
        self.lock().push(bench);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Workbench>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
