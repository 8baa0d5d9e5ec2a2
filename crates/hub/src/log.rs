//! The log: it orders the publications of many destinations and hands each to the shards that
//! have subscribers, in one critical section. That is why every session sees rising positions.

mod joins;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cursor::Cursor;
use crate::destination::Destination;
use crate::history::Histories;
use crate::hub::Clock;
use crate::inbox::{CLOSES_RESERVE, Entry, INBOX_ENTRIES_MAX, Inbox, Predicate};
use crate::interest::Interest;
use crate::moment::Moment;
use crate::outcome::{Accepted, Refusal};
use crate::patterns::PatternIndex;
use crate::publication::{Message, Publication, PublicationId};
use crate::queues::{Alarm, Queues};
use crate::request::Request;
use crate::retained::Retained;
use crate::session::{Session, SessionId};

pub(crate) use crate::interest::{ToWake, shards_of};
pub(crate) use joins::Joined;

pub(crate) struct State {
    pub(crate) position: u64,
    interests: HashMap<Destination, Interest>,
    /// The patterns among them.
    patterns: PatternIndex<Destination>,
    pub(crate) inboxes: Box<[Inbox]>,
    /// What is kept for those who subscribe later.
    retained: Retained,
    /// What is kept for those who come back.
    histories: Histories,
    pub(crate) queues: Queues,
    /// How many users have sessions.
    users: usize,
    leaving: bool,
}

/// The memory engine's one log.
pub(crate) struct Log {
    pub(crate) epoch: u64,
    state: Mutex<State>,
    /// Asked under the lock, where something ages.
    clock: Clock,
    /// Lengths of the inboxes, readable without the lock.
    waiting: Box<[AtomicUsize]>,
    /// Whether a rule lets destinations keep their past.
    has_histories: AtomicBool,
    /// What queues have to do, readable without the lock.
    pub(crate) alarm: Alarm,
}

impl Log {
    pub(crate) fn new(epoch: u64, shards: usize, clock: Clock) -> Self {
        Self {
            epoch,
            clock,
            state: Mutex::new(State {
                position: 0,
                interests: HashMap::new(),
                patterns: PatternIndex::new(),
                inboxes: (0..shards).map(|_| Inbox::default()).collect(),
                retained: Retained::default(),
                histories: Histories::default(),
                queues: Queues::new(shards),
                users: 0,
                leaving: false,
            }),
            waiting: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            has_histories: AtomicBool::new(false),
            alarm: Alarm::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a publication for all subscribers of a destination, or for those that are picked.
    pub(crate) fn publish(
        &self,
        destination: Destination,
        message: Message,
        predicate: Option<&Predicate>,
        formats: usize,
    ) -> Result<(Accepted, ToWake), Refusal> {
        let mut state = self.lock();
        let state = &mut *state;
        let reached = state.reached(&destination);
        let bytes = message.bytes();
        if shards_of(reached.1).any(|shard| !state.inboxes[shard].has_room(bytes)) {
            return Err(Refusal::Overloaded);
        }
        Ok(self.accept_for(state, reached, destination, message, predicate, formats))
    }

    /// Accepts a publication for so many subscriptions on these shards, whose inboxes have room.
    pub(crate) fn accept_for(
        &self,
        state: &mut State,
        (subscriptions, shards): (usize, ToWake),
        destination: Destination,
        message: Message,
        predicate: Option<&Predicate>,
        formats: usize,
    ) -> (Accepted, ToWake) {
        let publication = state.accept(self.epoch, (self.clock)(), destination, message, formats);
        // What is for some only must not be replayed to others.
        match predicate {
            None => {
                state.retained.publish(&publication);
                state.histories.publish(&publication, &*self.clock);
            }
            Some(_) => state.histories.skip(&publication),
        }
        let id = publication.id();
        for shard in shards_of(shards) {
            let publication = Arc::clone(&publication);
            let entry = match predicate {
                Some(predicate) => Entry::Picked(publication, Arc::clone(predicate)),
                None => Entry::Fanout(publication),
            };
            self.enqueue(state, shard, entry);
        }
        (Accepted { id, subscriptions }, shards)
    }

    /// Accepts a publication for one session.
    pub(crate) fn send(
        &self,
        session: &Session,
        message: Message,
        formats: usize,
    ) -> Result<(Accepted, ToWake), Refusal> {
        let shard = session.id().shard();
        let mut state = self.lock();
        if !state.inboxes[shard].has_room(message.bytes()) {
            return Err(Refusal::Overloaded);
        }
        let destination = session.endpoint().clone();
        let publication = state.accept(self.epoch, (self.clock)(), destination, message, formats);
        let id = publication.id();
        self.enqueue(&mut state, shard, Entry::Direct(session.id(), publication));
        Ok((
            Accepted {
                id,
                subscriptions: 1,
            },
            1 << shard,
        ))
    }

    /// Asks a session's shard to close it. Never refused: a close must get through where nothing
    /// else does, and there are no more of them than sessions.
    pub(crate) fn close(&self, session: SessionId, code: u16, reason: &str) -> ToWake {
        let shard = session.shard();
        let mut state = self.lock();
        self.enqueue(
            &mut state,
            shard,
            Entry::Close {
                session,
                code,
                reason: reason.into(),
            },
        );
        1 << shard
    }

    /// Subscribes a session from any thread: from the position that is answered on, publications
    /// reach it, since its shard finds them behind this request.
    pub(crate) fn subscribe(
        &self,
        session: SessionId,
        destination: Destination,
        label: &str,
    ) -> Result<(u64, ToWake), Refusal> {
        let shard = session.shard();
        let mut state = self.lock();
        if !state.inboxes[shard].has_room(0) {
            return Err(Refusal::Overloaded);
        }
        let joined = state.join(shard, &destination)?;
        let position = joined.position;
        let request = Request::Subscribe {
            destination,
            label: label.into(),
            joined,
        };
        self.enqueue(&mut state, shard, Entry::Ask(session, request));
        Ok((position, 1 << shard))
    }

    /// Asks something about one session.
    pub(crate) fn ask(&self, session: SessionId, request: Request) -> Result<ToWake, Refusal> {
        let shard = session.shard();
        let mut state = self.lock();
        let inbox = state.inboxes.get(shard).ok_or(Refusal::NoSession)?;
        if !inbox.has_room(0) {
            return Err(Refusal::Overloaded);
        }
        self.enqueue(&mut state, shard, Entry::Ask(session, request));
        Ok(1 << shard)
    }

    /// Asks every shard that has subscribers of a destination, or none if one has no room; `entry`
    /// makes what each is asked.
    pub(crate) fn ask_all(
        &self,
        destination: &Destination,
        entry: impl Fn() -> Entry,
    ) -> Result<ToWake, Refusal> {
        let state = self.lock();
        let shards = match destination {
            Destination::Queue(name) => state.queues.shards(name),
            _ => state.interests.get(destination).map_or(0, Interest::shards),
        };
        self.ask_shards(state, shards, entry)
    }

    /// Asks every shard, or none if one has no room.
    pub(crate) fn ask_every_shard(&self, entry: impl Fn() -> Entry) -> Result<ToWake, Refusal> {
        let state = self.lock();
        let shards = (0..state.inboxes.len()).fold(0, |bits, shard| bits | 1 << shard);
        self.ask_shards(state, shards, entry)
    }

    fn ask_shards(
        &self,
        mut state: MutexGuard<'_, State>,
        shards: ToWake,
        entry: impl Fn() -> Entry,
    ) -> Result<ToWake, Refusal> {
        let entries: Vec<_> = shards_of(shards).map(|shard| (shard, entry())).collect();
        let has_room = |(shard, entry): &(usize, Entry)| match entry {
            Entry::CloseAll { .. } => {
                state.inboxes[*shard].entries.len() < INBOX_ENTRIES_MAX + CLOSES_RESERVE
            }
            _ => state.inboxes[*shard].has_room(0),
        };
        if !entries.iter().all(has_room) {
            return Err(Refusal::Overloaded);
        }
        for (shard, entry) in entries {
            self.enqueue(&mut state, shard, entry);
        }
        Ok(shards)
    }

    fn enqueue(&self, state: &mut State, shard: usize, entry: Entry) {
        state.inboxes[shard].push(entry);
        self.note_waiting(shard, &state.inboxes[shard]);
    }

    pub(crate) fn note_waiting(&self, shard: usize, inbox: &Inbox) {
        self.waiting[shard].store(inbox.entries.len(), Ordering::Release);
    }

    /// How many entries wait for a shard; may be out of date by the time it is read.
    pub(crate) fn waiting(&self, shard: usize) -> usize {
        self.waiting[shard].load(Ordering::Acquire)
    }

    /// Swaps a shard's inbox with an empty queue.
    pub(crate) fn fetch(&self, shard: usize, empty: &mut VecDeque<Entry>) {
        if self.waiting(shard) == 0 {
            return;
        }
        let mut state = self.lock();
        let inbox = &mut state.inboxes[shard];
        std::mem::swap(&mut inbox.entries, empty);
        inbox.bytes = 0;
        self.waiting[shard].store(0, Ordering::Release);
    }

    /// Gives back what a crowd's messages needed.
    pub(crate) fn shrink(&self, shard: usize) {
        self.lock().inboxes[shard].entries.shrink_to_fit();
    }

    /// How many subscriptions a destination has on this node.
    pub(crate) fn subscriptions(&self, destination: &Destination) -> usize {
        let state = self.lock();
        match destination {
            Destination::Queue(name) => state.queues.consumers(name),
            _ => state.interests.get(destination).map_or(0, Interest::total),
        }
    }

    /// How many subscriptions a publication to a destination would reach now, and how many nodes of
    /// the index are looked at to find them.
    pub(crate) fn reach(&self, destination: &Destination) -> (usize, usize) {
        let mut subscriptions = 0;
        let steps = self.lock().each_interest(destination, |interest| {
            subscriptions += interest.total();
        });
        (subscriptions, steps)
    }

    /// How many users have sessions.
    pub(crate) fn users(&self) -> usize {
        self.lock().users
    }

    /// How many destinations are subscribed to, and how many nodes the index of patterns has.
    pub(crate) fn size(&self) -> (usize, usize) {
        let state = self.lock();
        (state.interests.len(), state.patterns.nodes())
    }

    /// Reads or changes what is kept for those who subscribe later.
    pub(crate) fn with_retained<T>(&self, read: impl FnOnce(&mut Retained) -> T) -> T {
        read(&mut self.lock().retained)
    }

    /// Reads or changes what is kept for those who come back.
    pub(crate) fn with_histories<T>(&self, read: impl FnOnce(&mut Histories) -> T) -> T {
        self.has_histories.store(true, Ordering::Relaxed);
        read(&mut self.lock().histories)
    }

    /// Lets go of what has become too old, of some destinations. Answers whether anything ages.
    pub(crate) fn age_histories(&self, now: Moment) -> bool {
        // Not for what a rule that does not exist would need.
        self.has_histories.load(Ordering::Relaxed) && self.lock().histories.age(now)
    }

    /// A position as those who come back name it.
    pub(crate) fn cursor(&self, position: u64) -> Cursor {
        let epoch = self.epoch;
        Cursor { epoch, position }
    }

    /// The position of the newest publication.
    pub(crate) fn position(&self) -> u64 {
        self.lock().position
    }

    /// From now on no session is accepted.
    pub(crate) fn leave_node(&self) {
        self.lock().leaving = true;
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().leaving
    }
}

impl State {
    /// How many subscriptions a publication to this destination is for, and the shards that have
    /// any.
    pub(crate) fn reached(&self, destination: &Destination) -> (usize, ToWake) {
        let (mut subscriptions, mut shards) = (0, 0);
        self.each_interest(destination, |interest| {
            subscriptions += interest.total();
            shards |= interest.shards();
        });
        (subscriptions, shards)
    }

    /// Everything that a publication to this destination is for. Answers what it took to find: one
    /// look into the table of destinations, and the nodes of the index.
    fn each_interest(&self, destination: &Destination, mut visit: impl FnMut(&Interest)) -> usize {
        let mut steps = 1;
        if let Some(interest) = self.interests.get(destination) {
            visit(interest);
        }
        if let Destination::Named(name) = destination
            && !self.patterns.is_empty()
        {
            steps += self.patterns.find(name, |pattern| {
                if let Some(interest) = self.interests.get(pattern) {
                    visit(interest);
                }
            });
        }
        steps
    }

    fn accept(
        &mut self,
        epoch: u64,
        accepted: Moment,
        destination: Destination,
        message: Message,
        formats: usize,
    ) -> Arc<Publication> {
        self.position += 1;
        let id = PublicationId {
            epoch,
            position: self.position,
        };
        Arc::new(Publication::new(
            id,
            accepted,
            destination,
            message,
            formats,
        ))
    }
}
