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
    let now = Instant::now();
    Moment::after_start(now.saturating_duration_since(*START.get_or_init(|| now)))
}

/// How long ago a moment was.
pub(crate) fn since(moment: Moment) -> Duration {
    now().since(moment)
}
