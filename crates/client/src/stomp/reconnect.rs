//! When to try again after a connection was lost.

use std::time::Duration;

/// How a lost connection is opened again (S184).
///
/// The wait before the first attempt is [`delay_first`](Self::delay_first), and twice the one before
/// for each attempt that follows, up to [`delay_max`](Self::delay_max). From a half to the whole of
/// it is waited, at random, so that the clients of a server that has come back do not all arrive at
/// once. A connection that has lasted as long as `delay_max` starts the count anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// The wait before the first attempt; 500 ms by default.
    pub delay_first: Duration,
    /// The longest wait before an attempt; 30 s by default.
    pub delay_max: Duration,
    /// How many attempts in a row may fail before the client gives up; 0 for not trying at all.
    /// `None`, the default, is without an end.
    pub attempts_max: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            delay_first: Duration::from_millis(500),
            delay_max: Duration::from_secs(30),
            attempts_max: None,
        }
    }
}

impl Reconnect {
    /// Never: a lost connection ends the client.
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts_max(0)
    }

    /// Sets [`delay_first`](Self::delay_first).
    #[must_use]
    pub fn delay_first(mut self, delay: Duration) -> Self {
        self.delay_first = delay;
        self
    }

    /// Sets [`delay_max`](Self::delay_max).
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// Sets [`attempts_max`](Self::attempts_max).
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = Some(attempts);
        self
    }

    /// How long to wait before an attempt, counted from 1; `None` when there are no more. `dice` is
    /// any number.
    pub(super) fn delay(&self, attempt: u32, dice: u32) -> Option<Duration> {
        if self.attempts_max.is_some_and(|most| attempt > most) {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(31);
        let whole = self.delay_first.saturating_mul(1 << doublings);
        let whole = whole.min(self.delay_max);
        let half = whole / 2;
        Some(half + (whole - half).mul_f64(f64::from(dice) / f64::from(u32::MAX)))
    }
}

/// A number that nobody needs to be unable to guess. Without random bytes, the longest wait.
pub(super) fn dice() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn s184_waits_double_up_to_a_bound_and_are_spread() {
        let reconnect = Reconnect::default()
            .delay_first(SECOND)
            .delay_max(10 * SECOND);
        let longest: Vec<u64> = (1..=6)
            .filter_map(|attempt| reconnect.delay(attempt, u32::MAX))
            .map(|it| it.as_secs())
            .collect();
        assert_eq!(longest, [1, 2, 4, 8, 10, 10]);
        assert_eq!(reconnect.delay(2, 0), Some(SECOND));
        assert_eq!(reconnect.delay(u32::MAX, 0), Some(5 * SECOND));
        let middle = reconnect.delay(2, u32::MAX / 2).expect("one");
        assert!(middle > SECOND && middle < 2 * SECOND);
    }

    #[test]
    fn s184_attempts_come_to_an_end_if_that_is_wanted() {
        let twice = Reconnect::default().attempts_max(2);
        assert!(twice.delay(2, 0).is_some());
        assert_eq!(twice.delay(3, 0), None);
        assert_eq!(Reconnect::never().delay(1, 0), None);
    }
}
