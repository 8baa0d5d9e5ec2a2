//! What a connection's bytes go through: TCP, or TLS over it.

use std::{
    io, net,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
#[cfg(feature = "tls")]
use tokio_rustls::client::TlsStream;

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(crate) fn local_addr(&self) -> io::Result<net::SocketAddr> {
        match self {
            Self::Plain(stream) => stream.local_addr(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0.local_addr(),
        }
    }

    /// Reads once, behind what `bytes` holds, at most so much. Room is made only when there is
    /// something to read.
    pub(crate) fn poll_read_append(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut Vec<u8>,
        at_most: usize,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => loop {
                ready!(stream.poll_read_ready(context))?;
                bytes.reserve(at_most);
                match stream.try_read_buf(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                const PIECE_BYTES: usize = 4 * 1024;
                let mut piece = [0; PIECE_BYTES];
                let mut buffer = ReadBuf::new(&mut piece[..at_most.min(PIECE_BYTES)]);
                let read = match ready!(Pin::new(stream).poll_read(context, &mut buffer)) {
                    // The end without a close_notify. WebSocket has a closing handshake of its own.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                    Err(error) => Err(error),
                    Ok(()) => {
                        bytes.extend_from_slice(buffer.filled());
                        Ok(buffer.filled().len())
                    }
                };
                Poll::Ready(read)
            }
        }
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
