//! Histories under real threads: who is cut off at any time and comes back with its cursor, while
//! others publish, misses nothing that it is not told of, gets nothing twice, and all in order.

mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use campanile_hub::{
    Cursor, Destination, FormatId, HistoryLimits, HistoryScope, Hub, Joining, Message, Moment,
    NewSession, OutboxPolicy, Pattern, Refusal, Separator, Shard, Slot, Wait, Wake,
};
use simulator::{House, Net, Random, Received, Wire};

const SHARDS: usize = 3;
const CLIENTS_PER_SHARD: usize = 24;
const PUBLISHERS: usize = 3;
const PUBLICATIONS: u64 = 2_000;
/// How many are published to each destination, at most, for each turn of a shard.
const PER_TURN: usize = 4;
/// How many clients come or go in a turn.
const ACTS_PER_TURN: usize = 4;
const LABEL: &str = "mine";

/// What each publisher publishes to, in turn with nobody else.
fn name(publisher: usize) -> Destination {
    Destination::named(format!("/keep/{publisher}"))
}

fn matching(text: &str) -> Destination {
    let pattern = Pattern::parse(text, Separator::Slash);
    Destination::matching(pattern.expect("a pattern"))
}

/// What a client subscribes to, and whose publications that are.
fn interests(client: usize) -> (Vec<Destination>, std::ops::Range<usize>) {
    match client % 4 {
        0 => (vec![name(client % PUBLISHERS)], {
            let one = client % PUBLISHERS;
            one..one + 1
        }),
        1 => (vec![matching("/keep/*")], 0..PUBLISHERS),
        2 => (vec![name(0), name(1)], 0..2),
        _ => (vec![name(2), matching("/**"), name(0)], 0..PUBLISHERS),
    }
}

/// Publishes its numbers, and answers the position of each.
fn publish(hub: &Hub, publisher: usize, turns: &AtomicUsize, give_up: Instant) -> Vec<u64> {
    let number = |number: u64| loop {
        if turns.load(Ordering::Relaxed) * PER_TURN < number as usize {
            assert!(Instant::now() < give_up, "the shards have stopped");
            yield_now();
            continue;
        }
        let message = Message::text(format!("{number} {}", "x".repeat(number as usize % 90)));
        match hub.publish(name(publisher), message).finished() {
            Ok(accepted) => return accepted.id.position,
            Err(refusal) => assert_eq!(refusal, Refusal::Overloaded),
        }
        assert!(Instant::now() < give_up, "the shards have stopped");
        yield_now();
    };
    (0..PUBLICATIONS).map(number).collect()
}

/// One life of a client's connection.
#[derive(Debug)]
struct Life {
    /// After which it must get everything.
    start: u64,
    received: Vec<u64>,
}

#[derive(Debug, Default)]
struct Client {
    slot: Option<Slot>,
    cursor: Option<Cursor>,
    lives: Vec<Life>,
    recovered: usize,
    lost: usize,
}

impl Client {
    fn absorb(&mut self, received: Vec<Received>) {
        let (Some(life), Some(cursor)) = (self.lives.last_mut(), &mut self.cursor) else {
            return;
        };
        for one in received {
            match one {
                Received::Publication {
                    label, position, ..
                } => {
                    assert_eq!(label.as_deref(), Some(LABEL));
                    life.received.push(position);
                    cursor.position = position;
                }
                Received::Close { code, .. } => assert_eq!(code, 1008),
                other => panic!("not meant for it: {other:?}"),
            }
        }
    }
}

/// One shard on its thread.
struct Driven {
    shard: Shard,
    net: Net,
    house: House,
    format: FormatId,
    random: Random,
    clients: Vec<Client>,
}

impl Driven {
    fn run(&mut self, is_over: &AtomicBool, turns: &AtomicUsize, give_up: Instant) {
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            self.pump();
            if was_over && !self.shard.has_inbox() {
                break;
            }
            turns.fetch_add(1, Ordering::Relaxed);
            for _ in 0..ACTS_PER_TURN {
                let client = self.random.below(self.clients.len());
                match self.clients[client].slot {
                    None => self.come(client),
                    Some(_) if self.random.chance(30) => self.cut(client),
                    Some(_) => {}
                }
            }
            assert!(Instant::now() < give_up, "publishing does not end");
            yield_now();
        }
        // Everybody comes back and gets the rest.
        while !self.is_quiet() {
            for client in 0..self.clients.len() {
                match self.clients[client].slot {
                    None => self.come(client),
                    Some(slot) => self.net.peer(slot).is_choppy = false,
                }
            }
            assert!(Instant::now() < give_up, "it does not end");
        }
        for client in &mut self.clients {
            let slot = client.slot.expect("it has stayed");
            client.absorb(std::mem::take(&mut self.net.peer(slot).received));
        }
    }

    /// Pumps. Whether everybody is there and nothing is left to write.
    fn is_quiet(&mut self) -> bool {
        let is_there = |client: &Client| {
            let session = client.slot.and_then(|slot| self.shard.session(slot));
            session.is_some_and(|session| session.is_open())
        };
        let are_there = self.clients.iter().all(is_there);
        let wait = self.pump();
        let slots = self.clients.iter().filter_map(|one| one.slot);
        let waiting: usize = slots.map(|slot| self.shard.waiting_bytes(slot)).sum();
        are_there && waiting == 0 && wait != Wait::AtMost(Duration::ZERO)
    }

    fn come(&mut self, client: usize) {
        let new = NewSession {
            format: self.format,
            // Small enough for replays to be paced, and for some to be slow.
            outbox: OutboxPolicy {
                bytes_max: 20_000,
                ..OutboxPolicy::default()
            },
            ..self.house.newcomer("/e")
        };
        let opened = self.shard.open(new, Moment::default()).finished();
        let (slot, _) = opened.expect("room for a session");
        self.net.connect(slot);
        self.net.peer(slot).is_choppy = self.random.chance(50);
        let one = &mut self.clients[client];
        let joining = Joining {
            destinations: interests(client).0,
            label: LABEL.into(),
            after: one.cursor,
            filter: None,
        };
        let begun = self.shard.join(slot, joining).finished();
        let begun = begun.expect("a new subscription");
        assert_eq!(begun.recovered.is_some(), one.cursor.is_some());
        one.slot = Some(slot);
        let start = match (begun.recovered, one.cursor) {
            (Some(true), Some(cursor)) => {
                one.recovered += 1;
                cursor.position
            }
            _ => {
                one.lost += usize::from(one.cursor.is_some());
                one.cursor = Some(begun.cursor);
                begun.cursor.position
            }
        };
        let received = Vec::new();
        one.lives.push(Life { start, received });
    }

    fn cut(&mut self, client: usize) {
        let one = &mut self.clients[client];
        if let Some(slot) = one.slot.take() {
            self.shard.gone(slot);
            let mut peer = self.net.disconnect(slot);
            one.absorb(std::mem::take(&mut peer.received));
        }
    }

    fn pump(&mut self) -> Wait {
        for client in &self.clients {
            let Some(slot) = client.slot else { continue };
            let peer = self.net.peer(slot);
            if peer.is_full {
                peer.is_full = false;
                self.shard.writable(slot);
            }
            let received = &peer.received;
            // It answers the close of whoever was too slow.
            if matches!(received.last(), Some(Received::Close { .. })) {
                self.shard.peer_closed(slot);
            }
        }
        let wait = self.shard.pump(&mut self.net, Moment::default());
        for mut ended in std::mem::take(&mut self.net.ended) {
            let its = |one: &&mut Client| one.slot == Some(ended.slot);
            let client = self.clients.iter_mut().find(its).expect("a client's");
            client.slot = None;
            client.absorb(std::mem::take(&mut ended.peer.received));
        }
        wait
    }
}

/// Answers how often somebody has come back with all, and without.
fn run(limits: HistoryLimits) -> (usize, usize) {
    let give_up = Instant::now() + Duration::from_secs(120);
    let wakes = (0..SHARDS).map(|_| -> Wake { Arc::new(|| ()) });
    let (hub, shards) = Hub::new(wakes.collect()).expect("a hub");
    let wire = Arc::new(Wire {
        is_labelled: true,
        ..Wire::default()
    });
    let format = hub.register(wire).expect("room for a format");
    let pattern = Pattern::parse("/keep/*", Separator::Slash).expect("a pattern");
    let kept = hub.keep_history(HistoryScope::Named, &pattern, limits);
    kept.expect("room for a pattern");
    let driven = shards.into_iter().enumerate();
    let mut driven: Vec<Driven> = driven
        .map(|(index, shard)| Driven {
            shard,
            net: Net::new(index as u64),
            house: House::new(1, 0),
            format,
            random: Random::new(index as u64),
            clients: (0..CLIENTS_PER_SHARD).map(|_| Client::default()).collect(),
        })
        .collect();
    let (is_over, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
    let turns = &turns;
    let accepted: Vec<Vec<u64>> = std::thread::scope(|scope| {
        for one in &mut driven {
            let is_over = &is_over;
            scope.spawn(move || one.run(is_over, turns, give_up));
        }
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let hub = &hub;
                scope.spawn(move || publish(hub, publisher, turns, give_up))
            })
            .collect();
        let all = publishers.into_iter();
        let all = all.map(|one| one.join().expect("a publisher that finishes"));
        let all = all.collect();
        is_over.store(true, Ordering::Release);
        all
    });
    let (mut recovered, mut lost) = (0, 0);
    for (index, client) in driven.iter().flat_map(|one| one.clients.iter().enumerate()) {
        let (_, publishers) = interests(index);
        let mut its: Vec<u64> = accepted[publishers].concat();
        its.sort_unstable();
        let count = client.lives.len();
        for (number, life) in client.lives.iter().enumerate() {
            let last = life.received.last().copied().unwrap_or(life.start);
            let end = if number + 1 == count { u64::MAX } else { last };
            let due = its.iter().copied();
            let due: Vec<u64> = due.filter(|one| *one > life.start && *one <= end).collect();
            assert_eq!(life.received, due, "client {index}, life {number}");
        }
        recovered += client.recovered;
        lost += client.lost;
    }
    (recovered, lost)
}

#[test]
fn s98_who_comes_back_while_others_publish_misses_nothing_and_gets_nothing_twice() {
    let all = HistoryLimits {
        count_max: usize::MAX,
        bytes_max: usize::MAX,
        age_max: Duration::MAX,
    };
    let (recovered, lost) = run(all);
    assert!(recovered > CLIENTS_PER_SHARD, "only {recovered}");
    assert_eq!(lost, 0);
}

#[test]
fn s98_who_has_missed_too_much_while_others_publish_is_told_so() {
    let few = HistoryLimits {
        count_max: 40,
        bytes_max: usize::MAX,
        age_max: Duration::MAX,
    };
    let (recovered, lost) = run(few);
    assert!(recovered > 0 && lost > 0, "{recovered} and {lost}");
}
