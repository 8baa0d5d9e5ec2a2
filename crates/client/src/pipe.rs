//! The socket of a connection with its two buffers, none of which an idle connection holds.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use campanile_websocket::{Opcode, append_compressed_frame, append_frame};
use tokio::io::AsyncWrite;

use crate::stream::Stream;

/// Bytes that one read asks for.
const READ_BYTES: usize = 16 * 1024;
/// Above this many unsent bytes nothing is read: a server that pings and never reads must not make
/// the client collect pongs without a bound.
const UNSENT_BYTES_MAX: usize = 64 * 1024;

/// Bytes read and not decoded yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    /// How many of `bytes` are done with.
    decoded: usize,
}

impl Incoming {
    /// What is to be decoded.
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        &mut self.bytes[self.decoded..]
    }

    /// Says that the first `bytes` of the rest are decoded.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.decoded += bytes;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.decoded == self.bytes.len()
    }

    /// Forgets what was read.
    pub(crate) fn discard(&mut self) {
        self.decoded = self.bytes.len();
    }
}

/// Frames that are not sent yet.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    sent: usize,
}

impl Outgoing {
    pub(crate) fn append(&mut self, fin: bool, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
        append_frame(&mut self.bytes, fin, opcode, payload, Some(mask));
    }

    /// Appends a whole message that was compressed.
    pub(crate) fn append_compressed(&mut self, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
        append_compressed_frame(&mut self.bytes, true, opcode, payload, Some(mask));
    }

    /// Appends what needs no frame of WebSocket's.
    #[cfg(feature = "stomp")]
    pub(crate) fn append_octets(&mut self, octets: &[u8]) {
        self.bytes.extend_from_slice(octets);
    }

    /// Whether so much waits that nothing may be added but by the caller's wish.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() - self.sent > UNSENT_BYTES_MAX
    }
}

/// A socket and its buffers.
#[derive(Debug)]
pub(crate) struct Pipe {
    stream: Stream,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
}

impl Pipe {
    /// `bytes`: what was read behind the opening handshake.
    pub(crate) fn new(stream: Stream, bytes: Vec<u8>) -> Self {
        let incoming = Incoming { bytes, decoded: 0 };
        Self {
            stream,
            incoming,
            outgoing: Outgoing::default(),
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.stream.local_addr()
    }

    /// Writes all that is unsent. When cancelled, the next call goes on where this one stopped.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_write(context)).await
    }

    /// Writes what the kernel takes at once. A failure is left for the next read to find: what the
    /// server said before it left may still be unread, and says why.
    pub(crate) async fn flush_without_waiting(&mut self) {
        poll_fn(|context| {
            let _ = self.poll_write(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Reads once, and writes what is unsent meanwhile. Returns the number of bytes, 0 at the end.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.incoming.bytes.drain(..self.incoming.decoded);
        self.incoming.decoded = 0;
        if self.incoming.bytes.is_empty() {
            self.incoming.bytes = Vec::new();
        }
        poll_fn(|context| {
            // A write that fails is no reason not to read: the server's Close may be there.
            let blocked = self.poll_write(context).is_pending();
            if blocked && self.outgoing.is_full() {
                return Poll::Pending;
            }
            self.poll_read(context)
        })
        .await
    }

    /// Says to the server that nothing more is coming, as far as that needs no waiting.
    pub(crate) async fn shut_down_without_waiting(&mut self) {
        poll_fn(|context| {
            let _ = Pin::new(&mut self.stream).poll_shutdown(context);
            Poll::Ready(())
        })
        .await;
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.stream
            .poll_read_append(context, &mut self.incoming.bytes, READ_BYTES)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Outgoing { bytes, sent } = &mut self.outgoing;
        let mut result = Ok(());
        while *sent < bytes.len() && result.is_ok() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[*sent..])) {
                Ok(written) => *sent += written,
                Err(error) => result = Err(error),
            }
        }
        if result.is_ok() {
            result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        }
        self.outgoing = Outgoing::default();
        Poll::Ready(result)
    }
}
