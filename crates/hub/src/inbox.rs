//! What waits for one shard: what was published, and what its sessions are asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::destination::Destination;
use crate::publication::Publication;
use crate::queues::Dispatched;
use crate::request::Request;
use crate::session::{Session, SessionId};
use crate::view::Look;

/// How many entries may wait in one shard's inbox.
pub const INBOX_ENTRIES_MAX: usize = 65_536;

/// How many bytes of publications may wait in one shard's inbox.
pub const INBOX_BYTES_MAX: usize = 64 << 20;

/// How many entries beyond [`INBOX_ENTRIES_MAX`] may be closes of many sessions: they must get
/// through where nothing else does.
pub(crate) const CLOSES_RESERVE: usize = 1_024;

/// Picks sessions among the subscribers of a destination.
pub(crate) type Predicate = Arc<dyn Fn(&Arc<Session>) -> bool + Send + Sync>;

/// What a shard is asked to do from outside, in the order of the log.
pub(crate) enum Entry {
    /// For all subscribers of the publication's destination.
    Fanout(Arc<Publication>),
    /// For those subscribers that the predicate picks.
    Picked(Arc<Publication>, Predicate),
    /// For one session.
    Direct(SessionId, Arc<Publication>),
    /// A message of a queue, for one consumer.
    Deliver(Dispatched),
    /// Close one session.
    Close {
        session: SessionId,
        code: u16,
        reason: Box<str>,
    },
    /// Close all subscribers of a destination.
    CloseAll {
        destination: Destination,
        code: u16,
        reason: Arc<str>,
    },
    /// Something else about one session.
    Ask(SessionId, Request),
    /// Let somebody look at its sessions.
    Look(Look),
}

impl Entry {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Fanout(publication)
            | Self::Picked(publication, _)
            | Self::Direct(_, publication)
            | Self::Deliver(Dispatched { publication, .. }) => publication.bytes(),
            Self::Close { reason, .. } => reason.len(),
            Self::CloseAll { reason, .. } => reason.len(),
            Self::Ask(..) | Self::Look(_) => 0,
        }
    }
}

/// What a shard has not fetched yet.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) bytes: usize,
}

impl Inbox {
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.has_room_for(1, bytes)
    }

    pub(crate) fn has_room_for(&self, entries: usize, bytes: usize) -> bool {
        self.entries.len() + entries <= INBOX_ENTRIES_MAX && self.bytes + bytes <= INBOX_BYTES_MAX
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }
}
