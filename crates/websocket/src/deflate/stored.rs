//! Blocks without compression: a prefix of one subscriber's own before a body that all share.

use super::TAIL;
use crate::{encode::frame_header, opcode::Opcode};

/// The longest block without compression (RFC 1951 3.2.4).
const STORED_BYTES_MAX: usize = 0xffff;

/// What such a block costs: an octet of type and padding, the length, and its complement.
const STORED_HEAD_BYTES: usize = 5;

/// Appends the head of a compressed message and the `prefix` that it begins with. What must follow
/// is a body of `body_bytes` octets that [`Compressor::compress`](crate::Compressor::compress) or
/// [`append_stored`] has made; the peer gets prefix and body as one message.
///
/// The body, compressed once, can be shared by any number of subscribers with prefixes of their
/// own: blocks without compression end on an octet, and the body refers to nothing before it.
pub fn append_prefix(out: &mut Vec<u8>, opcode: Opcode, prefix: &[u8], body_bytes: usize) {
    let blocks = prefix.chunks(STORED_BYTES_MAX);
    let stored_bytes = prefix.len() + blocks.len() * STORED_HEAD_BYTES;
    let header = frame_header(true, true, opcode, stored_bytes + body_bytes);
    let header = header.as_ref();
    out.reserve(header.len() + stored_bytes);
    out.extend_from_slice(header);
    append_blocks(out, prefix);
}

/// Appends `body` as the payload of a compressed message (or the end of one) without compressing
/// it: for what is too short to gain. It costs an octet, and five for each 65,535.
pub fn append_stored(out: &mut Vec<u8>, body: &[u8]) {
    append_blocks(out, body);
    // The empty block whose rest is left out (RFC 7692 7.2.1).
    out.push(TAIL[0]);
}

fn append_blocks(out: &mut Vec<u8>, octets: &[u8]) {
    for block in octets.chunks(STORED_BYTES_MAX) {
        let length = block.len() as u16;
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}
