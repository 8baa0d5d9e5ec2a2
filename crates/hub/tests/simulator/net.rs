//! The transports of one shard: they take as much as the test wants, when it wants.

use std::io::IoSlice;

use campanile_hub::{Ending, Sink, Slot, Ticket, Written};

use super::random::Random;
use super::wire::{Decoder, Received};

/// How many buffers the hub may offer in one write; systems take 1024 at most.
const BUFFERS_PER_WRITE_MAX: usize = 128;

/// The far end of one transport.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// How many more bytes it takes; `None` is no limit.
    pub(crate) room: Option<usize>,
    /// Whether it takes some part of what there is room for, not all.
    pub(crate) is_choppy: bool,
    /// Whether it has vanished: the next write finds out.
    pub(crate) is_gone: bool,
    /// Whether the last write was cut short and the shard has not been told otherwise since.
    pub(crate) is_full: bool,
    /// How often it was written to.
    pub(crate) writes: usize,
    /// How many bytes it has taken.
    pub(crate) taken: usize,
    /// How many publications it was told to have lost.
    pub(crate) dropped: usize,
    /// What it has read.
    pub(crate) received: Vec<Received>,
    decoder: Decoder,
    /// Cuts what it takes: its own, so that the order of other peers changes nothing.
    random: Random,
}

/// A session that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) slot: Slot,
    pub(crate) ending: Ending,
    pub(crate) peer: Peer,
}

/// All transports of one shard.
#[derive(Debug)]
pub(crate) struct Net {
    peers: Vec<Option<Peer>>,
    pub(crate) ended: Vec<Ended>,
    pub(crate) settled: Vec<Ticket>,
    random: Random,
}

impl Net {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        Self {
            peers: Vec::new(),
            ended: Vec::new(),
            settled: Vec::new(),
            random,
        }
    }

    /// Puts a peer behind a slot that has just been opened.
    pub(crate) fn connect(&mut self, slot: Slot) {
        if self.peers.len() <= slot.index() {
            self.peers.resize_with(slot.index() + 1, || None);
        }
        let random = Random::new(self.random.below(usize::MAX) as u64);
        let peer = Peer {
            random,
            ..Peer::default()
        };
        let before = self.peers[slot.index()].replace(peer);
        assert!(
            before.is_none(),
            "slot {slot:?} was used again before its session had ended"
        );
    }

    /// Takes away the peer of a session that the driver has reported gone.
    pub(crate) fn disconnect(&mut self, slot: Slot) -> Peer {
        self.peers[slot.index()].take().expect("a connected peer")
    }

    pub(crate) fn peer(&mut self, slot: Slot) -> &mut Peer {
        self.peers[slot.index()].as_mut().expect("a connected peer")
    }

    pub(crate) fn is_connected(&self, slot: Slot) -> bool {
        self.peers.get(slot.index()).is_some_and(Option::is_some)
    }
}

impl Sink for Net {
    fn write(&mut self, slot: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let peer = self.peers[slot.index()]
            .as_mut()
            .expect("a write to a session that has ended");
        assert!(!peer.is_full, "a write to a transport that is full");
        let offered: usize = buffers.iter().map(|part| part.len()).sum();
        assert!(offered > 0, "a write without bytes");
        assert!(
            buffers.len() <= BUFFERS_PER_WRITE_MAX,
            "{} buffers in one write",
            buffers.len()
        );
        peer.writes += 1;
        if peer.is_gone {
            return Written::Gone;
        }
        let mut take = peer.room.map_or(offered, |room| room.min(offered));
        if peer.is_choppy {
            take = peer.random.between(0, take);
        }
        peer.is_full = take < offered;
        peer.taken += take;
        if let Some(room) = &mut peer.room {
            *room -= take;
        }
        let mut left = take;
        for part in buffers {
            let length = part.len().min(left);
            peer.decoder.take(&part[..length], &mut peer.received);
            left -= length;
        }
        Written::Bytes(take)
    }

    fn end(&mut self, slot: Slot, ending: Ending) {
        let peer = self.peers[slot.index()]
            .take()
            .expect("a session ends once");
        self.ended.push(Ended { slot, ending, peer });
    }

    fn dropped(&mut self, slot: Slot, publications: u32) {
        self.peer(slot).dropped += publications as usize;
    }

    fn settled(&mut self, ticket: Ticket) {
        assert!(!self.settled.contains(&ticket), "a ticket settles once");
        self.settled.push(ticket);
    }
}
