//! What the tests of queues say often: who takes, who sends, who has received.

#![allow(
    dead_code,
    reason = "each test program uses its own part of this module"
)]

use std::sync::Arc;

use campanile_hub::{
    Accepted, Acknowledgement, Consumer, Destination, Message, NewSession, Outcome, Pattern,
    QueueLimits, QueueState, Refusal, Separator, Settlement, Slot, Verdict,
};

use super::simulator::{House, Received};

/// The queue that most tests are about.
pub(crate) const ORDERS: &str = "/queue/orders";

pub(crate) fn consumer(queue: &str, label: &str, prefetch: u16) -> Consumer {
    Consumer {
        queue: queue.into(),
        label: label.into(),
        acknowledgement: Acknowledgement::ByConsumer,
        prefetch,
        wants: None,
        filter: None,
    }
}

pub(crate) fn automatic(queue: &str, label: &str, prefetch: u16) -> Consumer {
    Consumer {
        acknowledgement: Acknowledgement::OnWrite,
        ..consumer(queue, label, prefetch)
    }
}

/// A consumer of what has a header `colour` of this value.
pub(crate) fn selective(queue: &str, label: &str, colour: &'static str) -> Consumer {
    let wants = move |one: &campanile_hub::Publication| one.headers().get("colour") == Some(colour);
    Consumer {
        wants: Some(Arc::new(wants)),
        ..consumer(queue, label, 64)
    }
}

impl House {
    /// Opens a session that tells labels, on some shard.
    pub(crate) fn enter_at(&mut self, side: usize) -> Slot {
        let new = NewSession {
            format: self.labelled,
            ..self.newcomer("/e")
        };
        self.open(side, new).0
    }

    /// Opens a session on the first shard that takes from a queue, one message at a time or more.
    pub(crate) fn taker(&mut self, label: &str, prefetch: u16) -> Slot {
        let slot = self.enter_at(0);
        self.consume(slot, consumer(ORDERS, label, prefetch));
        slot
    }

    pub(crate) fn consume(&mut self, slot: Slot, consumer: Consumer) {
        let outcome = self.sides[0].shard.consume(slot, consumer);
        assert_eq!(outcome, Outcome::Done(()));
    }

    pub(crate) fn put(&self, message: impl Into<Message>) -> Result<Accepted, Refusal> {
        self.put_to(ORDERS, message)
    }

    pub(crate) fn put_to(
        &self,
        queue: &str,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        let outcome = self.hub.publish(Destination::queue(queue), message.into());
        outcome.finished()
    }

    /// Sends all these, and answers their positions.
    pub(crate) fn put_all(&self, texts: &[&str]) -> Vec<u64> {
        let all = texts.iter().map(|text| self.put(*text).expect("room"));
        all.map(|accepted| accepted.id.position).collect()
    }

    pub(crate) fn settle(
        &mut self,
        slot: Slot,
        label: &str,
        position: u64,
        verdict: Verdict,
    ) -> Outcome<()> {
        let settlement = settlement(label, position, verdict);
        self.sides[0].shard.settle(slot, &settlement)
    }

    pub(crate) fn accept(&mut self, slot: Slot, label: &str, position: u64) {
        let outcome = self.settle(slot, label, position, Verdict::Accepted);
        assert_eq!(outcome, Outcome::Done(()));
    }

    pub(crate) fn reject(&mut self, slot: Slot, label: &str, position: u64) {
        let outcome = self.settle(slot, label, position, Verdict::Rejected);
        assert_eq!(outcome, Outcome::Done(()));
    }

    /// Ends a session as a transport that is lost does.
    pub(crate) fn lose(&mut self, slot: Slot) {
        self.sides[0].shard.gone(slot);
        self.sides[0].net.disconnect(slot);
    }

    /// Pumps until everything is where it goes, and tells what a peer of the first shard has got:
    /// label, deliveries where there were several, and text.
    pub(crate) fn got(&mut self, slot: Slot) -> Vec<String> {
        self.got_at(0, slot)
    }

    pub(crate) fn got_at(&mut self, side: usize, slot: Slot) -> Vec<String> {
        for _ in 0..4 {
            self.pump();
        }
        let all = std::mem::take(&mut self.sides[side].net.peer(slot).received);
        let text = |one: &Received| match one {
            Received::Publication { label, .. } => {
                let label = label.clone().unwrap_or_default();
                format!("{label} {}", one.text())
            }
            other => other.text(),
        };
        all.iter().map(text).collect()
    }

    pub(crate) fn state(&self, queue: &str) -> QueueState {
        self.hub.queue(queue).expect("a queue")
    }

    pub(crate) fn limit(&self, pattern: &str, limits: QueueLimits) {
        let pattern = Pattern::parse(pattern, Separator::Slash).expect("a pattern");
        self.hub.limit_queues(&pattern, limits).expect("room");
    }
}

pub(crate) fn settlement(label: &str, position: u64, verdict: Verdict) -> Settlement {
    Settlement {
        label: Some(label.into()),
        position,
        cumulative: false,
        verdict,
    }
}
