//! What consumers do with what they have: one queue's state machine, continued.

use std::sync::Arc;

use crate::moment::Moment;
use crate::queues::Verdict;
use crate::queues::item::{ConsumerId, Item, Reason};
use crate::queues::queue::{Doomed, Queue};
use crate::queues::store::Change;

impl Queue {
    /// A taker does not want more for now: what it was given from this message on goes back as if it
    /// had never left.
    pub(crate) fn decline(&mut self, id: ConsumerId, position: u64) {
        let Some(taker) = self.takers.get_mut(&id) else {
            return;
        };
        taker.declined = taker.declined.wrapping_add(1);
        taker.is_resting = true;
        let first = taker.index_of(position).unwrap_or(taker.in_flight.len());
        let back = taker.in_flight.split_off(first);
        self.withdraw(id);
        self.in_flight -= back.len();
        for mut item in back {
            item.deliveries -= 1;
            item.last = None;
            self.put_back(item);
        }
        self.let_go_if_done(id);
    }

    /// A taker wants more again.
    pub(crate) fn rested(&mut self, id: ConsumerId) {
        if let Some(taker) = self.takers.get_mut(&id) {
            taker.is_resting = false;
            self.enroll(id);
        }
    }

    /// There is room again on the way to a taker.
    pub(crate) fn unstalled(&mut self, id: ConsumerId) {
        if let Some(taker) = self.takers.get_mut(&id) {
            taker.is_stalled = false;
            self.enroll(id);
        }
    }

    /// What the store must know before a message that a taker has, likely at this place, is settled.
    /// Nothing for one that goes to the dead letters: it is moved. `None` where the taker does not
    /// have it.
    pub(crate) fn change(
        &self,
        (id, place): (ConsumerId, usize),
        position: u64,
        verdict: Verdict,
    ) -> Option<Option<Change>> {
        let taker = self.takers.get(&id)?;
        let there = taker.in_flight.get(place);
        let item = match there.filter(|item| item.position() == position) {
            Some(item) => item,
            None => taker.in_flight.get(taker.index_of(position)?)?,
        };
        let queue = Arc::clone(&self.name);
        Some(match verdict {
            Verdict::Rejected => Some(Change::Rejected { queue, position }),
            Verdict::Discarded if self.has_dead_letters_for(item) => None,
            Verdict::Accepted | Verdict::Discarded => Some(Change::Gone { queue, position }),
        })
    }

    pub(super) fn has_dead_letters_for(&self, item: &Item) -> bool {
        self.limits.dead_letters.is_some() && !item.is_dead
    }

    /// Which messages a settlement means, in the order in which they were delivered.
    pub(crate) fn meant(&self, id: ConsumerId, position: u64, cumulative: bool) -> Vec<u64> {
        let taker = self.takers.get(&id);
        let found = taker.and_then(|taker| Some((taker, taker.index_of(position)?)));
        match found {
            Some((taker, index)) if cumulative => {
                let all = taker.in_flight.iter().take(index + 1);
                all.map(Item::position).collect()
            }
            Some(_) => vec![position],
            None => Vec::new(),
        }
    }

    /// Settles a message that a taker has; nothing happens where it does not have it. Answers what
    /// must go to the dead letters.
    pub(crate) fn settle(
        &mut self,
        id: ConsumerId,
        position: u64,
        verdict: Verdict,
        now: Moment,
    ) -> Option<Doomed> {
        let taker = self.takers.get_mut(&id)?;
        let index = taker.index_of(position)?;
        let mut item = taker.in_flight.remove(index)?;
        self.in_flight -= 1;
        self.enroll(id);
        self.let_go_if_done(id);
        let has_dead_letters = self.has_dead_letters_for(&item);
        match verdict {
            Verdict::Discarded if has_dead_letters => return Some((item, Reason::Discarded)),
            Verdict::Accepted | Verdict::Discarded => self.drop_item(&item),
            Verdict::Rejected => {
                item.rejections = item.rejections.saturating_add(1);
                if has_dead_letters && item.rejections >= self.limits.rejections_max {
                    return Some((item, Reason::Rejected));
                }
                match self.limits.redelivery_delay.is_zero() {
                    true => self.put_back(item),
                    false => self.delay(item, now),
                }
            }
        }
        None
    }

    fn let_go_if_done(&mut self, id: ConsumerId) {
        let taker = self.takers.get(&id);
        if taker.is_some_and(|taker| taker.has_retired && taker.in_flight.is_empty()) {
            self.takers.remove(&id);
        }
    }

    /// Whether there is such a taker.
    pub(crate) fn knows(&self, id: ConsumerId) -> bool {
        self.takers.contains_key(&id)
    }
}
