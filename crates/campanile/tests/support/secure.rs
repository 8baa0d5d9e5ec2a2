//! Certificates that are made for one test, and an application that is served with them.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use campanile::{Campanile, Handle, Tls};
use campanile_client::{Builder, Client};
use graviola::hashing::Sha256;
use graviola::key_agreement::p256::StaticPrivateKey;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::support::within;

/// A key on P-256.
pub(crate) struct Key {
    key: SigningKey<P256>,
    public: [u8; 65],
}

impl Key {
    pub(crate) fn new() -> Self {
        let private_key = StaticPrivateKey::new_random().expect("random bytes");
        Self {
            public: private_key.public_key_uncompressed(),
            key: SigningKey { private_key },
        }
    }

    pub(crate) fn pem(&self) -> String {
        let mut buffer = [0; 256];
        let der = self.key.to_pkcs8_der(&mut buffer).expect("it fits");
        pem("PRIVATE KEY", der)
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; 128];
        let signature = self.key.sign_asn1::<Sha256>(&[message], &mut buffer);
        Ok(signature.expect("it fits").to_vec())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, Key>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = Key::new();
        let certificate = params.self_signed(&key).expect("an authority");
        Self {
            pem: pem("CERTIFICATE", certificate.der()),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(&self, name: &str, hosts: &[&str]) -> Issued {
        let key = Key::new();
        let signed = params(name, hosts).signed_by(&key, &self.issuer);
        let certificate = signed.expect("a certificate");
        Issued {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: key.pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A certificate for this machine.
    pub(crate) fn server(&self) -> Issued {
        self.issue("server", &["localhost", "127.0.0.1"])
    }

    /// What trusts this authority alone, beside the system's.
    pub(crate) fn trust(&self) -> campanile_client::Tls {
        let tls = campanile_client::Tls::new().add_root_pem(&self.pem);
        tls.expect("an authority")
    }

    /// A TLS connection with no WebSocket on it.
    pub(crate) async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        self.connect_showing(address, None).await
    }

    /// The same, with a certificate for servers that ask for one.
    pub(crate) async fn connect_showing(
        &self,
        address: SocketAddr,
        shown: Option<&Issued>,
    ) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(root).expect("an authority");
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match shown {
            None => config.with_no_client_auth(),
            Some(issued) => {
                let chain = vec![CertificateDer::from(issued.der.clone())];
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(chain, key).expect("a pair")
            }
        };
        let socket = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::from(address.ip());
        let connected = TlsConnector::from(Arc::new(config)).connect(name, socket);
        within(connected).await.expect("a TLS connection")
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(rand_serial().into());
    params
}

fn rand_serial() -> u64 {
    let mut bytes = [0; 8];
    graviola::random::fill(&mut bytes).expect("random bytes");
    u64::from_be_bytes(bytes) >> 1
}

/// An application at work on two ports, one of them under TLS.
pub(crate) struct SecureHouse {
    pub(crate) plain: SocketAddr,
    pub(crate) secure: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) authority: Authority,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl SecureHouse {
    pub(crate) async fn serve(app: Campanile) -> Self {
        let authority = Authority::new("authority");
        let issued = authority.server();
        let tls = Tls::from_pem(issued.certificate, issued.key).expect("a pair");
        Self::serve_with(app, authority, tls).await
    }

    pub(crate) async fn serve_with(app: Campanile, authority: Authority, tls: Tls) -> Self {
        let port = SocketAddr::from(([127, 0, 0, 1], 0));
        let (first, second) = (campanile::bind(port), campanile::bind(port));
        let (first, second) = (first.expect("a port"), second.expect("a port"));
        let (plain, secure) = (first.local_addr(), second.local_addr());
        let handle = app.handle();
        let (stop, stopped) = oneshot::channel();
        let serving = campanile::serve(first, app)
            .also_on_tls(second, tls)
            .shutdown_on(async { stopped.await.unwrap_or(()) })
            .drain_over(Duration::ZERO);
        Self {
            plain: plain.expect("an address"),
            secure: secure.expect("an address"),
            handle,
            authority,
            stop,
            served: tokio::spawn(serving.into_future()),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("wss://{}{path}", self.secure)
    }

    /// A client that trusts the server.
    pub(crate) fn client(&self, path: &str) -> Builder {
        Client::builder(&self.url(path)).tls(self.authority.trust())
    }

    pub(crate) async fn open(&self, path: &str) -> Client {
        within(self.client(path).connect())
            .await
            .expect("a session")
    }

    pub(crate) async fn raw(&self) -> TlsStream<TcpStream> {
        self.authority.connect(self.secure).await
    }

    /// Tells the server to leave; what is awaited ends when it has left.
    pub(crate) fn leave(self) -> impl Future<Output = ()> {
        self.stop.send(()).expect("it is served");
        async move {
            let left = within(self.served).await.expect("no panic");
            left.expect("served");
        }
    }
}
