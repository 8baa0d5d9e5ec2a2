//! What new subscriptions are sent first: what their destinations have kept.
//!
//! A replay waits for the next pump, behind the replies that were asked for before it and before
//! everything that is published to its subscription. It is written only while less than half of
//! what the session's outbox may hold waits there, so that nobody is slow for having come back; the
//! rest waits here, as references. Meanwhile its subscription is `REPLAYING`: the fan-out passes
//! it by, and what it is to get waits behind the replay, in an outbox under the session's policy.
//! Once all is written the session's subscriptions go live together, at what they have joined at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::destination::Destination;
use crate::fanout::{frames_for, shared_frame};
use crate::format::Formats;
use crate::history::REPLAY_BYTES_MAX;
use crate::log::Joined;
use crate::member::Member;
use crate::moment::Moment;
use crate::outbox::{FRAME_OVERHEAD_BYTES, Frame, Origin, Outbox, Queued};
use crate::publication::Publication;
use crate::session::{SessionId, Slot};
use crate::shard::Shard;
use crate::sink::{Ending, Sink};
use crate::topics::{Subscriber, Topics};

/// How much of a session's replays one pump writes, so that others get their turn.
const SESSION_BYTES_PER_PUMP: usize = 256 << 10;

/// How much of all replays one pump writes.
const BYTES_PER_PUMP: usize = 4 << 20;

/// How many frames are written together.
const FRAMES_AT_ONCE: usize = 32;

/// What one subscription is to be sent before it is live.
struct Replay {
    label: Box<str>,
    destinations: Vec<Destination>,
    /// Live publications after this position are for it, and do not wait behind it yet.
    newest: u64,
    publications: VecDeque<Arc<Publication>>,
}

/// What waits for one session.
struct Waiting {
    session: SessionId,
    /// In the order in which they were asked for; those that are written stay until all are.
    replays: Vec<Replay>,
    /// What is published to these subscriptions.
    behind: Outbox,
    /// Of all replays, each publication with what its frame counts for.
    bytes: usize,
    /// Whether its turn comes with the next pump.
    is_ready: bool,
}

impl Waiting {
    /// The replay that is written next.
    fn first_unwritten(&mut self) -> Option<&mut Replay> {
        let mut replays = self.replays.iter_mut();
        replays.find(|one| !one.publications.is_empty())
    }

    /// What is not written yet: none once this is nothing.
    fn left(&self) -> usize {
        self.bytes + self.behind.cost()
    }

    fn count_bytes(&mut self) {
        let publications = self.replays.iter().flat_map(|one| &one.publications);
        self.bytes = publications.map(|one| cost(one)).sum();
    }
}

/// What waits for all sessions of a shard.
#[derive(Default)]
pub(crate) struct Replays {
    by_slot: BTreeMap<Slot, Waiting>,
    /// Whose turn comes with the next pump.
    ready: VecDeque<Slot>,
}

impl Replays {
    /// How many bytes wait for a session.
    pub(crate) fn bytes(&self, slot: Slot) -> usize {
        match self.by_slot.is_empty() {
            true => 0,
            false => self.by_slot.get(&slot).map_or(0, |waiting| waiting.bytes),
        }
    }

    /// How many bytes wait for a session beyond those that it may ask for while they do: only what
    /// is retained can be more.
    pub(crate) fn excess(&self, slot: Slot) -> usize {
        self.bytes(slot).saturating_sub(REPLAY_BYTES_MAX)
    }

    /// Lets a session have its turn, since there may be room for more.
    pub(crate) fn may_go_on(&mut self, slot: Slot) {
        if let Some(waiting) = self.by_slot.get_mut(&slot)
            && !waiting.is_ready
        {
            waiting.is_ready = true;
            self.ready.push_back(slot);
        }
    }

    /// Whether there is more to write at once.
    pub(crate) fn can_go_on(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Forgets all that waits for a session.
    pub(crate) fn forget(&mut self, slot: Slot) {
        if self.by_slot.remove(&slot).is_some_and(|gone| gone.is_ready) {
            self.ready.retain(|one| *one != slot);
        }
    }

    fn add(&mut self, session: SessionId, replay: Replay) {
        let slot = session.slot();
        let waiting = self.by_slot.entry(slot).or_insert_with(|| Waiting {
            session,
            replays: Vec::new(),
            behind: Outbox::new(),
            bytes: 0,
            is_ready: false,
        });
        waiting.replays.push(replay);
        waiting.count_bytes();
        self.may_go_on(slot);
    }
}

fn cost(publication: &Publication) -> usize {
    publication.bytes() + FRAME_OVERHEAD_BYTES
}

impl Shard {
    /// Lets what was kept wait for a subscription that a session has just made, which then is
    /// `REPLAYING`.
    pub(crate) fn replay(
        &mut self,
        slot: Slot,
        destinations: Vec<Destination>,
        label: Box<str>,
        joined: Joined,
    ) {
        if joined.replay.is_empty() {
            return;
        }
        let Some(member) = self.members.get_mut(slot.index()) else {
            return;
        };
        // Whoever asks for much is read from again when the next pump has begun with it.
        member.ask_for(
            joined.replay.iter().map(|one| one.bytes()).sum(),
            self.pumps,
        );
        let replay = Replay {
            label,
            destinations,
            newest: joined.position,
            publications: joined.replay.into(),
        };
        self.replays.add(member.session.id(), replay);
    }

    /// Forgets what waits for subscriptions that a session has ended.
    pub(crate) fn stop_replays(&mut self, slot: Slot) {
        let (Some(waiting), Some(member)) = (
            self.replays.by_slot.get_mut(&slot),
            self.members.get(slot.index()),
        ) else {
            return;
        };
        let topics = &self.topics;
        let is_there = |destination: &Destination, label: &str| {
            topics.is_subscribed(member, destination, label)
        };
        let mut ended = Vec::new();
        waiting.replays.retain_mut(|one| {
            one.destinations.retain(|to| is_there(to, &one.label));
            if one.destinations.is_empty() {
                ended.push(one.label.clone());
            }
            !one.destinations.is_empty()
        });
        ended.retain(|label| waiting.replays.iter().all(|one| one.label != *label));
        for label in ended {
            waiting.behind.forget(&label);
        }
        waiting.count_bytes();
        // It may have been all that there was.
        self.replays.may_go_on(slot);
    }

    /// Lets a run of publications wait behind the replays of one session's subscriptions. Answers
    /// how the session must end, if it must.
    pub(crate) fn queue_behind_replay(
        &mut self,
        run: &[Arc<Publication>],
        subscribers: &[Subscriber],
        sink: &mut impl Sink,
        now: Moment,
    ) -> Option<(Slot, Ending)> {
        let slot = subscribers.first()?.slot;
        let waiting = self.replays.by_slot.get_mut(&slot)?;
        let member = self.members.get_mut(slot.index())?;
        let formats = &self.shared.formats;
        let format = formats.get(member.format);
        for publication in run {
            for subscriber in subscribers {
                let Some(subscription) = member.subscriptions.get(subscriber.subscription as usize)
                else {
                    continue;
                };
                let destination = self.topics.destination(subscription);
                let label = &subscription.label;
                let mut replays = waiting.replays.iter_mut();
                let replay = replays.find(|one| {
                    one.label == *label && one.destinations.iter().any(|to| Some(to) == destination)
                });
                let position = publication.id().position;
                let Some(replay) = replay.filter(|one| one.newest < position) else {
                    continue;
                };
                replay.newest = position;
                let Some(picked) = subscription.pick(publication) else {
                    continue;
                };
                let origin = format
                    .tells_gaps()
                    .then(|| Arc::new(Origin::new(&format, label, &picked)));
                let frame = shared_frame(&picked, formats, member);
                let frame = frame.begun(&picked, &*format, label, origin);
                match waiting.behind.push(frame, &member.policy, now) {
                    Queued::Yes => {}
                    Queued::Dropped(publications) => {
                        member.session.has_lost(publications);
                        sink.dropped(slot, publications);
                    }
                    Queued::Overflow => return Some((slot, member.too_slow("bytes"))),
                }
            }
        }
        None
    }

    pub(crate) fn write_replays(&mut self, sink: &mut impl Sink, now: Moment) {
        let mut left = BYTES_PER_PUMP;
        for _ in 0..self.replays.ready.len() {
            let Some(slot) = self.replays.ready.pop_front() else {
                break;
            };
            if left == 0 {
                self.replays.ready.push_back(slot);
                continue;
            }
            if let Some(waiting) = self.replays.by_slot.get_mut(&slot) {
                waiting.is_ready = false;
            }
            let budget = left.min(SESSION_BYTES_PER_PUMP);
            left -= self.write_replays_of(slot, budget, sink, now).min(left);
        }
    }

    /// Writes what a session's outbox has room for, up to a number of bytes. Answers how many it was.
    fn write_replays_of(
        &mut self,
        slot: Slot,
        bytes_max: usize,
        sink: &mut impl Sink,
        now: Moment,
    ) -> usize {
        let mut bytes = 0;
        while let Some(waiting) = self.replays.by_slot.get_mut(&slot) {
            // The session may have ended, and its slot may have been used again.
            let Some(member) = self
                .members
                .get_mut(slot.index())
                .filter(|member| member.session.id() == waiting.session && member.is_open())
            else {
                self.replays.forget(slot);
                break;
            };
            if bytes >= bytes_max {
                self.replays.may_go_on(slot);
                break;
            }
            let queued = member.outbox.as_ref().map_or(0, |outbox| outbox.cost());
            let room = Room {
                cost: (member.policy.bytes_max / 2).saturating_sub(queued),
                is_idle: member.outbox.is_none(),
                bytes: bytes_max - bytes,
            };
            let before = waiting.left();
            let frames = next_frames(waiting, member, room, &self.topics, &self.shared.formats);
            let taken = before - waiting.left();
            bytes += taken;
            let is_all = waiting.left() == 0;
            if !frames.is_empty() {
                member.is_sent_to(true, now);
                let (scratch, wheel) = (&mut self.scratch, &mut self.wheel);
                let casualty = member.write_frames(slot, &frames, scratch, sink, now, wheel);
                self.after_write(slot, casualty, sink, now);
            }
            if is_all {
                self.go_live(slot);
            } else if taken == 0 {
                break;
            }
        }
        bytes
    }

    /// All has been written: what is published from now on is written at once.
    fn go_live(&mut self, slot: Slot) {
        let (Some(waiting), Some(member)) = (
            self.replays.by_slot.get(&slot),
            self.members.get(slot.index()),
        ) else {
            return;
        };
        for replay in &waiting.replays {
            for destination in &replay.destinations {
                self.topics
                    .go_live(member, destination, &replay.label, replay.newest);
            }
        }
        self.replays.forget(slot);
    }
}

/// How much may be written now.
#[derive(Clone, Copy)]
struct Room {
    /// What the outbox has room for: what the next frames cost.
    cost: usize,
    /// Whether one frame is written whatever it costs, since nothing waits before it.
    is_idle: bool,
    /// How many bytes of replays may be looked at.
    bytes: usize,
}

/// The next frames that fit.
fn next_frames(
    waiting: &mut Waiting,
    member: &Member,
    room: Room,
    topics: &Topics,
    formats: &Formats,
) -> Vec<Frame> {
    let (mut frames, mut queued) = (Vec::new(), 0);
    let end = waiting.bytes.saturating_sub(room.bytes);
    let fits =
        |frames: &[Frame], cost: usize| cost <= room.cost || (room.is_idle && frames.is_empty());
    while frames.len() < FRAMES_AT_ONCE {
        let Some(replay) = waiting.first_unwritten() else {
            let next = waiting
                .behind
                .take_first(|cost| fits(&frames, queued + cost));
            let Some(frame) = next else {
                break;
            };
            queued += frame.cost();
            frames.push(frame);
            continue;
        };
        let Some(publication) = replay.publications.front() else {
            break;
        };
        let first = std::slice::from_ref(publication);
        let subscription = replay.destinations.first();
        let subscription =
            subscription.and_then(|to| topics.subscription(member, to, &replay.label));
        // The filter may not want it.
        let frame = subscription.and_then(|one| frames_for(first, one, formats, member).pop());
        if let Some(frame) = frame {
            if !fits(&frames, queued + frame.cost()) {
                break;
            }
            queued += frame.cost();
            frames.push(frame);
        }
        if let Some(written) = replay.publications.pop_front() {
            waiting.bytes -= cost(&written);
        }
        if waiting.bytes < end {
            break;
        }
    }
    frames
}
