//! One queue as a state machine: what waits, who takes, and who has what. It knows no log, no shard
//! and no clock.
//!
//! Each message is in one of four places: `ready` by its position, `delayed` until a moment, in flight
//! with a taker, or `doomed` while there is no room for it among the dead letters. Every operation
//! looks at few messages, however many wait: what may need more is counted in steps and continued
//! later.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::interest::ToWake;
use crate::moment::Moment;
use crate::queues::item::{ConsumerId, Dispatched, Item, Reason};
use crate::queues::taker::{Place, Taker};
use crate::queues::{QueueLimits, QueueState};

/// How many messages a queue looks at in one go.
pub(crate) const STEPS_MAX: usize = 1_024;

/// How long messages wait before dead letters that had no room are tried again.
const BURY_AGAIN: Duration = Duration::from_secs(1);

/// A message that leaves for the dead letters, with what it counted for still on its queue.
pub(crate) type Doomed = (Item, Reason);

/// One queue.
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) limits: Arc<QueueLimits>,
    ready: BTreeMap<u64, Item>,
    /// Those of `ready` that came back, in the order in which they did, for takers that have
    /// looked at their positions in vain already.
    returns: BTreeMap<u64, u64>,
    returned: u64,
    delayed: BTreeMap<(Moment, u64), Item>,
    /// Those for which the dead letters have no room, in no certain order, and when they are tried
    /// again. Nobody gets them meanwhile.
    doomed: VecDeque<Doomed>,
    bury_at: Option<Moment>,
    /// Those of `ready` that do not wait for ever.
    expiring: BTreeSet<(Moment, u64)>,
    pub(super) takers: HashMap<ConsumerId, Taker>,
    /// Those that have not retired.
    active: usize,
    /// Takers that can be given something, in turn.
    ring: BTreeMap<u64, ConsumerId>,
    turns: u64,
    /// Takers that could be given something, but want nothing of what is there.
    parked: BTreeSet<ConsumerId>,
    /// Messages that takers have, and all messages.
    pub(super) in_flight: usize,
    messages: usize,
    bytes: usize,
    /// Which messages are gone because they have waited too long, since the store was told last.
    pub(crate) expired: Vec<u64>,
    /// It was not looked at to the end.
    pub(crate) is_unfinished: bool,
}

impl Queue {
    pub(crate) fn new(name: Arc<str>, limits: Arc<QueueLimits>) -> Self {
        Self {
            name,
            limits,
            ready: BTreeMap::new(),
            returns: BTreeMap::new(),
            returned: 0,
            delayed: BTreeMap::new(),
            doomed: VecDeque::new(),
            bury_at: None,
            expiring: BTreeSet::new(),
            takers: HashMap::new(),
            active: 0,
            ring: BTreeMap::new(),
            turns: 0,
            parked: BTreeSet::new(),
            in_flight: 0,
            messages: 0,
            bytes: 0,
            expired: Vec::new(),
            is_unfinished: false,
        }
    }

    // What is there

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn consumers(&self) -> usize {
        self.active
    }

    /// The shards that have any.
    pub(crate) fn shards(&self) -> ToWake {
        let takers = self.takers.values().filter(|one| !one.has_retired);
        takers.fold(0, |bits, one| bits | 1 << one.session.shard())
    }

    pub(crate) fn state(&self) -> QueueState {
        QueueState {
            waiting: self.messages - self.in_flight,
            delivered: self.in_flight,
            bytes: self.bytes,
            consumers: self.consumers(),
        }
    }

    pub(crate) fn has_room(&self, messages: usize, bytes: usize) -> bool {
        self.messages.saturating_add(messages) <= self.limits.messages_max
            && self.bytes.saturating_add(bytes) <= self.limits.bytes_max
    }

    /// Whether nothing is lost with it.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.messages == 0 && self.takers.is_empty()
    }

    /// When it has to be [turned](Self::turn) next.
    pub(crate) fn due(&self) -> Option<Moment> {
        let delayed = self.delayed.keys().next().map(|(moment, _)| *moment);
        let expiring = self.expiring.first().map(|(moment, _)| *moment);
        [delayed, expiring, self.bury_at]
            .into_iter()
            .flatten()
            .min()
    }

    // What comes in

    /// Takes a new message, whether there is room or not.
    pub(crate) fn push(&mut self, item: Item) {
        self.messages += 1;
        self.bytes += item.bytes();
        self.make_ready(item);
    }

    /// Lets a taker in.
    pub(crate) fn admit(&mut self, id: ConsumerId, taker: Taker) {
        let newest = self.returned;
        self.active += 1;
        self.takers.insert(id, taker.after_returns(newest));
        self.enroll(id);
    }

    fn make_ready(&mut self, item: Item) {
        let position = item.position();
        if let Some(moment) = item.expires {
            self.expiring.insert((moment, position));
        }
        if let Some(returned) = item.returned {
            self.returns.insert(returned, position);
        }
        self.ready.insert(position, item);
        for id in std::mem::take(&mut self.parked) {
            if let Some(taker) = self.takers.get_mut(&id) {
                taker.place = Place::Away;
                self.enroll(id);
            }
        }
    }

    pub(super) fn put_back(&mut self, mut item: Item) {
        self.returned += 1;
        item.returned = Some(self.returned);
        self.make_ready(item);
    }

    fn take_ready(&mut self, position: u64) -> Option<Item> {
        let mut item = self.ready.remove(&position)?;
        if let Some(moment) = item.expires {
            self.expiring.remove(&(moment, position));
        }
        if let Some(returned) = item.returned.take() {
            self.returns.remove(&returned);
        }
        Some(item)
    }

    /// Forgets a message that is in none of the three places any more.
    pub(crate) fn drop_item(&mut self, item: &Item) {
        self.messages -= 1;
        self.bytes -= item.bytes();
    }

    /// Keeps messages for which there is no room among the dead letters, and tries later.
    pub(crate) fn keep_doomed(&mut self, doomed: impl IntoIterator<Item = Doomed>, now: Moment) {
        self.doomed.extend(doomed);
        self.bury_at = Some(now.plus(BURY_AGAIN));
    }

    pub(super) fn delay(&mut self, item: Item, now: Moment) {
        let until = now.plus(self.limits.redelivery_delay);
        self.delayed.insert((until, item.position()), item);
    }

    // Who takes

    /// Lets a taker stand in line, if it can be given something.
    pub(super) fn enroll(&mut self, id: ConsumerId) {
        let Some(taker) = self.takers.get_mut(&id) else {
            return;
        };
        if taker.may_take() && taker.place == Place::Away {
            taker.place = Place::Ring(self.turns);
            self.ring.insert(self.turns, id);
            self.turns += 1;
        }
    }

    pub(super) fn withdraw(&mut self, id: ConsumerId) {
        let Some(taker) = self.takers.get_mut(&id) else {
            return;
        };
        match std::mem::replace(&mut taker.place, Place::Away) {
            Place::Ring(turn) => drop(self.ring.remove(&turn)),
            Place::Parked => drop(self.parked.remove(&id)),
            Place::Away => {}
        }
    }

    /// Gives a taker nothing more. What it has and can still deal with stays with it: answers
    /// whether it has gone.
    pub(crate) fn retire(&mut self, id: ConsumerId) -> bool {
        let Some(taker) = self.takers.get_mut(&id) else {
            return true;
        };
        if !std::mem::replace(&mut taker.has_retired, true) {
            self.active -= 1;
        }
        if taker.is_done_on_write && !taker.in_flight.is_empty() {
            self.withdraw(id);
            return false;
        }
        self.remove(id);
        true
    }

    /// Lets a taker go; what it has goes back.
    pub(crate) fn remove(&mut self, id: ConsumerId) {
        self.withdraw(id);
        let Some(taker) = self.takers.remove(&id) else {
            return;
        };
        self.active -= usize::from(!taker.has_retired);
        self.in_flight -= taker.in_flight.len();
        for item in taker.in_flight {
            self.put_back(item);
        }
    }

    // What time does

    /// Does what is due, at most so many steps of it; answers whether that was all.
    pub(crate) fn turn(
        &mut self,
        now: Moment,
        steps: &mut usize,
        doomed: &mut Vec<Doomed>,
    ) -> bool {
        while let Some((&(moment, position), _)) = self.delayed.first_key_value()
            && moment <= now
        {
            if *steps == 0 {
                return false;
            }
            *steps -= 1;
            let Some(item) = self.delayed.remove(&(moment, position)) else {
                break;
            };
            self.put_back(item);
        }
        if self.bury_at.is_some_and(|moment| moment <= now) {
            let count = self.doomed.len().min(*steps);
            *steps -= count;
            doomed.extend(self.doomed.drain(..count));
            self.bury_at = self.bury_at.filter(|_| !self.doomed.is_empty());
            if self.bury_at.is_some() {
                return false;
            }
        }
        while let Some(&(moment, position)) = self.expiring.first()
            && moment <= now
        {
            if *steps == 0 {
                return false;
            }
            *steps -= 1;
            self.expire(position, doomed);
        }
        true
    }

    fn expire(&mut self, position: u64, doomed: &mut Vec<Doomed>) {
        let Some(item) = self.take_ready(position) else {
            return;
        };
        if self.has_dead_letters_for(&item) {
            doomed.push((item, Reason::Expired));
        } else {
            self.expired.push(position);
            self.drop_item(&item);
        }
    }

    /// Gives what waits to those who take it, in turn, at most so many steps; answers whether that
    /// was all. `offer` says whether there is room on the way.
    pub(crate) fn dispatch(
        &mut self,
        now: Moment,
        steps: &mut usize,
        doomed: &mut Vec<Doomed>,
        offer: &mut dyn FnMut(Dispatched) -> bool,
        stalled: &mut Vec<(usize, ConsumerId)>,
    ) -> bool {
        while !self.ready.is_empty()
            && let Some((&turn, &id)) = self.ring.first_key_value()
        {
            if *steps == 0 {
                return false;
            }
            *steps -= 1;
            self.ring.remove(&turn);
            let others = !self.ring.is_empty();
            let Some(taker) = self.takers.get_mut(&id) else {
                continue;
            };
            taker.place = Place::Away;
            let Some(position) = taker.look(&self.ready, &self.returns, steps) else {
                if *steps == 0 {
                    // It has not seen everything; others come first.
                    self.enroll(id);
                } else {
                    taker.place = Place::Parked;
                    self.parked.insert(id);
                }
                continue;
            };
            let Some(item) = self.ready.get(&position) else {
                continue;
            };
            if item.has_expired(now) {
                self.expire(position, doomed);
                self.enroll(id);
                continue;
            }
            if item.last == Some(id) && others && taker.yielded != Some(position) {
                // It came back from this one: another is asked first.
                taker.yielded = Some(position);
                self.enroll(id);
                continue;
            }
            let dispatched = Dispatched {
                session: taker.session,
                consumer: id,
                declined: taker.declined,
                publication: Arc::clone(&item.publication),
                deliveries: item.deliveries + 1,
            };
            if !offer(dispatched) {
                taker.is_stalled = true;
                stalled.push((taker.session.shard(), id));
                continue;
            }
            taker.yielded = None;
            let Some(mut item) = self.take_ready(position) else {
                continue;
            };
            item.deliveries += 1;
            item.last = Some(id);
            self.in_flight += 1;
            if let Some(taker) = self.takers.get_mut(&id) {
                taker.in_flight.push_back(item);
            }
            self.enroll(id);
        }
        true
    }
}
