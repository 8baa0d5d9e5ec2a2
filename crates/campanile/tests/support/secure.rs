//! An application that is served under TLS for the time of one test.

#![allow(dead_code, reason = "each test file uses what it needs")]

#[path = "certificates.rs"]
pub(crate) mod certificates;

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use campanile::{Campanile, Handle, Serve, Tls};
use campanile_client::{Builder, Client};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) use self::certificates::{Authority, Issued};
use super::support::within;

impl Authority {
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
        let config = self.client_config(shown);
        let socket = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::from(address.ip());
        let connected = TlsConnector::from(Arc::new(config)).connect(name, socket);
        within(connected).await.expect("a TLS connection")
    }
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
        Self::serve_as(app, |serve| serve).await
    }

    pub(crate) async fn serve_with(app: Campanile, authority: Authority, tls: Tls) -> Self {
        Self::serve_all(app, authority, tls, |serve| serve).await
    }

    /// Serves with settings of its own.
    pub(crate) async fn serve_as(app: Campanile, set: impl FnOnce(Serve) -> Serve) -> Self {
        let authority = Authority::new("authority");
        let issued = authority.server();
        let tls = Tls::from_pem(issued.certificate, issued.key).expect("a pair");
        Self::serve_all(app, authority, tls, set).await
    }

    async fn serve_all(
        app: Campanile,
        authority: Authority,
        tls: Tls,
        set: impl FnOnce(Serve) -> Serve,
    ) -> Self {
        let port = SocketAddr::from(([127, 0, 0, 1], 0));
        let (first, second) = (campanile::bind(port), campanile::bind(port));
        let (first, second) = (first.expect("a port"), second.expect("a port"));
        let (plain, secure) = (first.local_addr(), second.local_addr());
        let handle = app.handle();
        let (stop, stopped) = oneshot::channel();
        let serving = set(campanile::serve(first, app))
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
