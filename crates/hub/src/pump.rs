//! Everything of a shard that writes: replies, what waits, the pass over the inbox, deadlines, the
//! paced closing of all sessions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slab::Slab;

use crate::inbox::Entry;
use crate::member::{Deadline, Member, Phase};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::outcome::Outcome;
use crate::publication::Publication;
use crate::session::{SessionId, Slot};
use crate::shard::{Answered, Outgoing, Shard, Wait};
use crate::sink::{Cause, Ending, Sink};
use crate::view::View;
use crate::watch::Due;
use crate::wheel::TICK;

/// How often a draining shard wants to be pumped.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// How often histories are looked at for what has become too old.
const AGING_INTERVAL: Duration = Duration::from_secs(1);

impl Shard {
    /// Writes everything that can be written: what waits for transports that take bytes again,
    /// replies, one pass of fan-out over the inbox; then looks at deadlines.
    pub fn pump(&mut self, sink: &mut impl Sink, now: Moment) -> Wait {
        self.pumped = self.pumped.max(now);
        // What waits comes first: it makes room for what is to wait behind it.
        self.write_waiting(sink);
        self.write_outgoing(sink, now);
        self.write_replays(sink, now);
        self.pumps = self.pumps.wrapping_add(1);
        self.pass(sink, now);
        self.answer_closes(now);
        self.check_deadlines(sink, now);
        self.step_drain(sink, now);
        // Closes that this pump itself began.
        self.write_outgoing(sink, now);
        self.report_to_queues(now);
        let has_histories = self.age_histories(now);
        // The first shard looks after what is due on queues.
        let is_watchman = self.index == 0 && self.shared.log.alarm.is_set();
        if self.replays.can_go_on() {
            Wait::AtMost(Duration::ZERO)
        } else if self.drain.is_some() {
            Wait::AtMost(DRAIN_STEP)
        } else if !self.wheel.is_empty() || is_watchman {
            Wait::AtMost(TICK)
        } else if has_histories {
            Wait::AtMost(AGING_INTERVAL)
        } else {
            Wait::Event
        }
    }

    /// Lets histories age now and then, on one shard for all. Answers whether there is more to age.
    fn age_histories(&mut self, now: Moment) -> bool {
        if self.index == 0 && self.aging_due <= now {
            let ages = self.shared.log.age_histories(now);
            self.aging_due = now.plus(AGING_INTERVAL);
            self.is_aging = ages;
        }
        self.is_aging
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
        let is_message = group.iter().any(|one| one.is_message);
        member.is_sent_to(is_message, now);
        let (scratch, wheel) = (&mut self.scratch, &mut self.wheel);
        let casualty = member.write_frames(slot, frames, scratch, sink, now, wheel);
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
                let _ = self.begin_close(slot, ending, None, now);
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
            self.replays.may_go_on(slot);
            let is_connected = member.write_outbox(slot, sink, &mut self.consumers.handed);
            let is_done = member.is_done();
            self.after_outbox(slot);
            if !is_connected {
                self.end(slot, Some(Ending::lost()), sink);
            } else if is_done {
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
        self.batched = 0;
        let mut entries = std::mem::take(&mut self.fetched);
        self.shared.log.fetch(self.index, &mut entries);
        let mut run: Vec<Arc<Publication>> = Vec::new();
        let mut limit = crate::batch::RunLimit::default();
        for entry in entries.drain(..) {
            if let Entry::Fanout(publication) = &entry {
                self.deliver_run(sink, now);
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
            if let Entry::Deliver(dispatched) = entry {
                self.consumers.run.push(dispatched);
                continue;
            }
            self.deliver_run(sink, now);
            match entry {
                Entry::Fanout(_) | Entry::Deliver(_) => {}
                Entry::Picked(publication, predicate) => {
                    self.fan_out(&[publication], Some(&predicate), sink, now);
                }
                Entry::Direct(id, publication) => self.deliver_direct(id, &publication, sink, now),
                Entry::Ask(session, request) => {
                    self.grant(session, request, now);
                    // It comes before what is published next.
                    self.write_replays(sink, now);
                }
                Entry::Look(look) => look(&View::new(self)),
                Entry::CloseAll {
                    destination,
                    code,
                    reason,
                } => self.close_all(&destination, code, &reason, now),
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
                        let _ = self.begin_close(session.slot(), ending, None, now);
                    }
                }
            }
        }
        self.fan_out(&run, None, sink, now);
        self.deliver_run(sink, now);
        if entries.capacity() <= 4_096 {
            self.fetched = entries;
        }
    }

    /// Answers the peers' closes that had to wait for the pass.
    fn answer_closes(&mut self, now: Moment) {
        for answered in std::mem::take(&mut self.answered) {
            let Answered {
                session,
                ending,
                frame,
            } = answered;
            if self
                .session(session.slot())
                .is_some_and(|one| one.id() == session)
            {
                // Refused only where a close is under way already, which is as good.
                let _ = self.answer_close(session.slot(), ending, frame, now);
            }
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
        member.is_sent_to(publication.content().is_message(), now);
        // Like a reply: what is for one session alone is never dropped by a policy.
        let (scratch, wheel) = (&mut self.scratch, &mut self.wheel);
        let frames = [&Frame::reply(body)];
        let casualty = member.write_frames(slot, frames, scratch, sink, now, wheel);
        self.after_write(slot, casualty, sink, now);
    }

    fn check_deadlines(&mut self, sink: &mut impl Sink, now: Moment) {
        let mut fired = Vec::new();
        self.wheel.turn(now, &mut fired);
        for deadline in fired {
            let (Deadline::Age(key)
            | Deadline::Closing(key)
            | Deadline::Watch(key)
            | Deadline::Reminder(key)) = deadline;
            let slot = key.slot;
            let Some(member) = self.members.get_mut(slot.index()) else {
                continue;
            };
            // The slot may have been used again since.
            if member.key(slot) != key {
                continue;
            }
            match deadline {
                Deadline::Closing(_) if member.is_open() => {}
                Deadline::Closing(_) => self.end(slot, None, sink),
                Deadline::Age(_) => {
                    if let Some(ending) = member.check_age(slot, now, &mut self.wheel) {
                        // Refused only where a close is under way already, which is as good.
                        let _ = self.begin_close(slot, ending, None, now);
                    }
                }
                Deadline::Watch(_) => self.look_after(slot, now),
                Deadline::Reminder(_) => sink.reminded(slot),
            }
        }
    }

    /// Does what a session's silence or age asks for.
    fn look_after(&mut self, slot: Slot, now: Moment) {
        let Some(member) = self.members.get_mut(slot.index()) else {
            return;
        };
        let Some(watch) = &mut member.watch else {
            return;
        };
        if !watch.is_reminded(now) {
            return;
        }
        let format = self.shared.formats.get(member.format);
        match watch.due(now) {
            Some(due @ (Due::Ping | Due::HeartBeat)) => {
                let session = member.session.id();
                let frame = match due {
                    Due::Ping => format.ping(),
                    _ => format.heart_beat(),
                };
                if due == Due::Ping && frame.is_none() {
                    watch.cannot_be_asked();
                }
                let frame = frame.map(|frame| Outgoing::reply(session, frame));
                self.outgoing.extend(frame);
            }
            Some(Due::Close(ending, told)) => {
                let frame = format.close(told, &ending.reason);
                // Refused only where a close is under way already, which is as good.
                let _ = self.begin_close(slot, ending, frame, now);
            }
            None => {}
        }
        self.arm_watch(slot);
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
            if let Outcome::Done(()) = self.begin_close(slot, ending, None, now) {
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

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Member> {
        self.topics
            .leave_all(&self.shared.log, self.index, &mut self.members, slot);
        self.replays.forget(slot);
        self.dismiss_consumers(slot);
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
