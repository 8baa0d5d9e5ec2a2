//! An endpoint: what happens on a path.

use std::time::Duration;

use campanile_hub::{OutboxPolicy, Overflow, Timeouts};
use campanile_websocket::Limits;

pub(crate) use crate::callbacks::Callbacks;
use crate::events::EventsRules;
use crate::extract::RequiredState;
use crate::handshake::HandshakeRules;
use crate::sockjs::SockJs;
use crate::stomp::StompRules;
use crate::wire::Wire;

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
    pub(crate) timeouts: Timeouts,
    pub(crate) compression: Compression,
    pub(crate) required_states: Vec<RequiredState>,
    pub(crate) speaks_stomp: bool,
    pub(crate) stomp_rules: StompRules,
    /// What its sessions' bytes are.
    pub(crate) wire: Wire,
    /// There if it serves SockJS, too.
    pub(crate) sockjs: Option<SockJs>,
    /// There if its sessions listen to destinations that their requests name.
    pub(crate) events: Option<EventsRules>,
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
            timeouts: Timeouts::default(),
            compression: Compression::default(),
            required_states: Vec::new(),
            speaks_stomp: false,
            stomp_rules: StompRules::default(),
            wire: Wire::WebSocket,
            sockjs: None,
            events: None,
        }
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

    /// Closes a session with 1008 `first-message` unless its client sends a message within this
    /// time (S32). Off by default: clients of a raw endpoint may just listen.
    #[must_use]
    pub fn first_message_within(mut self, time: Duration) -> Self {
        self.timeouts.first_message = Some(time);
        self
    }

    /// Closes a session with 1001 `idle` when there was no message either way for this time; pings
    /// and pongs do not count (S199). Off by default.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.timeouts.idle = Some(time);
        self
    }

    /// Sends a ping to a client that was silent for this time, and closes the session with 1001
    /// `no-pong` when nothing comes for [`PONG_TIMEOUT`](crate::PONG_TIMEOUT) after it (S17). Off
    /// by default. Browsers answer pings by themselves.
    #[must_use]
    pub fn ping_after(mut self, silence: Duration) -> Self {
        self.timeouts.ping = Some(silence);
        self
    }

    /// How long a client may take to answer a ping; see [`ping_after`](Self::ping_after).
    #[must_use]
    pub fn pong_within(mut self, time: Duration) -> Self {
        self.timeouts.pong = time;
        self
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
