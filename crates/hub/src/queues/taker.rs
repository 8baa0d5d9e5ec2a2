//! One consumer as its queue sees it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::queues::Wants;
use crate::queues::item::Item;
use crate::session::SessionId;

/// Where a taker stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In none of the lists.
    Away,
    /// In line, with this turn.
    Ring(u64),
    /// It wants nothing of what is there.
    Parked,
}

/// One consumer as its queue sees it.
pub(crate) struct Taker {
    pub(crate) session: SessionId,
    pub(crate) prefetch: usize,
    /// Its messages are done once they are written.
    pub(crate) is_done_on_write: bool,
    /// What it has, in the order in which it was dispatched.
    pub(crate) in_flight: VecDeque<Item>,
    /// Its transport is behind.
    pub(crate) is_resting: bool,
    /// There was no room on the way to it.
    pub(crate) is_stalled: bool,
    /// It gets nothing more.
    pub(crate) has_retired: bool,
    /// For which message it has let another go first that it would have been given.
    pub(crate) yielded: Option<u64>,
    /// How often it has declined.
    pub(crate) declined: u32,
    pub(crate) place: Place,
    wants: Option<Wants>,
    /// It has looked at what waits up to this position, and at what came back up to this return.
    looked: u64,
    looked_returns: u64,
}

impl Taker {
    pub(crate) fn new(
        session: SessionId,
        prefetch: u16,
        is_done_on_write: bool,
        wants: Option<Wants>,
    ) -> Self {
        Self {
            session,
            prefetch: usize::from(prefetch.max(1)),
            is_done_on_write,
            in_flight: VecDeque::new(),
            is_resting: false,
            is_stalled: false,
            has_retired: false,
            yielded: None,
            declined: 0,
            place: Place::Away,
            wants,
            looked: 0,
            looked_returns: 0,
        }
    }

    /// The same, for one that finds earlier returns by their positions.
    pub(crate) fn after_returns(self, newest: u64) -> Self {
        Self {
            looked_returns: newest,
            ..self
        }
    }

    /// Whether it can be given something.
    pub(crate) fn may_take(&self) -> bool {
        !(self.has_retired || self.is_resting || self.is_stalled)
            && self.in_flight.len() < self.prefetch
    }

    /// Where a message stands among those that it has.
    pub(crate) fn index_of(&self, position: u64) -> Option<usize> {
        self.in_flight
            .iter()
            .position(|item| item.position() == position)
    }

    /// The first message that it wants, looking at one for each step. It remembers how far it has
    /// looked in vain.
    pub(crate) fn look(
        &mut self,
        ready: &BTreeMap<u64, Item>,
        returns: &BTreeMap<u64, u64>,
        steps: &mut usize,
    ) -> Option<u64> {
        let Some(wants) = &self.wants else {
            return ready.keys().next().copied();
        };
        // User code: a panic in it must not leave the log half changed.
        let wanted = |item: &Item| {
            catch_unwind(AssertUnwindSafe(|| wants(&item.publication))).unwrap_or(false)
        };
        let after = |place: u64| (Bound::Excluded(place), Bound::Unbounded);
        for (&returned, position) in returns.range(after(self.looked_returns)) {
            if *steps == 0 {
                return None;
            }
            *steps -= 1;
            if ready.get(position).is_some_and(wanted) {
                return Some(*position);
            }
            self.looked_returns = returned;
        }
        for (&position, item) in ready.range(after(self.looked)) {
            if *steps == 0 {
                return None;
            }
            *steps -= 1;
            if wanted(item) {
                return Some(position);
            }
            self.looked = position;
        }
        None
    }
}
