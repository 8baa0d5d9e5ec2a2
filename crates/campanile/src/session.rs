//! One connected client, as handlers see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use campanile_hub::{
    Attributes, Content, Destination, Hub, Message, OutboxPolicy, PathParameters, Refusal,
    SessionId, Timeouts, TransportKind,
};
use campanile_websocket::{CONTROL_PAYLOAD_BYTES_MAX, CloseCode};
use tokio::sync::oneshot;

use crate::driver::clock;
use crate::handshake::KEPT_HEADERS;

/// What waits for a session, and what it has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxStatus {
    /// Bytes that its socket has not taken, each message counting
    /// [`FRAME_OVERHEAD_BYTES`](campanile_hub::FRAME_OVERHEAD_BYTES) more than its length.
    pub waiting_bytes: usize,
    /// How long the oldest of them have waited.
    pub waiting_for: Duration,
    /// How many publications its policy has dropped so far.
    pub dropped: u32,
}

/// Why something could not be sent to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The hub refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A ping or pong has too long a payload.
    #[error("a ping or pong of {bytes} bytes: at most 125 are allowed (RFC 6455 5.5)")]
    ControlTooLong {
        /// How long it is.
        bytes: usize,
    },
}

/// One connected client. Cheap to clone; may be kept and used from any thread, also after the
/// session has ended: then sending is refused.
#[derive(Clone)]
pub struct Session {
    inner: Arc<campanile_hub::Session>,
    hub: Hub,
}

impl Session {
    pub(crate) fn new(inner: Arc<campanile_hub::Session>, hub: Hub) -> Self {
        Self { inner, hub }
    }

    pub(crate) fn slot(&self) -> campanile_hub::Slot {
        self.inner.id().slot()
    }

    /// Its id: 128 bits, 96 of them random (S19).
    pub fn id(&self) -> SessionId {
        self.inner.id()
    }

    /// Whether it can still be sent to.
    pub fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    /// Who it belongs to, if an interceptor has said so.
    pub fn user(&self) -> Option<&str> {
        self.inner.principal()
    }

    /// The path's parameters.
    pub fn path_parameters(&self) -> &PathParameters {
        self.inner.path_parameters()
    }

    /// The path and query that it asked for.
    pub fn uri(&self) -> &str {
        self.inner.uri()
    }

    /// The sub-protocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.inner.protocol()
    }

    /// The extensions that were agreed on, as they were answered (S24).
    pub fn extensions(&self) -> Option<&str> {
        self.inner.extensions()
    }

    /// How its bytes reach the client (S24): as a WebSocket, over TCP, or as one of the ways that
    /// SockJS and event streams have over plain HTTP. A WebSocket is one whatever it was opened as:
    /// by a SockJS client, or over HTTP/2.
    pub fn transport(&self) -> TransportKind {
        self.inner.transport()
    }

    /// Whether others cannot read the connection: it is under TLS, or a trusted proxy says so.
    pub fn is_secure(&self) -> bool {
        self.inner.is_secure()
    }

    /// A header of the handshake that the endpoint
    /// [keeps](crate::Endpoint::keep_headers), as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let attributes = self.attributes();
        let kept = attributes.get::<Arc<http::HeaderMap>>(KEPT_HEADERS)?;
        kept.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// The client's address, as the socket or a
    /// [trusted proxy](crate::Builder::trusted_proxies) tells it.
    pub fn remote_address(&self) -> SocketAddr {
        self.inner.remote_address()
    }

    /// The address on our side, as the socket tells it.
    pub fn local_address(&self) -> SocketAddr {
        self.inner.local_address()
    }

    /// Its attributes. The guard is a lock: let go of it before an await.
    pub fn attributes(&self) -> MutexGuard<'_, Attributes> {
        self.inner.attributes()
    }

    /// A copy of one of its attributes, if it is there and of this type. For text that was set as
    /// `&str`, ask for `&'static str`.
    pub fn attribute<T: Clone + Send + Sync + 'static>(&self, name: &str) -> Option<T> {
        self.attributes().get::<T>(name).cloned()
    }

    /// Sets one of its attributes.
    pub fn set_attribute<T: Send + Sync + 'static>(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
        value: T,
    ) {
        self.attributes().set(name, value);
    }

    /// Sends to this session, after everything that was sent to it before (S27: safe from any
    /// number of threads).
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it has ended, [`Refusal::Overloaded`] when its shard is behind.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Refusal> {
        self.hub
            .send(&self.inner, message.into())
            .finished()
            .map(drop)
    }

    /// Sends a ping; what the client answers reaches the endpoint's `on_pong` (S203).
    ///
    /// # Errors
    /// [`SendError::ControlTooLong`] beyond 125 bytes (RFC 6455 5.5); else as [`send`](Self::send).
    pub fn ping(&self, payload: impl Into<Bytes>) -> Result<(), SendError> {
        self.send_control(payload.into(), Content::Ping)
    }

    /// Sends a pong that nobody has asked for, as a heart-beat in one direction (RFC 6455 5.5.3).
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&self, payload: impl Into<Bytes>) -> Result<(), SendError> {
        self.send_control(payload.into(), Content::Pong)
    }

    fn send_control(&self, payload: Bytes, kind: fn(Bytes) -> Content) -> Result<(), SendError> {
        let bytes = payload.len();
        if bytes > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(SendError::ControlTooLong { bytes });
        }
        Ok(self.send(kind(payload))?)
    }

    /// Waits until everything that was sent to this session so far is with the operating system
    /// (S201, S202). Put it into a `tokio::time::timeout` to wait no longer than you like: the
    /// outbox's own limit on age closes a session that takes nothing.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it ends before that, [`Refusal::Overloaded`] when its shard is
    /// behind.
    pub async fn flush(&self) -> Result<(), Refusal> {
        let (told, written) = oneshot::channel();
        self.hub
            // Whoever asked may have stopped waiting.
            .flush(&self.inner, move || told.send(()).unwrap_or(()))
            .finished()?;
        written.await.map_err(|_| Refusal::NoSession)
    }

    pub(crate) fn unsubscribe_label(&self, label: &str) -> Result<(), Refusal> {
        self.hub.unsubscribe_label(&self.inner, label).finished()
    }

    /// Subscribes this session to a destination such as `/rooms/42`: what is published to it with
    /// [`Handle::publish`](crate::Handle::publish) from now on reaches this session. A destination
    /// is there as long as somebody has subscribed. Subscribing again changes nothing.
    ///
    /// Nothing comes of the name of a [queue](crate::Broker::queues): what is published there waits
    /// for its consumers, which are STOMP clients. Where such names are to be topics, list their
    /// prefix in [`Broker::topics`](crate::Broker::topics).
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it has ended, [`Refusal::Overloaded`] when its shard is behind.
    pub fn subscribe(&self, destination: impl Into<Arc<str>>) -> Result<(), Refusal> {
        self.hub
            .subscribe(&self.inner, Destination::named(destination), "")
            .finished()
            .map(drop)
    }

    /// Ends all its subscriptions to a destination, after what was published to it so far; may be
    /// called by anybody who has the session (S33). Nothing tells the client: let it know yourself.
    /// One subscription, or one to a pattern, is ended by
    /// [`SubscriptionEntry::end`](crate::SubscriptionEntry::end).
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, destination: impl Into<Arc<str>>) -> Result<(), Refusal> {
        self.hub
            .unsubscribe(&self.inner, Destination::named(destination))
            .finished()
    }

    /// The longest message that it may send, in bytes, where that was set for it alone (S25); else
    /// its endpoint's [limit](crate::Endpoint::message_bytes_max) holds.
    pub fn message_bytes_max(&self) -> Option<usize> {
        self.inner.message_bytes_max()
    }

    /// Sets the longest message that it may send, text or binary, in bytes; `None` is what its
    /// endpoint says. Holds for messages that have not begun to arrive.
    pub fn set_message_bytes_max(&self, bytes: Option<usize>) {
        self.inner.set_message_bytes_max(bytes);
    }

    /// Sets how long there may be no message either way before it is closed (S199); `None` is for
    /// ever.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn set_idle_timeout(&self, time: Option<Duration>) -> Result<(), Refusal> {
        self.change_timeouts(move |timeouts| Timeouts {
            idle: time,
            ..timeouts
        })
    }

    /// Changes what it may leave undone, and for how long. Times that count from the session's
    /// opening count from there on, too.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn change_timeouts(
        &self,
        change: impl FnOnce(Timeouts) -> Timeouts + Send + 'static,
    ) -> Result<(), Refusal> {
        self.hub.change_timeouts(&self.inner, change).finished()
    }

    /// Gives its outbox another policy (S30); what waits already is kept.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn set_outbox(&self, policy: OutboxPolicy) -> Result<(), Refusal> {
        self.hub.set_outbox(&self.inner, policy).finished()
    }

    /// What waits for it, for how long, and what it has lost (S31).
    pub fn outbox(&self) -> OutboxStatus {
        let state = self.inner.outbox();
        OutboxStatus {
            waiting_bytes: state.waiting_bytes,
            waiting_for: state.waiting_since.map(clock::since).unwrap_or_default(),
            dropped: state.dropped,
        }
    }

    /// Closes this session after everything that was sent to it before. The reason should begin
    /// with a stable word and a colon; what does not fit into 123 bytes is cut off.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it has ended or is being closed already.
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Refusal> {
        self.hub.close(&self.inner, code.get(), reason).finished()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Session {}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
