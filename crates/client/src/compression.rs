//! Compressed messages (RFC 7692): what all clients of a process share, so that one that is quiet
//! holds nothing for them.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use campanile_websocket::{Compressor, InflaterPool, WindowBits};

/// Shorter messages go out as they are: they would hardly become shorter.
const COMPRESSED_BYTES_MIN: usize = 128;

/// The compressor that was used last.
static COMPRESSOR: Mutex<Option<Compressor>> = Mutex::new(None);

static INFLATERS: LazyLock<Arc<InflaterPool>> = LazyLock::new(Arc::default);

/// Where decoders borrow inflaters.
pub(crate) fn inflaters() -> Arc<InflaterPool> {
    Arc::clone(&INFLATERS)
}

/// What a message becomes; `None` if it is better sent as it is.
pub(crate) fn compressed(window: WindowBits, message: &[u8]) -> Option<Vec<u8>> {
    if message.len() < COMPRESSED_BYTES_MIN {
        return None;
    }
    let kept = || COMPRESSOR.lock().unwrap_or_else(PoisonError::into_inner);
    let last = kept().take().filter(|last| last.window() == window);
    let mut compressor = last.unwrap_or_else(|| Compressor::new(window));
    let mut output = Vec::new();
    let done = compressor.compress(message, &mut output);
    *kept() = Some(compressor);
    (done.is_ok() && output.len() < message.len()).then_some(output)
}
