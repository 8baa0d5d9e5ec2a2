//! How a command ends.

use crate::publication::PublicationId;

/// How a command ended. Whatever a client is told about it (a receipt, an error) is written from
/// this, never from the mere fact that a call has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome<T> {
    /// It took effect.
    Done(T),
    /// It did not, and will not.
    Refused(Refusal),
    /// It is under way; the ticket is named again when it has ended.
    Later(Ticket),
}

impl<T> Outcome<T> {
    /// The result, where the command is known to have ended.
    ///
    /// # Errors
    /// [`Refusal::Pending`] for a command that has not ended yet.
    pub fn finished(self) -> Result<T, Refusal> {
        match self {
            Self::Done(result) => Ok(result),
            Self::Refused(refusal) => Err(refusal),
            Self::Later(_) => Err(Refusal::Pending),
        }
    }
}

/// Names a command that has not ended yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) u64);

/// Why a command did not take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A shard's inbox is at its limit.
    #[error("overloaded: the fan-out is behind by its limit; publish slower and try again")]
    Overloaded,
    /// There is no such session, or it is closing.
    #[error("no-session: the session has ended")]
    NoSession,
    /// No endpoint has that path template.
    #[error(
        "no-endpoint: no endpoint has this path; name it as it was mounted, such as /ws/{{id}}"
    )]
    NoEndpoint,
    /// The node is leaving.
    #[error("leaving: the server is shutting down; connect to another one")]
    Leaving,
    /// The shard has all the sessions it may have.
    #[error("full: no more sessions here; try again later or at another node")]
    Full,
    /// The session has that subscription already.
    #[error("duplicate: the session has subscribed to this destination already")]
    AlreadySubscribed,
    /// The index of patterns has no room for one more of this kind.
    #[error("too-many-patterns: no room for one more pattern like this; use fewer wildcards")]
    TooManyPatterns,
    /// The session has no such subscription.
    #[error("not-subscribed: the session has no subscription to this destination")]
    NotSubscribed,
    /// The session has no such message of a queue, or not any more.
    #[error("not-delivered: this session has no such message, or has dealt with it already")]
    NotDelivered,
    /// The queue has no room.
    #[error("queue-full: the queue holds all that it may; let consumers catch up and try again")]
    QueueFull,
    /// A queue's message is for one consumer, whichever it is, and cannot be for some sessions.
    #[error(
        "not-for-some: a queue gives each message to one consumer; publish it without a choice"
    )]
    NotForSome,
    /// There is no room for another queue.
    #[error("too-many-queues: this node has all the queues that it may have")]
    TooManyQueues,
    /// The session is another user's.
    #[error("user-known: the session belongs to another user already")]
    UserKnown,
    /// The operating system gave no random bytes for a session id.
    #[error("no-entropy: the operating system gave no random bytes for a session id")]
    NoEntropy,
    /// The outcome is still open.
    #[error("pending: the command has not ended yet; wait for its ticket")]
    Pending,
}

/// A message is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its place there.
    pub id: PublicationId,
    /// How many subscriptions matched at that moment.
    pub subscriptions: usize,
}
