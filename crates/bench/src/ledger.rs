//! Whether one session gets every publication of its channel, once and in order.

/// Ranges of missing numbers that are remembered for a session. Beyond, the oldest is taken for
/// lost: if it still arrives, it counts as duplicated.
const GAPS_MAX: usize = 1024;

/// How a publication has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the next one, or a later one.
    Ahead,
    /// It was overtaken by a later one.
    Late,
    /// It was here before.
    Again,
}

/// What one session has received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The first number that has not been reached.
    next: u64,
    /// Nothing has come yet, and what comes first may be older than `next`.
    is_joining: bool,
    gaps: Option<Box<Gaps>>,
}

#[derive(Clone, Debug, Default)]
struct Gaps {
    /// First and one past the last, rising.
    ranges: Vec<(u64, u64)>,
    lost: u64,
}

impl Ledger {
    /// For a session that is there before the publication with number 0.
    pub(crate) fn from_the_start() -> Self {
        Self::default()
    }

    /// For a session that was opened when `published` publications had been sent. It must receive
    /// all from that number on; earlier ones that were under way may reach it, or not.
    pub(crate) fn joining(published: u64) -> Self {
        Self {
            next: published,
            is_joining: true,
            gaps: None,
        }
    }

    /// Enters a publication.
    #[inline]
    pub(crate) fn enter(&mut self, sequence: u64) -> Arrival {
        if sequence == self.next {
            self.next += 1;
            self.is_joining = false;
            return Arrival::Ahead;
        }
        self.enter_out_of_turn(sequence)
    }

    #[cold]
    fn enter_out_of_turn(&mut self, sequence: u64) -> Arrival {
        if self.is_joining && sequence < self.next {
            self.is_joining = false;
            self.next = sequence + 1;
            return Arrival::Ahead;
        }
        self.is_joining = false;
        if sequence > self.next {
            let gaps = self.gaps.get_or_insert_default();
            if gaps.ranges.len() == GAPS_MAX {
                let (first, end) = gaps.ranges.remove(0);
                gaps.lost += end - first;
            }
            gaps.ranges.push((self.next, sequence));
            self.next = sequence + 1;
            return Arrival::Ahead;
        }
        let found = self.gaps.as_mut().is_some_and(|gaps| gaps.fill(sequence));
        if found { Arrival::Late } else { Arrival::Again }
    }

    /// How many publications have not arrived, though later ones have.
    pub(crate) fn skipped(&self) -> u64 {
        self.gaps.as_ref().map_or(0, |gaps| {
            let ranges = gaps.ranges.iter();
            gaps.lost + ranges.map(|(first, end)| end - first).sum::<u64>()
        })
    }

    /// How many of the `published` publications have not arrived.
    pub(crate) fn missing(&self, published: u64) -> u64 {
        self.skipped() + published.saturating_sub(self.next)
    }

    /// Whether a session that was [`joining`](Self::joining) has received anything.
    pub(crate) fn has_heard(&self) -> bool {
        !self.is_joining
    }

    /// Whether this publication has arrived.
    pub(crate) fn has(&self, sequence: u64) -> bool {
        let is_gap = |gaps: &Gaps| {
            let mut ranges = gaps.ranges.iter();
            ranges.any(|(first, end)| (*first..*end).contains(&sequence))
        };
        sequence < self.next && !self.gaps.as_deref().is_some_and(is_gap)
    }
}

impl Gaps {
    /// Takes a number out; false if it is in no gap.
    fn fill(&mut self, sequence: u64) -> bool {
        let holds = |(first, end): &(u64, u64)| (*first..*end).contains(&sequence);
        let Some(at) = self.ranges.iter().position(holds) else {
            return false;
        };
        let (first, end) = self.ranges.remove(at);
        if sequence + 1 < end {
            self.ranges.insert(at, (sequence + 1, end));
        }
        if first < sequence {
            self.ranges.insert(at, (first, sequence));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(ledger: &mut Ledger, sequences: &[u64]) -> Vec<Arrival> {
        sequences.iter().map(|one| ledger.enter(*one)).collect()
    }

    #[test]
    fn all_in_order_leaves_nothing_to_say() {
        let mut ledger = Ledger::from_the_start();
        assert_eq!(enter(&mut ledger, &[0, 1, 2]), [Arrival::Ahead; 3]);
        assert_eq!((ledger.missing(3), ledger.missing(5)), (0, 2));
        assert!(ledger.has(2) && !ledger.has(3));
    }

    #[test]
    fn a_gap_is_missing_until_it_is_filled_and_then_late() {
        let mut ledger = Ledger::from_the_start();
        assert_eq!(enter(&mut ledger, &[0, 5]), [Arrival::Ahead; 2]);
        assert_eq!(ledger.skipped(), 4);
        assert!(!ledger.has(3));
        assert_eq!(enter(&mut ledger, &[3, 1, 4]), [Arrival::Late; 3]);
        assert_eq!(
            (ledger.skipped(), ledger.has(3), ledger.has(2)),
            (1, true, false)
        );
        assert_eq!(enter(&mut ledger, &[3, 0, 5]), [Arrival::Again; 3]);
        assert_eq!(enter(&mut ledger, &[2]), [Arrival::Late]);
        assert_eq!(ledger.missing(6), 0);
    }

    #[test]
    fn who_joins_may_hear_what_was_under_way_but_must_hear_the_rest() {
        let mut early = Ledger::joining(10);
        assert_eq!(enter(&mut early, &[8, 9, 10]), [Arrival::Ahead; 3]);
        assert_eq!(early.missing(11), 0);
        let mut exact = Ledger::joining(10);
        assert_eq!(
            enter(&mut exact, &[10, 9]),
            [Arrival::Ahead, Arrival::Again]
        );
        let mut late = Ledger::joining(10);
        assert_eq!(enter(&mut late, &[12]), [Arrival::Ahead]);
        assert_eq!(late.missing(13), 2);
        assert_eq!(Ledger::joining(10).missing(10), 0);
        assert_eq!(Ledger::joining(10).missing(12), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ledger = Ledger::from_the_start();
        for sequence in 0..3000 {
            ledger.enter(2 * sequence + 1);
        }
        assert_eq!(ledger.skipped(), 3000);
        assert_eq!(ledger.enter(0), Arrival::Again);
        assert_eq!(ledger.enter(5998), Arrival::Late);
        assert_eq!(ledger.skipped(), 2999);
    }
}
