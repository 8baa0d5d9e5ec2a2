//! A transport that is two queues in memory: for tests without a network.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use campanile_hub::Shard;
use mio::Token;
use tokio::task::LocalSet;

use super::Door;
use super::shard_driver::{Ready, ShardDriver};
use super::transport::Watcher;
use super::waiting::Background;
use crate::state::Application;

/// A shard that is driven by hand.
pub(crate) struct MemoryShard {
    index: usize,
    door: Arc<Door>,
    driver: ShardDriver,
    /// How often it had something to do.
    events: u64,
}

impl MemoryShard {
    pub(super) fn new(
        shard: Shard,
        doors: Arc<[Arc<Door>]>,
        application: Arc<Application>,
        local: &Rc<LocalSet>,
    ) -> Self {
        let index = shard.index();
        let background = Background {
            local: Rc::clone(local),
            ..Background::default()
        };
        Self {
            index,
            door: Arc::clone(&doors[index]),
            driver: ShardDriver::new(
                shard,
                Watcher::Hand(index),
                background,
                doors,
                application,
                Duration::ZERO,
            ),
            events: 0,
        }
    }

    /// One turn, with whatever has happened to these transports.
    pub(crate) fn turn(&mut self, peers: &[MemoryPeer]) {
        self.events += u64::from(self.is_busy());
        let ready = peers.iter().filter_map(|peer| peer.ready(self.index));
        self.driver.turn(ready);
    }

    /// Whether a turn would do something.
    pub(crate) fn is_busy(&self) -> bool {
        self.door.is_asked() || self.driver.is_busy()
    }

    /// How often it had something to do.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }
}

/// The two directions between a session and a client that is driven by a test.
#[derive(Debug, Default)]
struct Queues {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// How much may wait for the client before the server's writes are cut short.
    room: usize,
    client_has_left: bool,
    client_has_said_all: bool,
    server_has_left: bool,
    /// Which shard looks after the server's end, and by what name.
    place: Option<(usize, Token)>,
    /// Something has come, or has ended, that the shard was not told of.
    is_readable: bool,
    /// The server was cut short and there is room again.
    is_writable: bool,
    is_cut_short: bool,
    /// Counts whatever happens, so that a test knows when nothing happens any more.
    events: u64,
}

impl Queues {
    /// Notes that a server that was cut short may write again, if there is room.
    fn has_room(&mut self) {
        if self.is_cut_short && self.room > self.to_client.len() {
            self.is_cut_short = false;
            self.is_writable = true;
            self.events += 1;
        }
    }
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct MemoryTransport(Arc<Mutex<Queues>>);

/// The client's end.
#[derive(Clone, Debug)]
pub(crate) struct MemoryPeer(Arc<Mutex<Queues>>);

/// Two ends; `room` is how many bytes wait for the client at most, as in a kernel's buffers.
pub(crate) fn memory_pipe(room: usize) -> (MemoryTransport, MemoryPeer) {
    let queues = Arc::new(Mutex::new(Queues {
        room,
        ..Queues::default()
    }));
    (MemoryTransport(Arc::clone(&queues)), MemoryPeer(queues))
}

impl MemoryTransport {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which shard is to be told of what happens here.
    pub(super) fn register(&self, shard: usize, token: Token) {
        self.lock().place = Some((shard, token));
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut queues = self.lock();
        if queues.to_server.is_empty() {
            return match queues.client_has_left || queues.client_has_said_all {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let count = buffer.len().min(queues.to_server.len());
        for (place, byte) in buffer.iter_mut().zip(queues.to_server.drain(..count)) {
            *place = byte;
        }
        queues.events += 1;
        Ok(count)
    }

    pub(super) fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut queues = self.lock();
        if queues.client_has_left {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut written = 0;
        for part in buffers {
            let room = queues.room.saturating_sub(queues.to_client.len());
            let count = part.len().min(room);
            queues.to_client.extend_from_slice(&part[..count]);
            written += count;
            if count < part.len() {
                queues.is_cut_short = true;
                break;
            }
        }
        queues.events += 1;
        Ok(written)
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        let mut queues = self.lock();
        queues.server_has_left = true;
        queues.events += 1;
    }
}

impl MemoryPeer {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends bytes; those to a server that has left are lost, as on a network.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut queues = self.lock();
        if !queues.server_has_left {
            queues.to_server.extend(bytes);
            queues.is_readable = true;
            queues.events += 1;
        }
    }

    /// Takes what the server has sent so far.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut queues = self.lock();
        let taken = std::mem::take(&mut queues.to_client);
        queues.has_room();
        taken
    }

    /// How many bytes may wait for this client from now on.
    pub(crate) fn set_room(&self, room: usize) {
        let mut queues = self.lock();
        queues.room = room;
        queues.has_room();
    }

    /// Sends no more.
    pub(crate) fn end_sending(&self) {
        let mut queues = self.lock();
        queues.client_has_said_all = true;
        queues.is_readable = true;
        queues.events += 1;
    }

    /// Vanishes without a word.
    pub(crate) fn leave(&self) {
        let mut queues = self.lock();
        queues.client_has_left = true;
        queues.is_readable = true;
        queues.events += 1;
    }

    /// Whether the server has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().server_has_left
    }

    /// How much has happened here so far.
    pub(crate) fn events(&self) -> u64 {
        self.lock().events
    }

    /// What a shard has not been told of yet, as its poller would.
    pub(super) fn ready(&self, shard: usize) -> Option<Ready> {
        let mut queues = self.lock();
        let (_, token) = queues.place.filter(|(place, _)| *place == shard)?;
        let ready = Ready {
            token,
            is_readable: std::mem::take(&mut queues.is_readable),
            is_writable: std::mem::take(&mut queues.is_writable),
            is_read_closed: queues.client_has_left || queues.client_has_said_all,
        };
        (ready.is_readable || ready.is_writable).then_some(ready)
    }
}
