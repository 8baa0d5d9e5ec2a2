//! What schedules have come across.

/// How often things have happened: a run in which nothing goes wrong proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sights {
    pub(super) connections: usize,
    /// Messages of topics and users that clients have got, those that were replayed included.
    pub(super) messages: usize,
    /// Subscriptions that were recovered, and what they have missed.
    pub(super) recovered: usize,
    pub(super) replayed: usize,
    /// Those that were not, and those of them that might have been.
    pub(super) lost: usize,
    pub(super) careful: usize,
    pub(super) gaps: usize,
    /// Sessions that were closed for their slowness.
    pub(super) slow: usize,
    /// Messages of queues.
    pub(super) delivered: usize,
    pub(super) redelivered: usize,
    pub(super) settled: usize,
    pub(super) dead: usize,
    /// First deliveries of what a slower consumer was to have.
    pub(super) overtaken: usize,
    pub(super) committed: usize,
    pub(super) expired: usize,
    pub(super) refused: usize,
    pub(super) handled: usize,
    /// Where the log stands.
    pub(super) position: usize,
}

impl Sights {
    fn all(&mut self) -> [&mut usize; 18] {
        [
            &mut self.connections,
            &mut self.messages,
            &mut self.recovered,
            &mut self.replayed,
            &mut self.lost,
            &mut self.careful,
            &mut self.gaps,
            &mut self.slow,
            &mut self.delivered,
            &mut self.redelivered,
            &mut self.settled,
            &mut self.dead,
            &mut self.overtaken,
            &mut self.committed,
            &mut self.expired,
            &mut self.refused,
            &mut self.handled,
            &mut self.position,
        ]
    }

    pub(super) fn add(&mut self, mut other: Self) {
        for (one, more) in self.all().into_iter().zip(other.all()) {
            *one += *more;
        }
    }

    /// Everything has happened, and what has to happen often has.
    pub(super) fn are_many(mut self, schedules: usize) {
        assert!(self.recovered > schedules, "{self:?}");
        assert!(self.replayed > 2 * schedules, "{self:?}");
        assert!(self.redelivered > schedules, "{self:?}");
        assert!(self.settled > schedules, "{self:?}");
        assert!(self.committed > schedules, "{self:?}");
        assert!(self.careful < self.lost / 2, "{self:?}");
        let rarest = self.all().into_iter().min();
        assert!(rarest.is_some_and(|times| *times >= 10), "{self:?}");
    }
}
