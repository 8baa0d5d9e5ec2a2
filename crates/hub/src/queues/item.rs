//! One message of a queue, and what it remembers.

use std::sync::Arc;
use std::time::Duration;

use crate::headers::Headers;
use crate::moment::Moment;
use crate::publication::{Message, Publication};
use crate::session::SessionId;

/// What a message counts for where a queue's bytes are limited, beside its content, its headers and
/// the name of its queue.
pub const QUEUED_OVERHEAD_BYTES: usize = 512;

/// The header that says for how many milliseconds a message waits.
const EXPIRATION: &str = "expiration";

/// The header of a dead letter that says why it is one.
const DEAD_LETTER_REASON: &str = "dead-letter-reason";

/// The header of a dead letter that says which queue it comes from.
const DEAD_LETTER_QUEUE: &str = "dead-letter-queue";

/// Names a consumer for as long as the node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConsumerId {
    /// Where its queue stands in the table; another queue may stand there once it is forgotten.
    pub(crate) queue: usize,
    pub(crate) number: u64,
}

/// A message on its way to a consumer.
#[derive(Clone, Debug)]
pub(crate) struct Dispatched {
    pub(crate) session: SessionId,
    pub(crate) consumer: ConsumerId,
    /// How often the consumer had declined messages when this one was dispatched.
    pub(crate) declined: u32,
    pub(crate) publication: Arc<Publication>,
    /// Which delivery of the message this is, from 1 on.
    pub(crate) deliveries: u32,
}

/// A message of a queue on its way to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) consumer: ConsumerId,
    pub(crate) position: u64,
    /// It is dealt with once it is written.
    pub(crate) is_done_on_write: bool,
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Rejected,
    Expired,
    Discarded,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Discarded => "discarded",
        }
    }
}

/// One message of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) publication: Arc<Publication>,
    /// How often it was handed to a consumer.
    pub(crate) deliveries: u32,
    pub(crate) rejections: u32,
    pub(crate) expires: Option<Moment>,
    /// Who had it last.
    pub(crate) last: Option<ConsumerId>,
    /// When it came back, as the queue counts; `None` until it does.
    pub(crate) returned: Option<u64>,
    /// It came from another queue: there is nowhere else to go for it.
    pub(crate) is_dead: bool,
}

impl Item {
    pub(crate) fn new(publication: Arc<Publication>, expires: Option<Moment>) -> Self {
        Self {
            publication,
            deliveries: 0,
            rejections: 0,
            expires,
            last: None,
            returned: None,
            is_dead: false,
        }
    }

    pub(crate) fn position(&self) -> u64 {
        self.publication.id().position
    }

    pub(crate) fn bytes(&self) -> usize {
        self.publication.bytes() + QUEUED_OVERHEAD_BYTES
    }

    pub(crate) fn has_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|moment| moment <= now)
    }
}

/// What a message would count for as an item.
pub(crate) fn cost(message: &Message) -> usize {
    message.bytes() + QUEUED_OVERHEAD_BYTES
}

/// For how long a message waits: what it says itself, else what its queue says.
pub(crate) fn time_to_live(headers: &Headers, usual: Option<Duration>) -> Option<Duration> {
    let own = headers.get(EXPIRATION).and_then(|text| text.parse().ok());
    own.map(Duration::from_millis).or(usual)
}

/// What is sent to the dead letters in a message's place.
pub(crate) fn dead_letter(publication: &Publication, from: &str, reason: Reason) -> Message {
    let own = [EXPIRATION, DEAD_LETTER_REASON, DEAD_LETTER_QUEUE];
    let kept = publication.headers().iter();
    let kept = kept.filter(|(name, _)| !own.contains(name));
    let added = [
        (DEAD_LETTER_REASON, reason.word()),
        (DEAD_LETTER_QUEUE, from),
    ];
    Message {
        content: publication.content().clone(),
        headers: kept.chain(added).collect(),
        key: publication.key().cloned(),
    }
}
