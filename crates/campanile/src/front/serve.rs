//! Accepting connections and reading requests, with the limits that the promises need.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::dispatch::Addresses;
use super::http1;
#[cfg(feature = "tls")]
use super::http2::{self, Http2};
use super::listening::{Listening, Speaks};
use super::requests::{Place, Requests};
use super::stomp;
use super::stream::{Facts, Security, Stream};
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::app::{Campanile, Running};

/// How long a client may take to send a request's head, a TLS handshake before it included, and to
/// send the next one.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many bytes a request's head may have, its URI included.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// How many headers a request may have.
pub const HEADERS_MAX: usize = 100;

/// How many connections of one listener may be in TLS handshakes or plain HTTP at a time. One more,
/// and the oldest of them is closed: so a crowd that never finishes its handshakes keeps nobody out.
pub const UNFINISHED_REQUESTS_MAX: usize = 8_192;

/// What is answered where TLS is spoken and plain HTTP comes.
const TLS_HINT: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
Content-Type: application/problem+json\r\nContent-Length: 124\r\nConnection: close\r\n\r\n\
{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\
\"detail\":\"this port speaks TLS: use https:// or wss:// in the URL\"}";

/// How long a client that reads an answer too slowly has for the rest of it.
pub(super) const CUT_TIME: Duration = Duration::from_secs(2);

/// How long to wait after the operating system had no descriptor or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long the sessions' closing is spread over, unless said otherwise.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// How long requests that are being answered may take after the last session has been closed.
const LAST_REQUESTS_TIME: Duration = Duration::from_secs(1);

/// Serves an application on a listener, until the process ends or a signal is given. See
/// [`bind`](super::bind) for a listener with a sensible backlog.
///
/// ```no_run
/// # async fn run() -> std::io::Result<()> {
/// use campanile::{Campanile, Endpoint, Text};
///
/// let app = Campanile::builder()
///     .endpoint("/echo", Endpoint::new().on_text(async |Text(text): Text| text))
///     .build()
///     .map_err(std::io::Error::other)?;
/// let listener = campanile::bind("127.0.0.1:8080".parse().unwrap())?;
/// campanile::serve(listener, app)
///     .shutdown_on(async { tokio::signal::ctrl_c().await.unwrap_or(()) })
///     .await
/// # }
/// ```
pub fn serve(listener: TcpListener, app: Campanile) -> Serve {
    Serve {
        listeners: vec![Listening::new(listener, Speaks::Http)],
        app,
        shutdown: Box::pin(std::future::pending()),
        drain_time: DRAIN_TIME,
        #[cfg(feature = "tls")]
        http2: Http2::default(),
    }
}

/// A server that has not been started yet: await it.
#[must_use = "a server does nothing until it is awaited"]
pub struct Serve {
    listeners: Vec<Listening>,
    app: Campanile,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    drain_time: Duration,
    #[cfg(feature = "tls")]
    pub(super) http2: Http2,
}

impl Serve {
    /// Listens here, too: `[::1]` beside `127.0.0.1`, for one.
    pub fn also_on(mut self, listener: TcpListener) -> Self {
        self.listeners.push(Listening::new(listener, Speaks::Http));
        self
    }

    /// Listens here, too, under TLS: `https://` and `wss://`.
    #[cfg(feature = "tls")]
    pub fn also_on_tls(mut self, listener: TcpListener, tls: Tls) -> Self {
        let secure = Listening::new(listener, Speaks::Http).under(tls);
        self.listeners.push(secure);
        self
    }

    /// Listens here for STOMP clients without WebSocket: over TCP, as they do on port 61613 by
    /// custom. [`Builder::stomp_tcp`](crate::Builder::stomp_tcp) says how they are served; without
    /// it the server does not start.
    pub fn stomp_on(mut self, listener: TcpListener) -> Self {
        self.listeners.push(Listening::new(listener, Speaks::Stomp));
        self
    }

    /// The same under TLS, as it is by custom on port 61614.
    #[cfg(feature = "tls")]
    pub fn stomp_on_tls(mut self, listener: TcpListener, tls: Tls) -> Self {
        let secure = Listening::new(listener, Speaks::Stomp).under(tls);
        self.listeners.push(secure);
        self
    }

    /// Lets the plain listeners that were given so far speak TLS: `https://` and `wss://`, and those
    /// for STOMP. Those that are added later with [`also_on`](Self::also_on) are plain.
    #[cfg(feature = "tls")]
    #[expect(clippy::needless_pass_by_value, reason = "as `also_on_tls` takes it")]
    pub fn tls(mut self, tls: Tls) -> Self {
        for listening in &mut self.listeners {
            if listening.security.is_plain() {
                listening.security = Security::Tls(tls.clone());
            }
        }
        self
    }

    /// When `signal` is ready, the server leaves: it stops accepting, closes every session with
    /// 1001 and a reason, and then ends.
    pub fn shutdown_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// As [`shutdown_on`](Self::shutdown_on), when the process is told to end: on SIGTERM and on ^C.
    ///
    /// # Errors
    /// When the operating system does not let signals be watched.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn shutdown_on_signals(self) -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(self.shutdown_on(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }))
    }

    /// How long the closing of all sessions is spread over (2 s by default), so that they do not
    /// all reconnect at once. Leaving takes at most
    /// [`CLOSING_TIMEOUT`](campanile_hub::CLOSING_TIMEOUT) longer, for clients that do not answer.
    pub fn drain_over(mut self, time: Duration) -> Self {
        self.drain_time = time;
        self
    }

    async fn run(self) -> io::Result<()> {
        let (running, routes) = self.app.start()?;
        let running = Arc::new(running);
        let for_stomp = self.listeners.iter().any(|one| one.speaks == Speaks::Stomp);
        if for_stomp && running.endpoints.tcp().is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is a listener for STOMP and nothing that says how its clients are served; \
                 give the builder a StompEndpoint with `.stomp_tcp(…)`",
            ));
        }
        let (leave, leaving) = watch::channel(false);
        // Ends with the server.
        #[cfg(feature = "tls")]
        let _watching = super::listening::watch_files(&self.listeners);
        let mut accepting = JoinSet::new();
        for listening in self.listeners {
            #[cfg(feature = "tls")]
            let listening = listening.offering(self.http2);
            let (running, routes) = (Arc::clone(&running), routes.clone());
            accepting.spawn(accept(listening, running, routes, leaving.clone()));
        }
        drop((leaving, routes));
        self.shutdown.await;
        tracing::info!(
            sessions = running.hub.sessions(),
            "leaving: no new connections"
        );
        running.hub.leave();
        // An error means that nobody is accepting any more.
        let _ = leave.send(true);
        running.doors.drain(self.drain_time).await;
        let last_requests = async { while accepting.join_next().await.is_some() {} };
        if timeout(LAST_REQUESTS_TIME, last_requests).await.is_err() {
            tracing::warn!("requests that were still being answered were cut off");
        }
        tracing::info!("left: every session is closed");
        Ok(())
    }
}

impl IntoFuture for Serve {
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve")
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

/// Accepts connections until told to leave, then waits for requests that are being answered.
async fn accept(
    listening: Listening,
    running: Arc<Running>,
    routes: Router,
    mut leaving: watch::Receiver<bool>,
) {
    let Listening {
        listener,
        security,
        speaks,
    } = listening;
    let mut requests = Requests::default();
    loop {
        tokio::select! {
            biased;
            _ = leaving.changed() => break,
            Some(_) = requests.tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let (running, routes) = (Arc::clone(&running), routes.clone());
                    let (security, leaving) = (security.clone(), leaving.clone());
                    match speaks {
                        Speaks::Http => requests.spawn(|place| {
                            let arrived = (stream, address, place);
                            connection(arrived, security, running, routes, leaving)
                        }),
                        Speaks::Stomp => requests.spawn(|_| {
                            stomp::connection(stream, address, security, running, leaving)
                        }),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    requests.drop_oldest();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while requests.tasks.join_next().await.is_some() {}
}

/// Waits until the server leaves.
pub(super) async fn left(leaving: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is leaving too.
    let _ = leaving.wait_for(|leaving| *leaving).await;
}

/// What a connection is once its TLS handshake is over, if there is one. A client that speaks
/// something else is told `hint`.
pub(super) async fn admit(
    stream: TcpStream,
    remote: SocketAddr,
    security: &Security,
    hint: &'static [u8],
    deadline: Instant,
    leaving: &mut watch::Receiver<bool>,
) -> Option<(Stream, Addresses)> {
    let local = stream.local_addr().ok()?;
    let stream = tokio::select! {
        admitted = timeout_at(deadline, security.admit(stream, hint)) => admitted.ok().flatten()?,
        () = left(leaving) => return None,
    };
    let addresses = Addresses {
        remote,
        local,
        is_secure: stream.facts().is_secure,
    };
    Some((stream, addresses))
}

/// What the requests of a connection have in common.
pub(super) struct Common {
    pub(super) running: Arc<Running>,
    pub(super) routes: Router,
    pub(super) facts: Facts,
    pub(super) addresses: Addresses,
    pub(super) place: Place,
}

/// A connection's requests and their answers, until the last of them.
pub(super) type Exchange = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What becomes of a connection over plain HTTP: first a TLS handshake, if there is one, then
/// requests until it closes or its socket goes to a shard. Each part is in a box that is gone with
/// it, since most connections that are there for long exchange no more requests.
fn connection(
    (stream, address, place): (TcpStream, SocketAddr, Place),
    security: Security,
    running: Arc<Running>,
    routes: Router,
    mut leaving: watch::Receiver<bool>,
) -> impl Future<Output = ()> {
    let opened = Box::pin(async move {
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let admitted = admit(stream, address, &security, TLS_HINT, deadline, &mut leaving).await;
        let (stream, addresses) = admitted?;
        let common = Common {
            running,
            routes,
            facts: stream.facts(),
            addresses,
            place,
        };
        #[cfg(feature = "tls")]
        if stream.speaks_http2() {
            let offered = security.http2();
            let exchange = http2::connection(stream, common, offered, deadline, leaving);
            return Some(Box::pin(exchange) as Exchange);
        }
        let first_by = (!security.is_plain()).then_some(deadline);
        Some(http1::connection(stream, common, first_by, leaving))
    });
    async move {
        if let Some(exchange) = opened.await {
            exchange.await;
        }
    }
}
