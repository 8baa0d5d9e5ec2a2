//! One thread's share of the sessions. Synchronous: a driver calls it and says what time it is.
//!
//! Commands change state ([`open`](Shard::open), [`subscribe`](Shard::subscribe),
//! [`reply`](Shard::reply), [`close`](Shard::close), …), events report what a transport did
//! ([`writable`](Shard::writable), [`gone`](Shard::gone), [`peer_closed`](Shard::peer_closed)),
//! and [`pump`](Shard::pump) does everything that writes. Nothing is written anywhere else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use crate::destination::Destination;
use crate::hub::Shared;
use crate::log::Entry;
use crate::member::{Deadline, Member, Phase};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::outcome::{Outcome, Refusal, Ticket};
use crate::publication::{Message, Publication};
use crate::session::{NewSession, Session, SessionId, Slot};
use crate::sink::{Cause, Ending, Sink};
use crate::topics::Topics;
use crate::wheel::{TICK, Wheel};

/// How many sessions one shard may have: what fits into a session id.
pub const SESSIONS_PER_SHARD_MAX: usize = 1 << 24;

/// How long a session whose close has begun may take to end, from our close frame to the peer's.
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a draining shard wants to be pumped.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// What a driver does until something else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing is due: wait for an event.
    Event,
    /// Pump again after at most this long.
    AtMost(Duration),
}

/// A frame for one session that waits for the next pump.
struct Outgoing {
    session: SessionId,
    frame: Frame,
    /// Whether it is the close frame.
    is_last: bool,
}

/// The paced closing of all sessions.
struct Drain {
    /// One for each time that it was asked for.
    tickets: Vec<Ticket>,
    began: Moment,
    over: Duration,
    sessions: usize,
    closed: usize,
    /// The next slot to look at.
    cursor: usize,
    reason: Box<str>,
}

/// One thread's share of the sessions.
pub struct Shard {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) members: Slab<Member>,
    pub(crate) topics: Topics,
    pub(crate) wheel: Wheel<Deadline>,
    /// Replies and close frames, in the order in which they were asked for.
    outgoing: Vec<Outgoing>,
    /// Sessions whose transport takes bytes again.
    writable: Vec<SessionId>,
    /// Sessions whose peer has finished its closing handshake.
    finished: Vec<SessionId>,
    fetched: VecDeque<Entry>,
    drain: Option<Drain>,
}

impl Shard {
    pub(crate) fn new(index: usize, shared: Arc<Shared>) -> Self {
        Self {
            index,
            shared,
            members: Slab::new(),
            topics: Topics::default(),
            wheel: Wheel::new(),
            outgoing: Vec::new(),
            writable: Vec::new(),
            finished: Vec::new(),
            fetched: VecDeque::new(),
            drain: None,
        }
    }

    // Getters

    /// Which of the hub's shards this is, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many sessions this shard has, closing ones included.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether this shard has no sessions.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The session in a slot.
    pub fn session(&self, slot: Slot) -> Option<&Arc<Session>> {
        self.members.get(slot.index()).map(|member| &member.session)
    }

    /// Bytes that wait in a session's outbox, overhead included.
    pub fn outbox_bytes(&self, slot: Slot) -> usize {
        self.members
            .get(slot.index())
            .and_then(|member| member.outbox.as_ref())
            .map_or(0, |outbox| outbox.cost())
    }

    /// Whether anything came in from other threads since the last pump.
    pub fn has_inbox(&self) -> bool {
        self.shared.log.waiting(self.index) > 0
    }

    // Commands

    /// Opens a session: it joins its endpoint's implicit destination, and its user's.
    pub fn open(&mut self, new: NewSession) -> Outcome<(Slot, Arc<Session>)> {
        if self.shared.log.is_leaving() {
            return Outcome::Refused(Refusal::Leaving);
        }
        if self.members.len() >= SESSIONS_PER_SHARD_MAX {
            return Outcome::Refused(Refusal::Full);
        }
        let mut random = [0; 12];
        if getrandom::fill(&mut random).is_err() {
            return Outcome::Refused(Refusal::NoEntropy);
        }
        let (format, policy) = (new.format, new.outbox);
        let user = new.principal.clone().map(Destination::User);
        let endpoint = new.endpoint.clone();
        let vacant = self.members.vacant_entry();
        let Ok(index) = u32::try_from(vacant.key()) else {
            return Outcome::Refused(Refusal::Full);
        };
        let slot = Slot(index);
        // Shard numbers are below SHARDS_MAX, so they fit.
        let id = SessionId::new(random, self.index as u8, slot);
        let session = Arc::new(Session::new(id, new));
        vacant.insert(Member::new(Arc::clone(&session), format, policy));
        self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        self.shared.sessions_opened.fetch_add(1, Ordering::Relaxed);
        for destination in [Some(endpoint), user].into_iter().flatten() {
            self.topics.join(
                &self.shared.log,
                self.index,
                &mut self.members,
                slot,
                destination,
                "",
            );
        }
        Outcome::Done((slot, session))
    }

    /// Subscribes a session. Publications that are accepted from now on reach it; `label` is
    /// handed to [`Format::prefix`](crate::Format::prefix). The outcome carries the position that
    /// the subscription joined at.
    pub fn subscribe(&mut self, slot: Slot, destination: Destination, label: &str) -> Outcome<u64> {
        let Some(member) = self
            .members
            .get(slot.index())
            .filter(|member| member.is_open())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        if self.topics.is_subscribed(member, &destination) {
            return Outcome::Refused(Refusal::AlreadySubscribed);
        }
        let (log, members) = (&self.shared.log, &mut self.members);
        Outcome::Done(
            self.topics
                .join(log, self.index, members, slot, destination, label),
        )
    }

    /// Ends a subscription. What is in the outbox already is still delivered.
    pub fn unsubscribe(&mut self, slot: Slot, destination: &Destination) -> Outcome<()> {
        let (log, members) = (&self.shared.log, &mut self.members);
        if self
            .topics
            .leave(log, self.index, members, slot, destination)
        {
            Outcome::Done(())
        } else {
            Outcome::Refused(Refusal::NotSubscribed)
        }
    }

    /// Sends encoded bytes to one session at the next pump, after whatever was asked for before.
    pub fn reply(&mut self, slot: Slot, frame: Bytes) -> Outcome<()> {
        match self.members.get(slot.index()) {
            Some(member) if member.is_open() => {
                let session = member.session.id();
                self.outgoing.push(Outgoing::reply(session, frame));
                Outcome::Done(())
            }
            _ => Outcome::Refused(Refusal::NoSession),
        }
    }

    /// Answers a session with a message that keeps its place among those that other threads or
    /// handlers have sent to it before.
    pub fn answer(&mut self, slot: Slot, message: Message) -> Outcome<()> {
        let Some(member) = self
            .members
            .get(slot.index())
            .filter(|member| member.is_open())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        let formats = self.shared.formats.len();
        if self.has_inbox() {
            return match self.shared.log.send(&member.session, message, formats) {
                Ok(_) => Outcome::Done(()),
                Err(refusal) => Outcome::Refused(refusal),
            };
        }
        let bytes = self
            .shared
            .formats
            .get(member.format)
            .encode_content(&message.content);
        let session = member.session.id();
        self.outgoing.push(Outgoing::reply(session, bytes));
        Outcome::Done(())
    }

    /// Begins to close a session: what waits is still delivered, then the close frame. The
    /// session ends when the peer has answered ([`peer_closed`](Self::peer_closed)), at the
    /// latest after [`CLOSING_TIMEOUT`].
    pub fn close(&mut self, slot: Slot, ending: Ending, now: Moment) -> Outcome<()> {
        self.begin_close(slot, ending, None, now)
    }

    /// Answers a close that the peer has begun: `frame` is the last that it gets, then the
    /// session ends.
    pub fn close_answered(
        &mut self,
        slot: Slot,
        ending: Ending,
        frame: Bytes,
        now: Moment,
    ) -> Outcome<()> {
        let outcome = self.begin_close(slot, ending, Some(frame), now);
        self.peer_closed(slot);
        outcome
    }

    fn begin_close(
        &mut self,
        slot: Slot,
        ending: Ending,
        frame: Option<Bytes>,
        now: Moment,
    ) -> Outcome<()> {
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.is_open())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        member.session.begin_close();
        let (code, discard) = (ending.code, ending.cause == Cause::SlowConsumer);
        let frame = frame.or_else(|| {
            self.shared
                .formats
                .get(member.format)
                .close(code, &ending.reason)
        });
        if discard && let Some(outbox) = &mut member.outbox {
            outbox.discard_unstarted();
        }
        let id = member.session.id();
        member.phase = Phase::Closing {
            ending: Box::new(ending),
            peer_is_done: false,
            is_last_handed_over: false,
        };
        self.topics
            .leave_all(&self.shared.log, self.index, &mut self.members, slot);
        self.outgoing.push(Outgoing {
            session: id,
            frame: Frame::reply(frame.unwrap_or_default()),
            is_last: true,
        });
        self.wheel
            .arm(now.plus(CLOSING_TIMEOUT), Deadline::Closing(slot, id));
        Outcome::Done(())
    }

    /// Closes all sessions with 1001, evenly spread over `over`. The ticket is settled when the
    /// last session has ended. Asked again meanwhile, it spreads those that are left over the
    /// new time, and each ask has its own ticket.
    pub fn drain(&mut self, over: Duration, reason: &str, now: Moment) -> Outcome<()> {
        self.shared.log.leave_node();
        let ticket = Ticket(self.shared.tickets.fetch_add(1, Ordering::Relaxed));
        let under_way = self.drain.take();
        let mut tickets = under_way.map_or_else(Vec::new, |drain| drain.tickets);
        tickets.push(ticket);
        self.drain = Some(Drain {
            tickets,
            began: now,
            over,
            sessions: self
                .members
                .iter()
                .filter(|(_, member)| member.is_open())
                .count(),
            closed: 0,
            cursor: 0,
            reason: reason.into(),
        });
        Outcome::Later(ticket)
    }

    // Events

    /// The transport takes bytes again.
    pub fn writable(&mut self, slot: Slot) {
        if let Some(member) = self.members.get(slot.index())
            && member.outbox.is_some()
        {
            self.writable.push(member.session.id());
        }
    }

    /// The peer has finished its side of the closing handshake.
    pub fn peer_closed(&mut self, slot: Slot) {
        if let Some(member) = self.members.get_mut(slot.index())
            && let Phase::Closing { peer_is_done, .. } = &mut member.phase
        {
            *peer_is_done = true;
            self.finished.push(member.session.id());
        }
    }

    /// The transport has ended; the slot may be used again. [`Sink::end`] is not called for it.
    /// Answers how the session ended where a close was under way.
    pub fn gone(&mut self, slot: Slot) -> Option<Ending> {
        let member = self.remove(slot)?;
        match member.phase {
            Phase::Closing { ending, .. } => Some(*ending),
            Phase::Open => None,
        }
    }

    // Output

    /// Writes everything that can be written: what waits for transports that take bytes again,
    /// replies, one pass of fan-out over the inbox; then looks at deadlines.
    pub fn pump(&mut self, sink: &mut impl Sink, now: Moment) -> Wait {
        // What waits comes first: it makes room for what is to wait behind it.
        self.write_waiting(sink);
        self.write_outgoing(sink, now);
        self.pass(sink, now);
        self.check_deadlines(sink, now);
        self.step_drain(sink, now);
        // Closes that this pump itself began.
        self.write_outgoing(sink, now);
        if self.drain.is_some() {
            Wait::AtMost(DRAIN_STEP)
        } else if self.wheel.is_empty() {
            Wait::Event
        } else {
            Wait::AtMost(TICK)
        }
    }

    fn write_outgoing(&mut self, sink: &mut impl Sink, now: Moment) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        let mut rest = outgoing.as_slice();
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take_while(|one| one.session == first.session)
                .count();
            let (group, after) = rest.split_at(same);
            rest = after;
            self.write_replies(first.session, group, sink, now);
        }
        outgoing.clear();
        if outgoing.capacity() <= 1_024 && self.outgoing.is_empty() {
            self.outgoing = outgoing;
        }
    }

    fn write_replies(
        &mut self,
        session: SessionId,
        group: &[Outgoing],
        sink: &mut impl Sink,
        now: Moment,
    ) {
        let slot = session.slot();
        let Some(member) = self.members.get_mut(slot.index()) else {
            return;
        };
        // The slot may have been used again since.
        if member.session.id() != session {
            return;
        }
        let is_cut_off = member.is_cut_off();
        let frames = group
            .iter()
            .filter(|one| one.is_last || !is_cut_off)
            .map(|one| &one.frame);
        let casualty = member.write_frames(slot, frames, sink, now, &mut self.wheel);
        if let Phase::Closing {
            is_last_handed_over,
            ..
        } = &mut member.phase
        {
            *is_last_handed_over |= group.iter().any(|one| one.is_last);
        }
        self.after_write(slot, casualty, sink, now);
    }

    /// Does what a write has shown to be necessary, also when it has completed a close.
    pub(crate) fn after_write(
        &mut self,
        slot: Slot,
        casualty: Option<Ending>,
        sink: &mut impl Sink,
        now: Moment,
    ) {
        match casualty {
            Some(ending) if ending.cause == Cause::SlowConsumer => {
                // Refused only where a close is under way already, which is as good.
                let _ = self.close(slot, ending, now);
            }
            Some(ending) => self.end(slot, Some(ending), sink),
            None => {
                if self.members.get(slot.index()).is_some_and(Member::is_done) {
                    self.end(slot, None, sink);
                }
            }
        }
    }

    fn write_waiting(&mut self, sink: &mut impl Sink) {
        let mut writable = std::mem::take(&mut self.writable);
        // Twice writable is still one write: the first finds out how much there is room for.
        writable.sort_by_key(|session| session.slot());
        writable.dedup();
        for session in writable {
            let slot = session.slot();
            let Some(member) = self.members.get_mut(slot.index()) else {
                continue;
            };
            // The slot may have been used again since.
            if member.session.id() != session {
                continue;
            }
            if !member.write_outbox(slot, sink) {
                self.end(slot, Some(Ending::lost()), sink);
            } else if member.is_done() {
                self.end(slot, None, sink);
            }
        }
        for session in std::mem::take(&mut self.finished) {
            let member = self.members.get(session.slot().index());
            if member.is_some_and(|member| member.session.id() == session && member.is_done()) {
                self.end(session.slot(), None, sink);
            }
        }
    }

    fn pass(&mut self, sink: &mut impl Sink, now: Moment) {
        let mut entries = std::mem::take(&mut self.fetched);
        self.shared.log.fetch(self.index, &mut entries);
        let mut run: Vec<Arc<Publication>> = Vec::new();
        let mut limit = crate::batch::RunLimit::default();
        for entry in entries.drain(..) {
            if let Entry::Fanout(publication) = &entry {
                let same = run
                    .last()
                    .is_none_or(|one| one.destination() == publication.destination());
                if !same || !limit.admits(publication) {
                    self.fan_out(&run, None, sink, now);
                    run.clear();
                    limit = crate::batch::RunLimit::default();
                    limit.admits(publication);
                }
                run.push(Arc::clone(publication));
                continue;
            }
            self.fan_out(&run, None, sink, now);
            run.clear();
            limit = crate::batch::RunLimit::default();
            match entry {
                Entry::Fanout(_) => {}
                Entry::Picked(publication, predicate) => {
                    self.fan_out(&[publication], Some(&predicate), sink, now);
                }
                Entry::Direct(id, publication) => self.deliver_direct(id, &publication, sink, now),
                Entry::Close {
                    session,
                    code,
                    reason,
                } => {
                    if self
                        .session(session.slot())
                        .is_some_and(|one| one.id() == session)
                    {
                        let reason = reason.into_string();
                        let ending = Ending {
                            code,
                            reason,
                            cause: Cause::Application,
                        };
                        // Refused only where a close is under way already, which is as good.
                        let _ = self.close(session.slot(), ending, now);
                    }
                }
            }
        }
        self.fan_out(&run, None, sink, now);
        if entries.capacity() <= 4_096 {
            self.fetched = entries;
        }
    }

    fn deliver_direct(
        &mut self,
        id: SessionId,
        publication: &Arc<Publication>,
        sink: &mut impl Sink,
        now: Moment,
    ) {
        let slot = id.slot();
        let Some(member) = self.members.get_mut(slot.index()) else {
            return;
        };
        if member.session.id() != id || !member.is_open() {
            return;
        }
        let body = publication.encoded(&self.shared.formats, member.format);
        let frame = Frame {
            droppable: true,
            key: publication.key().cloned(),
            ..Frame::reply(body)
        };
        let casualty = member.write_frames(slot, [&frame], sink, now, &mut self.wheel);
        self.after_write(slot, casualty, sink, now);
    }

    fn check_deadlines(&mut self, sink: &mut impl Sink, now: Moment) {
        let mut fired = Vec::new();
        self.wheel.turn(now, &mut fired);
        for deadline in fired {
            let (Deadline::Age(slot, id) | Deadline::Closing(slot, id)) = deadline;
            let Some(member) = self.members.get_mut(slot.index()) else {
                continue;
            };
            if member.session.id() != id {
                continue;
            }
            match deadline {
                Deadline::Closing(..) => self.end(slot, None, sink),
                Deadline::Age(..) => {
                    if let Some(ending) = member.check_age(slot, now, &mut self.wheel) {
                        // Refused only where a close is under way already, which is as good.
                        let _ = self.close(slot, ending, now);
                    }
                }
            }
        }
    }

    fn step_drain(&mut self, sink: &mut impl Sink, now: Moment) {
        let Some(mut drain) = self.drain.take() else {
            return;
        };
        let share = if drain.over.is_zero() {
            1.0
        } else {
            (now.since(drain.began).as_secs_f64() / drain.over.as_secs_f64()).min(1.0)
        };
        let goal = (drain.sessions as f64 * share).ceil() as usize;
        while drain.closed < goal && drain.cursor < self.members.capacity() {
            let slot = Slot(drain.cursor as u32);
            drain.cursor += 1;
            let ending = Ending {
                code: 1001,
                reason: drain.reason.to_string(),
                cause: Cause::Leaving,
            };
            if let Outcome::Done(()) = self.close(slot, ending, now) {
                drain.closed += 1;
            }
        }
        if self.members.is_empty() {
            for ticket in drain.tickets {
                sink.settled(ticket);
            }
        } else {
            self.drain = Some(drain);
        }
    }

    /// Forgets a session and tells the driver.
    pub(crate) fn end(&mut self, slot: Slot, how: Option<Ending>, sink: &mut impl Sink) {
        let Some(member) = self.remove(slot) else {
            return;
        };
        let ending = match (member.phase, how) {
            (Phase::Closing { ending, .. }, _) => *ending,
            (Phase::Open, how) => how.unwrap_or_else(Ending::lost),
        };
        sink.end(slot, ending);
    }

    fn remove(&mut self, slot: Slot) -> Option<Member> {
        self.topics
            .leave_all(&self.shared.log, self.index, &mut self.members, slot);
        let member = self.members.try_remove(slot.index())?;
        member.session.begin_close();
        self.shared.sessions.fetch_sub(1, Ordering::Relaxed);
        if self.members.is_empty() {
            // A table that once held a crowd gives its memory back.
            self.members = Slab::new();
            self.fetched = VecDeque::new();
            self.outgoing = Vec::new();
            self.shared.log.shrink(self.index);
            self.topics.shrink();
        }
        Some(member)
    }
}

impl Outgoing {
    fn reply(session: SessionId, frame: Bytes) -> Self {
        Self {
            session,
            frame: Frame::reply(frame),
            is_last: false,
        }
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("index", &self.index)
            .field("sessions", &self.len())
            .finish()
    }
}
