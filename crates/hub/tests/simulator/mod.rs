//! What the tests drive the hub with: virtual time, transports that behave as they are told, a
//! wire format that can be read back, and a model to compare with.

#![allow(
    dead_code,
    reason = "each test program uses its own part of this module"
)]

mod acts;
mod client;
mod model;
mod net;
mod random;
pub(crate) mod wire;
pub(crate) mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use campanile_hub::{
    Attributes, Destination, FormatId, Hub, Moment, NewSession, OutboxPolicy, PathParameters,
    Session, Shard, Slot, Timeouts, Wait, Wake,
};

pub(crate) use net::{Net, Peer};
pub(crate) use random::Random;
pub(crate) use wire::{Received, Wire, close_frame, reply_frame};

/// One shard with its transports.
pub(crate) struct Side {
    pub(crate) shard: Shard,
    pub(crate) net: Net,
}

/// A hub with its shards, its formats and its time.
pub(crate) struct House {
    pub(crate) hub: Hub,
    pub(crate) sides: Vec<Side>,
    pub(crate) now: Moment,
    /// The same, for threads that drive no shard.
    clock: Arc<AtomicU64>,
    /// How often each shard was woken.
    pub(crate) woken: Vec<Arc<AtomicUsize>>,
    pub(crate) plain: FormatId,
    pub(crate) labelled: FormatId,
    pub(crate) plain_wire: Arc<Wire>,
    pub(crate) labelled_wire: Arc<Wire>,
}

impl House {
    pub(crate) fn new(shards: usize, seed: u64) -> Self {
        let woken: Vec<Arc<AtomicUsize>> = (0..shards).map(|_| Arc::default()).collect();
        let wakes = woken.iter().map(|count| -> Wake {
            let count = Arc::clone(count);
            Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            })
        });
        let clock = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&clock);
        let tell = move || {
            let since_start = Duration::from_millis(told.load(Ordering::Relaxed));
            Moment::after_start(since_start)
        };
        let (hub, shards) = Hub::with_clock(wakes.collect(), Arc::new(tell)).expect("a hub");
        let plain_wire = Arc::new(Wire::default());
        let labelled_wire = Arc::new(Wire {
            is_labelled: true,
            ..Wire::default()
        });
        let plain = hub.register(plain_wire.clone()).expect("room for a format");
        let labelled = hub
            .register(labelled_wire.clone())
            .expect("room for a format");
        let sides = shards.into_iter().enumerate();
        let sides = sides.map(|(index, shard)| Side {
            shard,
            net: Net::new(seed + index as u64),
        });
        Self {
            hub,
            sides: sides.collect(),
            now: Moment::default(),
            clock,
            woken,
            plain,
            labelled,
            plain_wire,
            labelled_wire,
        }
    }

    /// A client of `endpoint` in the plain format, with a roomy outbox.
    pub(crate) fn newcomer(&self, endpoint: &str) -> NewSession {
        let address = "127.0.0.1:1".parse().expect("an address");
        NewSession {
            endpoint: Destination::endpoint(endpoint),
            format: self.plain,
            outbox: OutboxPolicy::default(),
            timeouts: Timeouts::default(),
            principal: None,
            path_parameters: PathParameters::default(),
            uri: endpoint.into(),
            protocol: None,
            extensions: None,
            transport: campanile_hub::TransportKind::default(),
            is_secure: false,
            remote_address: address,
            local_address: address,
            attributes: Attributes::default(),
        }
    }

    pub(crate) fn open(&mut self, side: usize, new: NewSession) -> (Slot, Arc<Session>) {
        let Side { shard, net } = &mut self.sides[side];
        let (slot, session) = shard
            .open(new, self.now)
            .finished()
            .expect("room for a session");
        net.connect(slot);
        (slot, session)
    }

    /// Opens a session with everything as usual on the first shard.
    pub(crate) fn enter(&mut self, endpoint: &str) -> (Slot, Arc<Session>) {
        self.open(0, self.newcomer(endpoint))
    }

    pub(crate) fn pump(&mut self) -> Vec<Wait> {
        let now = self.now;
        self.sides
            .iter_mut()
            .map(|side| side.shard.pump(&mut side.net, now))
            .collect()
    }

    /// Lets virtual time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.clock.store(self.now.millis(), Ordering::Relaxed);
    }

    pub(crate) fn peer(&mut self, slot: Slot) -> &mut Peer {
        self.sides[0].net.peer(slot)
    }

    /// Lets a peer of the first shard take so many bytes more, and says so to the shard.
    pub(crate) fn make_room(&mut self, slot: Slot, room: Option<usize>) {
        let peer = self.peer(slot);
        peer.room = room;
        peer.is_full = false;
        self.sides[0].shard.writable(slot);
    }

    /// What a peer of the first shard has received, as texts.
    pub(crate) fn texts(&mut self, slot: Slot) -> Vec<String> {
        self.peer(slot)
            .received
            .iter()
            .map(Received::text)
            .collect()
    }

    /// What a session of the first shard had received when it ended, as texts.
    pub(crate) fn last_texts(&self, slot: Slot) -> Vec<String> {
        let ended = self.sides[0].net.ended.iter().rfind(|one| one.slot == slot);
        ended
            .expect("an ended session")
            .peer
            .received
            .iter()
            .map(Received::text)
            .collect()
    }
}
