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
#[cfg(feature = "test-kit")]
use super::memory::MemoryTransport;
use super::pipe::{Attended, PipeEvents, PipeTransport};

/// Who tells a shard what has happened to its transports.
pub(crate) enum Watcher {
    /// The poller that its thread waits in.
    Poller(Registry),
    /// Whoever drives this shard by hand.
    #[cfg(feature = "test-kit")]
    Hand(usize),
}

/// One session's way to its peer.
pub(crate) enum Transport {
    /// TCP as it is.
    Plain(TcpStream),
    /// TLS over TCP.
    #[cfg(feature = "tls")]
    Tls(Box<TlsTransport>),
    /// Queues between the shard and a task.
    Pipe(PipeTransport),
    /// Queues in memory, for tests.
    #[cfg(feature = "test-kit")]
    Memory(MemoryTransport),
}

impl Transport {
    /// Lets the shard be told of what happens to it. A pipe tells by itself.
    pub(super) fn register(&mut self, watcher: &Watcher, token: Token) -> io::Result<()> {
        match watcher {
            Watcher::Poller(registry) => {
                let interest = Interest::READABLE | Interest::WRITABLE;
                registry.register(self.socket()?, token, interest)
            }
            #[cfg(feature = "test-kit")]
            Watcher::Hand(shard) => match self {
                Self::Memory(memory) => {
                    memory.register(*shard, token);
                    Ok(())
                }
                _ => Err(io::ErrorKind::Unsupported.into()),
            },
        }
    }

    /// Lets the poller watch it under another token.
    pub(super) fn reregister(
        &mut self,
        watcher: &Watcher,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match watcher {
            Watcher::Poller(registry) => registry.reregister(self.socket()?, token, interest),
            #[cfg(feature = "test-kit")]
            Watcher::Hand(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// What has happened to a pipe; `None` for everything else.
    pub(super) fn pipe_events(&self) -> Option<PipeEvents> {
        match self {
            Self::Pipe(pipe) => Some(pipe.events()),
            _ => None,
        }
    }

    /// Whether the client of a pipe is there, where that is asked.
    pub(super) fn attended(&self) -> Option<Attended> {
        match self {
            Self::Pipe(pipe) => pipe.attended(),
            _ => None,
        }
    }

    /// The socket below, where there is one.
    fn socket(&mut self) -> io::Result<&mut TcpStream> {
        match self {
            Self::Plain(stream) => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Ok(tls.socket()),
            Self::Pipe(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(feature = "test-kit")]
            Self::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads what the peer has sent, as much as is there and fits. `Ok(0)` is the end.
    ///
    /// TLS needs room beside the plaintext: the buffer has at least
    /// [`READ_BUFFER_BYTES`](super::shard_driver::READ_BUFFER_BYTES).
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; another one when the connection is lost or the peer has
    /// broken the rules of TLS.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.read(buffer),
            Self::Pipe(pipe) => pipe.read(buffer),
            #[cfg(feature = "test-kit")]
            Self::Memory(memory) => memory.read(buffer),
        }
    }

    /// Whether the last read, of `count` bytes where `asked` would have fitted, has left nothing:
    /// what comes later is told of anew (epoll(7), question 9).
    pub(super) fn has_given_all(&self, count: usize, asked: usize) -> bool {
        match self {
            Self::Plain(_) => count < asked,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.has_given_all(),
            Self::Pipe(_) => count < asked,
            #[cfg(feature = "test-kit")]
            Self::Memory(_) => count < asked,
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
            Self::Pipe(pipe) => pipe.write(buffers),
            #[cfg(feature = "test-kit")]
            Self::Memory(memory) => memory.write(buffers),
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
            Self::Pipe(_) => Ok(()),
            #[cfg(feature = "test-kit")]
            Self::Memory(_) => Ok(()),
        }
    }

    /// Says that nothing will be written any more, which TLS tells the peer. Whether something is
    /// left to [`flush`](Self::flush).
    pub(super) fn finish(&mut self) -> bool {
        match self {
            Self::Plain(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.finish(),
            Self::Pipe(_) => false,
            #[cfg(feature = "test-kit")]
            Self::Memory(_) => false,
        }
    }

    /// Closes the sending half.
    pub(super) fn shut_down(&mut self) -> io::Result<()> {
        self.socket()?.shutdown(Shutdown::Write)
    }

    /// Reads what nobody will look at, so it is not even decrypted. Otherwise as
    /// [`read`](Self::read).
    pub(super) fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket()?.read(buffer)
    }
}
