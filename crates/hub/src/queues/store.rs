//! The boundary to what keeps queues beyond the life of a process. There is one implementation so
//! far, which keeps nothing: queues live in memory.

use std::sync::Arc;

use crate::outcome::Outcome;
use crate::publication::Publication;

/// One change of one queue.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "what is in memory needs no second copy")
)]
pub(crate) enum Change {
    /// A message has come; its destination is the queue.
    Enqueued(Arc<Publication>),
    /// A message is done: a consumer has dealt with it, or it has waited too long.
    Gone { queue: Arc<str>, position: u64 },
    /// A consumer has rejected a message; it stays.
    Rejected { queue: Arc<str>, position: u64 },
    /// A message has become a dead letter, whose destination is another queue: there it is from now
    /// on, and not here any more.
    Moved {
        queue: Arc<str>,
        position: u64,
        dead_letter: Arc<Publication>,
    },
}

/// Keeps what queues hold.
///
/// The contract:
///
/// * `record` is called under the log's lock, in the order of the log, **before** a change takes
///   effect in memory, with all changes of one critical section that belong together: a message, a
///   settlement with all that it covers, a transaction, a move. It keeps all of a batch or none.
/// * It must be quick and must not wait for a disk: what has to be flushed is flushed by others, and
///   answered by `Later`.
/// * `Done`: it is kept as surely as the store promises. `Refused`: nothing of it is kept, nothing
///   takes effect, and the refusal is what the sender or the consumer is answered. `Later`: it takes
///   effect in memory at once, so that consumers need not wait, and whoever asked is answered with
///   that ticket, which is settled when it is kept.
/// * Nobody waits for what the hub does by itself. A refused move is tried again later; a message that
///   has waited too long, or that was written, is gone in memory also where that is refused, and a
///   restart finds it again.
/// * What may be lost with the process: deliveries that were not settled. They are not recorded, so
///   every message that a restart finds may have been delivered before. Rejections are.
pub(crate) trait Store: Send {
    /// Keeps a batch of changes as one.
    fn record(&mut self, batch: &[Change]) -> Outcome<()>;
}

/// Keeps nothing: what is in memory is all there is.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore;

impl Store for MemoryStore {
    fn record(&mut self, _batch: &[Change]) -> Outcome<()> {
        Outcome::Done(())
    }
}
