//! One session's bounded outbound queue.

mod gaps;
mod policy;

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;

use crate::moment::Moment;
use crate::queues::Handed;
use crate::request::Told;

pub(crate) use gaps::Origin;
pub use policy::{OutboxPolicy, Overflow};

/// What a queued frame counts for beside its bytes, so that many tiny frames are bounded too.
pub const FRAME_OVERHEAD_BYTES: usize = 128;

/// How many buffers go into one write.
pub(crate) const BUFFERS_PER_WRITE_MAX: usize = 64;

/// One encoded frame: what this subscriber alone gets, and what all share.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) prefix: Bytes,
    pub(crate) body: Bytes,
    pub(crate) key: Option<Arc<str>>,
    /// Publications may be dropped by a policy; replies and close frames may not.
    pub(crate) droppable: bool,
    /// There where something must be said in its place if it is dropped.
    pub(crate) origin: Option<Arc<Origin>>,
    /// Which message of a queue it is: one that waits whatever the policy says, since whoever
    /// dispatches it looks for room first.
    pub(crate) handed: Option<Handed>,
}

impl Frame {
    pub(crate) fn reply(body: Bytes) -> Self {
        Self {
            prefix: Bytes::new(),
            body,
            key: None,
            droppable: false,
            origin: None,
            handed: None,
        }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        [&self.prefix[..], &self.body[..]]
            .into_iter()
            .filter(|part| !part.is_empty())
    }

    pub(crate) fn len(&self) -> usize {
        self.prefix.len() + self.body.len()
    }

    pub(crate) fn cost(&self) -> usize {
        self.len() + FRAME_OVERHEAD_BYTES
    }

    /// Adds what is left after the first `skip` bytes.
    fn slices<'a>(&'a self, skip: usize, out: &mut Vec<IoSlice<'a>>) {
        let (prefix, body) = (&self.prefix[skip.min(self.prefix.len())..], {
            let skip = skip.saturating_sub(self.prefix.len());
            &self.body[skip..]
        });
        out.extend(
            [prefix, body]
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(IoSlice::new),
        );
    }
}

/// Whether a frame found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It waits.
    Yes,
    /// It or others were dropped; this many publications are lost to the session.
    Dropped(u32),
    /// No room and nothing that may be dropped.
    Overflow,
}

/// Frames that the socket has not taken yet. Exists only while there are some.
#[derive(Debug)]
pub(crate) struct Outbox {
    frames: VecDeque<(Frame, Moment)>,
    cost: usize,
    /// Bytes of the first frame that are with the socket already.
    head_written: usize,
    /// Since when frames had waited that were dropped; forgotten once the socket takes bytes.
    /// Without it a peer that takes nothing would look young for as long as a policy makes room.
    dropped_since: Option<Moment>,
    /// Who wants to know when so many of the first frames have gone.
    marks: Vec<Mark>,
}

/// Somebody who waits for frames to be written.
struct Mark {
    frames: usize,
    told: Told<()>,
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({})", self.frames)
    }
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            cost: 0,
            head_written: 0,
            dropped_since: None,
            marks: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many frames wait.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Bytes that wait, overhead included.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// Since when the oldest frame waits, or has waited before it was dropped for a younger one.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        let (_, since) = self.frames.front()?;
        Some(
            self.dropped_since
                .map_or(*since, |dropped| dropped.min(*since)),
        )
    }

    /// Adds a frame under a policy.
    pub(crate) fn push(&mut self, frame: Frame, policy: &OutboxPolicy, now: Moment) -> Queued {
        let mut dropped = 0;
        if frame.is_marker() {
            self.mark_newest(frame.origin.as_ref(), now);
            return Queued::Yes;
        }
        if frame.droppable && policy.overflow != Overflow::Close && frame.cost() > policy.bytes_max
        {
            // Nothing that waits could make room enough for it.
            self.mark_newest(frame.origin.as_ref(), now);
            return Queued::Dropped(1);
        }
        if policy.overflow == Overflow::Conflate && frame.key.is_some() {
            dropped += self.drop_same_key(&frame);
        }
        while self.cost + frame.cost() > policy.bytes_max {
            match policy.overflow {
                Overflow::DropNewest if frame.droppable => {
                    self.mark_newest(frame.origin.as_ref(), now);
                    return Queued::Dropped(dropped + 1);
                }
                Overflow::DropOldest | Overflow::Conflate => match self.first_droppable() {
                    Some(index) => {
                        self.drop_at(index);
                        dropped += 1;
                    }
                    None if frame.droppable => {
                        self.mark_newest(frame.origin.as_ref(), now);
                        return Queued::Dropped(dropped + 1);
                    }
                    None => return Queued::Overflow,
                },
                Overflow::Close | Overflow::DropNewest => return Queued::Overflow,
            }
        }
        self.push_unchecked(frame, now);
        if dropped == 0 {
            Queued::Yes
        } else {
            Queued::Dropped(dropped)
        }
    }

    /// Adds a frame whatever the limit says: the close frame, which is at most 129 bytes.
    pub(crate) fn push_unchecked(&mut self, frame: Frame, now: Moment) {
        self.cost += frame.cost();
        self.frames.push_back((frame, now));
    }

    /// Notes that the first `bytes` bytes of a frame are with the socket already. Only for a
    /// frame that has just been pushed into an empty outbox.
    pub(crate) fn head_is_written(&mut self, bytes: usize) {
        self.head_written = bytes;
    }

    /// Forgets everything but a frame that the peer has seen the beginning of.
    pub(crate) fn discard_unstarted(&mut self) {
        let keep = usize::from(self.head_written > 0);
        // What they wait for will not happen.
        self.marks.clear();
        while self.frames.len() > keep {
            self.remove(self.frames.len() - 1);
        }
    }

    /// The first frame, if its cost fits elsewhere, taken out to be written there.
    pub(crate) fn take_first(&mut self, fits: impl FnOnce(usize) -> bool) -> Option<Frame> {
        let (frame, _) = self.frames.pop_front_if(|(frame, _)| fits(frame.cost()))?;
        self.cost -= frame.cost();
        Some(frame)
    }

    /// Forgets what waits for a subscription.
    pub(crate) fn forget(&mut self, label: &str) {
        let is_its = |frame: &Frame| {
            frame
                .origin
                .as_ref()
                .is_some_and(|one| one.label() == label)
        };
        self.frames.retain(|(frame, _)| !is_its(frame));
        self.cost = self.frames.iter().map(|(frame, _)| frame.cost()).sum();
    }

    /// The buffers of the next write.
    pub(crate) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) {
        let mut skip = self.head_written;
        for (frame, _) in &self.frames {
            if out.len() + 2 > BUFFERS_PER_WRITE_MAX {
                break;
            }
            frame.slices(skip, out);
            skip = 0;
        }
    }

    /// Notes that the socket took `bytes` more bytes.
    /// Adds to `handed` what is dealt with by that.
    pub(crate) fn written(&mut self, bytes: usize, handed: &mut Vec<Handed>) {
        if bytes > 0 {
            self.dropped_since = None;
        }
        self.head_written += bytes;
        while let Some((frame, _)) = self.frames.front() {
            if self.head_written < frame.len() {
                break;
            }
            self.head_written -= frame.len();
            self.cost -= frame.cost();
            handed.extend(frame.handed.filter(|one| one.is_done_on_write));
            self.frames.pop_front();
            self.has_gone(0);
        }
    }

    /// Tells when all frames that wait now have been written, or dropped by the policy.
    pub(crate) fn tell_when_written(&mut self, told: Told<()>) {
        let frames = self.frames.len();
        self.marks.push(Mark { frames, told });
    }

    /// Notes for those who wait that the frame at this place is not there any more.
    fn has_gone(&mut self, index: usize) {
        for mark in &mut self.marks {
            mark.frames -= usize::from(index < mark.frames);
        }
        for mark in self.marks.extract_if(.., |mark| mark.frames == 0) {
            (mark.told)(());
        }
    }

    fn remove(&mut self, index: usize) {
        if let Some((frame, since)) = self.frames.remove(index) {
            self.cost -= frame.cost();
            self.was_dropped(since);
            self.has_gone(index);
        }
    }

    fn was_dropped(&mut self, since: Moment) {
        self.dropped_since = Some(self.dropped_since.map_or(since, |other| other.min(since)));
    }

    fn first_droppable(&self) -> Option<usize> {
        let started = usize::from(self.head_written > 0);
        (started..self.frames.len()).find(|&index| self.frames[index].0.droppable)
    }

    fn drop_same_key(&mut self, frame: &Frame) -> u32 {
        let started = usize::from(self.head_written > 0);
        let same =
            (started..self.frames.len()).find(|&index| self.frames[index].0.key == frame.key);
        match same {
            Some(index) => {
                self.drop_at(index);
                1
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::after_start_millis(0);

    fn frame(text: &str) -> Frame {
        Frame {
            droppable: true,
            ..Frame::reply(Bytes::copy_from_slice(text.as_bytes()))
        }
    }

    fn keyed(text: &str, key: &str) -> Frame {
        Frame {
            key: Some(key.into()),
            ..frame(text)
        }
    }

    fn policy(frames: usize, overflow: Overflow) -> OutboxPolicy {
        let bytes_max = frames * (FRAME_OVERHEAD_BYTES + 1);
        OutboxPolicy {
            bytes_max,
            overflow,
            ..OutboxPolicy::default()
        }
    }

    fn waiting(outbox: &Outbox) -> String {
        let mut slices = Vec::new();
        outbox.slices(&mut slices);
        slices
            .iter()
            .map(|part| str::from_utf8(part).expect("ascii"))
            .collect()
    }

    fn push_all(outbox: &mut Outbox, frames: &[Frame], policy: &OutboxPolicy) -> Vec<Queued> {
        frames
            .iter()
            .map(|frame| outbox.push(frame.clone(), policy, NOW))
            .collect()
    }

    #[test]
    fn s29_a_full_outbox_overflows_under_close() {
        let mut outbox = Outbox::new();
        let frames = [frame("a"), frame("b"), frame("c")];
        let queued = push_all(&mut outbox, &frames, &policy(2, Overflow::Close));
        assert_eq!(queued, [Queued::Yes, Queued::Yes, Queued::Overflow]);
        assert_eq!(waiting(&outbox), "ab");
    }

    #[test]
    fn s30_drop_oldest_keeps_the_frame_that_the_peer_has_begun_to_see() {
        let mut outbox = Outbox::new();
        let policy = policy(2, Overflow::DropOldest);
        let head = frame("x");
        outbox.push(
            Frame {
                prefix: Bytes::from_static(b"p"),
                ..head
            },
            &policy,
            NOW,
        );
        outbox.written(1, &mut Vec::new());
        let queued = push_all(
            &mut outbox,
            &[frame("b"), frame("c")],
            &OutboxPolicy {
                bytes_max: policy.bytes_max + 1,
                ..policy
            },
        );
        assert_eq!(queued, [Queued::Yes, Queued::Dropped(1)]);
        assert_eq!(waiting(&outbox), "xc");
    }

    #[test]
    fn s30_drop_newest_counts_what_it_refuses() {
        let mut outbox = Outbox::new();
        let frames = [frame("a"), frame("b"), frame("c")];
        let queued = push_all(&mut outbox, &frames, &policy(2, Overflow::DropNewest));
        assert_eq!(queued, [Queued::Yes, Queued::Yes, Queued::Dropped(1)]);
        assert_eq!(waiting(&outbox), "ab");
    }

    #[test]
    fn s30_conflate_keeps_the_latest_of_each_key() {
        let mut outbox = Outbox::new();
        let frames = [keyed("1", "a"), keyed("2", "b"), keyed("3", "a")];
        let queued = push_all(&mut outbox, &frames, &policy(8, Overflow::Conflate));
        assert_eq!(queued, [Queued::Yes, Queued::Yes, Queued::Dropped(1)]);
        assert_eq!(waiting(&outbox), "23");
    }

    #[test]
    fn a_reply_is_never_dropped() {
        let mut outbox = Outbox::new();
        let policy = policy(2, Overflow::DropOldest);
        let reply = Frame::reply(Bytes::from_static(b"r"));
        let frames = [reply.clone(), reply.clone(), frame("x"), reply];
        let queued = push_all(&mut outbox, &frames, &policy);
        assert_eq!(queued[2..], [Queued::Dropped(1), Queued::Overflow]);
        assert_eq!(waiting(&outbox), "rr");
    }

    #[test]
    fn written_bytes_may_end_anywhere() {
        let mut outbox = Outbox::new();
        let policy = policy(8, Overflow::Close);
        push_all(
            &mut outbox,
            &[frame("abc"), frame("def"), frame("g")],
            &policy,
        );
        outbox.written(4, &mut Vec::new());
        assert_eq!(waiting(&outbox), "efg");
        outbox.discard_unstarted();
        assert_eq!(waiting(&outbox), "ef");
        outbox.written(2, &mut Vec::new());
        assert!(outbox.is_empty());
        assert_eq!(outbox.cost(), 0);
    }
}
