//! One connected client, as user code sees it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::destination::Destination;
use crate::format::FormatId;
use crate::moment::Moment;
use crate::outbox::OutboxPolicy;
use crate::transport_kind::TransportKind;
use crate::watch::Timeouts;

/// Which session of a shard: an index that is used again after the session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// The slot with this index; `None` beyond what a shard can have.
    pub fn from_index(index: usize) -> Option<Self> {
        (index < crate::shard::SESSIONS_PER_SHARD_MAX).then_some(Self(index as u32))
    }

    /// The index as a number, for tables that a driver keeps beside the hub's.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An id that cannot be guessed (S19): 96 random bits, with the place of the session packed
/// into the rest so that no directory of sessions is needed to find it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

impl SessionId {
    pub(crate) fn new(random: [u8; 12], shard: u8, slot: Slot) -> Self {
        let mut bytes = [0; 16];
        bytes[..12].copy_from_slice(&random);
        bytes[12] = shard;
        bytes[13..].copy_from_slice(&slot.0.to_be_bytes()[1..]);
        Self(u128::from_be_bytes(bytes))
    }

    pub(crate) fn shard(self) -> usize {
        usize::from(self.0.to_be_bytes()[12])
    }

    /// Enough of its random part to tell two sessions of one slot apart.
    pub(crate) fn tag(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The slot of its shard that the session has or had.
    pub fn slot(self) -> Slot {
        let bytes = self.0.to_be_bytes();
        Slot(u32::from_be_bytes([0, bytes[13], bytes[14], bytes[15]]))
    }
}

/// What a text that is no session id was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: write its 32 hexadecimal digits")]
pub struct SessionIdInvalid;

impl std::str::FromStr for SessionId {
    type Err = SessionIdInvalid;

    /// Reads an id as it is displayed. Whether there is such a session, the hub knows.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(SessionIdInvalid);
        }
        let number = u128::from_str_radix(text, 16);
        number.map(Self).map_err(|_| SessionIdInvalid)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// What user code has attached to a session, by name.
///
/// A handful is expected: look-up is linear and the list takes no more memory than it needs.
#[derive(Clone, Default)]
pub struct Attributes(Vec<(Cow<'static, str>, Arc<dyn Any + Send + Sync>)>);

impl Attributes {
    /// Sets an attribute, replacing one of the same name.
    pub fn set<T: Send + Sync + 'static>(&mut self, name: impl Into<Cow<'static, str>>, value: T) {
        let (name, value) = (name.into(), Arc::new(value));
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => {
                self.0.reserve_exact(1);
                self.0.push((name, value));
            }
        }
    }

    /// The attribute of this name, if it is there and of this type.
    pub fn get<T: Send + Sync + 'static>(&self, name: &str) -> Option<&T> {
        self.0
            .iter()
            .find(|(known, _)| known == name)?
            .1
            .downcast_ref()
    }

    /// The attribute of this name as text, if it was set as a `String` or a `&'static str`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get::<String>(name)
            .map(String::as_str)
            .or_else(|| self.get::<&'static str>(name).copied())
    }

    /// Takes an attribute away. Answers whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(known, _)| known != name);
        self.0.len() < before
    }

    /// The names that are set, in the order in which they were first set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// The variables of an endpoint's path template and what they were bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathParameters {
    names: Arc<[Box<str>]>,
    values: Box<[Box<str>]>,
}

impl PathParameters {
    /// Pairs the template's names with the values of one request, in order.
    pub fn new(names: Arc<[Box<str>]>, values: Vec<String>) -> Self {
        Self {
            names,
            values: values.into_iter().map(String::into_boxed_str).collect(),
        }
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in the template's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.names
            .iter()
            .zip(&self.values)
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// How many variables there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the template has no variables.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Everything that a transport knows of a client when it opens a session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The endpoint's implicit destination, which the session joins.
    pub endpoint: Destination,
    /// How publications reach it.
    pub format: FormatId,
    /// Its bounded outbound queue.
    pub outbox: OutboxPolicy,
    /// What it may leave undone, and for how long.
    pub timeouts: Timeouts,
    /// Who it belongs to, if that is known; the session joins the user's implicit destination.
    pub principal: Option<Arc<str>>,
    /// The endpoint's path variables.
    pub path_parameters: PathParameters,
    /// The path and query that were asked for.
    pub uri: Box<str>,
    /// The sub-protocol that was agreed on.
    pub protocol: Option<Arc<str>>,
    /// The extensions that were agreed on, as the answer's header has them.
    pub extensions: Option<Arc<str>>,
    /// How its bytes reach the client.
    pub transport: TransportKind,
    /// Whether the client came over TLS: to us, or to a proxy that we trust.
    pub is_secure: bool,
    /// The client's address, as the socket tells it or a proxy that we trust.
    pub remote_address: SocketAddr,
    /// Our address, as the socket tells it.
    pub local_address: SocketAddr,
    /// What interceptors have attached.
    pub attributes: Attributes,
}

/// What waits for a session, and what it has lost, as far as its shard has said (S31).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// Bytes that wait, each frame counting
    /// [`FRAME_OVERHEAD_BYTES`](crate::FRAME_OVERHEAD_BYTES) more than its length.
    pub waiting_bytes: usize,
    /// Since when the oldest of them wait, on the driver's clock.
    pub waiting_since: Option<Moment>,
    /// How many publications the outbox's policy has dropped so far.
    pub dropped: u32,
}

/// No moment: nothing waits.
const NEVER: u64 = u64::MAX;

/// One connected client.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    open: AtomicBool,
    /// The longest message that it may send; 0 is what its endpoint says.
    message_bytes_max: AtomicU32,
    waiting_bytes: AtomicU32,
    dropped: AtomicU32,
    waiting_since: AtomicU64,
    endpoint: Destination,
    /// Boxed, so that a session for whom nobody has signed in costs no more than a pointer.
    principal: OnceLock<Box<Arc<str>>>,
    path_parameters: PathParameters,
    uri: Box<str>,
    protocol: Option<Arc<str>>,
    extensions: Option<Arc<str>>,
    transport: TransportKind,
    is_secure: bool,
    remote_address: SocketAddr,
    local_address: SocketAddr,
    attributes: Mutex<Attributes>,
}

impl Session {
    pub(crate) fn new(id: SessionId, new: NewSession) -> Self {
        Self {
            id,
            open: AtomicBool::new(true),
            message_bytes_max: AtomicU32::new(0),
            waiting_bytes: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            waiting_since: AtomicU64::new(NEVER),
            endpoint: new.endpoint,
            principal: new
                .principal
                .map(Box::new)
                .map_or_else(OnceLock::new, OnceLock::from),
            path_parameters: new.path_parameters,
            uri: new.uri,
            protocol: new.protocol,
            extensions: new.extensions,
            transport: new.transport,
            is_secure: new.is_secure,
            remote_address: new.remote_address,
            local_address: new.local_address,
            attributes: Mutex::new(new.attributes),
        }
    }

    /// Its unguessable id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whether it can still be sent to; false from the moment that a close begins.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Notes that a close has begun. Answers whether this was the first to say so.
    pub(crate) fn begin_close(&self) -> bool {
        self.open.swap(false, Ordering::AcqRel)
    }

    /// The longest message that it may send, in bytes, where that was set for it alone.
    pub fn message_bytes_max(&self) -> Option<usize> {
        match self.message_bytes_max.load(Ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes as usize),
        }
    }

    /// Sets the longest message that it may send, from at least 1 byte to 4 GiB; `None` is what its
    /// endpoint says.
    pub fn set_message_bytes_max(&self, bytes: Option<usize>) {
        let bytes = bytes.map_or(0, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX).max(1));
        self.message_bytes_max.store(bytes, Ordering::Relaxed);
    }

    /// What waits for it.
    pub fn outbox(&self) -> OutboxState {
        let since = self.waiting_since.load(Ordering::Relaxed);
        OutboxState {
            waiting_bytes: self.waiting_bytes.load(Ordering::Relaxed) as usize,
            waiting_since: (since != NEVER).then(|| Moment::after_start_millis(since)),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn note_outbox(&self, bytes: usize, oldest: Option<Moment>) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.waiting_bytes.store(bytes, Ordering::Relaxed);
        let since = oldest.map_or(NEVER, Moment::millis);
        self.waiting_since.store(since, Ordering::Relaxed);
    }

    pub(crate) fn has_lost(&self, publications: u32) {
        self.dropped.fetch_add(publications, Ordering::Relaxed);
    }

    /// The implicit destination of the endpoint that it connected to.
    pub fn endpoint(&self) -> &Destination {
        &self.endpoint
    }

    /// Who it belongs to.
    pub fn principal(&self) -> Option<&str> {
        self.principal.get().map(|name| &***name)
    }

    /// Notes who it belongs to. Answers whether nobody was known before.
    pub(crate) fn set_principal(&self, name: &Arc<str>) -> bool {
        self.principal.set(Box::new(Arc::clone(name))).is_ok()
    }

    /// The endpoint's path variables.
    pub fn path_parameters(&self) -> &PathParameters {
        &self.path_parameters
    }

    /// The path and query that it asked for.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The sub-protocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The extensions that were agreed on, as the handshake's answer had them:
    /// `permessage-deflate; server_no_context_takeover; …`.
    pub fn extensions(&self) -> Option<&str> {
        self.extensions.as_deref()
    }

    /// How its bytes reach the client.
    pub fn transport(&self) -> TransportKind {
        self.transport
    }

    /// Whether the client came over TLS: to us, or to a proxy that we trust.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The client's address.
    pub fn remote_address(&self) -> SocketAddr {
        self.remote_address
    }

    /// The address on our side.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Its attributes. Keep the guard for as short as possible, never across an await.
    pub fn attributes(&self) -> MutexGuard<'_, Attributes> {
        self.attributes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
