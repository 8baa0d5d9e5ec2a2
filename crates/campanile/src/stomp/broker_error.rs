//! Why a broker cannot be as it was described.

use campanile_hub::{PatternError, Refusal};

/// Why a broker's settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// What clients may send to is no pattern.
    #[error("clients may not be allowed to send to `{text}`: {source}")]
    Pattern {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// What is to be retained is no pattern.
    #[error("destinations that match `{text}` cannot keep their last value: {source}")]
    Retained {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// There are too many patterns for what is retained that are much alike.
    #[error("destinations that match `{text}` cannot keep their last value: {refusal}")]
    RetainedAlike {
        /// As it was given.
        text: String,
        /// What the hub says.
        refusal: Refusal,
    },
    /// What is to have a history is no pattern.
    #[error("destinations that match `{text}` cannot keep a history: {source}")]
    History {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// There are too many patterns for histories that are much alike.
    #[error("destinations that match `{text}` cannot keep a history: {refusal}")]
    HistoryAlike {
        /// As it was given.
        text: String,
        /// What the hub says.
        refusal: Refusal,
    },
    /// What is to have limits of its own is no pattern.
    #[error("queues that match `{text}` cannot have limits of their own: {source}")]
    QueueLimits {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// There are too many patterns for the limits of queues that are much alike.
    #[error("queues that match `{text}` cannot have limits of their own: {refusal}")]
    QueueLimitsAlike {
        /// As it was given.
        text: String,
        /// What the hub says.
        refusal: Refusal,
    },
    /// The dead letters are to go to something that is no queue.
    #[error(
        "dead letters of `{text}` cannot go to `{name}`: that is no queue; begin it as \
         `Broker::queues` says, with /queue/ unless that was changed"
    )]
    DeadLetters {
        /// The pattern of the queues.
        text: String,
        /// What was to take the dead letters.
        name: String,
    },
    /// All destinations would be user destinations.
    #[error("user destinations must begin with something: `/user`, for example")]
    NoUserPrefix,
}
