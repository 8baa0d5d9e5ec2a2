//! What time it is.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Zoned};
use tokio::time::Instant;

/// The wall clock that schedules go by. Rates and delays go by tokio's [`Instant`] alone.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Zoned + Send + Sync>);

impl Clock {
    /// The machine's clock in the machine's zone. It jumps when it is set.
    pub(crate) fn system() -> Self {
        Self::reading(Zoned::now)
    }

    /// A clock that shows `start` now and goes with tokio's time, so that it stands still and
    /// jumps with a runtime whose time is paused.
    #[cfg(any(test, feature = "test-kit"))]
    pub(crate) fn starting_at(start: Zoned) -> Self {
        let begun = Instant::now();
        Self::reading(move || {
            SignedDuration::try_from(begun.elapsed())
                .ok()
                .and_then(|elapsed| start.checked_add(elapsed).ok())
                .unwrap_or_else(|| start.clone())
        })
    }

    /// A clock that is read with this function.
    pub(crate) fn reading(read: impl Fn() -> Zoned + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn now(&self) -> Zoned {
        (self.0)()
    }

    /// What this clock shows at that moment, if it is not set until then.
    pub(crate) fn at(&self, moment: Instant) -> Option<Zoned> {
        let ahead = moment.saturating_duration_since(Instant::now());
        let ahead = SignedDuration::try_from(ahead).ok()?;
        self.now().checked_add(ahead).ok()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now()).finish()
    }
}
