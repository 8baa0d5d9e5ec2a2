//! Queues: each message goes to one consumer, and stays until that has dealt with it.
//!
//! They live in the log's state, under its lock: a message's id is its place in the one log, and a
//! transaction over topics and queues is one critical section. `queue.rs`, `settling.rs` and
//! `taker.rs` are one queue as a state machine; `table.rs` has them all; `logged.rs` and
//! `transaction.rs` are what the log does with them, `store.rs` what a durable store will be told;
//! `consumers.rs`, `commands.rs` and `delivering.rs` are a shard's part.

mod commands;
mod consumers;
mod delivering;
mod item;
mod logged;
mod mint;
#[cfg(test)]
mod properties;
mod queue;
mod settling;
#[cfg(test)]
mod steps;
mod store;
#[cfg(test)]
mod store_tests;
mod table;
mod taker;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use crate::publication::Publication;
use crate::topics::Filter;

pub(crate) use consumers::Consumers;
pub use item::QUEUED_OVERHEAD_BYTES;
pub(crate) use item::{Dispatched, Handed};
pub(crate) use logged::Alarm;
pub(crate) use table::Queues;

/// How many queues a node may have. One that holds nothing and has no consumers does not count.
pub const QUEUES_MAX: usize = 16_384;

/// How many bytes all queues of a node may hold together, each message counting
/// [`QUEUED_OVERHEAD_BYTES`] more than its content and its headers; beyond it sending is refused.
pub const QUEUES_BYTES_MAX: usize = 1 << 30;

/// How a queue behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// How many messages it holds, those at consumers included; beyond it sending is refused. What
    /// has waited too long makes room first.
    pub messages_max: usize,
    /// How many bytes, each message counting [`QUEUED_OVERHEAD_BYTES`] more than its content and its
    /// headers; beyond it sending is refused.
    pub bytes_max: usize,
    /// After how many rejections a message goes to the dead letters.
    pub rejections_max: u32,
    /// How long a rejected message rests before it is delivered again.
    pub redelivery_delay: Duration,
    /// How long a message waits for a consumer, unless it says otherwise itself, in milliseconds in a
    /// header `expiration`; for ever if `None`. What a consumer has does not expire until it comes
    /// back.
    pub time_to_live: Option<Duration>,
    /// The queue that takes what was rejected too often, was [discarded](Verdict::Discarded) or has
    /// waited too long, as a new message with the headers `dead-letter-reason` (`rejected`,
    /// `discarded` or `expired`) and `dead-letter-queue`, and without `expiration`. While it is full,
    /// they stay where they are and nobody gets them. Without such a queue, and for what is a dead
    /// letter already, what was rejected too often stays and is delivered again; the others are gone.
    pub dead_letters: Option<Arc<str>>,
}

impl Default for QueueLimits {
    /// 1,048,576 messages, 640 MiB, 5 rejections, a second between deliveries, no time to live and
    /// no dead letters.
    fn default() -> Self {
        Self {
            messages_max: 1 << 20,
            bytes_max: 640 << 20,
            rejections_max: 5,
            redelivery_delay: Duration::from_secs(1),
            time_to_live: None,
            dead_letters: None,
        }
    }
}

/// When a message counts as dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acknowledgement {
    /// Once it is with the socket.
    OnWrite,
    /// When the consumer [settles](crate::Shard::settle) it.
    ByConsumer,
}

/// Says which messages a consumer takes: must be quick and must not block. One that panics does not
/// want.
pub type Wants = Arc<dyn Fn(&Publication) -> bool + Send + Sync>;

/// A session's wish to take messages from a queue.
pub struct Consumer {
    /// The queue's name.
    pub queue: Arc<str>,
    /// What the session calls it: unique among all its subscriptions.
    pub label: Box<str>,
    /// When a message counts as dealt with.
    pub acknowledgement: Acknowledgement,
    /// How many messages it may have that are not dealt with; 0 means 1. What its session's outbox
    /// has no room for, once half of it is full, goes back as if it had never been delivered, until
    /// that outbox is empty: so a slow consumer is not closed for what it has asked for.
    pub prefetch: u16,
    /// Which messages it takes; must be quick, and is asked on any thread under the log's lock.
    pub wants: Option<Wants>,
    /// What becomes of a message on its way out; one that is dropped here counts as dealt with. Where
    /// it panics, the message counts as rejected.
    pub filter: Option<Filter>,
}

/// Which messages a consumer has dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The consumer's label; without it whichever of the session's consumers has the message.
    pub label: Option<Box<str>>,
    /// The message's position.
    pub position: u64,
    /// Whether all that was delivered to this consumer before it is meant, too.
    pub cumulative: bool,
    /// What becomes of them.
    pub verdict: Verdict,
}

/// What becomes of a message that a consumer had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is done.
    Accepted,
    /// It is to be delivered again, unless it was rejected too often.
    Rejected,
    /// It goes to the dead letters at once; it is gone where there are none.
    Discarded,
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that wait for a consumer.
    pub waiting: usize,
    /// Messages that consumers have.
    pub delivered: usize,
    /// Bytes of both, overhead included.
    pub bytes: usize,
    /// Consumers.
    pub consumers: usize,
}

/// What takes effect as one.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// What is sent, in this order and with nothing between.
    pub sends: Vec<(crate::Destination, crate::Message)>,
    /// What is settled.
    pub settlements: Vec<Settlement>,
}
