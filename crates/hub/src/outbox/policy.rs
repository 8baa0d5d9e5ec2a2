//! What a session's outbox may hold, and what happens when it is full.

use std::time::Duration;

/// What happens to a session that reads more slowly than it is sent to (S28–S30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxPolicy {
    /// How many bytes may wait, each frame counting
    /// [`FRAME_OVERHEAD_BYTES`](crate::FRAME_OVERHEAD_BYTES) more than its length.
    pub bytes_max: usize,
    /// How long the oldest waiting frame may wait; beyond it the session is closed, whatever the
    /// overflow rule says, because a peer that takes nothing at all is gone.
    pub age_max: Duration,
    /// What happens when `bytes_max` is reached.
    pub overflow: Overflow,
}

impl Default for OutboxPolicy {
    /// 1 MiB, 10 s, close.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 20,
            age_max: Duration::from_secs(10),
            overflow: Overflow::Close,
        }
    }
}

/// What happens when an outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The session is closed with 1008 `slow-consumer`, so that the client knows.
    Close,
    /// The oldest waiting publications make room, and are counted.
    DropOldest,
    /// The new publication is dropped, and counted.
    DropNewest,
    /// A waiting publication with the same key is replaced at once, full or not; those without a
    /// key make room as under [`DropOldest`](Self::DropOldest).
    Conflate,
}
