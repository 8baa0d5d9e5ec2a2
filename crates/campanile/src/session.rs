//! One connected client, as handlers see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};

use campanile_hub::{Attributes, Hub, Message, PathParameters, Refusal, SessionId};
use campanile_websocket::CloseCode;

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

    /// The client's address, as the socket tells it.
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
