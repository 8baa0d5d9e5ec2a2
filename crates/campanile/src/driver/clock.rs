//! What time it is for the shards and for whoever reads what they say.

use std::sync::OnceLock;
use std::time::Duration;

use campanile_hub::Moment;
use tokio::time::Instant;

/// One start for all shards, so that a moment means the same to each.
static START: OnceLock<Instant> = OnceLock::new();

/// The moment that it is now, on a clock that only goes forward: the machine's, or within a
/// runtime whose time is [paused](tokio::time::pause) that runtime's.
pub(crate) fn now() -> Moment {
    let now = instant();
    Moment::after_start(now.saturating_duration_since(*START.get_or_init(|| now)))
}

#[cfg(not(feature = "test-kit"))]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(feature = "test-kit")]
fn instant() -> Instant {
    by_hand::outside_of_a_runtime().unwrap_or_else(Instant::now)
}

/// The clock of a test that is not within its runtime when it asks.
#[cfg(feature = "test-kit")]
pub(crate) mod by_hand {
    use std::cell::Cell;

    use tokio::runtime::Handle;
    use tokio::time::Instant;

    thread_local! {
        static STANDS_AT: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// Lets this thread's clock stand at this instant, or go again.
    pub(crate) fn set(at: Option<Instant>) {
        STANDS_AT.set(at);
    }

    pub(super) fn outside_of_a_runtime() -> Option<Instant> {
        STANDS_AT.get().filter(|_| Handle::try_current().is_err())
    }
}

/// How long ago a moment was.
pub(crate) fn since(moment: Moment) -> Duration {
    now().since(moment)
}
