//! Queues: each message goes to one consumer, and stays until that has dealt with it.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::publication::Publication;
use crate::session::Slot;
use crate::shard::Shard;
use crate::topics::Filter;

/// How a queue behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// How many messages it holds, those at consumers included; beyond it sending is refused.
    pub messages_max: usize,
    /// How many bytes, overhead included; beyond it sending is refused.
    pub bytes_max: usize,
    /// After how many rejections a message goes to the dead letters.
    pub rejections_max: u32,
    /// How long a rejected message rests before it is delivered again.
    pub redelivery_delay: Duration,
    /// How long a message waits for a consumer, unless it says otherwise itself; for ever if `None`.
    pub time_to_live: Option<Duration>,
    /// The queue that takes what was rejected too often or has waited too long. Without one the
    /// former stays and the latter is gone.
    pub dead_letters: Option<Arc<str>>,
}

/// When a message counts as dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acknowledgement {
    /// Once it is with the socket.
    OnWrite,
    /// When the consumer [settles](Shard::settle) it.
    ByConsumer,
}

/// A session's wish to take messages from a queue.
pub struct Consumer {
    /// The queue's name.
    pub queue: Arc<str>,
    /// What the session calls it: unique among all its subscriptions.
    pub label: Box<str>,
    /// When a message counts as dealt with.
    pub acknowledgement: Acknowledgement,
    /// How many messages it may have that are not dealt with.
    pub prefetch: u16,
    /// Which messages it takes; must be quick, and is asked on any thread under the log's lock.
    pub wants: Option<Arc<dyn Fn(&Publication) -> bool + Send + Sync>>,
    /// What becomes of a message on its way out; one that is dropped here counts as dealt with.
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
    /// It goes to the dead letters at once.
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

impl Shard {
    /// Lets a session take messages from a queue.
    pub fn consume(&mut self, _slot: Slot, _consumer: Consumer) -> Outcome<()> {
        Outcome::Refused(crate::Refusal::NoSession)
    }

    /// Ends it; what the consumer had goes back. `NotSubscribed` where there is no such consumer.
    pub fn stop_consuming(&mut self, _slot: Slot, _label: &str) -> Outcome<()> {
        Outcome::Refused(crate::Refusal::NotSubscribed)
    }

    /// Says what a session has dealt with.
    pub fn settle(&mut self, _slot: Slot, _settlement: &Settlement) -> Outcome<()> {
        Outcome::Refused(crate::Refusal::NotDelivered)
    }

    /// Sends messages and settles others as one: all of it takes effect, or none and the first refusal
    /// is answered with the place, among sends and then settlements, of what was refused. Sends are
    /// contiguous.
    pub fn commit(
        &mut self,
        _slot: Slot,
        _transaction: Transaction,
    ) -> Outcome<Vec<crate::Accepted>> {
        Outcome::Refused(crate::Refusal::NoSession)
    }
}

/// What takes effect as one.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// What is sent, in this order and with nothing between.
    pub sends: Vec<(crate::Destination, crate::Message)>,
    /// What is settled.
    pub settlements: Vec<Settlement>,
}
