//! What is said about the ratios of pairs: their median, and the interval that holds it.

/// How sure the interval of a median is to hold it.
const CONFIDENCE: f64 = 0.95;

/// A median and the interval that holds the true one with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The median of the sample.
    pub(crate) median: f64,
    /// The interval's ends; none with fewer than six values, which are too few for one.
    pub(crate) interval: Option<(f64, f64)>,
}

/// Estimates the median of what `values` are a sample of; none without values.
///
/// The interval is made of order statistics: as many of `n` independent values are below the true
/// median as a coin shows heads in `n` throws. It assumes nothing about how the values are spread,
/// and its confidence is at least 95 %: with 15 values it reaches from the fourth to the twelfth.
pub(crate) fn estimate(values: &[f64]) -> Option<Estimate> {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = middle(&sorted)?;
    let interval = rank_from_the_ends(sorted.len()).and_then(|rank| {
        let low = sorted.get(rank - 1)?;
        let high = sorted.get(sorted.len() - rank)?;
        Some((*low, *high))
    });
    Some(Estimate { median, interval })
}

/// The median; none without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    middle(&sorted)
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(half - 1)?, upper))
}

/// The largest rank, counted from 1 at either end, so that the values of that rank enclose the
/// median with enough confidence.
fn rank_from_the_ends(count: usize) -> Option<usize> {
    let outside_max = (1.0 - CONFIDENCE) / 2.0;
    // The chance of exactly `rank - 1` heads in `count` throws, and of no more than that.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).ok()?);
    let mut at_most = exactly;
    let mut found = None;
    for rank in 1..=count / 2 {
        if at_most > outside_max {
            break;
        }
        found = Some(rank);
        exactly *= (count + 1 - rank) as f64 / rank as f64;
        at_most += exactly;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(count: usize) -> Vec<f64> {
        (1..=count).map(|value| value as f64).collect()
    }

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn fewer_than_six_values_have_no_interval() {
        for count in 1..6 {
            assert_eq!(estimate(&first(count)).unwrap().interval, None, "{count}");
        }
        assert_eq!(estimate(&first(6)).unwrap().interval, Some((1.0, 6.0)));
    }

    #[test]
    fn the_interval_s_ends_are_those_of_the_tables() {
        // Ranks of the 95 % interval of a median, as books of statistics tabulate them.
        for (count, rank) in [(8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (25, 8), (50, 18)] {
            assert_eq!(rank_from_the_ends(count), Some(rank), "{count}");
            let expected = (rank as f64, (count + 1 - rank) as f64);
            assert_eq!(estimate(&first(count)).unwrap().interval, Some(expected));
        }
    }

    #[test]
    fn one_wild_value_moves_neither_median_nor_interval() {
        let calm = estimate(&first(15)).unwrap();
        let mut values = first(15);
        values[14] = 1e9;
        values.reverse();
        assert_eq!(estimate(&values), Some(calm));
    }
}
