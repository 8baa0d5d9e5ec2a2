//! What a load of queues consists of.

use serde::Serialize;

use crate::error::BenchError;

/// The most sessions of either kind, and the most queues.
const MEMBERS_MAX: usize = 1_000;

/// The most messages outstanding for each producer: as many numbers are kept apart at most.
const WINDOW_MAX: usize = 1_000;

/// The most messages that a consumer may be asked to take in advance.
const PREFETCH_MAX: u16 = 1_000;

/// Who sends, who receives, and how: the part of a [`Plan`](crate::Plan) that only
/// [`Shape::Queue`](crate::Shape::Queue) looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueuePlan {
    /// Sessions that send, each to all queues in turn. From 1 to 1,000.
    pub producers: usize,
    /// Sessions that receive, each from one queue; at least one for each queue, at most 1,000.
    pub consumers: usize,
    /// Queues. From 1 to 1,000.
    pub queues: usize,
    /// When a message counts as dealt with.
    pub ack: AckMode,
    /// How many messages a consumer may have that it has not acknowledged. From 1 to 1,000.
    pub prefetch: u16,
}

/// When a message counts as dealt with: the `ack` header of SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AckMode {
    /// Once it was sent to the consumer.
    Auto,
    /// Once the consumer has acknowledged it, each by an ACK of its own.
    ClientIndividual,
}

impl AckMode {
    /// The header's value, which is the name on the command line and in reports, too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ClientIndividual => "client-individual",
        }
    }
}

impl Default for QueuePlan {
    /// Four producers and four queues with two consumers each, which acknowledge every message.
    fn default() -> Self {
        Self {
            producers: 4,
            consumers: 8,
            queues: 4,
            ack: AckMode::ClientIndividual,
            // What Campanile assumes unless it is told; the others assume 1 and no limit.
            prefetch: 64,
        }
    }
}

impl QueuePlan {
    /// Sessions of both kinds.
    pub(crate) fn sessions(&self) -> usize {
        self.producers + self.consumers
    }

    /// The queue that a producer's message goes to.
    pub(crate) fn queue_of(&self, producer: usize, sequence: u64) -> usize {
        // The remainder is smaller than the number of queues.
        ((producer as u64).wrapping_add(sequence) % self.queues as u64) as usize
    }

    /// The queue that a consumer receives from.
    pub(crate) fn queue_for(&self, consumer: usize) -> usize {
        consumer % self.queues
    }

    pub(crate) fn check(&self, window: usize, is_deflated: bool) -> Result<(), BenchError> {
        let wrong = |option, why: String| Err(BenchError::Option { option, why });
        let bounds = 1..=MEMBERS_MAX;
        for (option, count) in [
            ("producers", self.producers),
            ("queues", self.queues),
            ("consumers", self.consumers),
        ] {
            if !bounds.contains(&count) {
                return wrong(option, format!("it must be from 1 to {MEMBERS_MAX}"));
            }
        }
        if self.consumers < self.queues {
            let why = format!("{} queues need at least as many", self.queues);
            return wrong("consumers", why);
        }
        if !(1..=PREFETCH_MAX).contains(&self.prefetch) {
            return wrong("prefetch", format!("it must be from 1 to {PREFETCH_MAX}"));
        }
        if window > WINDOW_MAX {
            return wrong("window", format!("for queues it is at most {WINDOW_MAX}"));
        }
        if is_deflated {
            return wrong("deflate", "STOMP over TCP has no compression".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spread_evenly_and_every_queue_has_a_consumer() {
        let plan = QueuePlan {
            producers: 3,
            consumers: 5,
            queues: 4,
            ..QueuePlan::default()
        };
        let mut messages = [0; 4];
        for producer in 0..plan.producers {
            (0..8).for_each(|sequence| messages[plan.queue_of(producer, sequence)] += 1);
        }
        assert_eq!(messages, [6; 4]);
        let mut consumers = [0; 4];
        (0..plan.consumers).for_each(|consumer| consumers[plan.queue_for(consumer)] += 1);
        assert_eq!(consumers, [2, 1, 1, 1]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_by_its_name() {
        let usual = QueuePlan::default();
        assert!(usual.check(WINDOW_MAX, false).is_ok());
        let with = |change: fn(&mut QueuePlan)| {
            let mut plan = usual;
            change(&mut plan);
            plan.check(16, false).expect_err("refused").to_string()
        };
        for (error, option) in [
            (with(|plan| plan.producers = 0), "--producers"),
            (with(|plan| plan.queues = 1_001), "--queues"),
            (with(|plan| plan.consumers = 3), "--consumers"),
            (with(|plan| plan.prefetch = 0), "--prefetch"),
        ] {
            assert!(error.starts_with(option), "{error}");
        }
        let error = usual.check(WINDOW_MAX + 1, false).expect_err("too many");
        assert!(error.to_string().starts_with("--window"));
        let error = usual.check(1, true).expect_err("compressed");
        assert!(error.to_string().starts_with("--deflate"));
    }
}
