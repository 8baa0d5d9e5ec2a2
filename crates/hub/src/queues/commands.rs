//! What a shard is asked to do for its sessions' consumers.

use std::sync::Arc;

use crate::destination::Destination;
use crate::member::Member;
use crate::moment::Moment;
use crate::outcome::{Accepted, Outcome, Refusal};
use crate::queues::consumers::Local;
use crate::queues::item::ConsumerId;
use crate::queues::logged::NewTaker;
use crate::queues::{Acknowledgement, Consumer, Settlement, Transaction};
use crate::session::Slot;
use crate::shard::Shard;

impl Shard {
    /// Lets a session take messages from a queue, from now on and from what waits there. Each has a
    /// label that none of the session's subscriptions and consumers has.
    ///
    /// `NoSession`; `AlreadySubscribed` where the label is in use; `TooManyQueues` beyond
    /// [`QUEUES_MAX`](crate::QUEUES_MAX).
    pub fn consume(&mut self, slot: Slot, consumer: Consumer) -> Outcome<()> {
        let member = self.members.get(slot.index());
        let Some(member) = member.filter(|member| member.takes_commands()) else {
            return Outcome::Refused(Refusal::NoSession);
        };
        let session = member.session.id();
        if self.has_label(slot, &consumer.label) {
            return Outcome::Refused(Refusal::AlreadySubscribed);
        }
        let Consumer {
            queue,
            label,
            acknowledgement,
            prefetch,
            wants,
            filter,
        } = consumer;
        let is_done_on_write = acknowledgement == Acknowledgement::OnWrite;
        let new = NewTaker {
            session,
            queue: Arc::clone(&queue),
            prefetch,
            is_done_on_write,
            wants,
        };
        match self.shared.log.admit(new, self.queue_time()) {
            Ok((id, to_wake)) => {
                let local = Local {
                    session,
                    label,
                    destination: Destination::Queue(queue),
                    is_done_on_write,
                    filter,
                    declined: 0,
                    has_retired: false,
                };
                self.consumers.add(id, local);
                self.wake_others(to_wake);
                Outcome::Done(())
            }
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Ends it; what the consumer had and has not settled goes back, but for what is done
    /// [on write](Acknowledgement::OnWrite) and in the outbox already. `NotSubscribed` where there
    /// is no such consumer.
    pub fn stop_consuming(&mut self, slot: Slot, label: &str) -> Outcome<()> {
        match self.consumers.labelled(slot, label) {
            Some(id) => {
                self.retire(&[id]);
                Outcome::Done(())
            }
            None => Outcome::Refused(Refusal::NotSubscribed),
        }
    }

    /// Says what a session has dealt with. `NotDelivered` where it does not have that message: it is
    /// another's, was settled already, or there never was one.
    pub fn settle(&mut self, slot: Slot, settlement: &Settlement) -> Outcome<()> {
        if !self.members.get(slot.index()).is_some_and(Member::is_open) {
            return Outcome::Refused(Refusal::NoSession);
        }
        let ids = self.consumers_meant(slot, settlement);
        let log = &self.shared.log;
        let (outcome, to_wake) = log.settle(&ids, settlement, self.queue_time());
        self.wake_others(to_wake);
        outcome
    }

    /// Sends messages and settles others as one: all of it takes effect, or none and the first
    /// refusal is answered. Sends are contiguous in the log, and come before dead letters that
    /// settlements make.
    ///
    /// Refused as [`publish`](crate::Hub::publish) and [`settle`](Self::settle) are, where room is
    /// counted for all sends together.
    pub fn commit(&mut self, slot: Slot, transaction: Transaction) -> Outcome<Vec<Accepted>> {
        if !self.members.get(slot.index()).is_some_and(Member::is_open) {
            return Outcome::Refused(Refusal::NoSession);
        }
        let settlements = transaction.settlements.into_iter();
        let settlements = settlements.map(|one| (self.consumers_meant(slot, &one), one));
        let settlements: Vec<_> = settlements.collect();
        let (now, formats) = (self.queue_time(), self.shared.formats.len());
        let log = &self.shared.log;
        let (outcome, to_wake) = log.commit(transaction.sends, &settlements, now, formats);
        self.wake_others(to_wake);
        outcome
    }

    /// Which consumers may have the message that a settlement names.
    fn consumers_meant(&self, slot: Slot, settlement: &Settlement) -> Vec<ConsumerId> {
        match &settlement.label {
            Some(label) => self.consumers.labelled(slot, label).into_iter().collect(),
            None => self.consumers.of(slot).map(|(id, _)| id).collect(),
        }
    }

    fn retire(&mut self, ids: &[ConsumerId]) {
        for id in ids {
            if let Some(local) = self.consumers.get_mut(*id) {
                local.has_retired = true;
            }
        }
        let (gone, to_wake) = self.shared.log.retire(ids, self.queue_time());
        self.consumers.forget(&gone);
        self.wake_others(to_wake);
    }

    /// A session is closing: it gets nothing more of queues.
    pub(crate) fn retire_consumers(&mut self, slot: Slot) {
        let ids: Vec<ConsumerId> = self.consumers.of(slot).map(|(id, _)| id).collect();
        if !ids.is_empty() {
            self.retire(&ids);
        }
    }

    /// A session has ended: what it had goes back.
    pub(crate) fn dismiss_consumers(&mut self, slot: Slot) {
        let ids = self.consumers.forget_all(slot);
        if ids.is_empty() {
            return;
        }
        // What it has written is done, and must not be found undone by this.
        self.report_to_queues(self.queue_time());
        let to_wake = self.shared.log.dismiss(&ids, self.queue_time());
        self.wake_others(to_wake);
    }

    /// What time it is for queues: commands are not told.
    fn queue_time(&self) -> Moment {
        (self.shared.clock)().max(self.pumped)
    }

    /// Wakes other shards; this one is pumped after whatever was asked of it.
    fn wake_others(&self, to_wake: u64) {
        self.shared.wake(to_wake & !(1 << self.index));
    }
}
