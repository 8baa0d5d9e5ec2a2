//! How far back compressed data may refer.

/// The size of an LZ77 window as its base-2 logarithm: 9 to 15, for 512 to 32,768 octets
/// (RFC 7692 7.1.2).
///
/// 8 is legal there, too, but zlib's compressor does not keep to 256 octets, so it is not offered
/// here: a peer that asks for it gets no compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 512 octets.
    pub const MIN: Self = Self(9);
    /// 32,768 octets: what holds unless something else is negotiated.
    pub const MAX: Self = Self(15);
    /// How many sizes there are.
    pub const COUNT: usize = 7;

    /// The window of that many bits, if there is one.
    pub fn new(bits: u8) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&bits)
            .then_some(Self(bits))
    }

    /// The number of bits.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Its place among all sizes, from 0 for the smallest: an index into a table of
    /// [`COUNT`](Self::COUNT) entries.
    pub fn index(self) -> usize {
        usize::from(self.0 - Self::MIN.0)
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}
