//! A hash that costs a few instructions a name: publishing waits for it, under the log's lock.
//!
//! Two 64-bit numbers are multiplied and both halves of the product folded together, for each eight
//! bytes. Whoever knows the seed can make names that collide: tables that must not degrade have a
//! random one.

use std::hash::{BuildHasher, Hasher};

/// What has been hashed so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folding(u64);

/// Odd, and with as many ones as zeros in no order.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folding {
    /// The same in every run.
    pub(super) const fn fixed() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

impl Default for Folding {
    /// With a seed of its own, as far as the operating system gives random bytes.
    fn default() -> Self {
        Self(getrandom::u64().unwrap_or(FACTOR))
    }
}

impl BuildHasher for Folding {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = bytes.len() as u64;
        for byte in rest {
            last = last << 8 | u64::from(*byte);
        }
        self.fold(last);
    }

    fn write_u8(&mut self, number: u8) {
        // The end of a text; its length has been hashed.
        if number != 0xff {
            self.fold(number.into());
        }
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_that_differ_a_little_are_spread() {
        for hasher in [Folding::fixed(), Folding::default()] {
            let names = (0..4_096).map(|number| format!("/topic/{number}"));
            let hashes: Vec<u64> = names.map(|name| hasher.hash_one(name)).collect();
            assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), 4_096);
            // Of the places that a table of 1,024 has, about one in fifty stays empty.
            let places: HashSet<u64> = hashes.iter().map(|hash| hash % 1_024).collect();
            assert!(places.len() > 950, "{}", places.len());
            let tops: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            assert_eq!(tops.len(), 128);
        }
    }
}
