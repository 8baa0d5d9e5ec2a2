//! A message that a destination has accepted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::destination::Destination;
use crate::format::{FormatId, Formats};
use crate::headers::Headers;
use crate::moment::Moment;

/// What a message says, before any protocol has framed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// UTF-8 text. The bytes must be valid UTF-8: constructors take `str`.
    Text(Utf8Bytes),
    /// Any bytes.
    Binary(Bytes),
    /// Text or bytes that were handed over in parts, which a protocol that knows parts keeps: a
    /// frame each on WebSocket. They are sent together, so that nothing comes between them.
    Parts(Parts),
    /// Asks the peer for a sign of life, on protocols that can.
    Ping(Bytes),
    /// A sign of life that was not asked for, on protocols that can.
    Pong(Bytes),
}

/// A message in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    is_text: bool,
    bytes: Bytes,
    /// Where each part ends.
    ends: Box<[usize]>,
}

impl Parts {
    /// A text in parts.
    pub fn text<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Self {
        Self::new(true, parts.into_iter(), |part, all| {
            all.extend_from_slice(part.as_ref().as_bytes());
        })
    }

    /// Bytes in parts.
    pub fn binary<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Self {
        Self::new(false, parts.into_iter(), |part, all| {
            all.extend_from_slice(part.as_ref());
        })
    }

    fn new<T>(
        is_text: bool,
        parts: impl Iterator<Item = T>,
        append: impl Fn(T, &mut Vec<u8>),
    ) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for part in parts {
            append(part, &mut bytes);
            ends.push(bytes.len());
        }
        Self {
            is_text,
            bytes: bytes.into(),
            ends: ends.into(),
        }
    }

    /// Whether all parts together are text.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// All parts together.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The parts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| {
            let part = &self.bytes[begin..end];
            begin = end;
            part
        })
    }
}

impl Content {
    /// Text content.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Utf8Bytes(Bytes::from(text.into())))
    }

    /// Binary content.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Whether it is a message, and not a sign of life.
    pub fn is_message(&self) -> bool {
        !matches!(self, Self::Ping(_) | Self::Pong(_))
    }

    /// Whether it is text, whole or in parts.
    pub fn is_text(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Parts(parts) => parts.is_text,
            Self::Binary(_) | Self::Ping(_) | Self::Pong(_) => false,
        }
    }

    /// The payload, whatever its kind.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => &text.0,
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes,
            Self::Parts(parts) => &parts.bytes,
        }
    }
}

/// Shared bytes that were a `String`, hence valid UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// The text's bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Where a publication stands in its log, and which log: opaque to clients, the same token on
/// every protocol, written `epoch-position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicationId {
    /// Which life of the log: another after each restart of a log that lives in memory.
    pub epoch: u64,
    /// The place in that log; the first publication has 1.
    pub position: u64,
}

impl fmt::Display for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.position)
    }
}

/// A message that has a position in the log, shared by all who receive it.
#[derive(Debug)]
pub struct Publication {
    id: PublicationId,
    accepted: Moment,
    destination: Destination,
    content: Content,
    headers: Headers,
    key: Option<Arc<str>>,
    encoded: Box<[OnceLock<Bytes>]>,
}

impl Publication {
    pub(crate) fn new(
        id: PublicationId,
        accepted: Moment,
        destination: Destination,
        message: Message,
        formats: usize,
    ) -> Self {
        let Message {
            content,
            headers,
            key,
        } = message;
        let encoded = (0..formats).map(|_| OnceLock::new()).collect();
        Self {
            id,
            accepted,
            destination,
            content,
            headers,
            key,
            encoded,
        }
    }

    /// Its place in the log.
    pub fn id(&self) -> PublicationId {
        self.id
    }

    /// When it was accepted, on the hub's [clock](crate::Hub::with_clock); not told of messages of
    /// queues, for which this is the clock's start.
    pub fn accepted(&self) -> Moment {
        self.accepted
    }

    /// What it was sent to.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// What it says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// What it counts for where bytes are limited.
    pub(crate) fn bytes(&self) -> usize {
        self.content.bytes().len() + self.headers.bytes()
    }

    /// What a conflating outbox keeps only the latest of, such as a stock's symbol.
    pub fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// Lets go of what it was encoded as: whoever needs that from now on encodes it for themselves.
    pub(crate) fn forget_encodings(&mut self) {
        self.encoded = Box::default();
    }

    /// The shared bytes of this publication in a format, encoded on first use. Shards that need
    /// them at the same time wait for the one that came first: nothing is encoded twice.
    pub(crate) fn encoded(&self, formats: &Formats, id: FormatId) -> Bytes {
        match self.encoded.get(id.index()) {
            Some(cell) => cell.get_or_init(|| formats.get(id).encode(self)).clone(),
            // Registered after this publication was accepted: correct, only not shared.
            None => formats.get(id).encode(self),
        }
    }
}

/// A message on its way to the log.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it says.
    pub content: Content,
    /// The headers that go with it, for protocols that have some.
    pub headers: Headers,
    /// See [`Publication::key`].
    pub key: Option<Arc<str>>,
}

impl Message {
    /// A text message without a key.
    pub fn text(text: impl Into<String>) -> Self {
        Content::text(text).into()
    }

    /// A binary message without a key.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Content::binary(bytes).into()
    }

    /// The same message with these headers instead of those that it had.
    #[must_use]
    pub fn with_headers<N: Into<Box<str>>, V: Into<Box<str>>>(
        self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            ..self
        }
    }

    /// What it counts for where bytes are limited.
    pub(crate) fn bytes(&self) -> usize {
        self.content.bytes().len() + self.headers.bytes()
    }

    /// The same message with a key to conflate by.
    #[must_use]
    pub fn with_key(self, key: impl Into<Arc<str>>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }
}

impl From<Content> for Message {
    fn from(content: Content) -> Self {
        Self {
            content,
            headers: Headers::default(),
            key: None,
        }
    }
}

impl From<Parts> for Message {
    fn from(parts: Parts) -> Self {
        Content::Parts(parts).into()
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::binary(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::format::Format;

    const SHARDS: usize = 4;

    /// Counts how often it encodes, and gives other threads time to come in.
    struct Slow(Arc<AtomicUsize>);

    impl Format for Slow {
        fn encode_content(&self, content: &Content) -> Bytes {
            self.0.fetch_add(1, Ordering::Relaxed);
            for _ in 0..1_000 {
                std::thread::yield_now();
            }
            content.bytes().clone()
        }

        fn close(&self, _: u16, _: &str) -> Option<Bytes> {
            None
        }
    }

    #[test]
    fn shards_that_need_an_encoding_at_the_same_time_share_it() {
        let encodes = Arc::new(AtomicUsize::new(0));
        let formats = Formats::default();
        let format = formats.register(Arc::new(Slow(Arc::clone(&encodes))));
        let format = format.expect("room for a format");
        let id = PublicationId {
            epoch: 1,
            position: 1,
        };
        let destination = Destination::endpoint("/e");
        let publication =
            Publication::new(id, Moment::default(), destination, Message::text("ding"), 1);
        let start = Barrier::new(SHARDS);
        std::thread::scope(|scope| {
            for _ in 0..SHARDS {
                scope.spawn(|| {
                    start.wait();
                    assert_eq!(publication.encoded(&formats, format), "ding");
                });
            }
        });
        assert_eq!(encodes.load(Ordering::Relaxed), 1);
    }
}
