//! What requests are read from: TCP, or TLS over it; and how a connection gets there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

#[cfg(feature = "tls")]
use super::http2::Http2;
#[cfg(feature = "tls")]
use super::tls::{PeerCertificates, Tls};
use crate::driver::Transport;

/// What stands between a listener's sockets and their requests.
#[derive(Clone, Debug, Default)]
pub(super) enum Security {
    /// Nothing.
    #[default]
    Plain,
    /// A TLS handshake.
    #[cfg(feature = "tls")]
    Tls(Tls),
}

impl Security {
    /// Whether something must happen before requests can be read.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// What of HTTP/2 is offered.
    #[cfg(feature = "tls")]
    pub(super) fn http2(&self) -> Http2 {
        match self {
            Self::Plain => Http2::default(),
            Self::Tls(tls) => tls.http2(),
        }
    }

    /// Makes a connection ready for requests. `None` when the client cannot come in, which it has
    /// been told: with `hint`, if it does not speak TLS where it has to. Whoever calls sets the
    /// deadline.
    pub(super) async fn admit(&self, socket: TcpStream, hint: &[u8]) -> Option<Stream> {
        match self {
            Self::Plain => {
                let _ = hint;
                Some(Stream::Plain(socket))
            }
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                let stream = Box::pin(tls.accept(socket, hint)).await?;
                Some(Stream::Tls(Box::new(stream)))
            }
        }
    }
}

/// What a connection says of all its requests.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    /// Nobody between the client and us can read or change what is said.
    pub(super) is_secure: bool,
    #[cfg(feature = "tls")]
    certificates: Option<PeerCertificates>,
}

impl Facts {
    /// Lets a request tell them.
    pub(super) fn tell(&self, extensions: &mut Extensions) {
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates {
            extensions.insert(certificates.clone());
        }
        #[cfg(not(feature = "tls"))]
        let _ = extensions;
    }
}

/// A connection that requests can be read from.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Plain(_) => Facts::default(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Facts {
                is_secure: true,
                certificates: PeerCertificates::of(tls.get_ref().1),
            },
        }
    }

    /// Whether the client has chosen HTTP/2 during the TLS handshake (RFC 7301, RFC 9113 3.2).
    #[cfg(feature = "tls")]
    pub(super) fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(super::tls::HTTP2),
        }
    }

    /// What a shard takes over. `prepare` makes its socket ready for that.
    pub(super) fn into_transport(
        self,
        prepare: impl FnOnce(TcpStream) -> io::Result<mio::net::TcpStream>,
    ) -> io::Result<Transport> {
        Ok(match self {
            Self::Plain(socket) => Transport::Plain(prepare(socket)?),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                let (socket, session) = tls.into_inner();
                let tls = crate::driver::TlsTransport::new(prepare(socket)?, session);
                Transport::Tls(Box::new(tls))
            }
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
