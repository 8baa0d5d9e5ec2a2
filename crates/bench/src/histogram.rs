//! Latencies, counted in buckets that are narrow where values are small.

/// Buckets for each doubling of the value: a bucket is at most 1/64 (1.6 %) wide.
const STEPS: usize = 64;
/// The logarithm of [`STEPS`].
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Values below [`STEPS`] have a bucket each; above, each of the remaining doublings has `STEPS`.
const BUCKETS: usize = STEPS * (64 - STEP_BITS as usize + 1);

/// A histogram of any 64-bit values, in 30 KiB. Recording is a few instructions.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: 0,
        }
    }

    /// Counts one value.
    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were recorded.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The largest value, exactly.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The value that `share` (0 to 1) of all values do not exceed, as the upper end of its bucket
    /// but never above the maximum; 0 when nothing was recorded.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_end(index).min(self.max);
            }
        }
        self.max
    }

    /// Adds all of `other`'s values, and forgets them there.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        if other.total == 0 {
            return;
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&mut other.counts) {
            *mine += *theirs;
            *theirs = 0;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
        (other.total, other.max) = (0, 0);
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let doubling = 63 - value.leading_zeros() - STEP_BITS;
    // The top bit is the doubling itself, so this is `STEPS` to `2 * STEPS - 1`.
    let step = (value >> doubling) as usize;
    STEPS * doubling as usize + step
}

/// The largest value in a bucket.
fn upper_end(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let doubling = (index / STEPS - 1) as u32;
    let step = (index % STEPS + STEPS) as u64;
    (step << doubling) + ((1 << doubling) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gaps_and_are_narrow() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        let mut lower = 0;
        for index in 0..BUCKETS {
            let upper = upper_end(index);
            assert_eq!(bucket(lower), index);
            assert_eq!(bucket(upper), index);
            assert!(upper - lower <= lower / STEPS as u64, "bucket {index}");
            lower = upper.wrapping_add(1);
        }
        assert_eq!(lower, 0, "the last bucket ends at the largest number");
    }

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let mut histogram = Histogram::new();
        (1..=100_000).for_each(|value| histogram.record(value));
        for (share, truth) in [(0.5, 50_000), (0.99, 99_000), (0.999, 99_900)] {
            let found = histogram.quantile(share);
            assert!(
                found >= truth && found <= truth + truth / 60,
                "{share}: {found}"
            );
        }
        assert_eq!(histogram.max(), 100_000);
        assert_eq!(histogram.quantile(1.0), 100_000);
    }

    #[test]
    fn an_empty_histogram_says_zero_and_merging_moves() {
        let mut total = Histogram::new();
        assert_eq!(total.quantile(0.5), 0);
        let mut part = Histogram::new();
        part.record(7);
        total.take_from(&mut part);
        total.take_from(&mut part);
        assert_eq!((total.total(), total.max(), total.quantile(0.5)), (1, 7, 7));
        assert_eq!((part.total(), part.max()), (0, 0));
    }
}
