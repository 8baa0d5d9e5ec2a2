//! Compressed data, read by hand (RFC 1951): as slowly as it is simple.

/// Of each symbol of a distance the least distance, and how many more bits it takes.
const DISTANCES: [(usize, u32); 30] = table(1, 2);
/// The same of the lengths, from the symbol 257 on.
const LENGTHS: [(usize, u32); 29] = {
    let mut lengths = table(3, 4);
    lengths[28] = (258, 0);
    lengths
};

/// The tables of RFC 1951 3.2.5: after the first `2 * group` entries, `group` at a time take one
/// bit more.
const fn table<const N: usize>(first: usize, group: usize) -> [(usize, u32); N] {
    let mut table = [(first, 0); N];
    let mut place = 1;
    while place < N {
        let (least, extra_bits) = table[place - 1];
        let more = if place >= 2 * group {
            place / group - 1
        } else {
            0
        };
        table[place] = (least + (1 << extra_bits), more as u32);
        place += 1;
    }
    table
}

/// Reads a whole compressed message as RFC 1951 3.2 says. `None` if it
/// is not one, or refers further back than `window` octets.
pub(crate) fn read(compressed: &[u8], window: usize) -> Option<Vec<u8>> {
    let mut octets = compressed.to_vec();
    octets.extend([0x00, 0x00, 0xff, 0xff]);
    let mut bits = Reader {
        octets: &octets,
        at: 0,
    };
    let mut message = Vec::new();
    while bits.at + 3 <= octets.len() * 8 {
        let is_last = bits.number(1)? == 1;
        match bits.number(2)? {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.number(16)?;
                if bits.number(16)? != length ^ 0xffff {
                    return None;
                }
                for _ in 0..length {
                    message.push(bits.number(8)? as u8);
                }
            }
            kind @ (1 | 2) => {
                let (literals, distances) = if kind == 1 {
                    fixed()
                } else {
                    dynamic(&mut bits)?
                };
                read_block(&mut bits, &literals, &distances, window, &mut message)?;
            }
            _ => return None,
        }
        if is_last {
            // What follows begins with an octet (RFC 7692 7.2.1).
            bits.at = bits.at.next_multiple_of(8);
        }
    }
    Some(message)
}

fn read_block(
    bits: &mut Reader<'_>,
    literals: &[u32],
    distances: &[u32],
    window: usize,
    message: &mut Vec<u8>,
) -> Option<()> {
    loop {
        match bits.symbol(literals)? {
            literal @ 0..256 => message.push(literal as u8),
            256 => return Some(()),
            symbol => {
                let (least, extra_bits) = *LENGTHS.get(symbol - 257)?;
                let length = least + bits.number(extra_bits)?;
                let (least, extra_bits) = *DISTANCES.get(bits.symbol(distances)?)?;
                let distance = least + bits.number(extra_bits)?;
                if distance > window {
                    return None;
                }
                for _ in 0..length {
                    message.push(*message.get(message.len().checked_sub(distance)?)?);
                }
            }
        }
    }
}

/// How many bits the codes of literals and lengths have, and those of distances (RFC 1951 3.2.6).
fn fixed() -> (Vec<u32>, Vec<u32>) {
    let lengths = [(144, 8), (112, 9), (24, 7), (8, 8)];
    let literals = lengths.iter().flat_map(|(count, bits)| vec![*bits; *count]);
    (literals.collect(), vec![5; 30])
}

/// The same as the block itself tells it (RFC 1951 3.2.7).
fn dynamic(bits: &mut Reader<'_>) -> Option<(Vec<u32>, Vec<u32>)> {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = bits.number(5)? + 257;
    let distances = bits.number(5)? + 1;
    let mut codes = [0; 19];
    for place in &ORDER[..bits.number(4)? + 4] {
        codes[*place] = bits.number(3)? as u32;
    }
    let mut lengths: Vec<u32> = Vec::new();
    while lengths.len() < literals + distances {
        let (length, count) = match bits.symbol(&codes)? {
            16 => (*lengths.last()?, bits.number(2)? + 3),
            17 => (0, bits.number(3)? + 3),
            18 => (0, bits.number(7)? + 11),
            length => (length as u32, 1),
        };
        lengths.extend(vec![length; count]);
    }
    let rest = lengths.split_off(literals);
    Some((lengths, rest))
}

struct Reader<'o> {
    octets: &'o [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self, bits: u32) -> Option<usize> {
        let mut number = 0;
        for place in 0..bits {
            let octet = self.octets.get(self.at / 8)?;
            number |= usize::from(octet >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(number)
    }

    /// A symbol in a code of which only the lengths are known (RFC 1951 3.2.2).
    fn symbol(&mut self, lengths: &[u32]) -> Option<usize> {
        let (mut code, mut first) = (0, 0);
        for bits in 1..=15 {
            code = code << 1 | self.number(1)?;
            first <<= 1;
            let count = lengths.iter().filter(|length| **length == bits).count();
            if code < first + count {
                let mut symbols = (0..lengths.len()).filter(|symbol| lengths[*symbol] == bits);
                return symbols.nth(code - first);
            }
            first += count;
        }
        None
    }
}
