//! From an answered handshake to a session: the socket leaves HTTP for its shard.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::upgrade::{OnUpgrade, Parts, Upgraded};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::head_guard::HeadGuard;
use super::stream::Stream;
use crate::driver::{Arrival, EndpointRuntime, Reservation, Transport};
use crate::events::Start;
use crate::wire::Wire;

/// The kernel's send buffer of a session's socket: part of what a session may cost.
pub(super) const SEND_BUFFER_BYTES: usize = 128 << 10;

/// A session that gets its socket once the answer to its handshake is written.
pub(crate) struct Upgrading {
    on_upgrade: OnUpgrade,
    endpoint: Arc<EndpointRuntime>,
    reservation: Reservation,
    wire: Wire,
    /// Compression was negotiated.
    may_compress: bool,
    start: Option<Box<Start>>,
}

/// Where a connection's task finds what is to be done after the answer, or instead of it.
#[derive(Default)]
pub(crate) struct HandOver {
    upgrading: Mutex<Option<Upgrading>>,
    /// Notified when the connection's client has not read an answer for too long.
    pub(crate) cut: Arc<Notify>,
}

impl HandOver {
    pub(super) fn put(&self, upgrading: Upgrading) {
        *self
            .upgrading
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(upgrading);
    }

    pub(crate) fn take(&self) -> Option<Upgrading> {
        self.upgrading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Upgrading {
    pub(super) fn new(
        on_upgrade: OnUpgrade,
        endpoint: Arc<EndpointRuntime>,
        reservation: Reservation,
        wire: Wire,
        may_compress: bool,
        start: Option<Box<Start>>,
    ) -> Self {
        Self {
            on_upgrade,
            endpoint,
            reservation,
            wire,
            may_compress,
            start,
        }
    }

    /// Waits in a task of the host's runtime. It ends with the connection: at the latest when the
    /// host gives the connection up.
    pub(super) fn in_background(self) {
        tokio::spawn(self.finish());
    }

    /// Hands the transport to the session's shard.
    pub(crate) fn attach(self, transport: Transport, early: Vec<u8>) {
        let arrival = Arrival {
            transport,
            early,
            wire: self.wire,
            may_compress: self.may_compress,
            start: self.start,
        };
        self.reservation.attach(self.endpoint, arrival);
    }

    /// Waits until the answer is written, and hands the socket to the session's shard.
    pub(super) async fn finish(mut self) {
        let upgraded = match (&mut self.on_upgrade).await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(%error, "a client left during its handshake");
                return;
            }
        };
        let Some((stream, early)) = into_stream(upgraded) else {
            tracing::error!(
                "a handshake came over something that is not plain TCP, such as the host's TLS; \
                 let campanile::serve accept the connections"
            );
            return;
        };
        match stream.into_transport(into_mio) {
            Ok(transport) => self.attach(transport, early),
            Err(error) => tracing::debug!(%error, "a client left during its handshake"),
        }
    }
}

/// Gets back what was read from, out of our own listener's wrapping or axum's.
fn into_stream(upgraded: Upgraded) -> Option<(Stream, Vec<u8>)> {
    let upgraded = match upgraded.downcast::<TokioIo<HeadGuard>>() {
        Ok(Parts { io, read_buf, .. }) => {
            return Some((io.into_inner().into_inner(), read_buf.to_vec()));
        }
        Err(upgraded) => upgraded,
    };
    let parts = hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded);
    parts.ok().map(|parts| {
        (
            Stream::Plain(parts.io.into_inner()),
            parts.read_buf.to_vec(),
        )
    })
}

pub(super) fn into_mio(stream: TcpStream) -> io::Result<mio::net::TcpStream> {
    let socket = SockRef::from(&stream);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    // Each write is a whole batch: waiting for more would only delay it.
    socket.set_tcp_nodelay(true)?;
    Ok(mio::net::TcpStream::from_std(stream.into_std()?))
}
