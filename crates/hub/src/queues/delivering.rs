//! Messages of queues on their last way: from a shard's inbox to its sessions' transports.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::member::Member;
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::publication::Publication;
use crate::queues::Verdict;
use crate::queues::consumers::Consumers;
use crate::queues::item::{Dispatched, Handed};
use crate::session::{SessionId, Slot};
use crate::shard::Shard;
use crate::sink::Sink;
use crate::topics::Filter;

/// The messages of one session that are written together.
#[derive(Default)]
struct Chunk {
    frames: Vec<Frame>,
    cost: usize,
}

impl Shard {
    /// Delivers what the pass has come across.
    pub(crate) fn deliver_run(&mut self, sink: &mut impl Sink, now: Moment) {
        if self.consumers.run.is_empty() {
            return;
        }
        let mut run = std::mem::take(&mut self.consumers.run);
        // Each session's in one write, in the order in which they were dispatched.
        run.sort_by_key(|one| one.session.slot());
        let mut rest = run.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|one| one.session == first.session);
            let (group, after) = rest.split_at(same.count());
            rest = after;
            self.deliver_group(first.session, group, sink, now);
        }
        run.clear();
        if run.capacity() <= 1_024 {
            self.consumers.run = run;
        }
    }

    fn deliver_group(
        &mut self,
        session: SessionId,
        group: &[Dispatched],
        sink: &mut impl Sink,
        now: Moment,
    ) {
        let mut chunk = Chunk::default();
        for dispatched in group {
            let Some((frame, half)) = self.frame_of(dispatched) else {
                continue;
            };
            let cost = frame.cost();
            if chunk.cost + self.outbox_cost(session.slot()) + cost > half {
                self.write_chunk(session, &std::mem::take(&mut chunk), sink, now);
                // One message always fits into an empty outbox, however long it is.
                let waiting = self.outbox_cost(session.slot());
                if waiting > 0 && waiting + cost > half {
                    let position = dispatched.publication.id().position;
                    self.consumers.decline(dispatched.consumer, position);
                    continue;
                }
            }
            chunk.cost += cost;
            chunk.frames.push(frame);
        }
        self.write_chunk(session, &chunk, sink, now);
    }

    fn outbox_cost(&self, slot: Slot) -> usize {
        let outbox = self.members.get(slot.index()).map(|one| &one.outbox);
        let outbox = outbox.and_then(|outbox| outbox.as_ref());
        outbox.map_or(0, |outbox| outbox.cost())
    }

    /// A message as its consumer gets it, and how much may wait for that session because of queues.
    /// `None` where it gets nothing.
    fn frame_of(&mut self, dispatched: &Dispatched) -> Option<(Frame, usize)> {
        let Dispatched {
            session,
            consumer,
            declined,
            ref publication,
            deliveries,
        } = *dispatched;
        let position = publication.id().position;
        let local = self.consumers.get_mut(consumer)?;
        if local.declined != declined {
            // It went back with one before it.
            return None;
        }
        let member = self.members.get(session.slot().index());
        let member = member.filter(|one| one.session.id() == session && one.is_open());
        let Some(member) = member.filter(|_| !local.has_retired) else {
            self.consumers.decline(consumer, position);
            return None;
        };
        let picked = match pick(local.filter.as_ref(), publication) {
            Ok(picked) => picked,
            Err(verdict) => {
                let done = &mut self.consumers.report.done;
                done.push((consumer, position, verdict));
                return None;
            }
        };
        let formats = &self.shared.formats;
        let format = formats.cached(&mut self.formats, member.format);
        // It goes to one consumer: there is no encoding to share.
        let body = format.encode(&picked);
        let mut prefix = Vec::new();
        format.delivery_prefix(&picked, &local.label, deliveries, &body, &mut prefix);
        let frame = Frame {
            prefix: prefix.into(),
            handed: Some(Handed {
                consumer,
                position,
                is_done_on_write: local.is_done_on_write,
            }),
            ..Frame::reply(body)
        };
        Some((frame, member.policy.bytes_max / 2))
    }

    fn write_chunk(
        &mut self,
        session: SessionId,
        chunk: &Chunk,
        sink: &mut impl Sink,
        now: Moment,
    ) {
        let slot = session.slot();
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.session.id() == session && !chunk.frames.is_empty())
        else {
            return;
        };
        let before = outbox_len(member);
        member.is_sent_to(true, now);
        let (scratch, wheel) = (&mut self.scratch, &mut self.wheel);
        let casualty = member.write_frames(slot, &chunk.frames, scratch, sink, now, wheel);
        if casualty.is_none() {
            let queued = outbox_len(member) - before;
            let written = chunk.frames.len().saturating_sub(queued);
            let handed = chunk.frames[..written].iter().filter_map(|one| one.handed);
            self.consumers.have_written(handed);
        }
        self.after_write(slot, casualty, sink, now);
    }

    /// Notes for the queues what an outbox has written, and that it may be empty.
    pub(crate) fn after_outbox(&mut self, slot: Slot) {
        let Consumers { handed, .. } = &mut self.consumers;
        if !handed.is_empty() {
            let handed = std::mem::take(handed);
            self.consumers.have_written(handed);
        }
        let member = self.members.get(slot.index());
        if member.is_some_and(|member| member.outbox.is_none()) {
            self.consumers.has_caught_up(slot);
        }
    }

    /// Tells the queues what has become of messages, and does for them what is due.
    pub(crate) fn report_to_queues(&mut self, now: Moment) {
        let alarm = &self.shared.log.alarm;
        if self.consumers.report.is_empty() && !alarm.rings(self.index, now) {
            return;
        }
        let report = &mut self.consumers.report;
        let log = &self.shared.log;
        let (gone, to_wake) = log.take_report(self.index, report, now);
        self.consumers.forget(&gone);
        // Itself, too: what was handed out to it waits for another pass.
        self.shared.wake(to_wake);
    }
}

fn outbox_len(member: &Member) -> usize {
    member.outbox.as_ref().map_or(0, |outbox| outbox.len())
}

/// What a consumer gets of a message; what becomes of it, if nothing.
fn pick<'a>(
    filter: Option<&Filter>,
    publication: &'a Arc<Publication>,
) -> Result<Cow<'a, Arc<Publication>>, Verdict> {
    let Some(filter) = filter else {
        return Ok(Cow::Borrowed(publication));
    };
    // User code: a panic in it must neither take others along nor lose the message.
    let delivery = catch_unwind(AssertUnwindSafe(|| filter(publication)));
    let delivery = delivery.map_err(|_| Verdict::Rejected)?;
    delivery.of(publication).ok_or(Verdict::Accepted)
}
