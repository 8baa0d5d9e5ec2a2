//! Sends and settlements that take effect as one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::destination::Destination;
use crate::log::{Log, State, ToWake, shards_of};
use crate::moment::Moment;
use crate::outcome::{Accepted, Outcome, Refusal};
use crate::publication::{Message, Publication};
use crate::queues::Settlement;
use crate::queues::item::{ConsumerId, cost};
use crate::queues::logged::Settled;
use crate::queues::store::Change;

/// A send that was validated.
enum Planned {
    Topic(Destination, Message, (usize, ToWake)),
    Queue(usize, Arc<Publication>),
}

/// A settlement, and the consumers that may be meant.
pub(crate) type Meant = (Vec<ConsumerId>, Settlement);

impl Log {
    /// Validates everything, then lets all of it take effect, or refuses all of it.
    pub(crate) fn commit(
        &self,
        sends: Vec<(Destination, Message)>,
        settlements: &[Meant],
        now: Moment,
        formats: usize,
    ) -> (Outcome<Vec<Accepted>>, ToWake) {
        let mut state = self.lock();
        let state = &mut *state;
        state.queues.advance(now);
        let mut to_wake = 0;
        let result = self.commit_in(state, sends, settlements, formats, &mut to_wake);
        to_wake |= self.hand_out(state);
        (result.unwrap_or_else(Outcome::Refused), to_wake)
    }

    fn commit_in(
        &self,
        state: &mut State,
        sends: Vec<(Destination, Message)>,
        settlements: &[Meant],
        formats: usize,
        to_wake: &mut ToWake,
    ) -> Result<Outcome<Vec<Accepted>>, Refusal> {
        self.check_sends(state, &sends)?;
        let settled = find_all(state, settlements)?;
        let planned = self.plan(state, sends)?;
        let enqueued = planned.iter().filter_map(|one| match one {
            Planned::Queue(_, publication) => Some(Change::Enqueued(Arc::clone(publication))),
            Planned::Topic(..) => None,
        });
        let mut changes: Vec<Change> = enqueued.collect();
        let of_settled = settled.iter().flat_map(|one| one.changes(&state.queues));
        changes.extend(of_settled);
        let later = match state.queues.record(&changes) {
            Outcome::Done(()) => None,
            Outcome::Later(ticket) => Some(ticket),
            Outcome::Refused(refusal) => return Err(refusal),
        };
        let mut accepted = Vec::with_capacity(planned.len());
        for one in planned {
            accepted.push(match one {
                Planned::Topic(destination, message, reached) => {
                    let (accepted, shards) =
                        self.accept_for(state, reached, destination, message, None, formats);
                    *to_wake |= shards;
                    accepted
                }
                Planned::Queue(key, publication) => {
                    state.position += 1;
                    debug_assert_eq!(state.position, publication.id().position);
                    let queue = state.queues.queue(key);
                    let accepted = Accepted {
                        id: publication.id(),
                        subscriptions: queue.map_or(0, |queue| queue.consumers()),
                    };
                    let item = state.queues.item(key, publication);
                    state.queues.with(key, |queue| queue.push(item));
                    accepted
                }
            });
        }
        for one in &settled {
            self.apply(state, one);
        }
        Ok(later.map_or(Outcome::Done(accepted), Outcome::Later))
    }

    /// Whether there is room for all sends together: in inboxes and on queues.
    fn check_sends(
        &self,
        state: &mut State,
        sends: &[(Destination, Message)],
    ) -> Result<(), Refusal> {
        let mut inboxes = vec![(0, 0); state.inboxes.len()];
        let mut queues: HashMap<&Arc<str>, (usize, usize)> = HashMap::new();
        let mut queued_bytes = 0;
        for (destination, message) in sends {
            if let Destination::Queue(name) = destination {
                let (messages, bytes) = queues.entry(name).or_default();
                *messages += 1;
                *bytes += cost(message);
                queued_bytes += cost(message);
                continue;
            }
            for shard in shards_of(state.reached(destination).1) {
                inboxes[shard].0 += 1;
                inboxes[shard].1 += message.bytes();
            }
        }
        let mut all = state.inboxes.iter().zip(&inboxes);
        if !all.all(|(inbox, (entries, bytes))| inbox.has_room_for(*entries, *bytes)) {
            return Err(Refusal::Overloaded);
        }
        let State {
            position,
            queues: table,
            ..
        } = state;
        let new = queues.keys().filter(|name| table.key(name).is_none());
        if new.count() > table.room_for_queues() {
            return Err(Refusal::TooManyQueues);
        }
        // Expired messages make room first, of which some may become dead letters on another of
        // these queues: so all are asked again.
        let mut mint = State::mint(position, self.epoch);
        for (name, (messages, bytes)) in &queues {
            table.check_room(name, *messages, *bytes, &mut mint)?;
        }
        let have_room = queues
            .iter()
            .all(|(name, (messages, bytes))| table.has_room(name, *messages, *bytes));
        match have_room && table.has_room_for_bytes(queued_bytes) {
            true => Ok(()),
            false => Err(Refusal::QueueFull),
        }
    }

    /// Gives each send its place.
    fn plan(
        &self,
        state: &mut State,
        sends: Vec<(Destination, Message)>,
    ) -> Result<Vec<Planned>, Refusal> {
        let mut position = state.position;
        let mut mint = State::mint(&mut position, self.epoch);
        let mut planned = Vec::with_capacity(sends.len());
        for (destination, message) in sends {
            planned.push(match &destination {
                Destination::Queue(name) => {
                    let key = state.queues.obtain(name)?;
                    Planned::Queue(key, mint.publication(destination, message))
                }
                _ => {
                    *mint.position += 1;
                    let reached = state.reached(&destination);
                    Planned::Topic(destination, message, reached)
                }
            });
        }
        Ok(planned)
    }
}

/// What the settlements of a transaction mean, each message once.
fn find_all(state: &State, settlements: &[Meant]) -> Result<Vec<Settled>, Refusal> {
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(settlements.len());
    for (ids, settlement) in settlements {
        let settled = Settled::find(&state.queues, ids, settlement);
        let mut settled = settled.ok_or(Refusal::NotDelivered)?;
        if seen.contains(&(settled.id, settlement.position)) {
            return Err(Refusal::NotDelivered);
        }
        let id = settled.id;
        settled
            .positions
            .retain(|position| seen.insert((id, *position)));
        all.push(settled);
    }
    Ok(all)
}
