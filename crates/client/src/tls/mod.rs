//! TLS for `wss://`: whom to trust, and who this client is.
//!
//! rustls does the work. None of its types are public, so that it can be replaced.

mod error;
mod trusting;

use std::sync::{Arc, LazyLock, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use self::error::TlsError;

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls_graviola::default_provider()));

/// The system's authorities, read once in a process.
static SYSTEM_ROOTS: LazyLock<Vec<CertificateDer<'static>>> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs);

/// Whom a client trusts on `wss://` addresses, and what it shows of itself: for
/// [`Builder::tls`](crate::Builder::tls). Cheap to clone; connections that share one resume each
/// other's TLS sessions.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use campanile_client::{Client, Tls};
///
/// let tls = Tls::new().add_root_pem(std::fs::read("our-authority.pem")?)?;
/// let client = Client::builder("wss://push.example.com/chat").tls(tls).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is given to a builder"]
pub struct Tls {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Arc<Identity>>,
    trusts_all: bool,
    /// Made when it is first needed.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// A chain of certificates and the first one's key.
struct Identity(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} certificates)", self.0.len())
    }
}

/// Used by all who say nothing else.
static USUAL: LazyLock<Tls> = LazyLock::new(Tls::new);

impl Default for Tls {
    fn default() -> Self {
        USUAL.clone()
    }
}

impl Tls {
    /// Trusts the system's authorities, and shows no certificate. They are read from where the
    /// system has them (on Linux the package `ca-certificates`; the variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name other places) when the first connection is made.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            identity: None,
            trusts_all: false,
            config: Arc::default(),
        }
    }

    /// Trusts these authorities, too; or one server's self-signed certificate. PEM, at least one.
    ///
    /// # Errors
    /// [`TlsError::Root`] when it holds none that can be used.
    pub fn add_root_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let roots = certificates(pem.as_ref()).map_err(|problem| TlsError::Root { problem })?;
        self.roots.extend(roots);
        self.config = Arc::default();
        Ok(self)
    }

    /// Shows a certificate to servers that ask for one: PEM, this client's own first, and its
    /// private key (PEM, not encrypted).
    ///
    /// # Errors
    /// [`TlsError::Identity`] when they cannot be used or do not belong together.
    pub fn client_certificate(
        mut self,
        certificates_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let refuse = |problem: String| TlsError::Identity { problem };
        let chain = certificates(certificates_pem.as_ref()).map_err(refuse)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_ref())
            .map_err(|_| refuse("there is no private key in PEM, not encrypted".to_owned()))?;
        error::check_processor()?;
        rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &PROVIDER)
            .map_err(|error| refuse(error.to_string()))?;
        self.identity = Some(Arc::new(Identity(chain, key)));
        self.config = Arc::default();
        Ok(self)
    }

    /// Trusts whoever answers. What is sent can then be read and changed by anybody on the way:
    /// only to look at servers of one's own, such as one with a self-signed certificate.
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.trusts_all = true;
        self.config = Arc::default();
        self
    }

    pub(crate) async fn connect(
        &self,
        socket: TcpStream,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name {
            host: host.to_owned(),
        })?;
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let made = self.make_config()?;
                Arc::clone(self.config.get_or_init(|| made))
            }
        };
        let connected = TlsConnector::from(config).connect(name, socket).await;
        connected.map_err(|error| TlsError::of(&error).unwrap_or(TlsError::Lost(error)))
    }

    fn make_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        error::check_processor()?;
        let unexpected = |error: rustls::Error| TlsError::Handshake {
            problem: error.to_string(),
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(unexpected)?;
        let builder = if self.trusts_all {
            builder
                .dangerous()
                .with_custom_certificate_verifier(trusting::verifier(Arc::clone(&PROVIDER)))
        } else {
            builder.with_root_certificates(self.trusted()?)
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.0.clone(), identity.1.clone_key())
                .map_err(unexpected)?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn trusted(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        // Systems have some that are too old to be understood: these are left out.
        store.add_parsable_certificates(SYSTEM_ROOTS.iter().cloned());
        for root in &self.roots {
            store.add(root.clone()).map_err(|error| TlsError::Root {
                problem: error.to_string(),
            })?;
        }
        if store.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(store)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "it is damaged".to_owned())?;
    if all.is_empty() {
        return Err("there is no certificate (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(all)
}
