//! The front door: plain HTTP until a handshake is answered, or a connection over TCP.

mod dispatch;
mod forwarded;
mod head_guard;
mod http1;
#[cfg(feature = "tls")]
mod http2;
mod listener;
mod listening;
mod requests;
mod serve;
pub(crate) mod stomp;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;

use std::sync::Arc;

use axum::Router;

pub use self::dispatch::TARGET_BYTES_MAX;
pub(crate) use self::dispatch::{Addresses, Opened, Way, dispatch, enter};
pub use self::forwarded::{ProxyHeaders, TrustedProxyError};
pub(crate) use self::forwarded::{Seen, TrustedProxies};
#[cfg(feature = "tls")]
pub use self::http2::HTTP2_STREAMS_MAX;
pub use self::listener::{LISTEN_BACKLOG, bind};
pub(crate) use self::requests::{Carried, Place};
pub use self::serve::{
    HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, HEADERS_MAX, Serve, UNFINISHED_REQUESTS_MAX, serve,
};
#[cfg(feature = "tls")]
pub use self::tls::{ClientCertificates, PeerCertificates, RELOAD_INTERVAL, Tls, TlsError};
pub(crate) use self::upgrade::HandOver;
use crate::app::Campanile;

impl Campanile {
    /// Turns the application into an axum router, to be merged or nested into another one. Must
    /// be called within a tokio runtime; the application's threads end with the last clone of
    /// the router.
    ///
    /// The host then decides what [`serve`] would have: the limits and deadlines of requests that
    /// have not been answered yet, the listen backlog, how many connections there may be, and
    /// when to stop. Sessions end without a close frame when the host just ends; hold on to a
    /// [`Handle`](crate::Handle) to tell them. They know their client's address if the host was
    /// started with axum's `into_make_service_with_connect_info::<SocketAddr>()`. Endpoints need
    /// HTTP/1.1 over plain TCP: behind the host's own TLS a handshake leads nowhere.
    ///
    /// # Errors
    /// When the operating system gives no thread or poller.
    pub fn into_router(self) -> std::io::Result<Router> {
        let (running, routes) = self.start()?;
        let running = Arc::new(running);
        Ok(
            Router::new().fallback(move |request: axum::extract::Request| {
                let (running, routes) = (Arc::clone(&running), routes.clone());
                async move { dispatch(&running, routes, request, None).await }
            }),
        )
    }
}
