//! What one shard's thread does between two waits.

mod pipes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use campanile_hub::{
    Cause, Ending, Moment, NewSession, Outcome, Refusal, SessionId, Shard, Slot, Ticket, Wait,
};
use campanile_websocket::InflaterPool;
use mio::Token;
use tokio::sync::oneshot;

use super::caller::{Caller, Remains, Report};
use super::connection::{Connection, Turn, UNREAD_REPLIES_BYTES_MAX};
use super::lingering::{FIRST_TOKEN, Lingering};
use super::sockets::Sockets;
use super::transport::{Transport, Watcher};
use super::waiting::Background;
use super::{Arrival, Ask, Door, EndpointRuntime, WAKE_TOKEN, clock, pacing};
use crate::calls::{turn_begins, turn_ends};
use crate::context::Event;
use crate::session::Session;
use crate::state::Application;

/// What a connection is read into; shared by all connections of the thread.
pub(super) const READ_BUFFER_BYTES: usize = 64 << 10;

/// How often sockets that linger are looked at.
const LINGER_TICK: Duration = Duration::from_millis(250);

/// A socket that something has happened to.
pub(super) struct Ready {
    pub(super) token: Token,
    pub(super) is_readable: bool,
    pub(super) is_writable: bool,
    /// The peer will send no more.
    pub(super) is_read_closed: bool,
}

/// The reason that clients are given when the server leaves.
const LEAVING: &str = "leaving: the server is shutting down; reconnect in a moment";

/// One shard with its connections. It never waits: whoever drives it does.
pub(super) struct ShardDriver {
    shard: Shard,
    door: Arc<Door>,
    /// The doors of all shards, by number.
    doors: Arc<[Arc<Door>]>,
    /// How long it pauses at most, so that a batch can form.
    pause_max: Duration,
    caller: Caller,
    watcher: Watcher,
    buffer: Vec<u8>,
    /// For all connections that may send compressed messages.
    inflaters: Arc<InflaterPool>,
    sockets: Sockets,
    lingering: Lingering,
    remains: HashMap<SessionId, Remains>,
    /// Connections whose turn of reading is not over.
    unfinished: Vec<Slot>,
    /// Connections that may read on if little waits for them after this pass.
    blocked: Vec<Slot>,
    drains: HashMap<Ticket, oneshot::Sender<()>>,
    /// Who waits until the next pass is over.
    waiting_for_pass: Vec<oneshot::Sender<()>>,
}

impl ShardDriver {
    pub(super) fn new(
        shard: Shard,
        watcher: Watcher,
        background: Background,
        doors: Arc<[Arc<Door>]>,
        application: Arc<Application>,
        pause_max: Duration,
    ) -> Self {
        Self {
            caller: Caller::new(application, background),
            door: Arc::clone(&doors[shard.index()]),
            doors,
            shard,
            pause_max,
            watcher,
            buffer: vec![0; READ_BUFFER_BYTES],
            inflaters: Arc::default(),
            sockets: Sockets::default(),
            lingering: Lingering::default(),
            remains: HashMap::new(),
            unfinished: Vec::new(),
            blocked: Vec::new(),
            drains: HashMap::new(),
            waiting_for_pass: Vec::new(),
        }
    }

    /// Whether callbacks run on in the background.
    pub(super) fn has_callbacks_running(&self) -> bool {
        self.caller.is_running()
    }

    /// How long nothing has to be done after a turn that ended with this wait, unless something
    /// happens.
    pub(super) fn may_wait(&self, wait: Wait) -> Option<Duration> {
        match wait {
            _ if !self.unfinished.is_empty() => Some(Duration::ZERO),
            Wait::AtMost(time) => Some(time),
            Wait::Event if !self.lingering.is_empty() => Some(LINGER_TICK),
            Wait::Event => None,
        }
    }

    /// Whether a turn would do something although no socket is ready.
    #[cfg(feature = "test-kit")]
    pub(super) fn is_busy(&self) -> bool {
        !self.unfinished.is_empty() || self.shard.has_inbox()
    }

    /// Everything that can be done without waiting: reads the sockets that are `ready`, runs
    /// callbacks, takes over new sockets, and pumps.
    pub(super) fn turn(&mut self, ready: impl Iterator<Item = Ready>) -> Wait {
        self.door.is_looking();
        turn_begins();
        let to_wake = pacing::while_reading(|| {
            self.look_at_sockets(ready);
            self.take_reports();
            self.answer_the_door();
        });
        turn_ends();
        self.wake(to_wake);
        self.pump()
    }

    /// Wakes the other shards that something was published for.
    fn wake(&self, shards: u64) {
        for (index, door) in self.doors.iter().enumerate() {
            if shards & 1 << index != 0 && index != self.shard.index() {
                door.wake();
            }
        }
    }

    fn look_at_sockets(&mut self, ready: impl Iterator<Item = Ready>) {
        let mut readable = std::mem::take(&mut self.unfinished);
        for event in ready {
            let Token(token) = event.token;
            if event.token == WAKE_TOKEN {
                continue;
            }
            if token >= FIRST_TOKEN {
                self.lingering.ready(Token(token), &mut self.buffer);
                continue;
            }
            let Some(slot) = Slot::from_index(token) else {
                continue;
            };
            let Some(connection) = self.sockets.get_mut(slot) else {
                continue;
            };
            if event.is_writable {
                // A failure shows when the shard writes or the end is read.
                let _ = connection.transport.flush();
                self.shard.writable(slot);
                // Reading may have paused for what could not be written.
                if connection.may_have_more {
                    self.blocked.push(slot);
                }
            }
            if event.is_readable || event.is_read_closed {
                connection.may_have_more = true;
                connection.is_read_closed |= event.is_read_closed;
                readable.push(slot);
            }
        }
        // One turn each, also for those that had more to read and were told of as well.
        readable.sort_unstable();
        readable.dedup();
        for slot in readable {
            self.read(slot);
        }
    }

    fn read(&mut self, slot: Slot) {
        let now = clock::now();
        let mut buffer = std::mem::take(&mut self.buffer);
        // The connection leaves the table while its callbacks may want the rest of it.
        if let Some(mut connection) = self.sockets.take(slot) {
            let turn = connection.read(slot, &mut buffer, &mut self.shard, &self.caller, now);
            self.sockets.put_back(slot, connection);
            self.shard.reading_pauses(slot, turn == Turn::Paused, now);
            match turn {
                Turn::Drained | Turn::Paused => {}
                Turn::Blocked => self.blocked.push(slot),
                Turn::Unfinished => self.unfinished.push(slot),
                Turn::Gone => {
                    let ending = self.shard.gone(slot).unwrap_or_else(Ending::lost);
                    if let Some(connection) = self.sockets.remove(slot) {
                        self.bury(*connection, ending);
                    }
                }
            }
        }
        self.buffer = buffer;
    }

    fn take_reports(&mut self) {
        let now = clock::now();
        for report in self.caller.reports() {
            let Report { slot, id, .. } = report;
            if self
                .sockets
                .get_mut(slot)
                .is_some_and(|one| one.session.id() == id)
                && let Some(mut connection) = self.sockets.take(slot)
            {
                self.caller
                    .resume(&mut connection, &mut self.shard, report, now);
                if connection.may_have_more {
                    self.unfinished.push(slot);
                }
                self.sockets.put_back(slot, connection);
            } else if let Some(remains) = self.remains.remove(&id)
                && let Some(remains) = self.caller.resume_late(remains, report)
            {
                self.remains.insert(id, remains);
            }
        }
    }

    /// Lets an ended session's callbacks run, the close callback last.
    fn finish(&mut self, remains: Remains) {
        if let Some(remains) = self.caller.finish(remains) {
            self.remains.insert(remains.session.id(), remains);
        }
    }

    fn answer_the_door(&mut self) {
        for ask in self.door.take() {
            match ask {
                Ask::Open { session, opened } => self.open(session, opened),
                Ask::Attach {
                    session,
                    endpoint,
                    arrival,
                } => {
                    self.attach(session, endpoint, arrival);
                }
                Ask::Abandon(session) => self.abandon(session),
                Ask::LookAtPipe(session) => self.look_at_pipe(session),
                Ask::SayWhenWritten(done) => self.waiting_for_pass.push(done),
                Ask::Drain { over, done } => match self.shard.drain(over, LEAVING, clock::now()) {
                    Outcome::Later(ticket) => {
                        self.drains.insert(ticket, done);
                    }
                    Outcome::Done(()) | Outcome::Refused(_) => drop(done.send(())),
                },
            }
        }
    }

    /// What a session keeps is allocated by the thread that keeps it, and what a handshake needed
    /// is freed by the thread that made it. The allocator's pages would otherwise hold a mixture of
    /// both, which cannot be given back when a crowd has left.
    fn open(&mut self, new: Arc<NewSession>, opened: oneshot::Sender<Result<SessionId, Refusal>>) {
        let outcome = self
            .shard
            .open(NewSession::clone(&new), clock::now())
            .finished();
        drop(new);
        if let Err(Ok(session)) = opened.send(outcome.map(|(_, session)| session.id())) {
            // The connection was cut off while it waited for the answer.
            self.abandon(session);
        }
    }

    fn abandon(&mut self, session: SessionId) {
        if self.is_here(session) {
            self.shard.gone(session.slot());
        }
    }

    fn is_here(&self, session: SessionId) -> bool {
        self.shard
            .session(session.slot())
            .is_some_and(|one| one.id() == session)
    }

    fn attach(&mut self, id: SessionId, endpoint: Arc<EndpointRuntime>, mut arrival: Arrival) {
        let slot = id.slot();
        let Some(session) = self.shard.session(slot).filter(|one| one.id() == id) else {
            return;
        };
        let session = Session::new(Arc::clone(session), self.caller.hub().clone());
        let token = Token(slot.index());
        let registered = match &mut arrival.transport {
            Transport::Pipe(pipe) => {
                pipe.register(&self.door, id);
                Ok(())
            }
            socket => socket.register(&self.watcher, token),
        };
        if let Err(error) = registered {
            tracing::warn!(%error, "a socket could not be watched");
            self.shard.gone(slot);
            return;
        }
        let start = arrival.start.take();
        let mut connection = Connection::new(arrival, session, endpoint, &self.inflaters);
        let now = clock::now();
        self.caller
            .deliver(&mut connection, &mut self.shard, slot, Event::Opened, now);
        if let Some(start) = start {
            connection.begin(*start, slot, &mut self.shard, now);
        }
        self.sockets.insert(slot, connection);
        self.attend(slot, now);
        // What was sent to it so far has waited for the socket.
        self.shard.writable(slot);
        self.unfinished.push(slot);
    }

    fn pump(&mut self) -> Wait {
        let (now, began) = (clock::now(), Instant::now());
        let mut wait = self.shard.pump(&mut self.sockets, now);
        if self.remind(now) {
            // What they have said to that is written at once.
            wait = self.shard.pump(&mut self.sockets, now);
        }
        for done in self.waiting_for_pass.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
        let took = began.elapsed();
        pacing::pause(pacing::pause_after(
            took,
            self.shard.batched(),
            self.pause_max,
        ));
        // What the others wait for may be written without their socket ever having been full.
        self.blocked.sort_unstable();
        self.blocked.dedup();
        let free = |slot: &mut Slot| self.shard.waiting_bytes(*slot) <= UNREAD_REPLIES_BYTES_MAX;
        self.unfinished.extend(self.blocked.extract_if(.., free));
        for (slot, publications) in std::mem::take(&mut self.sockets.dropped) {
            self.tell_of_drops(slot, publications);
        }
        for (connection, ending) in std::mem::take(&mut self.sockets.ended) {
            self.bury(*connection, ending);
        }
        for ticket in std::mem::take(&mut self.sockets.settled) {
            if let Some(done) = self.drains.remove(&ticket) {
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
            }
        }
        self.lingering.expire(now);
        if self.shard.is_empty() {
            self.sockets.shrink();
            self.inflaters.shrink();
        }
        wait
    }

    /// Lets those look at what is too old who wanted to be reminded. Answers whether there were any.
    fn remind(&mut self, now: Moment) -> bool {
        let reminded = std::mem::take(&mut self.sockets.reminded);
        for slot in &reminded {
            if let Some(mut connection) = self.sockets.take(*slot) {
                connection.reminded(*slot, &mut self.shard, self.caller.hub(), now);
                self.sockets.put_back(*slot, connection);
                self.attend(*slot, now);
            }
        }
        !reminded.is_empty()
    }

    /// Tells a session's endpoint what the outbox's policy has dropped.
    fn tell_of_drops(&mut self, slot: Slot, publications: u32) {
        // One that has ended since is told with its ending.
        if let Some(mut connection) = self.sockets.take(slot) {
            let (event, now) = (Event::Dropped(publications), clock::now());
            self.caller
                .deliver(&mut connection, &mut self.shard, slot, event, now);
            self.sockets.put_back(slot, connection);
        }
    }

    /// The last things for a session that the hub has forgotten.
    fn bury(&mut self, mut connection: Connection, ending: Ending) {
        let farewell = connection.farewell(&ending);
        let must_linger = connection.must_linger();
        let Connection {
            mut transport,
            session,
            endpoint,
            mut inbound,
            ..
        } = connection;
        let is_unfinished = transport.finish();
        if let Transport::Pipe(pipe) = &transport {
            if ending.cause == Cause::SlowConsumer {
                pipe.cut();
            }
        } else if must_linger || is_unfinished || ending.cause == Cause::SlowConsumer {
            let now = clock::now();
            self.lingering
                .add(transport, &self.watcher, &mut self.buffer, now);
        }
        tracing::debug!(session = %session.id(), code = ending.code, reason = ending.reason, "closed");
        self.caller.counters().ended(&ending);
        // These wait behind what is running and waiting, if anything is.
        for last in farewell {
            inbound.wait(last);
        }
        inbound.wait(Event::Closed(ending));
        let remains = Remains {
            session,
            endpoint,
            inbound,
        };
        self.finish(remains);
    }
}
