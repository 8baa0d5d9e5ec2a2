//! What other threads ask about one session, in the order of the log.

use std::sync::Arc;

use crate::destination::Destination;
use crate::log::{Joined, Log};
use crate::moment::Moment;
use crate::outbox::OutboxPolicy;
use crate::outcome::Outcome;
use crate::session::{Session, SessionId};
use crate::shard::Shard;
use crate::topics::Wanted;
use crate::watch::Timeouts;

/// Is told what became of a request, on the shard's thread: it must be quick and must not block.
/// Where there is nothing to tell, because the session has ended, it is dropped.
pub(crate) type Told<T> = Box<dyn FnOnce(T) + Send>;

/// What is asked of one session's shard.
pub(crate) enum Request {
    /// Subscribe it; the log has counted the subscription already.
    Subscribe {
        destination: Destination,
        label: Box<str>,
        joined: Joined,
    },
    /// End all subscriptions to a destination.
    Unsubscribe(Destination),
    /// End what it has subscribed to under a label.
    UnsubscribeLabel(Box<str>),
    /// Let this be its outbox's policy.
    Outbox(OutboxPolicy),
    /// Change its time-outs.
    Timeouts(Box<dyn FnOnce(Timeouts) -> Timeouts + Send>),
    /// Tell when everything is written that was sent to it so far.
    Flush(Told<()>),
    /// Tell which session it is.
    Find(Told<Arc<Session>>),
}

impl Request {
    /// What it takes back where the session is not there any more.
    fn forget(self, log: &Log, shard: usize) {
        if let Self::Subscribe { destination, .. } = self {
            log.leave(shard, &destination);
        }
    }
}

impl Shard {
    /// Does what was asked.
    pub(crate) fn grant(&mut self, id: SessionId, request: Request, now: Moment) {
        let (slot, log) = (id.slot(), &self.shared.log);
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.session.id() == id && member.is_open())
        else {
            request.forget(log, self.index);
            return;
        };
        match request {
            Request::Subscribe {
                destination,
                label,
                joined,
            } => {
                let is_new = !self.topics.is_subscribed(member, &destination, &label);
                let wanted = Wanted::all(destination.clone(), &label);
                let live_from = joined.live_from();
                if is_new && self.topics.add(&mut self.members, slot, wanted, live_from) {
                    self.replay(slot, vec![destination], label, joined);
                } else {
                    // Not wanted twice, or no room: the log has counted it in vain.
                    log.leave(self.index, &destination);
                }
            }
            Request::Unsubscribe(destination) => {
                // Under whatever label; there may be no such subscription, which is as good.
                while let Outcome::Done(()) = self.unsubscribe(slot, &destination) {}
            }
            Request::UnsubscribeLabel(label) => {
                // As above.
                let _ = self.unsubscribe_label(slot, &label);
            }
            Request::Outbox(policy) => {
                member.policy = policy;
                self.replays.may_go_on(slot);
            }
            Request::Timeouts(change) => self.change_timeouts(slot, change, now),
            Request::Flush(told) => match &mut member.outbox {
                Some(outbox) => outbox.tell_when_written(told),
                None => told(()),
            },
            Request::Find(told) => told(Arc::clone(&member.session)),
        }
    }
}
