//! Time within one run.

use std::time::Instant;

/// One second, in the unit of [`Clock::now`].
pub(crate) const SECOND: u64 = 1_000_000_000;

/// A monotonic clock that counts nanoseconds since the run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Nanoseconds since the start; 64 bits of them are 584 years.
    pub(crate) fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}
