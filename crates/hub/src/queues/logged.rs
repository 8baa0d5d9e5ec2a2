//! What the log does with queues: each of these is one critical section.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::destination::Destination;
use crate::inbox::Entry;
use crate::log::{Log, State, ToWake};
use crate::moment::Moment;
use crate::outcome::{Accepted, Outcome, Refusal};
use crate::publication::Message;
use crate::queues::item::{ConsumerId, cost};
use crate::queues::mint::Mint;
use crate::queues::store::Change;
use crate::queues::table::Queues;
use crate::queues::taker::Taker;
use crate::queues::{QueueState, Settlement, Verdict, Wants};
use crate::session::SessionId;

/// What is due nowhere.
const NEVER: u64 = u64::MAX;

/// What shards must know of queues without the log's lock.
pub(crate) struct Alarm {
    /// When something is due next, in milliseconds.
    due: AtomicU64,
    /// Which shards have something to do that is not in their inboxes.
    chores: AtomicU64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            due: AtomicU64::new(NEVER),
            chores: AtomicU64::new(0),
        }
    }
}

impl Alarm {
    /// Whether something is due, now or later.
    pub(crate) fn is_set(&self) -> bool {
        self.due.load(Ordering::Acquire) != NEVER
    }

    /// Whether a shard has something to do now. The first one does what is due.
    pub(crate) fn rings(&self, shard: usize, now: Moment) -> bool {
        let has_chores = self.chores.load(Ordering::Acquire) >> shard & 1 == 1;
        has_chores || shard == 0 && self.due.load(Ordering::Acquire) <= now.millis()
    }

    /// Notes the state of the queues. Answers who must be woken for it.
    fn note(&self, queues: &Queues) -> ToWake {
        let stalled = queues.stalled.iter().enumerate();
        let mut chores = stalled.fold(0, |bits, (shard, ids)| {
            bits | u64::from(!ids.is_empty()) << shard
        });
        // A shard whose inbox is full comes by itself.
        let to_wake = u64::from(queues.is_unfinished());
        chores |= to_wake;
        self.chores.store(chores, Ordering::Release);
        let due = queues.next_due().map_or(NEVER, Moment::millis);
        let before = self.due.swap(due, Ordering::AcqRel);
        to_wake | u64::from(due < before)
    }
}

/// A consumer that is to be let in.
pub(crate) struct NewTaker {
    pub(crate) session: SessionId,
    pub(crate) queue: Arc<str>,
    pub(crate) prefetch: u16,
    pub(crate) is_done_on_write: bool,
    pub(crate) wants: Option<Wants>,
}

/// What a shard tells about the messages that it was given.
#[derive(Default)]
pub(crate) struct Report {
    /// Dealt with: written, or dropped by a filter. One whose filter has failed is rejected.
    pub(crate) done: Vec<(ConsumerId, u64, Verdict)>,
    /// Declined, from this one on.
    pub(crate) declined: Vec<(ConsumerId, u64)>,
    /// Consumers that take messages again.
    pub(crate) rested: Vec<ConsumerId>,
}

impl Report {
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.declined.is_empty() && self.rested.is_empty()
    }
}

impl State {
    pub(crate) fn mint<'a>(position: &'a mut u64, epoch: u64) -> Mint<'a> {
        Mint { epoch, position }
    }
}

impl Log {
    /// Hands out what there is for whom, and notes what is due. Answers who must be woken.
    pub(crate) fn hand_out(&self, state: &mut State) -> ToWake {
        let State {
            position,
            inboxes,
            queues,
            ..
        } = state;
        let mut to_wake = 0;
        let mut mint = State::mint(position, self.epoch);
        queues.dispatch(&mut mint, &mut |dispatched| {
            let shard = dispatched.session.shard();
            let entry = Entry::Deliver(dispatched);
            let has_room = inboxes[shard].has_room(entry.bytes());
            if has_room {
                inboxes[shard].push(entry);
                self.note_waiting(shard, &inboxes[shard]);
                to_wake |= 1 << shard;
            }
            has_room
        });
        to_wake | self.alarm.note(queues)
    }

    /// Accepts a message for a queue.
    pub(crate) fn enqueue_message(
        &self,
        name: &Arc<str>,
        message: Message,
        now: Moment,
    ) -> (Outcome<Accepted>, ToWake) {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        let result = self.enqueue_in(state, name, message);
        let to_wake = self.hand_out(state);
        (result.unwrap_or_else(Outcome::Refused), to_wake)
    }

    fn enqueue_in(
        &self,
        state: &mut State,
        name: &Arc<str>,
        message: Message,
    ) -> Result<Outcome<Accepted>, Refusal> {
        let State {
            position, queues, ..
        } = state;
        let mut mint = State::mint(position, self.epoch);
        queues.check_room(name, 1, cost(&message), &mut mint)?;
        let key = queues.obtain(name)?;
        let publication = mint.publication(Destination::Queue(Arc::clone(name)), message);
        let change = Change::Enqueued(Arc::clone(&publication));
        let later = match queues.record(&[change]) {
            Outcome::Done(()) => None,
            Outcome::Later(ticket) => Some(ticket),
            Outcome::Refused(refusal) => return Err(refusal),
        };
        let accepted = Accepted {
            id: publication.id(),
            subscriptions: queues.queue(key).map_or(0, |queue| queue.consumers()),
        };
        let item = queues.item(key, publication);
        queues.with(key, |queue| queue.push(item));
        Ok(later.map_or(Outcome::Done(accepted), Outcome::Later))
    }

    /// Lets a consumer in.
    pub(crate) fn admit(
        &self,
        new: NewTaker,
        now: Moment,
    ) -> Result<(ConsumerId, ToWake), Refusal> {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        let key = state.queues.obtain(&new.queue)?;
        let id = state.queues.next_consumer(key);
        let taker = Taker::new(new.session, new.prefetch, new.is_done_on_write, new.wants);
        state.queues.with(key, |queue| queue.admit(id, taker));
        Ok((id, self.hand_out(state)))
    }

    /// Gives consumers nothing more. Answers which of them have gone; the others still have messages
    /// that are on their way.
    pub(crate) fn retire(&self, ids: &[ConsumerId], now: Moment) -> (Vec<ConsumerId>, ToWake) {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        let gone = ids.iter().copied().filter(|id| {
            let gone = state.queues.with(id.queue, |queue| queue.retire(*id));
            gone.unwrap_or(true)
        });
        let gone = gone.collect();
        (gone, self.hand_out(state))
    }

    /// Lets consumers go, with everything that they have.
    pub(crate) fn dismiss(&self, ids: &[ConsumerId], now: Moment) -> ToWake {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        for id in ids {
            state.queues.with(id.queue, |queue| queue.remove(*id));
        }
        self.hand_out(state)
    }

    /// Takes what a consumer has dealt with from it; `ids` are those that may be meant.
    pub(crate) fn settle(
        &self,
        ids: &[ConsumerId],
        settlement: &Settlement,
        now: Moment,
    ) -> (Outcome<()>, ToWake) {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        let Some(settled) = Settled::find(&state.queues, ids, settlement) else {
            return (Outcome::Refused(Refusal::NotDelivered), 0);
        };
        let outcome = state.queues.record(&settled.changes(&state.queues));
        if !matches!(outcome, Outcome::Refused(_)) {
            self.apply(state, &settled);
        }
        (outcome, self.hand_out(state))
    }

    pub(crate) fn apply(&self, state: &mut State, settled: &Settled) {
        let State {
            position, queues, ..
        } = state;
        let mut mint = State::mint(position, self.epoch);
        let Settled { id, verdict, .. } = *settled;
        let now = queues.advance(Moment::default());
        for position in &settled.positions {
            let settled = queues.with(id.queue, |queue| queue.settle(id, *position, verdict, now));
            queues.bury(id.queue, settled.flatten().into_iter().collect(), &mut mint);
        }
    }

    /// Takes a shard's report, and does what is due. Answers which of the consumers in it have gone.
    pub(crate) fn take_report(
        &self,
        shard: usize,
        report: &mut Report,
        now: Moment,
    ) -> (Vec<ConsumerId>, ToWake) {
        let mut state = self.lock();
        let state = &mut *state;
        let now = state.queues.advance(now);
        let mut gone = Vec::new();
        let queues = &mut state.queues;
        if !report.done.is_empty() {
            // In the order of delivery, as a rule: so each is found where the one before has ended.
            let mut places: HashMap<ConsumerId, usize> = HashMap::new();
            let changes = report.done.iter().filter_map(|&(id, position, verdict)| {
                let queue = queues.queue(id.queue)?;
                let place = places.entry(id).or_default();
                let change = queue.change((id, *place), position, verdict);
                *place += usize::from(change.is_some());
                change.flatten()
            });
            let changes: Vec<_> = changes.collect();
            // There is nobody to tell if it is refused: at worst it is delivered again.
            let _ = queues.record(&changes);
        }
        for (id, position, verdict) in report.done.drain(..) {
            let doomed = queues.with(id.queue, |queue| queue.settle(id, position, verdict, now));
            let doomed = doomed.flatten().into_iter().collect();
            let mut mint = State::mint(&mut state.position, self.epoch);
            queues.bury(id.queue, doomed, &mut mint);
            gone.extend((!queues.knows(id)).then_some(id));
        }
        for (id, position) in report.declined.drain(..) {
            queues.with(id.queue, |queue| queue.decline(id, position));
            gone.extend((!queues.knows(id)).then_some(id));
        }
        for id in report.rested.drain(..) {
            queues.with(id.queue, |queue| queue.rested(id));
        }
        for id in std::mem::take(&mut queues.stalled[shard]) {
            queues.with(id.queue, |queue| queue.unstalled(id));
        }
        if shard == 0 {
            let mut mint = State::mint(&mut state.position, self.epoch);
            queues.turn_all(&mut mint);
        }
        (gone, self.hand_out(state))
    }

    /// What a queue holds.
    pub(crate) fn queue_state(&self, name: &str) -> Option<QueueState> {
        let state = self.lock();
        let key = state.queues.key(name)?;
        state.queues.queue(key).map(|queue| queue.state())
    }

    /// Reads or changes the table of queues.
    pub(crate) fn with_queues<T>(&self, act: impl FnOnce(&mut Queues) -> T) -> T {
        act(&mut self.lock().queues)
    }
}

/// A settlement, and the messages that it means.
pub(crate) struct Settled {
    pub(crate) id: ConsumerId,
    pub(crate) positions: Vec<u64>,
    pub(crate) verdict: Verdict,
}

impl Settled {
    pub(crate) fn find(
        queues: &Queues,
        ids: &[ConsumerId],
        settlement: &Settlement,
    ) -> Option<Self> {
        let Settlement {
            position,
            cumulative,
            verdict,
            ..
        } = *settlement;
        ids.iter().find_map(|&id| {
            let positions = queues.queue(id.queue)?.meant(id, position, cumulative);
            (!positions.is_empty()).then_some(Self {
                id,
                positions,
                verdict,
            })
        })
    }

    /// What the store must know first.
    pub(crate) fn changes(&self, queues: &Queues) -> Vec<Change> {
        let Some(queue) = queues.queue(self.id.queue) else {
            return Vec::new();
        };
        let positions = self.positions.iter().enumerate();
        let changes = positions.filter_map(|(place, &position)| {
            let at = (self.id, place);
            queue.change(at, position, self.verdict).flatten()
        });
        changes.collect()
    }
}
