//! One thread's share of the sessions. Synchronous: a driver calls it and says what time it is.
//!
//! Commands change state ([`open`](Shard::open), [`subscribe`](Shard::subscribe),
//! [`reply`](Shard::reply), [`close`](Shard::close), …), events report what a transport did
//! ([`writable`](Shard::writable), [`gone`](Shard::gone), [`peer_closed`](Shard::peer_closed)),
//! and [`pump`](Shard::pump) does everything that writes. Nothing is written anywhere else.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use crate::destination::Destination;
use crate::format::{Format, FormatId};
use crate::hub::Shared;
use crate::inbox::Entry;
use crate::member::{Deadline, Member, Phase};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::outcome::{Outcome, Refusal, Ticket};
use crate::prefixed::Frames;
use crate::publication::Message;
use crate::queues::Consumers;
use crate::replay::Replays;
use crate::session::{NewSession, Session, SessionId, Slot};
use crate::sink::Ending;
use crate::topics::{Topics, Wanted};
use crate::watch::{Timeouts, Watch};
use crate::wheel::Wheel;

/// How many sessions one shard may have: what fits into a session id.
pub const SESSIONS_PER_SHARD_MAX: usize = 1 << 24;

/// How long a session whose close has begun may take to end, from our close frame to the peer's.
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// What a driver does until something else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing is due: wait for an event.
    Event,
    /// Pump again after at most this long.
    AtMost(Duration),
}

/// A frame for one session that waits for the next pump.
pub(crate) struct Outgoing {
    pub(crate) session: SessionId,
    pub(crate) frame: Frame,
    /// Whether it is the close frame.
    pub(crate) is_last: bool,
    /// Whether it is a message, and not a sign of life or the like.
    pub(crate) is_message: bool,
}

/// The paced closing of all sessions.
pub(crate) struct Drain {
    /// One for each time that it was asked for.
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) began: Moment,
    pub(crate) over: Duration,
    pub(crate) sessions: usize,
    pub(crate) closed: usize,
    /// The next slot to look at.
    pub(crate) cursor: usize,
    pub(crate) reason: Box<str>,
}

/// A close that the peer has begun, to be answered after what was accepted before it.
pub(crate) struct Answered {
    pub(crate) session: SessionId,
    pub(crate) ending: Ending,
    pub(crate) frame: Bytes,
}

/// One thread's share of the sessions.
pub struct Shard {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) members: Slab<Member>,
    pub(crate) topics: Topics,
    pub(crate) wheel: Wheel<Deadline>,
    /// Replies and close frames, in the order in which they were asked for.
    pub(crate) outgoing: Vec<Outgoing>,
    /// What new subscriptions are sent first.
    pub(crate) replays: Replays,
    /// How often it was pumped.
    pub(crate) pumps: u32,
    /// The length of the longest run of the last pass.
    pub(crate) batched: usize,
    /// Closes of peers that wait for the inbox.
    pub(crate) answered: Vec<Answered>,
    /// Sessions whose transport takes bytes again.
    pub(crate) writable: Vec<SessionId>,
    /// Sessions whose peer has finished its closing handshake.
    pub(crate) finished: Vec<SessionId>,
    pub(crate) fetched: VecDeque<Entry>,
    pub(crate) frames: Frames,
    /// The hub's formats, as far as they were needed.
    pub(crate) formats: Vec<Arc<dyn Format>>,
    /// Where frames are put together that are written at once.
    pub(crate) scratch: Vec<u8>,
    pub(crate) drain: Option<Drain>,
    /// When histories are looked at next for what has become too old, and whether there is any
    /// that ages.
    pub(crate) aging_due: Moment,
    pub(crate) is_aging: bool,
    /// Its sessions' consumers.
    pub(crate) consumers: Consumers,
    /// When it was pumped last.
    pub(crate) pumped: Moment,
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
            replays: Replays::default(),
            pumps: 0,
            batched: 0,
            answered: Vec::new(),
            writable: Vec::new(),
            finished: Vec::new(),
            fetched: VecDeque::new(),
            frames: Frames::default(),
            formats: Vec::new(),
            scratch: Vec::new(),
            drain: None,
            aging_due: Moment::default(),
            is_aging: false,
            consumers: Consumers::default(),
            pumped: Moment::default(),
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

    /// Bytes that wait to be written to a session: those in its outbox, overhead included, the
    /// replies, answers and replays that the next [`pump`](Self::pump) will write, and what then is
    /// left of its replays beyond [`REPLAY_BYTES_MAX`](crate::REPLAY_BYTES_MAX).
    pub fn waiting_bytes(&self, slot: Slot) -> usize {
        self.members.get(slot.index()).map_or(0, |member| {
            member.waiting_bytes(self.pumps) + self.replays.excess(slot)
        })
    }

    /// How many publications the last [`pump`](Self::pump) wrote together at most: 0 when it had
    /// none to write.
    pub fn batched(&self) -> usize {
        self.batched
    }

    /// Whether anything came in from other threads since the last pump.
    pub fn has_inbox(&self) -> bool {
        self.shared.log.waiting(self.index) > 0
    }

    // Commands

    /// Opens a session: it joins its endpoint's implicit destination, and its user's.
    pub fn open(&mut self, new: NewSession, now: Moment) -> Outcome<(Slot, Arc<Session>)> {
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
        let watch = Watch::new(new.timeouts, now);
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
        vacant.insert(Member::new(Arc::clone(&session), format, policy, watch));
        self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        self.shared.sessions_opened.fetch_add(1, Ordering::Relaxed);
        for destination in [Some(endpoint), user].into_iter().flatten() {
            let (log, wanted) = (&self.shared.log, Wanted::all(destination, ""));
            // These are no patterns, so there is room for them.
            let _ = self
                .topics
                .join(log, self.index, &mut self.members, slot, wanted);
        }
        self.arm_watch(slot);
        if let Some(frame) = self.shared.formats.get(format).opening() {
            self.outgoing.push(Outgoing::reply(id, frame));
        }
        Outcome::Done((slot, session))
    }

    /// Subscribes a session. What the destination has [kept](crate::Hub::retain) is sent to it by
    /// the next pump, and publications that are accepted from now on reach it; `label` is
    /// handed to [`Format::prefix`](crate::Format::prefix). A session may subscribe to a destination
    /// several times, under different labels. The outcome carries the position that the subscription
    /// joined at.
    pub fn subscribe(&mut self, slot: Slot, destination: Destination, label: &str) -> Outcome<u64> {
        self.subscribe_to(slot, Wanted::all(destination, label))
    }

    pub(crate) fn subscribe_to(&mut self, slot: Slot, wanted: Wanted) -> Outcome<u64> {
        let Some(member) = self
            .members
            .get(slot.index())
            .filter(|member| member.takes_commands())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        let (destination, label) = (wanted.destination.clone(), wanted.label.clone());
        if self.topics.is_subscribed(member, &destination, &label) {
            return Outcome::Refused(Refusal::AlreadySubscribed);
        }
        let (log, members) = (&self.shared.log, &mut self.members);
        match self.topics.join(log, self.index, members, slot, wanted) {
            Ok(joined) => {
                let position = joined.position;
                self.replay(slot, vec![destination], label, joined);
                Outcome::Done(position)
            }
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Lets everything from now on reach a session in another format, once it is known what its
    /// client speaks.
    pub fn set_format(&mut self, slot: Slot, format: FormatId) {
        if let Some(member) = self.members.get_mut(slot.index()) {
            member.format = format;
        }
    }

    /// Changes what a session may leave undone, and for how long.
    pub fn change_timeouts(
        &mut self,
        slot: Slot,
        change: impl FnOnce(Timeouts) -> Timeouts,
        now: Moment,
    ) {
        if let Some(member) = self.members.get_mut(slot.index()) {
            member.change_timeouts(change, now);
            self.arm_watch(slot);
        }
    }

    /// Whether a session has subscribed to anything under this label, or consumes.
    pub fn has_label(&self, slot: Slot, label: &str) -> bool {
        let member = self.members.get(slot.index());
        member.is_some_and(|member| member.subscriptions.iter().any(|one| *one.label == *label))
            || self.consumers.labelled(slot, label).is_some()
    }

    /// Under how many labels a session has subscribed or consumes, without the empty one.
    pub fn labels(&self, slot: Slot) -> usize {
        let member = self.members.get(slot.index());
        let all = member.map_or(&[][..], |member| &member.subscriptions);
        let labels = all.iter().map(|one| &*one.label);
        let consumers = self.consumers.of(slot).map(|(_, local)| &*local.label);
        labels
            .chain(consumers)
            .filter(|label| !label.is_empty())
            .collect::<HashSet<_>>()
            .len()
    }

    /// Ends everything that a session has subscribed to under this label, or consumes. What is in the outbox
    /// already is still delivered.
    pub fn unsubscribe_label(&mut self, slot: Slot, label: &str) -> Outcome<()> {
        let (log, members) = (&self.shared.log, &mut self.members);
        if self
            .topics
            .leave_label(log, self.index, members, slot, label)
        {
            self.stop_replays(slot);
            Outcome::Done(())
        } else {
            self.stop_consuming(slot, label)
        }
    }

    /// Ends a subscription. What is in the outbox already is still delivered.
    pub fn unsubscribe(&mut self, slot: Slot, destination: &Destination) -> Outcome<()> {
        let (log, members) = (&self.shared.log, &mut self.members);
        if self
            .topics
            .leave(log, self.index, members, slot, destination)
        {
            self.stop_replays(slot);
            Outcome::Done(())
        } else {
            Outcome::Refused(Refusal::NotSubscribed)
        }
    }

    /// Sends encoded bytes to one session at the next pump, after whatever was asked for before.
    pub fn reply(&mut self, slot: Slot, frame: Bytes) -> Outcome<()> {
        match self.members.get_mut(slot.index()) {
            Some(member) if member.takes_commands() => {
                member.ask_for(frame.len(), self.pumps);
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
        let has_inbox = self.has_inbox();
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.takes_commands())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        member.ask_for(message.content.bytes().len(), self.pumps);
        if has_inbox {
            let formats = self.shared.formats.len();
            return match self.shared.log.send(&member.session, message, formats) {
                Ok(_) => Outcome::Done(()),
                Err(refusal) => Outcome::Refused(refusal),
            };
        }
        let formats = &self.shared.formats;
        let format = formats.cached(&mut self.formats, member.format);
        let bytes = format.encode_content(&message.content);
        let session = member.session.id();
        self.outgoing.push(Outgoing {
            is_message: message.content.is_message(),
            ..Outgoing::reply(session, bytes)
        });
        Outcome::Done(())
    }

    // Events

    /// Bytes have come from a session; `is_message` if a message was among them, and not only
    /// pings, pongs or the beginning of something.
    pub fn received(&mut self, slot: Slot, is_message: bool, now: Moment) {
        if let Some(member) = self.members.get_mut(slot.index())
            && let Some(watch) = &mut member.watch
        {
            watch.received(is_message, now);
        }
    }

    /// Says whether reading from a session has paused for a reason of ours, such as handlers that are
    /// behind: its signs of life are then not missed.
    pub fn reading_pauses(&mut self, slot: Slot, has_paused: bool, now: Moment) {
        if let Some(member) = self.members.get_mut(slot.index())
            && let Some(watch) = &mut member.watch
        {
            watch.pauses(has_paused, now);
        }
    }

    /// Lets the wheel remind of what a session has to do next.
    pub(crate) fn arm_watch(&mut self, slot: Slot) {
        if let Some(member) = self.members.get_mut(slot.index())
            && let Some(due) = member.watch.as_mut().and_then(|watch| watch.arm_for())
        {
            self.wheel.arm(due, Deadline::Watch(member.key(slot)));
        }
    }

    /// The transport takes bytes again.
    pub fn writable(&mut self, slot: Slot) {
        if let Some(member) = self.members.get(slot.index())
            && member.outbox.is_some()
        {
            self.writable.push(member.session.id());
        }
    }

    /// The transport has ended; the slot may be used again. [`Sink::end`](crate::Sink::end) is not called for it.
    /// Answers how the session ended where a close was under way.
    pub fn gone(&mut self, slot: Slot) -> Option<Ending> {
        let member = self.remove(slot)?;
        match member.phase {
            Phase::Closing { ending, .. } => Some(*ending),
            Phase::Open => None,
        }
    }
}

impl Outgoing {
    pub(crate) fn reply(session: SessionId, frame: Bytes) -> Self {
        Self {
            session,
            frame: Frame::reply(frame),
            is_last: false,
            is_message: false,
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
