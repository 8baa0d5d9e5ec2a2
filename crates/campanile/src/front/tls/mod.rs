//! TLS for listeners: certificates, handshakes, and what clients show of themselves.
//!
//! rustls does the work. None of its types are public, so that it can be replaced.

mod client_certificates;
mod error;
mod keys;
mod pem;
mod provider;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use self::client_certificates::{ClientCertificates, PeerCertificates};
pub use self::error::TlsError;
use self::keys::Keys;
pub use self::keys::RELOAD_INTERVAL;
use super::http2::Http2;

/// What is spoken within TLS (RFC 7301).
const HTTP1: &[u8] = b"http/1.1";

/// The same for HTTP/2 (RFC 9113 3.2).
pub(super) const HTTP2: &[u8] = b"h2";

/// How much of a misdirected plain request is read before its connection is closed.
const MISDIRECTED_BYTES_MAX: usize = 64 << 10;

/// Where the private key and the certificate of a server come from, and what clients must show:
/// given to [`Serve::tls`](crate::Serve::tls) or [`Serve::also_on_tls`](crate::Serve::also_on_tls).
///
/// TLS 1.3 and 1.2 are spoken, with HTTP/2 and HTTP/1.1 within, as the client wants (see
/// [`Serve::http2`](crate::Serve::http2)). Cheap to clone; all clones are one: keep one
/// to [`reload`](Self::reload).
///
/// ```no_run
/// # async fn run(app: campanile::Campanile) -> Result<(), Box<dyn std::error::Error>> {
/// use campanile::Tls;
///
/// let tls = Tls::from_files("/etc/campanile/chain.pem", "/etc/campanile/key.pem")?;
/// let plain = campanile::bind("127.0.0.1:8080".parse()?)?;
/// let secure = campanile::bind("0.0.0.0:8443".parse()?)?;
/// campanile::serve(plain, app).also_on_tls(secure, tls).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    keys: Arc<Keys>,
    config: Arc<ServerConfig>,
    http2: Http2,
}

impl Tls {
    /// Reads two PEM files: the certificate's chain, the server's own certificate first, and its
    /// private key (PKCS #8, PKCS #1 or SEC 1, not encrypted; RSA, ECDSA on P-256 or P-384, or
    /// Ed25519).
    ///
    /// While a server uses them it looks every [`RELOAD_INTERVAL`] whether they have changed, and
    /// takes the new pair for handshakes from then on; sessions go on as they are. A pair that
    /// cannot be used is named in a warning, and the one before stays.
    ///
    /// # Errors
    /// [`TlsError`] says which file is at fault, why, and what to do.
    pub fn from_files(
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        Self::new(Keys::from_files(certificates.into(), key.into())?)
    }

    /// Takes the same as [`from_files`](Self::from_files) from memory.
    ///
    /// # Errors
    /// [`TlsError`] says what is wrong, and what to do.
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        Self::new(Keys::from_pem(certificates.as_ref(), key.as_ref())?)
    }

    fn new(keys: Keys) -> Result<Self, TlsError> {
        let keys = Arc::new(keys);
        let config = config(&keys, ClientCertificates::Off, &[])?;
        Ok(Self {
            keys,
            config,
            http2: Http2::default(),
        })
    }

    /// Whether clients are asked for a certificate, and the authorities (PEM) that must have signed
    /// it. What a client has shown is a [`PeerCertificates`] among the extensions of its requests.
    ///
    /// Clients that are asked for certificates cannot resume earlier sessions: each handshake
    /// checks anew.
    ///
    /// # Errors
    /// [`TlsError::Roots`] when there is no usable certificate among the authorities.
    pub fn client_certificates(
        mut self,
        asked: ClientCertificates,
        roots: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        self.config = config(&self.keys, asked, roots.as_ref())?;
        Ok(self)
    }

    /// Reads the files again, for handshakes from now on. Without files nothing happens. The files
    /// are read on the calling thread.
    ///
    /// # Errors
    /// [`TlsError`] says what is wrong; the pair before then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.keys.reload()
    }

    /// The SHA-256 of the server's certificate in use, in pairs of hexadecimal digits with colons,
    /// as browsers show it.
    pub fn fingerprint(&self) -> String {
        self.keys.fingerprint()
    }

    /// Reloads files that have changed, for as long as it is polled.
    pub(super) async fn watch(self) {
        self.keys.watch().await;
    }

    /// The same for a listener that offers HTTP/2, before HTTP/1.1, or does not.
    pub(super) fn offering(&self, http2: Http2) -> Self {
        let mut config = ServerConfig::clone(&self.config);
        if http2.is_on {
            config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        }
        Self {
            keys: Arc::clone(&self.keys),
            config: Arc::new(config),
            http2,
        }
    }

    /// What of HTTP/2 is offered.
    pub(super) fn http2(&self) -> Http2 {
        self.http2
    }

    /// Whether both have the same keys.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }

    /// Shakes hands. `None` when that has failed: the client has been sent an alert then, or `hint`
    /// if it does not speak TLS.
    pub(super) async fn accept(
        &self,
        socket: TcpStream,
        hint: &[u8],
    ) -> Option<TlsStream<TcpStream>> {
        // Tickets and the first answer go out in separate writes.
        socket.set_nodelay(true).ok()?;
        let mut first = [0];
        if socket.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        // A TLS record begins with 22; methods and STOMP's commands are in capitals.
        if first[0].is_ascii_uppercase() {
            tracing::debug!("plain text came to a port for TLS");
            // The client has gone if it cannot be told.
            let _ = refuse_plain_text(socket, hint).await;
            return None;
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        match acceptor.accept(socket).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake has failed");
                None
            }
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("sha256", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn config(
    keys: &Arc<Keys>,
    asked: ClientCertificates,
    roots: &[u8],
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider::provider()?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::unexpected)?;
    let verifier = client_certificates::verifier(asked, roots, &provider)?;
    let resolver = Arc::new(Current(Arc::clone(keys)));
    let mut config = match verifier {
        None => {
            let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
            // One ticket is enough for one connection, which is what a WebSocket client makes.
            config.send_tls13_tickets = 1;
            config.ticketer = rustls_graviola::Ticketer::new().map_err(TlsError::unexpected)?;
            config
        }
        Some(verifier) => {
            let builder = builder.with_client_cert_verifier(verifier);
            let mut config = builder.with_cert_resolver(resolver);
            config.send_tls13_tickets = 0;
            config
        }
    };
    // Tickets hold all that resuming needs; nothing is kept for clients that may never come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// The pair in use, whatever name the client asks for.
#[derive(Debug)]
struct Current(Arc<Keys>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

/// Tells a client that speaks plain text what to do instead.
async fn refuse_plain_text(socket: TcpStream, mut answer: &[u8]) -> std::io::Result<()> {
    while !answer.is_empty() {
        socket.writable().await?;
        match socket.try_write(answer) {
            Ok(count) => answer = &answer[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    SockRef::from(&socket).shutdown(std::net::Shutdown::Write)?;
    // Closed with something unread, the connection would be reset, and the answer perhaps lost.
    let (mut buffer, mut read) = ([0; 4 << 10], 0);
    while read <= MISDIRECTED_BYTES_MAX {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
