//! How a busy shard lets batches form.
//!
//! Nearly all of a delivery's cost is the system call that hands bytes to the kernel, and one call
//! takes many messages as cheaply as one. So a shard that has just written a batch pauses for a
//! small part of the time that this took: what comes in meanwhile is written together.

use std::cell::Cell;
use std::time::Duration;

use campanile_hub::Wake;

/// Which part of a pass's time a busy shard pauses for.
const PART: u32 = 8;

/// How long a shard pauses at most if nobody says otherwise.
pub(crate) const PAUSE_MAX_DEFAULT: Duration = Duration::from_millis(3);

/// How long to pause after a pass: no time at all unless the pass wrote several publications
/// together, because then the next ones are on their way, too. So a lone publication never waits.
pub(super) fn pause_after(took: Duration, batched: usize, at_most: Duration) -> Duration {
    if batched > 1 {
        (took / PART).min(at_most)
    } else {
        Duration::ZERO
    }
}

/// Stops this thread for a moment.
///
/// The thread itself sleeps: the runtime's timers are coarser than most pauses, and reading, which
/// is all that could be done meanwhile, costs less when more has come in.
#[expect(
    clippy::disallowed_methods,
    reason = "a batch forms while the whole shard waits"
)]
pub(super) fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

thread_local! {
    /// While this thread reads its sockets: the shards to wake when it is done.
    static TO_WAKE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Wakes a shard, or notes it while this thread [`reads`](while_reading).
pub(super) fn wake(shard: usize, wake: Wake) -> Wake {
    std::sync::Arc::new(move || match TO_WAKE.get() {
        Some(shards) => TO_WAKE.set(Some(shards | 1 << shard)),
        None => wake(),
    })
}

/// Lets a shard's thread do what publishes, and answers which shards have to be woken then.
///
/// A shard that is woken by the first of many publications would begin a pass with that one, and
/// so would every shard but the one that reads them.
pub(super) fn while_reading(read: impl FnOnce()) -> u64 {
    TO_WAKE.set(Some(0));
    read();
    TO_WAKE.take().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_lone_publication_is_followed_by_no_pause() {
        assert_eq!(pause_after(16 * MS, 0, 3 * MS), Duration::ZERO);
        assert_eq!(pause_after(16 * MS, 1, 3 * MS), Duration::ZERO);
    }

    #[test]
    fn a_batch_is_followed_by_a_part_of_its_time() {
        assert_eq!(pause_after(16 * MS, 2, 3 * MS), 2 * MS);
        assert_eq!(pause_after(16 * MS, 2, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn no_pause_is_longer_than_was_chosen() {
        assert_eq!(pause_after(1_000 * MS, 500, 3 * MS), 3 * MS);
    }

    #[test]
    fn shards_are_woken_once_the_reading_is_over() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let wake_third = wake(
            3,
            Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        );
        let shards = while_reading(|| {
            wake_third();
            wake_third();
        });
        assert_eq!((shards, woken.load(Ordering::Relaxed)), (1 << 3, 0));
        wake_third();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(while_reading(|| ()), 0);
    }
}
