//! Compressed data, put together by hand (RFC 1951).

/// Blocks without compression, without the end of a message.
pub(crate) fn stored(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in octets.chunks(0xffff) {
        let length = block.len() as u16;
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}

/// A block with fixed codes that copies three octets from `distance` back, which is at least 1, and
/// the end of the message.
pub(crate) fn back_reference(distance: usize) -> Vec<u8> {
    // From the symbol 4 on, two at a time take one bit more than the two before (RFC 1951 3.2.5).
    let bits = (distance - 1).max(1).ilog2().saturating_sub(1);
    let symbol = match distance {
        0..=4 => distance - 1,
        _ => 2 * bits as usize + ((distance - 1) >> bits),
    };
    copy(symbol, (distance - 1) & ((1 << bits) - 1), bits)
}

/// The same with the symbol of a distance that need not exist.
pub(crate) fn distance_symbol(symbol: usize) -> Vec<u8> {
    copy(symbol, 0, 13)
}

fn copy(symbol: usize, extra: usize, extra_bits: u32) -> Vec<u8> {
    let mut bits = Writer::default();
    // Not the last block, fixed codes; the length 3 has the symbol 257 (RFC 1951 3.2.5 and 3.2.6).
    bits.number(0b010, 3);
    bits.code(0b000_0001, 7);
    bits.code(symbol, 5);
    bits.number(extra, extra_bits);
    // The end of the block, and the beginning of an empty one without compression.
    bits.code(0, 7);
    bits.number(0, 3);
    bits.octets
}

/// Bits from the lowest of each octet on (RFC 1951 3.1.1).
#[derive(Default)]
struct Writer {
    octets: Vec<u8>,
    used: usize,
}

impl Writer {
    fn bit(&mut self, bit: usize) {
        if self.used.is_multiple_of(8) {
            self.octets.push(0);
        }
        self.octets[self.used / 8] |= (bit as u8 & 1) << (self.used % 8);
        self.used += 1;
    }

    /// The lowest bit first.
    fn number(&mut self, number: usize, bits: u32) {
        (0..bits).for_each(|place| self.bit(number >> place));
    }

    /// The highest bit first.
    fn code(&mut self, code: usize, bits: u32) {
        (0..bits).rev().for_each(|place| self.bit(code >> place));
    }
}
