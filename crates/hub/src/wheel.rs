//! One timing wheel a shard, for every kind of deadline.

use std::time::Duration;

use crate::moment::Moment;

/// How finely deadlines are kept: one fires at most this long after it is due.
pub const TICK: Duration = Duration::from_millis(250);

const TICK_MILLIS: u64 = 250;
const SPOKES: usize = 256;

/// Deadlines in buckets of one [`TICK`]. Nothing is ever cancelled: whoever armed a deadline
/// checks, when it fires, whether it still means anything.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    spokes: Vec<Vec<(u64, T)>>,
    /// The first tick that has not been looked at.
    next: u64,
    armed: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new() -> Self {
        Self {
            spokes: (0..SPOKES).map(|_| Vec::new()).collect(),
            next: 0,
            armed: 0,
        }
    }

    /// Arms a deadline. One that is due already fires at the next tick.
    pub(crate) fn arm(&mut self, due: Moment, what: T) {
        let tick = due.millis().div_ceil(TICK_MILLIS).max(self.next);
        self.spokes[(tick % SPOKES as u64) as usize].push((tick, what));
        self.armed += 1;
    }

    /// Whether any deadline is armed.
    pub(crate) fn is_empty(&self) -> bool {
        self.armed == 0
    }

    /// Moves everything that is due by `now` to `fired`.
    pub(crate) fn turn(&mut self, now: Moment, fired: &mut Vec<T>) {
        let last = now.millis() / TICK_MILLIS;
        if last < self.next {
            return;
        }
        // After a long pause every spoke is looked at once, not once for every tick missed.
        let first = self.next.max((last + 1).saturating_sub(SPOKES as u64));
        for tick in first..=last {
            let spoke = &mut self.spokes[(tick % SPOKES as u64) as usize];
            let before = spoke.len();
            fired.extend(
                spoke
                    .extract_if(.., |(due, _)| *due <= last)
                    .map(|(_, what)| what),
            );
            self.armed -= before - spoke.len();
            if spoke.is_empty() && spoke.capacity() > 4 {
                *spoke = Vec::new();
            }
        }
        self.next = last + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::default().plus(Duration::from_millis(millis))
    }

    fn turn(wheel: &mut Wheel<&'static str>, millis: u64) -> Vec<&'static str> {
        let mut fired = Vec::new();
        wheel.turn(at(millis), &mut fired);
        fired
    }

    #[test]
    fn a_deadline_fires_once_not_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::new();
        wheel.arm(at(1_001), "a");
        assert!(turn(&mut wheel, 1_000).is_empty());
        assert_eq!(turn(&mut wheel, 1_250), ["a"]);
        assert!(turn(&mut wheel, 9_999).is_empty());
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_deadline_more_than_a_turn_away_waits_for_its_own_turn() {
        let mut wheel = Wheel::new();
        wheel.arm(at(100_000), "far");
        wheel.arm(at(36_000), "near");
        assert_eq!(turn(&mut wheel, 40_000), ["near"]);
        assert!(turn(&mut wheel, 99_999).is_empty());
        assert_eq!(turn(&mut wheel, 100_000), ["far"]);
    }

    #[test]
    fn a_long_pause_loses_nothing() {
        let mut wheel = Wheel::new();
        wheel.arm(at(500), "a");
        wheel.arm(at(70_000), "b");
        assert_eq!(turn(&mut wheel, 1_000_000).len(), 2);
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_the_next_tick() {
        let mut wheel = Wheel::new();
        turn(&mut wheel, 5_000);
        wheel.arm(at(10), "late");
        assert_eq!(turn(&mut wheel, 5_250), ["late"]);
    }
}
