//! What the model knows of one session, and what its peer may and may not receive.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{
    Cause, Ending, FRAME_OVERHEAD_BYTES, Moment, OutboxPolicy, Overflow, Session, Slot, TICK,
};

use super::net::Peer;
use super::wire::Received;

/// The longest frame of a simulation, prefix included, with what it counts for in an outbox.
pub(crate) const FRAME_COST_MAX: usize =
    super::world::CONTENT_BYTES_MAX + 128 + FRAME_OVERHEAD_BYTES;

/// The longest marker, with what it counts for in an outbox.
const GAP_COST_MAX: usize = 64 + FRAME_OVERHEAD_BYTES;

/// How a peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Everything, at once.
    Fast,
    /// So many bytes a step.
    Slow(usize),
    /// Nothing.
    Stalled,
}

/// What a session must get, unless its policy drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Publication {
        position: u64,
        content: Vec<u8>,
        label: Option<String>,
    },
    /// What its destination had kept when it subscribed: older than what it has received since.
    Replayed {
        position: u64,
        content: Vec<u8>,
        label: Option<String>,
    },
    Reply(Vec<u8>),
}

impl Expected {
    /// The same, as it arrives: nothing on the wire tells a replay.
    fn as_received(&self) -> Self {
        match self.clone() {
            Self::Replayed {
                position,
                content,
                label,
            } => Self::Publication {
                position,
                content,
                label,
            },
            other => other,
        }
    }
}

/// What a session must get, and from which destination.
#[derive(Debug)]
struct Owed {
    from: Option<usize>,
    what: Expected,
    /// It has unsubscribed, or closes: what waited behind a replay need not come.
    is_excused: bool,
}

/// One session of the model.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) slot: Slot,
    pub(crate) session: Arc<Session>,
    pub(crate) policy: OutboxPolicy,
    pub(crate) is_labelled: bool,
    pub(crate) team: usize,
    pub(crate) mood: Mood,
    /// Whether it answers a close frame.
    pub(crate) is_polite: bool,
    /// The destinations that it has subscribed to, as the model numbers them.
    pub(crate) subscriptions: BTreeSet<usize>,
    expected: VecDeque<Owed>,
    /// Destinations that it was replayed once: what it gets of them keeps its order, but what waits
    /// behind a replay is overtaken by what other destinations have.
    pub(crate) is_replayed: BTreeSet<usize>,
    /// What the next pump sends first to new subscriptions: where from, position, content.
    pub(crate) replays: Vec<(usize, u64, Vec<u8>)>,
    pub(crate) replies: usize,
    /// Whether the application has asked for its end.
    pub(crate) is_asked_to_close: bool,
    /// Whether the peer has said that it leaves.
    pub(crate) has_left: bool,
    /// Whether the model knows that it takes no more publications.
    pub(crate) is_closing: bool,
    pub(crate) close_frame: Option<(u16, String)>,
    /// How much of what it received had been kept for it.
    pub(crate) replayed: usize,
    /// How many markers of dropped publications it has got.
    pub(crate) gaps: usize,
    /// Publications that were skipped in what it received.
    skipped: usize,
    /// Others, which it might have missed without being told.
    excused: usize,
    /// By what keeps its order among itself.
    last_positions: BTreeMap<Option<usize>, u64>,
    /// Since when something has waited without a pause, and how.
    waiting_since: Option<Moment>,
    /// Since when something has waited and not a byte was taken.
    stuck_since: Option<Moment>,
    taken_before: usize,
    was_slow: Option<&'static str>,
}

impl Client {
    pub(crate) fn new(slot: Slot, session: Arc<Session>, policy: OutboxPolicy) -> Self {
        Self {
            slot,
            session,
            policy,
            is_labelled: false,
            team: 0,
            mood: Mood::Fast,
            is_polite: true,
            subscriptions: BTreeSet::new(),
            expected: VecDeque::new(),
            is_replayed: BTreeSet::new(),
            replays: Vec::new(),
            replies: 0,
            is_asked_to_close: false,
            has_left: false,
            is_closing: false,
            close_frame: None,
            replayed: 0,
            gaps: 0,
            skipped: 0,
            excused: 0,
            last_positions: BTreeMap::new(),
            waiting_since: None,
            stuck_since: None,
            taken_before: 0,
            was_slow: None,
        }
    }

    fn may_drop(&self) -> bool {
        self.policy.overflow != Overflow::Close
    }

    /// Compares what the peer has received with what it must receive, in order.
    pub(crate) fn absorb(&mut self, peer: &mut Peer) {
        for received in std::mem::take(&mut peer.received) {
            assert!(
                self.close_frame.is_none(),
                "{received:?} came after a close frame"
            );
            let got = match received {
                Received::Close { code, reason } => {
                    self.check_close_frame(code, &reason, peer.dropped);
                    self.close_frame = Some((code, reason));
                    continue;
                }
                Received::Gap {
                    label,
                    dropped,
                    last,
                } => {
                    self.is_told_of_gap(&label, dropped, last);
                    continue;
                }
                Received::Reply(content) => Expected::Reply(content),
                Received::Publication {
                    label,
                    position,
                    content,
                } => Expected::Publication {
                    position,
                    content,
                    label,
                },
            };
            let owed = self.skip_to(&got);
            match owed.what {
                Expected::Publication { position, .. } => {
                    let last = self.last_positions.entry(self.lane(owed.from)).or_default();
                    assert!(position > *last, "position {position} did not rise");
                    *last = position;
                }
                Expected::Replayed { .. } => self.replayed += 1,
                Expected::Reply(_) => {}
            }
        }
    }

    /// It must get this, from now on.
    pub(crate) fn owe(&mut self, from: Option<usize>, what: Expected) {
        self.expected.push_back(Owed {
            from,
            what,
            is_excused: false,
        });
    }

    /// All that a subscription has not got up to a position was dropped, and nothing else.
    fn is_told_of_gap(&mut self, told: &str, dropped: u32, last: u64) {
        assert!(self.may_drop() && dropped > 0, "a gap that may not be");
        let is_meant = |owed: &Owed| match &owed.what {
            Expected::Publication {
                position, label, ..
            }
            | Expected::Replayed {
                position, label, ..
            } => label.as_deref() == Some(told) && *position <= last,
            Expected::Reply(_) => false,
        };
        let before = self.expected.len();
        let meant = self.expected.iter().filter(|one| is_meant(one));
        let excused = meant.filter(|one| one.is_excused).count();
        self.expected.retain(|one| !is_meant(one));
        let missing = before - self.expected.len();
        let counts = missing - excused..=missing;
        let dropped = dropped as usize;
        assert!(
            counts.contains(&dropped),
            "{dropped} of {missing} up to {last}"
        );
        self.skipped += dropped;
        self.excused += missing - dropped;
        self.gaps += 1;
    }

    /// What keeps its order among itself.
    fn lane(&self, from: Option<usize>) -> Option<usize> {
        from.filter(|one| self.is_replayed.contains(one))
    }

    /// What waits behind a replay of this destination, or of any, need not come.
    pub(crate) fn may_miss(&mut self, from: Option<usize>) {
        for owed in &mut self.expected {
            let is_replayed = owed.from.is_some_and(|one| self.is_replayed.contains(&one));
            owed.is_excused |= is_replayed && (from.is_none() || from == owed.from);
        }
    }

    /// Goes on to what was expected of what has come.
    fn skip_to(&mut self, got: &Expected) -> Owed {
        let mut owed = self.expected.iter();
        let Some(index) = owed.position(|one| one.what.as_received() == *got) else {
            panic!("got what was not meant for this session, or twice, or too late: {got:?}");
        };
        let found = self.expected.remove(index).expect("it was found");
        let lane = self.lane(found.from);
        let before: Vec<Owed> = self.expected.drain(..index).collect();
        for next in before.into_iter().rev() {
            if self.lane(next.from) != lane {
                self.expected.push_front(next);
                continue;
            }
            if next.is_excused {
                self.excused += 1;
                continue;
            }
            assert!(self.may_drop(), "a gap: got {got:?} instead of {next:?}");
            let is_reply = matches!(next.what, Expected::Reply(_));
            assert!(!is_reply, "a reply was lost: {next:?}");
            assert!(!self.is_labelled, "lost without a marker: {next:?}");
            self.skipped += 1;
        }
        found
    }

    /// A close frame comes after all that was queued before it, unless it tells of slowness.
    fn check_close_frame(&mut self, code: u16, reason: &str, dropped: usize) {
        if code == 1008 {
            assert!(reason.starts_with("slow-consumer"), "{reason}");
            assert!(reason.len() <= 123, "too long for a close frame: {reason}");
        } else {
            self.may_miss(None);
            self.check_account(dropped);
        }
    }

    /// Everything was received, or counted as dropped.
    pub(crate) fn check_account(&self, dropped: usize) {
        let excused = self.expected.iter().filter(|one| one.is_excused).count();
        let missing = self.skipped + self.expected.len() - excused;
        assert!(
            (missing..=missing + excused + self.excused).contains(&dropped),
            "lost without a word, or counted without a loss: {missing}, {excused}, {dropped}"
        );
        assert!(
            dropped == 0 || self.may_drop(),
            "dropped against the policy"
        );
    }

    /// Looks, after a pump, at how the session waits. Answers whether its close has begun.
    pub(crate) fn look(
        &mut self,
        peer: &Peer,
        outbox_bytes: usize,
        now: Moment,
        node_leaves: bool,
    ) -> bool {
        // A frame of which the transport took a part stays, however long it is.
        let mut limit = self.policy.bytes_max.max(FRAME_COST_MAX);
        if self.is_labelled && self.may_drop() {
            limit += GAP_COST_MAX * super::world::DESTINATIONS;
        }
        if !self.session.is_open() {
            // The close frame, and the replies that had been accepted before it.
            limit += 256 + self.replies * FRAME_COST_MAX;
        }
        assert!(
            outbox_bytes <= limit,
            "{outbox_bytes} bytes wait, {limit} may"
        );
        let began = !self.is_closing && !self.is_asked_to_close && !self.session.is_open();
        if began {
            self.was_slow = Some(if self.is_overdue(now) { "age" } else { "bytes" });
            assert!(
                peer.is_full || node_leaves,
                "closed although its transport takes everything"
            );
        }
        let is_waiting = outbox_bytes > 0;
        self.waiting_since = is_waiting.then(|| self.waiting_since.unwrap_or(now));
        let is_stuck = is_waiting && self.taken_before == peer.taken;
        self.stuck_since = is_waiting.then(|| self.stuck_since.filter(|_| is_stuck).unwrap_or(now));
        self.taken_before = peer.taken;
        if let Some(since) = self.stuck_since.filter(|_| self.session.is_open()) {
            let limit = self.policy.age_max + TICK;
            assert!(
                now.since(since) < limit,
                "nothing was taken for {:?}",
                now.since(since)
            );
        }
        began
    }

    fn is_overdue(&self, now: Moment) -> bool {
        self.waiting_since
            .is_some_and(|since| now.since(since) >= self.policy.age_max)
    }

    /// Whether an ending is one that this session can have.
    pub(crate) fn check_ending(&self, ending: &Ending, peer: &Peer, node_leaves: bool) {
        match ending.cause {
            Cause::Application => assert!(self.is_asked_to_close, "nobody asked for this"),
            Cause::SlowConsumer => self.check_slowness(ending),
            Cause::Leaving => assert!(node_leaves, "the node is not leaving"),
            Cause::Peer if ending.code == 1006 => {
                assert!(peer.is_gone, "a transport that works was given up");
            }
            Cause::Peer => assert!(self.has_left, "the peer has not left"),
            Cause::Protocol => panic!("nobody broke a protocol"),
            Cause::TimedOut => panic!("nobody has a time-out"),
        }
        if let Some((code, reason)) = &self.close_frame {
            assert_eq!((*code, reason), (ending.code, &ending.reason));
        } else {
            let is_cut_off = peer.is_gone || peer.is_full || peer.room == Some(0);
            assert!(is_cut_off, "ended without a close frame: {ending:?}");
        }
    }

    fn check_slowness(&self, ending: &Ending) {
        assert_eq!(ending.code, 1008);
        assert!(ending.reason.starts_with("slow-consumer"), "{ending:?}");
        let is_for_age = ending.reason.contains("a message waited");
        match self.was_slow {
            Some("age") => {}
            Some(_) => {
                assert!(!is_for_age, "closed for an age that nothing has reached");
                let can_overflow = !self.may_drop() || self.replies > 0;
                assert!(can_overflow, "a dropping outbox overflowed");
            }
            None => assert!(
                self.is_asked_to_close || self.has_left,
                "closed without a reason"
            ),
        }
    }

    /// How far virtual time must go for the session to end whatever its peer does.
    pub(crate) fn patience() -> Duration {
        campanile_hub::CLOSING_TIMEOUT + TICK + TICK
    }
}
