//! The handle that every thread may hold: publish, send, close, count.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::cursor::Cursor;
use crate::destination::Destination;
use crate::format::{Format, FormatId, Formats, TooManyFormats};
use crate::history::{HistoryBounds, HistoryLimits, HistoryScope};
use crate::inbox::{Entry, Predicate};
use crate::log::{Log, ToWake, shards_of};
use crate::moment::Moment;
use crate::outbox::OutboxPolicy;
use crate::outcome::{Accepted, Outcome, Refusal};
use crate::patterns::Pattern;
use crate::publication::{Message, Publication};
use crate::queues::{QueueLimits, QueueState};
use crate::request::Request;
use crate::retained::RetainedLimits;
use crate::session::{Session, SessionId};
use crate::shard::Shard;
use crate::view::{Look, View};
use crate::watch::Timeouts;

/// How many shards a node may have: one bit each in a word.
pub const SHARDS_MAX: usize = 64;

/// Wakes the thread that drives a shard. Called from any thread, after the log's lock is free;
/// it must not block and may be called more often than needed.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Says what time it is, from any thread: for what is published by threads that drive no shard.
/// On the same clock as the moments that shards are driven with.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Everything that the shards and the handles share.
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) formats: Formats,
    pub(crate) sessions: AtomicUsize,
    pub(crate) sessions_opened: AtomicU64,
    pub(crate) tickets: AtomicU64,
    wakes: Box<[Wake]>,
    pub(crate) clock: Clock,
}

impl Shared {
    pub(crate) fn wake(&self, shards: ToWake) {
        for shard in shards_of(shards) {
            (self.wakes[shard])();
        }
    }
}

/// This node's space of destinations, as seen from any thread.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

impl Hub {
    /// Makes a hub with one shard for each wake function, at most [`SHARDS_MAX`].
    ///
    /// # Errors
    /// [`Refusal::NoEntropy`] when the operating system gives no random bytes for the log's epoch;
    /// [`Refusal::Full`] when more shards are asked for than there may be, or none.
    pub fn new(wakes: Vec<Wake>) -> Result<(Self, Vec<Shard>), Refusal> {
        Self::with_clock(wakes, Arc::new(Moment::default))
    }

    /// The same with a clock, without which nothing ages that is published by threads that drive no
    /// shard.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(wakes: Vec<Wake>, clock: Clock) -> Result<(Self, Vec<Shard>), Refusal> {
        if wakes.is_empty() || wakes.len() > SHARDS_MAX {
            return Err(Refusal::Full);
        }
        // 48 bits are plenty to tell two lives apart and stay exact in a JSON number.
        let epoch = getrandom::u64().map_err(|_| Refusal::NoEntropy)? >> 16;
        let shards = wakes.len();
        let shared = Arc::new(Shared {
            log: Log::new(epoch, shards, Arc::clone(&clock)),
            formats: Formats::default(),
            sessions: AtomicUsize::new(0),
            sessions_opened: AtomicU64::new(0),
            tickets: AtomicU64::new(1),
            wakes: wakes.into(),
            clock,
        });
        let shards = (0..shards)
            .map(|index| Shard::new(index, Arc::clone(&shared)))
            .collect();
        Ok((Self(shared), shards))
    }

    /// Registers a format.
    ///
    /// # Errors
    /// [`TooManyFormats`] beyond [`FORMATS_MAX`](crate::FORMATS_MAX).
    pub fn register(&self, format: Arc<dyn Format>) -> Result<FormatId, TooManyFormats> {
        self.0.formats.register(format)
    }

    /// Publishes to all subscribers of a destination, or to one of a queue's consumers.
    pub fn publish(&self, destination: Destination, message: Message) -> Outcome<Accepted> {
        if let Destination::Queue(name) = &destination {
            let (log, now) = (&self.0.log, (self.0.clock)());
            let (outcome, to_wake) = log.enqueue_message(name, message, now);
            self.0.wake(to_wake);
            return outcome;
        }
        let formats = self.0.formats.len();
        self.settle(self.0.log.publish(destination, message, None, formats))
    }

    /// Publishes to those subscribers of a destination that `predicate` picks. It is asked once
    /// for each subscription, on the session's shard: it must be quick and must not block. One
    /// that panics has not picked. Refused with [`Refusal::NotForSome`] for a queue.
    pub fn publish_to_picked(
        &self,
        destination: Destination,
        message: Message,
        predicate: impl Fn(&Arc<Session>) -> bool + Send + Sync + 'static,
    ) -> Outcome<Accepted> {
        if matches!(destination, Destination::Queue(_)) {
            return Outcome::Refused(Refusal::NotForSome);
        }
        // User code: a panic in it must not take the shard's other sessions along.
        let predicate: Predicate = Arc::new(move |session| {
            catch_unwind(AssertUnwindSafe(|| predicate(session))).unwrap_or(false)
        });
        let formats = self.0.formats.len();
        self.settle(
            self.0
                .log
                .publish(destination, message, Some(&predicate), formats),
        )
    }

    /// Sends to one session.
    pub fn send(&self, session: &Session, message: Message) -> Outcome<Accepted> {
        if !session.is_open() {
            return Outcome::Refused(Refusal::NoSession);
        }
        self.settle(self.0.log.send(session, message, self.0.formats.len()))
    }

    /// Asks for a session to be closed after what was sent to it so far.
    pub fn close(&self, session: &Session, code: u16, reason: &str) -> Outcome<()> {
        if !session.begin_close() {
            return Outcome::Refused(Refusal::NoSession);
        }
        let shards = self.0.log.close(session.id(), code, reason);
        self.0.wake(shards);
        Outcome::Done(())
    }

    /// Subscribes a session from any thread. Publications that are accepted from now on reach it;
    /// a subscription that it has already stays as it is. The outcome carries the position that it
    /// joined at.
    pub fn subscribe(
        &self,
        session: &Session,
        destination: Destination,
        label: &str,
    ) -> Outcome<u64> {
        if !session.is_open() {
            return Outcome::Refused(Refusal::NoSession);
        }
        self.settle(self.0.log.subscribe(session.id(), destination, label))
    }

    /// Ends a session's subscriptions to a destination from any thread, under whatever label, after
    /// what was published so far.
    pub fn unsubscribe(&self, session: &Session, destination: Destination) -> Outcome<()> {
        self.ask(session, Request::Unsubscribe(destination))
    }

    /// Ends everything that a session has subscribed to under a label, from any thread, after what
    /// was published so far. Implicit destinations have the empty label.
    pub fn unsubscribe_label(&self, session: &Session, label: &str) -> Outcome<()> {
        self.ask(session, Request::UnsubscribeLabel(label.into()))
    }

    /// Gives a session's outbox another policy; what waits already stays.
    pub fn set_outbox(&self, session: &Session, policy: OutboxPolicy) -> Outcome<()> {
        self.ask(session, Request::Outbox(policy))
    }

    /// Changes a session's time-outs.
    pub fn change_timeouts(
        &self,
        session: &Session,
        change: impl FnOnce(Timeouts) -> Timeouts + Send + 'static,
    ) -> Outcome<()> {
        self.ask(session, Request::Timeouts(Box::new(change)))
    }

    /// Calls `told` once everything is written that was sent to the session so far; drops it when
    /// the session ends before. It is called on the session's shard and must be quick.
    pub fn flush(&self, session: &Session, told: impl FnOnce() + Send + 'static) -> Outcome<()> {
        self.ask(session, Request::Flush(Box::new(move |()| told())))
    }

    /// Calls `told` with the session that has this id; drops it when there is none. As
    /// [`flush`](Self::flush).
    pub fn find(
        &self,
        session: SessionId,
        told: impl FnOnce(Arc<Session>) + Send + 'static,
    ) -> Outcome<()> {
        self.settle(
            self.0
                .log
                .ask(session, Request::Find(Box::new(told)))
                .map(|shards| ((), shards)),
        )
    }

    /// Calls `told` with the open subscribers of a destination, once for each shard that has any.
    /// It is called on the shards and must be quick.
    pub fn collect(
        &self,
        destination: &Destination,
        told: impl Fn(Vec<Arc<Session>>) + Send + Sync + 'static,
    ) -> Outcome<()> {
        let of = destination.clone();
        self.look_at(destination, move |view| {
            let subscribers = view.subscribers(&of);
            told(subscribers.map(|one| Arc::clone(one.session())).collect());
        })
    }

    /// Lets `look` see the sessions of each shard, on that shard's thread and in the order of the
    /// log; it is dropped once all have been seen. Nothing else is done there meanwhile: whoever
    /// looks at all sessions should know when to stop. One that panics has seen nothing.
    pub fn look(&self, look: impl Fn(&View<'_>) + Send + Sync + 'static) -> Outcome<()> {
        let look = unharmed(look);
        let asked = self
            .0
            .log
            .ask_every_shard(|| Entry::Look(Arc::clone(&look)));
        self.settle(asked.map(|shards| ((), shards)))
    }

    /// As [`look`](Self::look), at those shards only that have subscribers of a destination.
    pub fn look_at(
        &self,
        destination: &Destination,
        look: impl Fn(&View<'_>) + Send + Sync + 'static,
    ) -> Outcome<()> {
        let look = unharmed(look);
        let asked = self
            .0
            .log
            .ask_all(destination, || Entry::Look(Arc::clone(&look)));
        self.settle(asked.map(|shards| ((), shards)))
    }

    /// Asks for all subscribers of a destination to be closed, after what was sent to them so far.
    /// For an endpoint's or a user's implicit destination these are their sessions.
    pub fn close_all(&self, destination: &Destination, code: u16, reason: &str) -> Outcome<()> {
        let reason: Arc<str> = reason.into();
        let asked = self.0.log.ask_all(destination, || Entry::CloseAll {
            destination: destination.clone(),
            code,
            reason: Arc::clone(&reason),
        });
        self.settle(asked.map(|shards| ((), shards)))
    }

    fn ask(&self, session: &Session, request: Request) -> Outcome<()> {
        if !session.is_open() {
            return Outcome::Refused(Refusal::NoSession);
        }
        let asked = self.0.log.ask(session.id(), request);
        self.settle(asked.map(|shards| ((), shards)))
    }

    /// Lets destinations that match a pattern keep their last publication from now on, for those
    /// who subscribe later: a new subscription gets what its destinations have kept, as it was
    /// accepted, and then what is published. Only [named](Destination::Named) destinations keep
    /// anything, and only what is published to all of their subscribers.
    ///
    /// # Errors
    /// [`Refusal::TooManyPatterns`] beyond [`GLOBS_ALIKE_MAX`](crate::GLOBS_ALIKE_MAX) patterns that
    /// are much alike.
    pub fn retain(&self, pattern: &Pattern) -> Result<(), Refusal> {
        self.0.log.with_retained(|all| all.keep_matching(pattern))
    }

    /// How much is kept for those who subscribe later; what is too much is let go of at once.
    pub fn set_retained_limits(&self, limits: RetainedLimits) {
        self.0.log.with_retained(|all| all.set_limits(limits));
    }

    /// The last publication that a destination has kept.
    pub fn retained(&self, name: &str) -> Option<Arc<Publication>> {
        self.0.log.with_retained(|all| all.last(name).cloned())
    }

    /// Lets go of what a destination has kept; false when there was nothing. Who subscribes from
    /// now on gets what is published next.
    pub fn forget(&self, name: &str) -> bool {
        self.0.log.with_retained(|all| all.forget(name))
    }

    /// How many destinations have kept something, and how many bytes that is, as
    /// [`RetainedLimits`] count them.
    pub fn retained_size(&self) -> (usize, usize) {
        self.0.log.with_retained(|all| all.size())
    }

    /// Lets destinations that match a pattern keep their past from now on, for those who come back.
    /// Where several rules match, the first that was made counts.
    ///
    /// # Errors
    /// [`Refusal::TooManyPatterns`] beyond [`GLOBS_ALIKE_MAX`](crate::GLOBS_ALIKE_MAX) patterns that
    /// are much alike.
    pub fn keep_history(
        &self,
        scope: HistoryScope,
        pattern: &Pattern,
        limits: HistoryLimits,
    ) -> Result<(), Refusal> {
        let log = &self.0.log;
        log.with_histories(|all| all.keep(scope, pattern, limits))
    }

    /// How much all histories together may hold; what is too much is let go of at once.
    pub fn set_history_bounds(&self, bounds: HistoryBounds) {
        self.0.log.with_histories(|all| all.set_bounds(bounds));
    }

    /// How many destinations have a history, how many publications those hold, and how many bytes
    /// that is, as [`HistoryLimits`] count them.
    pub fn history_size(&self) -> (usize, usize, usize) {
        self.0.log.with_histories(|all| all.size())
    }

    /// Where everything that is accepted from now on comes after.
    pub fn cursor(&self) -> Cursor {
        self.0.log.cursor(self.position())
    }

    /// Lets queues whose names match a pattern behave like this from now on. Where several rules
    /// match, the first that was made counts; without any [`QueueLimits::default`] does.
    ///
    /// # Errors
    /// [`Refusal::TooManyPatterns`], as for patterns of subscriptions.
    pub fn limit_queues(&self, pattern: &Pattern, limits: QueueLimits) -> Result<(), Refusal> {
        self.0.log.with_queues(|all| all.limit(pattern, limits))
    }

    /// What a queue holds; `None` if there is no such queue.
    pub fn queue(&self, name: &str) -> Option<QueueState> {
        self.0.log.queue_state(name)
    }

    /// How many subscriptions a publication to this destination would reach now, those of patterns
    /// included, and how many places are looked at to find them: one in the table of destinations,
    /// and as many as [`PatternIndex::find`](crate::PatternIndex::find) answers for the patterns.
    pub fn reach(&self, destination: &Destination) -> (usize, usize) {
        self.0.log.reach(destination)
    }

    /// How many destinations and patterns this node's sessions have subscribed to, implicit ones
    /// included, and how many nodes the patterns take in the index.
    pub fn index_size(&self) -> (usize, usize) {
        self.0.log.size()
    }

    /// How many users have open sessions.
    pub fn users(&self) -> usize {
        self.0.log.users()
    }

    /// How many subscriptions a destination has on this node. For an endpoint's or a user's
    /// implicit destination that is the number of their open sessions.
    pub fn subscriptions(&self, destination: &Destination) -> usize {
        self.0.log.subscriptions(destination)
    }

    /// The position of the newest publication; 0 before the first.
    pub fn position(&self) -> u64 {
        self.0.log.position()
    }

    /// How many sessions this node has, closing ones included.
    pub fn sessions(&self) -> usize {
        self.0.sessions.load(Ordering::Relaxed)
    }

    /// How many sessions this node has ever had.
    pub fn sessions_opened(&self) -> u64 {
        self.0.sessions_opened.load(Ordering::Relaxed)
    }

    /// Refuses new sessions from now on.
    pub fn leave(&self) {
        self.0.log.leave_node();
    }

    fn settle<T>(&self, result: Result<(T, ToWake), Refusal>) -> Outcome<T> {
        match result {
            Ok((done, shards)) => {
                self.0.wake(shards);
                Outcome::Done(done)
            }
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}

/// User code: a panic in it must not take the shard's other sessions along.
fn unharmed(look: impl Fn(&View<'_>) + Send + Sync + 'static) -> Look {
    Arc::new(move |view| drop(catch_unwind(AssertUnwindSafe(|| look(view)))))
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}
