//! Sockets that we have closed and the peer has not.
//!
//! Closing a socket that still has unread input makes the kernel send a reset, which may
//! overtake the close frame that says why. So the sending half is closed, and what still arrives
//! is thrown away until the peer closes too, for a bounded time. Under TLS the last bytes may be
//! encrypted and still wait for the socket: the sending half is closed behind them.

use std::io;
use std::time::Duration;

use campanile_hub::Moment;
use mio::{Interest, Registry, Token};
use slab::Slab;

use super::transport::Transport;

/// How long the peer has to close its half.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// How many sockets may linger in one shard; beyond it they are closed at once.
const LINGERING_MAX: usize = 1_024;

/// How much is thrown away for one socket before it is closed at once.
const DISCARDED_BYTES_MAX: usize = 1 << 20;

/// Tokens from here on are lingering sockets.
pub(crate) const FIRST_TOKEN: usize = 1 << 32;

/// The sockets that linger.
#[derive(Default)]
pub(crate) struct Lingering {
    sockets: Slab<Lingerer>,
}

struct Lingerer {
    transport: Transport,
    until: Moment,
    discarded: usize,
    /// Our half is closed: all that was to be sent is with the kernel.
    is_shut: bool,
}

impl Lingerer {
    /// Closes our half, if what comes before that can be sent.
    ///
    /// # Errors
    /// The connection is lost.
    fn shut(&mut self) -> io::Result<()> {
        if self.is_shut {
            return Ok(());
        }
        match self.transport.flush() {
            Ok(()) => {
                self.is_shut = true;
                self.transport.shut_down()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Throws away what has arrived. Whether that was the end.
    fn discard(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            match self.transport.discard(buffer) {
                // One that sends no more may still want to read.
                Ok(0) => return self.is_shut,
                Ok(count) => {
                    self.discarded += count;
                    if self.discarded > DISCARDED_BYTES_MAX {
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}

impl Lingering {
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Closes our half, behind what is still to be sent, and waits for the peer's.
    pub(crate) fn add(
        &mut self,
        transport: Transport,
        registry: &Registry,
        buffer: &mut [u8],
        now: Moment,
    ) {
        let mut lingerer = Lingerer {
            transport,
            until: now.plus(LINGER_TIME),
            discarded: 0,
            is_shut: false,
        };
        if self.sockets.len() >= LINGERING_MAX || lingerer.shut().is_err() {
            return;
        }
        let entry = self.sockets.vacant_entry();
        let token = Token(FIRST_TOKEN + entry.key());
        let interest = match lingerer.is_shut {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        let watched = lingerer.transport.reregister(registry, token, interest);
        if watched.is_ok() {
            entry.insert(lingerer);
            self.ready(token, buffer);
        }
    }

    /// Sends what can be sent now, and throws away what has arrived.
    pub(crate) fn ready(&mut self, token: Token, buffer: &mut [u8]) {
        let key = token.0 - FIRST_TOKEN;
        let Some(lingerer) = self.sockets.get_mut(key) else {
            return;
        };
        if lingerer.shut().is_err() || lingerer.discard(buffer) {
            self.sockets.remove(key);
        }
    }

    /// Closes those that had their time.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.sockets.retain(|_, lingerer| lingerer.until > now);
    }
}
