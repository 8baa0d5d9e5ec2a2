//! How sessions end: closes from either side, and the paced closing of all of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use crate::destination::Destination;
use crate::member::{Deadline, Member, Phase};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::outcome::{Outcome, Refusal, Ticket};
use crate::session::Slot;
use crate::shard::{Answered, CLOSING_TIMEOUT, Drain, Outgoing, Shard};
use crate::sink::{Cause, Ending};

impl Shard {
    /// Begins to close a session: what waits is still delivered, then the close frame. The
    /// session ends when the peer has answered ([`peer_closed`](Self::peer_closed)), at the
    /// latest after [`CLOSING_TIMEOUT`].
    pub fn close(&mut self, slot: Slot, ending: Ending, now: Moment) -> Outcome<()> {
        self.close_as(slot, ending, None, now)
    }

    /// As [`close`](Self::close), with these bytes as the last that the peer gets instead of what its
    /// format says: none, if it has been told already.
    pub fn close_with(
        &mut self,
        slot: Slot,
        ending: Ending,
        last: Bytes,
        now: Moment,
    ) -> Outcome<()> {
        self.close_as(slot, ending, Some(last), now)
    }

    fn close_as(
        &mut self,
        slot: Slot,
        ending: Ending,
        last: Option<Bytes>,
        now: Moment,
    ) -> Outcome<()> {
        let member = self.members.get(slot.index());
        if !member.is_some_and(Member::takes_commands) {
            return Outcome::Refused(Refusal::NoSession);
        }
        self.begin_close(slot, ending, last, now)
    }

    /// Answers a close that the peer has begun: `frame` is the last that it gets, after what was
    /// accepted for it so far; then the session ends.
    pub fn close_answered(
        &mut self,
        slot: Slot,
        ending: Ending,
        frame: Bytes,
        now: Moment,
    ) -> Outcome<()> {
        let has_inbox = self.has_inbox();
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.takes_commands())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        if has_inbox {
            let session = member.session.id();
            member.peer_is_closing = true;
            member.session.begin_close();
            self.answered.push(Answered {
                session,
                ending,
                frame,
            });
            return Outcome::Done(());
        }
        self.answer_close(slot, ending, frame, now)
    }

    pub(crate) fn answer_close(
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

    pub(crate) fn begin_close(
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
        let format = self.shared.formats.get(member.format);
        let frame = frame.or_else(|| format.close(code, &ending.reason));
        if discard && let Some(outbox) = &mut member.outbox {
            outbox.discard_unstarted();
        }
        let (id, key) = (member.session.id(), member.key(slot));
        member.watch = None;
        member.phase = Phase::Closing {
            ending: Box::new(ending),
            peer_is_done: !format.is_close_answered(),
            is_last_handed_over: false,
        };
        self.topics
            .leave_all(&self.shared.log, self.index, &mut self.members, slot);
        self.replays.forget(slot);
        self.retire_consumers(slot);
        self.outgoing.push(Outgoing {
            session: id,
            frame: Frame::reply(frame.unwrap_or_default()),
            is_last: true,
            is_message: false,
        });
        self.wheel
            .arm(now.plus(CLOSING_TIMEOUT), Deadline::Closing(key));
        Outcome::Done(())
    }

    /// Closes everybody who has subscribed to a destination.
    pub(crate) fn close_all(
        &mut self,
        destination: &Destination,
        code: u16,
        reason: &str,
        now: Moment,
    ) {
        let subscribers = self.topics.subscribers(destination).iter();
        let consumers = self.consumers.slots(destination);
        let slots: Vec<Slot> = subscribers.map(|one| one.slot).chain(consumers).collect();
        for slot in slots {
            let ending = Ending {
                code,
                reason: reason.to_owned(),
                cause: Cause::Application,
            };
            // Refused only where a close is under way already, which is as good.
            let _ = self.begin_close(slot, ending, None, now);
        }
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

    /// The peer has finished its side of the closing handshake.
    pub fn peer_closed(&mut self, slot: Slot) {
        if let Some(member) = self.members.get_mut(slot.index())
            && let Phase::Closing { peer_is_done, .. } = &mut member.phase
        {
            *peer_is_done = true;
            self.finished.push(member.session.id());
        }
    }
}
