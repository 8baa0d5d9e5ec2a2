//! What a delivery costs, counted where a clock would tell different things on different machines.

mod simulator;

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, Ending, Format, Hub, Message, Moment, NewSession, Shard, Sink, Slot,
    Ticket, Wake, Written,
};
use simulator::House;

/// A transport that takes everything and counts.
#[derive(Default)]
struct Counter {
    writes: usize,
    bytes: usize,
}

impl Sink for Counter {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let bytes = buffers.iter().map(|buffer| buffer.len()).sum();
        self.writes += 1;
        self.bytes += bytes;
        Written::Bytes(bytes)
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

/// A format that counts how often it is asked.
#[derive(Default)]
struct Plain {
    encodes: AtomicUsize,
}

impl Format for Plain {
    fn encode_content(&self, content: &Content) -> Bytes {
        self.encodes.fetch_add(1, Ordering::Relaxed);
        content.bytes().clone()
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

const SUBSCRIBERS: usize = 1_000;
const PUBLICATIONS: usize = 16;
const BYTES: usize = 128;

/// Puts the label before what all get, and counts how often it is asked to.
#[derive(Default)]
struct Labelled {
    plain: Plain,
    prefixes: AtomicUsize,
}

impl Format for Labelled {
    fn encode_content(&self, content: &Content) -> Bytes {
        self.plain.encode_content(content)
    }

    fn prefix(&self, _: &campanile_hub::Publication, label: &str, _: &[u8], out: &mut Vec<u8>) {
        self.prefixes.fetch_add(1, Ordering::Relaxed);
        out.extend_from_slice(label.as_bytes());
    }

    fn prefix_end<'a>(&self, label: &'a str) -> Option<&'a [u8]> {
        Some(label.as_bytes())
    }

    fn has_prefix(&self) -> bool {
        true
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

struct Bench {
    hub: Hub,
    shards: Vec<Shard>,
    format: Arc<Plain>,
}

impl Bench {
    fn new(shards: usize) -> Self {
        let wakes = (0..shards).map(|_| -> Wake { Arc::new(|| ()) }).collect();
        let (hub, mut shards) = Hub::new(wakes).expect("a hub");
        let format = Arc::new(Plain::default());
        let id = hub.register(format.clone()).expect("room for a format");
        let house = House::new(1, 1);
        for number in 0..SUBSCRIBERS {
            let count = shards.len();
            let new = NewSession {
                format: id,
                ..house.newcomer("/e")
            };
            let opened = shards[number % count]
                .open(new, Moment::default())
                .finished();
            opened.expect("room for a session");
        }
        Self {
            hub,
            shards,
            format,
        }
    }

    fn publish(&self, publications: usize) {
        for _ in 0..publications {
            let message = Message::text("x".repeat(BYTES));
            self.hub
                .publish(Destination::endpoint("/e"), message)
                .finished()
                .expect("room for a publication");
        }
    }

    fn pump(&mut self) -> Counter {
        let mut counter = Counter::default();
        for shard in &mut self.shards {
            shard.pump(&mut counter, Moment::default());
        }
        counter
    }
}

#[test]
fn what_queued_up_is_one_write_for_each_subscriber() {
    for shards in [1, 2] {
        let mut bench = Bench::new(shards);
        bench.publish(PUBLICATIONS);
        let counter = bench.pump();
        assert_eq!(counter.writes, SUBSCRIBERS);
        assert_eq!(counter.bytes, SUBSCRIBERS * PUBLICATIONS * BYTES);
        for shard in &bench.shards {
            assert_eq!(shard.batched(), PUBLICATIONS);
        }
        assert_eq!(bench.pump().writes, 0);
        assert_eq!(bench.shards[0].batched(), 0);
    }
}

#[test]
fn s87_a_publication_is_encoded_once_for_all_shards() {
    let mut bench = Bench::new(2);
    bench.publish(PUBLICATIONS);
    bench.pump();
    assert_eq!(bench.format.encodes.load(Ordering::Relaxed), PUBLICATIONS);
}

#[test]
fn deliveries_allocate_nothing() {
    let mut bench = Bench::new(1);
    // Tables and queues find their size.
    bench.publish(PUBLICATIONS);
    bench.pump();
    let mut allocations = |publications: usize| {
        bench.publish(publications);
        let counted = allocation_counter::measure(|| {
            assert_eq!(bench.pump().writes, SUBSCRIBERS);
        });
        counted.count_total as usize
    };
    // A few for each publication and pass, however many subscribers there are.
    let one = allocations(1);
    assert!(one <= 12, "{one} allocations for one publication");
    let many = allocations(PUBLICATIONS);
    assert!(many <= 12 + 4 * PUBLICATIONS, "{many} for {PUBLICATIONS}");
}

#[test]
fn deliveries_with_a_prefix_allocate_nothing_either() {
    let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
    let house = House::new(1, 1);
    let labelled = Arc::new(Labelled::default());
    let format = hub.register(labelled.clone()).expect("room for a format");
    let room = Destination::named("/room");
    for number in 0..SUBSCRIBERS {
        let new = NewSession {
            format,
            ..house.newcomer("/e")
        };
        let opened = shards[0].open(new, Moment::default()).finished();
        let (slot, _) = opened.expect("room for a session");
        let label = format!("sub-{number}");
        let joined = shards[0].subscribe(slot, room.clone(), &label);
        joined.finished().expect("a new subscription");
    }
    let mut allocations = |publications: usize| {
        for _ in 0..publications {
            let message = Message::text("x".repeat(BYTES));
            let published = hub.publish(room.clone(), message);
            published.finished().expect("room");
        }
        let counted = allocation_counter::measure(|| {
            let mut counter = Counter::default();
            shards[0].pump(&mut counter, Moment::default());
            assert_eq!(counter.writes, SUBSCRIBERS);
        });
        counted.count_total as usize
    };
    allocations(PUBLICATIONS);
    labelled.plain.encodes.store(0, Ordering::Relaxed);
    labelled.prefixes.store(0, Ordering::Relaxed);
    let one = allocations(1);
    assert_eq!(labelled.plain.encodes.load(Ordering::Relaxed), 1);
    // Once for each length that labels have here, from sub-0 to sub-999.
    assert_eq!(labelled.prefixes.load(Ordering::Relaxed), 3);
    assert!(one <= 16, "{one} allocations for one publication");
    let many = allocations(PUBLICATIONS);
    assert!(many <= 16 + 4 * PUBLICATIONS, "{many} for {PUBLICATIONS}");
    let prefixes = labelled.prefixes.load(Ordering::Relaxed);
    assert_eq!(prefixes, 3 + 3 * PUBLICATIONS);
}

#[test]
fn a_reply_is_one_write() {
    let mut bench = Bench::new(1);
    let slot = Slot::from_index(0).expect("a slot");
    let shard = &mut bench.shards[0];
    for _ in 0..3 {
        let reply = shard.reply(slot, Bytes::from_static(b"reply"));
        reply.finished().expect("accepted");
    }
    let counter = bench.pump();
    assert_eq!((counter.writes, counter.bytes), (1, 15));
}
