//! Queues at random: consumers on several shards that read slowly, settle, reject and vanish. Each
//! seed is one schedule; `CAMPANILE_SEED` plays one again.

mod counter;
mod simulator;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use campanile_hub::{
    Message, NewSession, OutboxPolicy, Outcome, QueueLimits, Refusal, Settlement, Slot, Verdict,
};
use counter::{ORDERS, automatic, consumer};
use simulator::{House, Random, Received};

const SHARDS: usize = 2;
const OUTBOX_BYTES_MAX: usize = 6_000;
const LONGEST: usize = 8_000;

struct Client {
    side: usize,
    slot: Slot,
    is_automatic: bool,
    prefetch: usize,
    is_consuming: bool,
    has: Vec<u64>,
    newest: u64,
}

struct World {
    house: House,
    random: Random,
    clients: Vec<Client>,
    /// What was sent, and is not dealt with: how often it was delivered.
    open: BTreeMap<u64, u32>,
    done: BTreeSet<u64>,
    /// One consumer that never rejects or vanishes: it gets everything in order.
    is_calm: bool,
    redelivered: usize,
    waited: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let house = House::new(SHARDS, seed);
        house.limit(
            ORDERS,
            QueueLimits {
                redelivery_delay: Duration::from_millis(seed % 5 * 100),
                ..QueueLimits::default()
            },
        );
        Self {
            house,
            random: Random::new(seed),
            clients: Vec::new(),
            open: BTreeMap::new(),
            done: BTreeSet::new(),
            is_calm: seed.is_multiple_of(4),
            redelivered: 0,
            waited: 0,
        }
    }

    fn enter(&mut self) {
        let side = self.random.below(SHARDS);
        let new = NewSession {
            format: self.house.labelled,
            outbox: OutboxPolicy {
                bytes_max: OUTBOX_BYTES_MAX,
                ..OutboxPolicy::default()
            },
            ..self.house.newcomer("/e")
        };
        let (slot, _) = self.house.open(side, new);
        let is_automatic = self.random.chance(40);
        let prefetch = self.random.between(1, 30);
        let takes = match is_automatic {
            true => automatic(ORDERS, "q", prefetch as u16),
            false => consumer(ORDERS, "q", prefetch as u16),
        };
        let outcome = self.house.sides[side].shard.consume(slot, takes);
        assert_eq!(outcome, Outcome::Done(()));
        self.clients.push(Client {
            side,
            slot,
            is_automatic,
            prefetch,
            is_consuming: true,
            has: Vec::new(),
            newest: 0,
        });
    }

    fn send(&mut self) {
        for _ in 0..self.random.between(1, 6) {
            let length = match self.random.below(20) {
                0 => self.random.between(OUTBOX_BYTES_MAX, LONGEST),
                _ => self.random.between(1, 900),
            };
            let accepted = self.house.put(Message::text("x".repeat(length)));
            let position = accepted.expect("room").id.position;
            self.open.insert(position, 0);
        }
    }

    fn step(&mut self) {
        let most = if self.is_calm { 1 } else { 6 };
        match self.random.below(100) {
            0..30 => self.send(),
            30..36 if self.clients.len() < most => self.enter(),
            36..60 => self.move_peer(),
            60..85 => self.settle(),
            85..90 if !self.is_calm => self.leave(),
            _ => {
                let millis = self.random.below(400) as u64;
                self.house.pass(Duration::from_millis(millis));
            }
        }
        self.house.pump();
        self.absorb();
    }

    fn move_peer(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let Client { side, slot, .. } = *self.random.pick(&self.clients);
        let room = match self.random.below(3) {
            0 => None,
            _ => Some(self.random.below(3_000)),
        };
        let is_choppy = self.random.chance(30);
        let peer = self.house.sides[side].net.peer(slot);
        (peer.room, peer.is_choppy, peer.is_full) = (room, is_choppy, false);
        self.house.sides[side].shard.writable(slot);
    }

    fn settle(&mut self) {
        let mut able = (0..self.clients.len()).filter(|index| !self.clients[*index].has.is_empty());
        let Some(index) = able.next() else {
            return;
        };
        let client = &mut self.clients[index];
        let which = self.random.below(client.has.len());
        let position = client.has[which];
        let cumulative = self.random.chance(30);
        let verdict = match self.random.chance(25) && !self.is_calm {
            true => Verdict::Rejected,
            false => Verdict::Accepted,
        };
        let settlement = Settlement {
            label: Some("q".into()),
            position,
            cumulative,
            verdict,
        };
        let shard = &mut self.house.sides[client.side].shard;
        assert_eq!(shard.settle(client.slot, &settlement), Outcome::Done(()));
        if verdict == Verdict::Accepted {
            // What is rejected may be back already.
            let again = shard.settle(client.slot, &settlement);
            assert_eq!(again, Outcome::Refused(Refusal::NotDelivered));
        }
        let settled: Vec<u64> = match cumulative {
            true => client.has.drain(..=which).collect(),
            false => vec![client.has.remove(which)],
        };
        if verdict == Verdict::Accepted {
            for position in settled {
                self.open.remove(&position).expect("it was open");
                self.done.insert(position);
            }
        }
    }

    fn leave(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let index = self.random.below(self.clients.len());
        let Client { side, slot, .. } = self.clients[index];
        let now = self.house.now;
        match self.random.below(3) {
            0 => {
                self.house.sides[side].shard.gone(slot);
                self.house.sides[side].net.disconnect(slot);
                self.clients.swap_remove(index);
            }
            1 => {
                let shard = &mut self.house.sides[side].shard;
                let outcome = shard.stop_consuming(slot, "q");
                assert_eq!(
                    outcome == Outcome::Done(()),
                    self.clients[index].is_consuming
                );
                self.clients[index].is_consuming = false;
                self.clients[index].has.clear();
            }
            _ => {
                let ending = campanile_hub::Ending {
                    code: 1000,
                    reason: "done".into(),
                    cause: campanile_hub::Cause::Application,
                };
                // Refused where it is closing already, which is as good.
                let _ = self.house.sides[side].shard.close(slot, ending, now);
                self.clients[index].is_consuming = false;
                self.clients[index].has.clear();
            }
        }
    }

    /// What clients have received meanwhile, those that have ended included.
    fn absorb(&mut self) {
        for side in 0..SHARDS {
            for ended in std::mem::take(&mut self.house.sides[side].net.ended) {
                let index = self.clients.iter();
                let mut index = index.enumerate().filter_map(|(index, one)| {
                    (one.side == side && one.slot == ended.slot).then_some(index)
                });
                let index = index.next().expect("a client that has ended");
                self.read(index, ended.peer.received);
                self.clients.swap_remove(index);
            }
        }
        for index in 0..self.clients.len() {
            let Client { side, slot, .. } = self.clients[index];
            let peer = self.house.sides[side].net.peer(slot);
            let received = std::mem::take(&mut peer.received);
            self.read(index, received);
            let waiting = self.house.sides[side].shard.waiting_bytes(slot);
            assert!(
                waiting <= OUTBOX_BYTES_MAX / 2 + LONGEST + 512,
                "{waiting} bytes wait"
            );
        }
        let state = self.house.hub.queue(ORDERS).unwrap_or_default();
        self.waited += usize::from(state.waiting > 0 && !self.clients.is_empty());
        // What was written by this pump is known to be done by its end.
        assert_eq!(state.waiting + state.delivered, self.open.len());
    }

    fn read(&mut self, index: usize, received: Vec<Received>) {
        let client = &mut self.clients[index];
        for one in received {
            let Received::Publication {
                position, label, ..
            } = one
            else {
                continue;
            };
            if !client.is_consuming && !client.is_automatic {
                // It waited in the outbox when the client left, and has gone back since.
                continue;
            }
            assert!(!self.done.contains(&position), "{position} was dealt with");
            let label = label.expect("a label");
            let told = label.split_once('*').map_or(1, |(_, count)| {
                count.parse().expect("a number of deliveries")
            });
            let deliveries = self.open.get_mut(&position).expect("it was sent");
            assert!(told > *deliveries, "delivery {told} after {deliveries}");
            self.redelivered += usize::from(told > 1);
            *deliveries = told;
            if self.is_calm {
                assert!(
                    position > client.newest,
                    "{position} after {}",
                    client.newest
                );
                assert_eq!(told, 1);
                client.newest = position;
            }
            if client.is_automatic {
                self.open.remove(&position);
                self.done.insert(position);
            } else {
                client.has.push(position);
                assert!(client.has.len() <= client.prefetch);
            }
        }
    }

    /// Whoever is left goes; one that takes everything gets all that is left.
    fn finish(mut self) -> (usize, usize, usize) {
        for Client { side, slot, .. } in std::mem::take(&mut self.clients) {
            self.house.sides[side].shard.gone(slot);
            self.house.sides[side].net.disconnect(slot);
        }
        let left: BTreeSet<u64> = self.open.keys().copied().collect();
        assert_eq!(
            self.house.hub.queue(ORDERS).map_or(0, |one| one.waiting),
            left.len()
        );
        let last = self.house.enter_at(0);
        self.house.consume(last, automatic(ORDERS, "z", 1_000));
        let mut got = BTreeSet::new();
        for _ in 0..20 {
            self.house.pass(Duration::from_secs(1));
            self.house.pump();
            for one in std::mem::take(&mut self.house.peer(last).received) {
                if let Received::Publication { position, .. } = one {
                    assert!(got.insert(position), "{position} twice");
                }
            }
        }
        assert_eq!(got, left);
        assert_eq!(self.house.state(ORDERS).bytes, 0);
        (self.done.len(), self.redelivered, self.waited)
    }
}

#[test]
fn s71_s91_however_consumers_behave_nothing_is_lost_and_nothing_settled_comes_again() {
    let seeds: Vec<u64> = match std::env::var("CAMPANILE_SEED").map(|seed| seed.parse()) {
        Ok(seed) => vec![seed.expect("CAMPANILE_SEED is a number")],
        Err(_) => (1..=60).collect(),
    };
    let (mut done, mut redelivered, mut waited) = (0, 0, 0);
    for seed in &seeds {
        eprintln!("replay: CAMPANILE_SEED={seed}");
        let mut world = World::new(*seed);
        world.send();
        for _ in 0..400 {
            world.step();
        }
        let sights = world.finish();
        done += sights.0;
        redelivered += sights.1;
        waited += sights.2;
    }
    // A simulation in which nothing goes wrong would prove nothing.
    assert!(done > 50 * seeds.len() && redelivered + waited > 10 * seeds.len());
}
