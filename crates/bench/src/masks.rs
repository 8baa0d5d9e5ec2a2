//! Masking keys: four fresh bytes from the operating system for every frame (RFC 6455 5.3, 10.3).

use std::io;

/// Bytes fetched at once: one system call is enough for 1,024 frames.
const POOL_BYTES: usize = 4096;

/// A stock of unpredictable bytes. No byte is used twice.
#[derive(Debug)]
pub(crate) struct Masks {
    pool: Vec<u8>,
    used: usize,
}

impl Masks {
    /// An empty stock: the first key fetches.
    pub(crate) fn new() -> Self {
        Self {
            pool: vec![0; POOL_BYTES],
            used: POOL_BYTES,
        }
    }

    /// `N` bytes, where `POOL_BYTES` is a multiple of `N`.
    pub(crate) fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        if self.used + N > POOL_BYTES {
            getrandom::fill(&mut self.pool).map_err(io::Error::other)?;
            self.used = 0;
        }
        let mut key = [0; N];
        key.copy_from_slice(&self.pool[self.used..self.used + N]);
        self.used += N;
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
        let take = |_| masks.take::<16>().expect("random bytes");
        let keys: HashSet<[u8; 16]> = (0..1000).map(take).collect();
        assert_eq!(keys.len(), 1000);
    }
}
