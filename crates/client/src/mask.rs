//! Masking keys: four fresh bytes from the operating system for every frame (RFC 6455 5.3, 10.3).

/// Bytes fetched at once: one system call is enough for 32 frames.
const POOL_BYTES: usize = 128;

/// A client's stock of unpredictable bytes. No byte is used twice.
#[derive(Debug)]
pub(crate) struct Masks {
    pool: [u8; POOL_BYTES],
    used: usize,
}

impl Masks {
    /// An empty stock: the first key fetches.
    pub(crate) fn new() -> Self {
        Self {
            pool: [0; POOL_BYTES],
            used: POOL_BYTES,
        }
    }

    /// A key that no earlier frame had a byte of.
    pub(crate) fn take(&mut self) -> Result<[u8; 4], getrandom::Error> {
        if self.used == POOL_BYTES {
            getrandom::fill(&mut self.pool)?;
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.pool[self.used..self.used + 4]);
        self.used += 4;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_do_not_repeat_over_several_fetches() {
        let mut masks = Masks::new();
        let keys: HashSet<[u8; 4]> = (0..100)
            .map(|_| masks.take().expect("random bytes"))
            .collect();
        // Two equal keys of 32 random bits among a hundred: one run in a million.
        assert!(
            keys.len() >= 99,
            "only {} different keys of 100",
            keys.len()
        );
    }
}
