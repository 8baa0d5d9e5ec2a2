//! Sockets that we have closed and the peer has not.
//!
//! Closing a socket that still has unread input makes the kernel send a reset, which may
//! overtake the close frame that says why. So the sending half is closed, and what still arrives
//! is thrown away until the peer closes too, for a bounded time.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::Duration;

use campanile_hub::Moment;
use mio::{Interest, Registry, Token};
use slab::Slab;

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
    sockets: Slab<(mio::net::TcpStream, Moment, usize)>,
}

impl Lingering {
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Closes our half and waits for the peer's.
    pub(crate) fn add(
        &mut self,
        mut stream: mio::net::TcpStream,
        registry: &Registry,
        buffer: &mut [u8],
        now: Moment,
    ) {
        if self.sockets.len() >= LINGERING_MAX || stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let entry = self.sockets.vacant_entry();
        let key = entry.key();
        let token = Token(FIRST_TOKEN + key);
        if registry
            .reregister(&mut stream, token, Interest::READABLE)
            .is_ok()
        {
            entry.insert((stream, now.plus(LINGER_TIME), 0));
            self.readable(token, buffer);
        }
    }

    /// Throws away what has arrived.
    pub(crate) fn readable(&mut self, token: Token, buffer: &mut [u8]) {
        let key = token.0 - FIRST_TOKEN;
        let Some((stream, _, discarded)) = self.sockets.get_mut(key) else {
            return;
        };
        let ended = loop {
            match stream.read(buffer) {
                Ok(0) => break true,
                Ok(count) => {
                    *discarded += count;
                    if *discarded > DISCARDED_BYTES_MAX {
                        break true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        if ended {
            self.sockets.remove(key);
        }
    }

    /// Closes those that had their time.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.sockets.retain(|_, (_, until, _)| *until > now);
    }
}
