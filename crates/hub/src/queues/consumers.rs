//! The consumers of one shard's sessions. A session without any pays nothing for them.

use std::collections::HashMap;

use crate::destination::Destination;
use crate::queues::Verdict;
use crate::queues::item::{ConsumerId, Dispatched, Handed};
use crate::queues::logged::Report;
use crate::session::{SessionId, Slot};
use crate::topics::Filter;

/// One consumer as its shard sees it.
pub(crate) struct Local {
    pub(crate) session: SessionId,
    pub(crate) label: Box<str>,
    pub(crate) destination: Destination,
    pub(crate) is_done_on_write: bool,
    pub(crate) filter: Option<Filter>,
    /// How often it has declined: what was dispatched before is with its queue again.
    pub(crate) declined: u32,
    /// It gets nothing more, but what it has is not written yet.
    pub(crate) has_retired: bool,
}

/// The consumers of one shard's sessions.
#[derive(Default)]
pub(crate) struct Consumers {
    all: HashMap<ConsumerId, Local>,
    by_slot: HashMap<Slot, Vec<ConsumerId>>,
    /// Those that wait for an empty outbox.
    resting: HashMap<Slot, Vec<ConsumerId>>,
    /// What the queues have to be told.
    pub(crate) report: Report,
    /// What the pass has come across and has yet to deliver.
    pub(crate) run: Vec<Dispatched>,
    /// What an outbox has written.
    pub(crate) handed: Vec<Handed>,
}

impl Consumers {
    pub(crate) fn add(&mut self, id: ConsumerId, local: Local) {
        let slot = local.session.slot();
        self.by_slot.entry(slot).or_default().push(id);
        self.all.insert(id, local);
    }

    pub(crate) fn get_mut(&mut self, id: ConsumerId) -> Option<&mut Local> {
        self.all.get_mut(&id)
    }

    /// A session's consumers, those that have retired included.
    pub(crate) fn ids(&self, slot: Slot) -> &[ConsumerId] {
        self.by_slot.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// A session's consumers that still take messages.
    pub(crate) fn of(&self, slot: Slot) -> impl Iterator<Item = (ConsumerId, &Local)> {
        let ids = self.ids(slot).iter();
        ids.filter_map(|id| Some((*id, self.all.get(id)?)))
            .filter(|(_, local)| !local.has_retired)
    }

    /// The slots of sessions that take messages from a queue, once for each consumer.
    pub(crate) fn slots(&self, destination: &Destination) -> impl Iterator<Item = Slot> {
        let destination = destination.clone();
        let all = self.all.values();
        all.filter(move |one| !one.has_retired && one.destination == destination)
            .map(|one| one.session.slot())
    }

    pub(crate) fn labelled(&self, slot: Slot, label: &str) -> Option<ConsumerId> {
        let mut all = self.of(slot);
        all.find(|(_, local)| *local.label == *label)
            .map(|(id, _)| id)
    }

    /// Forgets consumers that have gone.
    pub(crate) fn forget(&mut self, gone: &[ConsumerId]) {
        for id in gone {
            let Some(local) = self.all.remove(id) else {
                continue;
            };
            let slot = local.session.slot();
            if let Some(ids) = self.by_slot.get_mut(&slot) {
                ids.retain(|one| one != id);
                if ids.is_empty() {
                    self.by_slot.remove(&slot);
                }
            }
            if let Some(ids) = self.resting.get_mut(&slot) {
                ids.retain(|one| one != id);
                if ids.is_empty() {
                    self.resting.remove(&slot);
                }
            }
        }
        self.shrink();
    }

    /// Forgets all of a session, and answers them.
    pub(crate) fn forget_all(&mut self, slot: Slot) -> Vec<ConsumerId> {
        let ids = self.by_slot.remove(&slot).unwrap_or_default();
        for id in &ids {
            self.all.remove(id);
        }
        self.resting.remove(&slot);
        self.shrink();
        ids
    }

    fn shrink(&mut self) {
        if self.all.is_empty() {
            self.all = HashMap::new();
            self.by_slot = HashMap::new();
            self.resting = HashMap::new();
        }
    }

    /// Gives a message back, and everything that was dispatched to its consumer after it.
    pub(crate) fn decline(&mut self, id: ConsumerId, position: u64) {
        let Some(local) = self.all.get_mut(&id) else {
            return;
        };
        local.declined = local.declined.wrapping_add(1);
        self.report.declined.push((id, position));
        if !local.has_retired {
            let slot = local.session.slot();
            self.resting.entry(slot).or_default().push(id);
        }
    }

    /// A session's outbox is empty: those that have waited for it take messages again.
    pub(crate) fn has_caught_up(&mut self, slot: Slot) {
        if let Some(ids) = self.resting.remove(&slot) {
            self.report.rested.extend(ids);
        }
    }

    /// Notes what was written.
    pub(crate) fn have_written(&mut self, handed: impl IntoIterator<Item = Handed>) {
        let done = handed.into_iter().filter(|one| one.is_done_on_write);
        let done = done.map(|one| (one.consumer, one.position, Verdict::Accepted));
        self.report.done.extend(done);
    }
}
