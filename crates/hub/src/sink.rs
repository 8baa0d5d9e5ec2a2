//! What a shard writes to: sockets in production, a simulator in tests.

use std::io::IoSlice;

use crate::outcome::Ticket;
use crate::session::Slot;

/// How a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// So many bytes were taken. Fewer than offered means that the transport is full: the shard
    /// writes no more until it is told [`Shard::writable`](crate::Shard::writable).
    Bytes(usize),
    /// The transport has ended. The shard forgets the session and calls [`Sink::end`].
    Gone,
}

/// Why a session ended, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer closed it, with or without a closing handshake.
    Peer,
    /// The application closed it.
    Application,
    /// The peer broke its protocol or a limit.
    Protocol,
    /// It read too slowly.
    SlowConsumer,
    /// It was silent for too long, or what it was let in with has expired.
    TimedOut,
    /// The node is leaving.
    Leaving,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The close code: the peer's if it closed, ours if we did, 1006 if nobody said anything.
    pub code: u16,
    /// The reason that went with the code.
    pub reason: String,
    /// Who or what ended it.
    pub cause: Cause,
}

impl Ending {
    /// The transport was lost without a word: 1006 (RFC 6455 7.4.1), which is never sent.
    pub fn lost() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
            cause: Cause::Peer,
        }
    }
}

/// The transports of one shard's sessions.
pub trait Sink {
    /// Writes without blocking, in order, as much as the transport takes.
    fn write(&mut self, session: Slot, buffers: &[IoSlice<'_>]) -> Written;

    /// The hub is done with a session: what could be flushed was, and the slot may be used again.
    /// Called exactly once for each session, unless the driver itself reported it
    /// [`gone`](crate::Shard::gone).
    fn end(&mut self, session: Slot, ending: Ending);

    /// The outbox policy dropped publications that this session will never see (promise: no
    /// silent loss).
    fn dropped(&mut self, session: Slot, publications: u32);

    /// A command that answered `Later` has ended.
    fn settled(&mut self, ticket: Ticket);

    /// A moment has come that the driver wanted to be [reminded](crate::Shard::remind) of. It must
    /// look whether that still means something.
    fn reminded(&mut self, _session: Slot) {}
}
