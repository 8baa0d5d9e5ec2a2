//! Turns compression off while it takes too much of the shards' time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How much of the shards' time compressing may take, on average over [`CREDIT_SECONDS`].
const COMPRESSING_PERCENT_MAX: u64 = 25;

/// For how long more may be taken than that, if less was before: so a burst is compressed whole.
const CREDIT_SECONDS: u64 = 1;

/// How finely time is counted: who asks again sooner adds nothing.
const FILL_INTERVAL_NANOS: u64 = 1_000_000;

/// Decides whether the next message is compressed. One for all shards of a node.
///
/// It is a purse: time fills it with a share of itself, compressing empties it. When it is empty,
/// messages go out as they are until it is half full again, so that it is not asked to decide anew
/// for each message: with a full purse a node is never off, and at twice the load that is allowed
/// it is off half of the time.
///
/// Time is what the caller says it is. Nothing here waits: at worst two shards that spend at the
/// same moment overdraw the purse by one message each.
#[derive(Debug)]
pub(crate) struct Governor {
    /// Nanoseconds of compressing for each second.
    rate: u64,
    credit_max: i64,
    /// Nanoseconds of compressing that may still be spent.
    credit: AtomicI64,
    /// Until when the purse has been filled, in nanoseconds since the start.
    filled: AtomicU64,
    is_resting: AtomicBool,
    /// How many messages were compressed.
    #[cfg(test)]
    pub(super) compressions: AtomicU64,
}

impl Governor {
    /// A governor for so many shards, with a full purse.
    pub(crate) fn new(shards: usize) -> Self {
        let rate = shards as u64 * COMPRESSING_PERCENT_MAX * 10_000_000;
        let credit_max = (rate * CREDIT_SECONDS) as i64;
        Self {
            rate,
            credit_max,
            credit: AtomicI64::new(credit_max),
            filled: AtomicU64::new(0),
            is_resting: AtomicBool::new(false),
            #[cfg(test)]
            compressions: AtomicU64::new(0),
        }
    }

    /// Whether a message may be compressed, so long after the start.
    pub(crate) fn allows(&self, since_start: Duration) -> bool {
        self.fill(since_start);
        let credit = self.credit.load(Ordering::Relaxed);
        if !self.is_resting.load(Ordering::Relaxed) {
            if credit > 0 {
                return true;
            }
            if !self.is_resting.swap(true, Ordering::Relaxed) {
                tracing::debug!("compression rests: it took too much of the shards' time");
            }
            return false;
        }
        if credit < self.credit_max / 2 {
            return false;
        }
        if self.is_resting.swap(false, Ordering::Relaxed) {
            tracing::debug!("compression goes on");
        }
        true
    }

    /// Notes how long a message took to compress.
    pub(crate) fn spent(&self, time: Duration) {
        let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        #[cfg(test)]
        self.compressions.fetch_add(1, Ordering::Relaxed);
        self.change(|credit| credit.saturating_sub(nanos));
    }

    fn fill(&self, since_start: Duration) {
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let filled = self.filled.load(Ordering::Relaxed);
        let Some(passed) = now.checked_sub(filled) else {
            return;
        };
        // Whoever comes first adds; the others find it done.
        if passed < FILL_INTERVAL_NANOS
            || self
                .filled
                .compare_exchange(filled, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let earned = u128::from(passed) * u128::from(self.rate) / 1_000_000_000;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        self.change(|credit| credit.saturating_add(earned).min(self.credit_max));
    }

    fn change(&self, change: impl Fn(i64) -> i64) {
        // The function always answers, so this always succeeds.
        let _ = self
            .credit
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |credit| {
                Some(change(credit))
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Compresses for `cost` whenever it may, every `every`, from `from` to `to`; the share of
    /// messages that were compressed.
    fn share(governor: &Governor, from: u64, to: u64, every: u64, cost: Duration) -> f64 {
        let (mut asked, mut compressed) = (0, 0);
        for now in (from..to).step_by(every as usize) {
            asked += 1;
            if governor.allows(millis(now)) {
                compressed += 1;
                governor.spent(cost);
            }
        }
        f64::from(compressed) / f64::from(asked)
    }

    #[test]
    fn a_load_below_the_share_is_compressed_whole() {
        let governor = Governor::new(1);
        // 24 % of one shard's time.
        let all = share(&governor, 0, 60_000, 10, Duration::from_micros(2_400));
        assert_eq!(all, 1.0);
    }

    #[test]
    fn a_burst_is_compressed_whole_after_a_rest() {
        let governor = Governor::new(2);
        // Half a second of work at once: a second's worth for two shards.
        assert_eq!(share(&governor, 0, 100, 1, millis(5)), 1.0);
        governor.spent(millis(50));
        assert!(!governor.allows(millis(100)));
        assert_eq!(share(&governor, 2_000, 2_100, 1, millis(5)), 1.0);
    }

    #[test]
    fn twice_the_share_is_compressed_about_half_of_the_time() {
        let governor = Governor::new(1);
        let part = share(&governor, 0, 100_000, 10, millis(5));
        assert!((0.48..0.54).contains(&part), "{part}");
    }

    #[test]
    fn an_overload_never_takes_more_than_the_share() {
        let governor = Governor::new(4);
        // Each millisecond 40 ms of compressing are asked for: ten times what four shards have.
        let seconds = 100;
        let part = share(&governor, 0, seconds * 1_000, 1, millis(40));
        let spent = part * (seconds * 1_000) as f64 * 40.0;
        let allowed = (seconds + 1) as f64 * 1_000.0 + 40.0;
        assert!(spent <= allowed, "{spent} ms of {allowed}");
        assert!(spent >= allowed * 0.9, "{spent} ms of {allowed}");
    }

    #[test]
    fn it_rests_until_the_purse_is_half_full() {
        let governor = Governor::new(1);
        governor.spent(millis(250));
        assert!(!governor.allows(millis(0)));
        assert!(!governor.allows(millis(499)));
        assert!(governor.allows(millis(501)));
        // From then on it may be emptied again.
        governor.spent(millis(100));
        assert!(governor.allows(millis(502)));
        governor.spent(millis(100));
        assert!(!governor.allows(millis(503)));
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_adds_nothing() {
        let governor = Governor::new(1);
        assert!(governor.allows(millis(10_000)));
        governor.spent(millis(250));
        assert!(!governor.allows(millis(10_000)));
        assert!(!governor.allows(millis(5_000)));
        assert!(!governor.allows(millis(10_400)));
        assert!(governor.allows(millis(10_501)));
    }
}
