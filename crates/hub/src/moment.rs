//! Time as an argument: the hub never asks a clock.

use std::time::Duration;

/// A moment on the driver's monotonic clock, in whole milliseconds since a start of its choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment `since_start` after the driver's start. Fractions of a millisecond are cut off.
    pub fn after_start(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) const fn after_start_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the driver's start.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
