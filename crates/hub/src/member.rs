//! A session as its shard keeps it: what it has subscribed to and what it has yet to be sent.

use std::io::IoSlice;
use std::sync::Arc;

use crate::format::FormatId;
use crate::moment::Moment;
use crate::outbox::{BUFFERS_PER_WRITE_MAX, Frame, Outbox, OutboxPolicy, Queued};
use crate::queues::Handed;
use crate::session::{Session, Slot};
use crate::sink::{Cause, Ending, Sink, Written};
use crate::topics::Subscription;
use crate::watch::{Timeouts, Watch};
use crate::wheel::Wheel;

/// How many bytes of several frames are copied into one buffer to be written.
const TOGETHER_BYTES_MAX: usize = 16 << 10;

/// Which session a reminder is for: a slot, and enough of the id to tell whether the slot still
/// holds that session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) slot: Slot,
    tag: u32,
}

/// What a shard's wheel reminds it of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// The outbox's oldest frame reaches its age limit.
    Age(Key),
    /// A close has taken long enough.
    Closing(Key),
    /// A session has been silent, or has lived, for as long as it may.
    Watch(Key),
    /// The driver wants to be told.
    Reminder(Key),
}

/// Where a session stands in its life.
#[derive(Debug)]
pub(crate) enum Phase {
    Open,
    /// Our close frame is asked for; `is_last_handed_over` once it is in the outbox or written.
    Closing {
        ending: Box<Ending>,
        peer_is_done: bool,
        is_last_handed_over: bool,
    },
}

/// One session of a shard.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) session: Arc<Session>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) phase: Phase,
    /// There only while the transport is full, so that an idle session holds no buffer.
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) format: FormatId,
    pub(crate) policy: OutboxPolicy,
    /// There only for sessions that have a time-out.
    pub(crate) watch: Option<Box<Watch>>,
    age_is_armed: bool,
    /// The peer has begun a close, which is answered after the next pass.
    pub(crate) peer_is_closing: bool,
    /// Bytes that it will be sent by the next pump, and the number of the pump that was the last
    /// when they were counted.
    asked_for: (u32, u32),
}

impl Member {
    pub(crate) fn new(
        session: Arc<Session>,
        format: FormatId,
        policy: OutboxPolicy,
        watch: Option<Box<Watch>>,
    ) -> Self {
        Self {
            session,
            subscriptions: Vec::new(),
            phase: Phase::Open,
            outbox: None,
            format,
            policy,
            watch,
            age_is_armed: false,
            peer_is_closing: false,
            asked_for: (0, 0),
        }
    }

    /// What a reminder needs to find it again.
    pub(crate) fn key(&self, slot: Slot) -> Key {
        let tag = self.session.id().tag();
        Key { slot, tag }
    }

    /// Counts bytes that the next pump will write, after so many pumps.
    pub(crate) fn ask_for(&mut self, bytes: usize, pumps: u32) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.asked_for = (self.unwritten(pumps).saturating_add(bytes), pumps);
    }

    /// What was counted since the last pump.
    fn unwritten(&self, pumps: u32) -> u32 {
        let (bytes, counted) = self.asked_for;
        if counted == pumps { bytes } else { 0 }
    }

    /// Bytes that wait to be written: those in the outbox, and those asked for since the last
    /// pump.
    pub(crate) fn waiting_bytes(&self, pumps: u32) -> usize {
        let queued = self.outbox.as_ref().map_or(0, |outbox| outbox.cost());
        queued + self.unwritten(pumps) as usize
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether it is closed for its slowness: it gets its close frame and nothing else.
    pub(crate) fn is_cut_off(&self) -> bool {
        matches!(&self.phase, Phase::Closing { ending, .. } if ending.cause == Cause::SlowConsumer)
    }

    /// Whether something new may be asked for it; what was accepted before is still delivered while
    /// it is [open](Self::is_open).
    pub(crate) fn takes_commands(&self) -> bool {
        self.is_open() && !self.peer_is_closing
    }

    /// Whether both sides have closed and everything is written.
    pub(crate) fn is_done(&self) -> bool {
        matches!(
            self.phase,
            Phase::Closing {
                peer_is_done: true,
                is_last_handed_over: true,
                ..
            }
        ) && self.outbox.is_none()
    }

    /// Writes frames, or lets them wait behind others. Answers how the session must end, if it
    /// must.
    pub(crate) fn write_frames<'a>(
        &mut self,
        slot: Slot,
        frames: impl IntoIterator<Item = &'a Frame>,
        scratch: &mut Vec<u8>,
        sink: &mut impl Sink,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        let mut frames = frames.into_iter().peekable();
        while self.outbox.is_none() && frames.peek().is_some() {
            let mut group: [Option<&Frame>; BUFFERS_PER_WRITE_MAX / 2] = [None; _];
            for (place, frame) in group.iter_mut().zip(&mut frames) {
                *place = Some(frame);
            }
            let mut slices = [IoSlice::new(&[]); BUFFERS_PER_WRITE_MAX];
            let mut filled = 0;
            let mut offered = 0;
            for part in group.iter().flatten().flat_map(|frame| frame.parts()) {
                slices[filled] = IoSlice::new(part);
                filled += 1;
                offered += part.len();
            }
            if offered == 0 {
                continue;
            }
            let slices = &slices[..filled];
            let written = if filled > 1 && offered <= TOGETHER_BYTES_MAX {
                // One buffer costs the system less than many small ones.
                scratch.clear();
                slices
                    .iter()
                    .for_each(|part| scratch.extend_from_slice(part));
                sink.write(slot, &[IoSlice::new(scratch)])
            } else {
                sink.write(slot, slices)
            };
            let Written::Bytes(mut written) = written else {
                return Some(Ending::lost());
            };
            if written == offered {
                continue;
            }
            for frame in group.iter().flatten() {
                let taken = written.min(frame.len());
                written -= taken;
                if taken == frame.len() {
                    continue;
                }
                if let Some(ending) = self.queue((*frame).clone(), taken, slot, sink, now, wheel) {
                    return Some(ending);
                }
            }
        }
        for frame in frames {
            if let Some(ending) = self.queue(frame.clone(), 0, slot, sink, now, wheel) {
                return Some(ending);
            }
        }
        None
    }

    pub(crate) fn change_timeouts(
        &mut self,
        change: impl FnOnce(Timeouts) -> Timeouts,
        now: Moment,
    ) {
        match &mut self.watch {
            Some(watch) => watch.set_timeouts(change(watch.timeouts())),
            None => self.watch = Watch::new(change(Timeouts::default()), now),
        }
    }

    /// Notes that something is sent, for time-outs and signs of life.
    pub(crate) fn is_sent_to(&mut self, is_message: bool, now: Moment) {
        if let Some(watch) = &mut self.watch {
            watch.sent(is_message, now);
        }
    }

    /// Lets a frame wait, of which `written` bytes are with the socket already.
    pub(crate) fn queue(
        &mut self,
        frame: Frame,
        written: usize,
        slot: Slot,
        sink: &mut impl Sink,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        let closing = !self.is_open();
        let outbox = self.outbox.get_or_insert_with(|| Box::new(Outbox::new()));
        if written > 0 {
            outbox.push_unchecked(frame, now);
            outbox.head_is_written(written);
        } else if closing || frame.handed.is_some() {
            outbox.push_unchecked(frame, now);
        } else {
            match outbox.push(frame, &self.policy, now) {
                Queued::Yes => {}
                Queued::Dropped(publications) => {
                    self.session.has_lost(publications);
                    sink.dropped(slot, publications);
                }
                Queued::Overflow => return Some(self.too_slow("bytes")),
            }
        }
        self.session.note_outbox(outbox.cost(), outbox.oldest());
        if !self.age_is_armed {
            self.age_is_armed = true;
            wheel.arm(now.plus(self.policy.age_max), Deadline::Age(self.key(slot)));
        }
        None
    }

    /// Writes what waits until the transport is full. False when the transport is gone. Adds to
    /// `handed` what queues must know of.
    pub(crate) fn write_outbox(
        &mut self,
        slot: Slot,
        sink: &mut impl Sink,
        handed: &mut Vec<Handed>,
    ) -> bool {
        while let Some(outbox) = &mut self.outbox {
            self.session.note_outbox(outbox.cost(), outbox.oldest());
            if outbox.is_empty() {
                self.outbox = None;
                break;
            }
            let mut slices = Vec::new();
            outbox.slices(&mut slices);
            let offered: usize = slices.iter().map(|part| part.len()).sum();
            let Written::Bytes(written) = sink.write(slot, &slices) else {
                return false;
            };
            outbox.written(written, handed);
            self.session.note_outbox(outbox.cost(), outbox.oldest());
            if written < offered {
                break;
            }
        }
        true
    }

    /// Looks whether the oldest frame has waited too long; arms the next look if need be.
    pub(crate) fn check_age(
        &mut self,
        slot: Slot,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        self.age_is_armed = false;
        let oldest = self.outbox.as_ref()?.oldest()?;
        if now.since(oldest) >= self.policy.age_max {
            return self.is_open().then(|| self.too_slow("age"));
        }
        self.age_is_armed = true;
        wheel.arm(
            oldest.plus(self.policy.age_max),
            Deadline::Age(self.key(slot)),
        );
        None
    }

    pub(crate) fn too_slow(&self, limit: &str) -> Ending {
        let reason = match limit {
            "age" => format!(
                "slow-consumer: a message waited {} s; reconnect and read faster",
                self.policy.age_max.as_secs_f32()
            ),
            _ => format!(
                "slow-consumer: {} bytes waited; reconnect and read faster",
                self.policy.bytes_max
            ),
        };
        Ending {
            code: 1008,
            reason,
            cause: Cause::SlowConsumer,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::session::Session;
    use crate::topics::{Subscriber, Subscription};

    #[test]
    fn an_idle_session_costs_what_the_architecture_says() {
        assert_eq!(size_of::<super::Member>(), 112);
        assert_eq!(size_of::<super::Deadline>(), 12);
        assert_eq!(size_of::<Session>(), 256);
        assert_eq!(size_of::<Subscription>(), 32);
        assert_eq!(size_of::<Subscriber>(), 16);
    }
}
