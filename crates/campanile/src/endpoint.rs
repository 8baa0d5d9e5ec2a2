//! An endpoint: what happens on a path.

use campanile_hub::{OutboxPolicy, Overflow};
use campanile_websocket::Limits;

use crate::context::Event;
use crate::extract::RequiredState;
use crate::handler::{Callback, Handler};
use crate::handshake::HandshakeRules;

/// How many messages of one session may wait for its handler before reading pauses.
pub const WAITING_MESSAGES_MAX: usize = 64;

/// How many bytes of messages of one session may wait for its handler before reading pauses.
pub const WAITING_BYTES_MAX: usize = 256 << 10;

/// How long a message must be to be compressed, unless [`Endpoint::compression`] says otherwise.
///
/// A message is compressed by itself, so that one frame can serve many. Below this length that
/// saves fewer bytes than the headers of TCP and IP have, and costs as much as for ten times the
/// length.
pub const COMPRESSED_BYTES_MIN: usize = 128;

/// How long a message may be to be compressed: what is longer would hold up a shard's other
/// sessions for too long, and goes out as it is.
pub const COMPRESSED_BYTES_MAX: usize = 1 << 20;

/// Whether messages are compressed (permessage-deflate, RFC 7692).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// No: what clients offer is declined.
    Off,
    /// What clients offer is accepted. Clients may then compress what they send, and messages to
    /// them of at least so many bytes are compressed: once for all who receive one. Not, if that
    /// would make a message longer; if it is over [`COMPRESSED_BYTES_MAX`]; and while compressing
    /// takes more than a quarter of the shards' time.
    From(usize),
}

impl Default for Compression {
    /// From [`COMPRESSED_BYTES_MIN`] on.
    fn default() -> Self {
        Self::From(COMPRESSED_BYTES_MIN)
    }
}

/// An endpoint of raw WebSocket: callbacks, limits and who may come in.
///
/// Each callback is an async function with extractors; what it returns is the reply. Callbacks of
/// one session run one at a time, in the order of what happened (S197). A message of a kind that
/// has no callback closes the session with 1003 (S21).
///
/// ```
/// use campanile::{Endpoint, Session, Text};
///
/// async fn shout(session: Session, Text(text): Text) -> String {
///     format!("{}: {}!", session.id(), text.to_uppercase())
/// }
///
/// let endpoint = Endpoint::new().on_text(shout).message_bytes_max(4_096);
/// ```
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) callbacks: Callbacks,
    pub(crate) handshake: HandshakeRules,
    pub(crate) limits: Limits,
    pub(crate) outbox: OutboxPolicy,
    pub(crate) compression: Compression,
    pub(crate) required_states: Vec<RequiredState>,
}

/// An endpoint's callbacks.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(crate) open: Option<Callback>,
    pub(crate) text: Option<Callback>,
    pub(crate) binary: Option<Callback>,
    pub(crate) close: Option<Callback>,
    pub(crate) error: Option<Callback>,
}

impl Callbacks {
    /// The callback for what happened.
    pub(crate) fn of(&self, event: &Event) -> Option<&Callback> {
        match event {
            Event::Opened => self.open.as_ref(),
            Event::Text(_) => self.text.as_ref(),
            Event::Binary(_) => self.binary.as_ref(),
            Event::Closed(_) => self.close.as_ref(),
            Event::Failed(_) => self.error.as_ref(),
        }
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl Endpoint {
    /// An endpoint without callbacks: same-origin browsers only, messages up to 64 KiB, an outbox
    /// of 1 MiB and 10 s, compression for those who offer it.
    pub fn new() -> Self {
        Self {
            callbacks: Callbacks::default(),
            handshake: HandshakeRules::default(),
            limits: Limits::default(),
            outbox: OutboxPolicy::default(),
            compression: Compression::default(),
            required_states: Vec::new(),
        }
    }

    /// Called once when a session has opened. What it returns is the first message.
    #[must_use]
    pub fn on_open<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.open = Some(self.callback(handler));
        self
    }

    /// Called for each text message.
    #[must_use]
    pub fn on_text<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.text = Some(self.callback(handler));
        self
    }

    /// Called for each binary message.
    #[must_use]
    pub fn on_binary<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.binary = Some(self.callback(handler));
        self
    }

    /// Called exactly once when a session has ended, however it ended, after all its messages.
    #[must_use]
    pub fn on_close<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.close = Some(self.callback(handler));
        self
    }

    /// Called when another callback failed, with [`Failure`](crate::Failure) among its arguments.
    /// It may reply; the session stays open unless it fails too.
    #[must_use]
    pub fn on_error<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.error = Some(self.callback(handler));
        self
    }

    /// The longest message that a client may send, in bytes; also the longest frame. Beyond it
    /// the session is closed with 1009 (S194).
    #[must_use]
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.message_bytes_max = bytes;
        self.limits.frame_bytes_max = bytes;
        self
    }

    /// How many frames one message of a client may have, empty ones included.
    #[must_use]
    pub fn fragments_max(mut self, frames: usize) -> Self {
        self.limits.fragments_max = frames;
        self
    }

    /// Whether and from which length on messages are compressed, for clients that offer it (S4).
    /// An application may have up to four different lengths.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// What happens to a session that reads more slowly than it is sent to (S28 to S30).
    #[must_use]
    pub fn outbox(mut self, policy: OutboxPolicy) -> Self {
        self.outbox = policy;
        self
    }

    /// What happens when an outbox is full; see [`outbox`](Self::outbox) for all its limits.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.outbox.overflow = overflow;
        self
    }

    fn callback<A, H: Handler<A>>(&mut self, handler: H) -> Callback {
        self.required_states.extend(H::required_states());
        Callback::new(handler)
    }
}

/// What can be mounted on a path with [`Builder::endpoint`](crate::Builder::endpoint): an
/// [`Endpoint`], or a type of yours that becomes one.
pub trait IntoEndpoint {
    /// The endpoint.
    fn into_endpoint(self) -> Endpoint;
}

impl IntoEndpoint for Endpoint {
    fn into_endpoint(self) -> Endpoint {
        self
    }
}
