//! Compressing and inflating as tests do it.

use std::sync::Arc;

use campanile_websocket::{Compressor, Decoder, InflaterPool, Role, WindowBits};
use flate2::{Compress, Compression, FlushCompress};

/// What the sender of a message leaves out at its end.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

pub(crate) fn compressed(window: WindowBits, message: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    let done = Compressor::new(window).compress(message, &mut output);
    done.expect("compressed");
    output
}

pub(crate) fn zlib_compressed(window: WindowBits, level: u32, message: &[u8]) -> Vec<u8> {
    let mut state = Compress::new_with_window_bits(Compression::new(level), false, window.get());
    let mut output = Vec::with_capacity(message.len() * 2 + 100);
    let done = state.compress_vec(message, &mut output, FlushCompress::Sync);
    done.expect("compressed");
    assert!(output.ends_with(&TAIL));
    output.truncate(output.len() - TAIL.len());
    output
}

pub(crate) fn decoder() -> Decoder {
    Decoder::new(Role::Client).with_inflaters(Arc::new(InflaterPool::new()))
}

/// Words as people and programs write them: something to compress, also far back.
pub(crate) fn words(count: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut text = Vec::new();
    for _ in 0..count {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("word{} ", seed >> 22).as_bytes());
    }
    text
}
