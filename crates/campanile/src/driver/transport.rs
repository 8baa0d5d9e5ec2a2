//! What carries a session's bytes: a socket, or TLS over one.
//!
//! Reading and writing never block. The poller is edge-triggered, so whoever reads goes on until
//! [`Transport::has_given_all`] or `WouldBlock`, and whoever writes until fewer bytes are taken than
//! were offered.

#[cfg(feature = "tls")]
mod tls;

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

#[cfg(feature = "tls")]
pub(crate) use self::tls::TlsTransport;

/// One session's way to its peer.
pub(crate) enum Transport {
    /// TCP as it is.
    Plain(TcpStream),
    /// TLS over TCP.
    #[cfg(feature = "tls")]
    Tls(Box<TlsTransport>),
}

impl Transport {
    /// Lets the poller watch it.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(self.socket(), token, interest)
    }

    /// Lets the poller watch it under another token.
    pub(super) fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(self.socket(), token, interest)
    }

    fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.socket(),
        }
    }

    /// Reads what the peer has sent, as much as is there and fits. `Ok(0)` is the end.
    ///
    /// TLS needs room beside the plaintext: the buffer has at least
    /// [`READ_BUFFER_BYTES`](super::shard_thread::READ_BUFFER_BYTES).
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; another one when the connection is lost or the peer has
    /// broken the rules of TLS.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Whether the last read, of `count` bytes where `asked` would have fitted, has left nothing:
    /// what comes later is told of anew (epoll(7), question 9).
    pub(super) fn has_given_all(&self, count: usize, asked: usize) -> bool {
        match self {
            Self::Plain(_) => count < asked,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.has_given_all(),
        }
    }

    /// Writes as much as is taken. Fewer bytes than were offered mean that it is full.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is taken; another one when the connection is lost.
    pub(super) fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            // A single buffer is the common case, and `send` is cheaper than `writev`.
            Self::Plain(stream) => match buffers {
                [only] => stream.write(only),
                several => stream.write_vectored(several),
            },
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.write(buffers),
        }
    }

    /// Gives the kernel what was taken and is not with it yet: encrypted bytes.
    ///
    /// # Errors
    /// `WouldBlock` when something is left; another one when the connection is lost.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.flush(),
        }
    }

    /// Says that nothing will be written any more, which TLS tells the peer. Whether something is
    /// left to [`flush`](Self::flush).
    pub(super) fn finish(&mut self) -> bool {
        match self {
            Self::Plain(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.finish(),
        }
    }

    /// Closes the sending half.
    pub(super) fn shut_down(&mut self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }

    /// Reads what nobody will look at, so it is not even decrypted. Otherwise as
    /// [`read`](Self::read).
    pub(super) fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket().read(buffer)
    }
}
