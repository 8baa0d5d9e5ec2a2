//! How a publication becomes bytes: once per format, not once per subscriber.

use std::sync::{Arc, RwLock};

use bytes::Bytes;

use crate::destination::Destination;
use crate::publication::{Content, Publication, PublicationId};

/// How many formats may be registered.
pub const FORMATS_MAX: usize = 49;

/// Turns publications into the bytes of one protocol, framing and compression.
///
/// The hub knows no protocol: whoever drives it registers its formats at start.
pub trait Format: Send + Sync + 'static {
    /// The bytes of content that has no place in the log: a reply to one session.
    fn encode_content(&self, content: &Content) -> Bytes;

    /// The bytes that all subscribers of this format share.
    fn encode(&self, publication: &Publication) -> Bytes {
        self.encode_content(publication.content())
    }

    /// Appends what one subscriber alone gets in front of the `shared` bytes, such as the head of
    /// a frame, which tells the length of both, and STOMP's `subscription` header. `label` is what
    /// the session named its subscription.
    ///
    /// A format that writes nothing here must say so in [`has_prefix`](Self::has_prefix): its
    /// publications are then batched into one buffer that all its subscribers share.
    fn prefix(&self, _publication: &Publication, _label: &str, _shared: &[u8], _out: &mut Vec<u8>) {
    }

    /// As [`prefix`](Self::prefix), for a message of a queue that is delivered for the
    /// `deliveries`th time, from 1 on.
    fn delivery_prefix(
        &self,
        publication: &Publication,
        label: &str,
        _deliveries: u32,
        shared: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.prefix(publication, label, shared, out);
    }

    /// What tells a subscription that publications were dropped before what comes next, if the
    /// protocol has such a thing.
    fn gap(&self, _gap: &Gap<'_>) -> Option<Bytes> {
        None
    }

    /// Whether [`gap`](Self::gap) ever answers with anything. Where it does, what waits for a slow
    /// session remembers what it is, which costs an allocation for each publication that waits.
    fn tells_gaps(&self) -> bool {
        self.has_prefix()
    }

    /// What [`prefix`](Self::prefix) ends with for this subscription, if it writes anything, where
    /// this end is all that tells subscribers apart: what comes before it may depend on the
    /// publication, the shared bytes and the length of the end, and on nothing else.
    ///
    /// Subscribers in a row whose ends are equally long then get the frames of the one before, with
    /// the end written over: that costs a tenth of writing prefix and shared bytes anew. `None`
    /// where prefixes differ in other ways.
    fn prefix_end<'a>(&self, _label: &'a str) -> Option<&'a [u8]> {
        None
    }

    /// Whether [`prefix`](Self::prefix) ever writes anything.
    fn has_prefix(&self) -> bool {
        false
    }

    /// The bytes that a session begins with, before anything else, if the protocol has such a thing.
    fn opening(&self) -> Option<Bytes> {
        None
    }

    /// The bytes that ask the peer for a sign of life, if the protocol has such a thing.
    fn ping(&self) -> Option<Bytes> {
        None
    }

    /// The bytes that are a sign of life and nothing else, if the protocol has such a thing.
    fn heart_beat(&self) -> Option<Bytes> {
        None
    }

    /// The bytes that tell the peer why its session ends, if the protocol has such a thing.
    fn close(&self, code: u16, reason: &str) -> Option<Bytes>;

    /// Whether the peer answers what [`close`](Self::close) tells it. If it does not, a session has
    /// ended once the last bytes for it are with its transport.
    fn is_close_answered(&self) -> bool {
        true
    }
}

/// What a subscription has lost to its outbox's policy since the last thing that it got.
#[derive(Clone, Copy, Debug)]
pub struct Gap<'a> {
    /// What the session calls the subscription.
    pub label: &'a str,
    /// What the last publication that was dropped was sent to.
    pub destination: &'a Destination,
    /// How many were dropped.
    pub dropped: u32,
    /// The last of them.
    pub last: PublicationId,
}

/// A registered format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatId(u8);

impl FormatId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// No more than [`FORMATS_MAX`] formats can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {FORMATS_MAX} formats: share one format among endpoints that frame alike")]
pub struct TooManyFormats;

/// The table of registered formats.
#[derive(Default)]
pub(crate) struct Formats(RwLock<Vec<Arc<dyn Format>>>);

impl Formats {
    pub(crate) fn register(&self, format: Arc<dyn Format>) -> Result<FormatId, TooManyFormats> {
        let mut table = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if table.len() == FORMATS_MAX {
            return Err(TooManyFormats);
        }
        let id = u8::try_from(table.len()).map_err(|_| TooManyFormats)?;
        table.push(format);
        Ok(FormatId(id))
    }

    pub(crate) fn len(&self) -> usize {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len()
    }

    /// As [`get`](Self::get), from a copy of the table that needs no lock.
    pub(crate) fn cached<'a>(
        &self,
        copy: &'a mut Vec<Arc<dyn Format>>,
        id: FormatId,
    ) -> &'a Arc<dyn Format> {
        if copy.len() <= id.index() {
            let table = self.0.read();
            copy.clone_from(&table.unwrap_or_else(std::sync::PoisonError::into_inner));
        }
        &copy[id.index()]
    }

    /// The format behind an id. Ids come only from [`register`](Self::register) and formats are
    /// never removed, so the index is in range.
    pub(crate) fn get(&self, id: FormatId) -> Arc<dyn Format> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)[id.index()]
        .clone()
    }
}
