//! The hub under real threads: publishers, shards and closers at the same time.

mod simulator;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use campanile_hub::{
    Destination, FormatId, Hub, Message, Moment, NewSession, OutboxPolicy, Outcome, Refusal,
    Session, Shard, Slot, Wake,
};
use simulator::{House, Net, Received, Wire};

const SHARDS: usize = 3;
const SESSIONS_PER_SHARD: usize = 24;
const PUBLISHERS: usize = 4;
const PUBLICATIONS: usize = 3_000;
const ROOMS: usize = 3;

/// What a shard's thread sleeps on. The time-out only bounds a run that fails.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_one();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .heard
            .wait_timeout_while(rung, Duration::from_secs(30), |rung| !*rung);
        let (mut rung, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "a shard was not woken");
        *rung = false;
    }
}

fn room(number: usize) -> Destination {
    Destination::endpoint(format!("/room/{number}"))
}

/// One shard on its thread: its sessions, where each joined each room, and what it received.
struct Driven {
    shard: Shard,
    net: Net,
    sessions: Vec<(Slot, Arc<Session>)>,
    joined: HashMap<(Slot, usize), u64>,
}

impl Driven {
    fn new(mut shard: Shard, format: FormatId, index: usize) -> Self {
        let house = House::new(1, 0);
        let mut net = Net::new(index as u64);
        let mut joined = HashMap::new();
        let sessions = (0..SESSIONS_PER_SHARD).map(|number| {
            // Nobody is slow here: whatever is missing at the end was lost by the hub.
            let outbox = OutboxPolicy {
                bytes_max: usize::MAX,
                ..OutboxPolicy::default()
            };
            let endpoint = format!("/room/{}", number % ROOMS);
            let new = NewSession {
                format,
                outbox,
                ..house.newcomer(&endpoint)
            };
            let (slot, session) = shard
                .open(new, Moment::default())
                .finished()
                .expect("room for a session");
            net.connect(slot);
            net.peer(slot).is_choppy = number % 4 == 0;
            joined.insert((slot, number % ROOMS), 0);
            (slot, session)
        });
        let sessions = sessions.collect();
        Self {
            shard,
            net,
            sessions,
            joined,
        }
    }

    /// Until all publishers have finished and the inbox is empty. Meanwhile sessions subscribe
    /// to more rooms, so that joins and publications race.
    fn run(&mut self, bell: &Bell, is_over: &AtomicBool) {
        let mut joiners = self.sessions.clone().into_iter().cycle();
        loop {
            bell.wait();
            let was_over = is_over.load(Ordering::Acquire);
            self.pump();
            if was_over && !self.shard.has_inbox() {
                break;
            }
            let (slot, _) = joiners.next().expect("an endless round");
            for number in 0..ROOMS {
                if let Outcome::Done(position) = self.shard.subscribe(slot, room(number), "") {
                    self.joined.insert((slot, number), position);
                    break;
                }
            }
        }
        for (slot, _) in &self.sessions {
            self.net.peer(*slot).is_choppy = false;
        }
        self.pump();
    }

    fn pump(&mut self) {
        for (slot, _) in &self.sessions {
            let peer = self.net.peer(*slot);
            if peer.is_full {
                peer.is_full = false;
                self.shard.writable(*slot);
            }
        }
        let _ = self.shard.pump(&mut self.net, Moment::default());
    }
}

/// Publishes its share and answers where each publication went.
fn publish(hub: &Hub, publisher: usize) -> Vec<(usize, u64, String)> {
    let give_up = Instant::now() + Duration::from_secs(60);
    let mut accepted = Vec::with_capacity(PUBLICATIONS);
    for number in 0..PUBLICATIONS {
        let target = (publisher + number) % ROOMS;
        let text = format!("{publisher}:{number}");
        let position = loop {
            match hub
                .publish(room(target), Message::text(text.as_str()))
                .finished()
            {
                Ok(accepted) => break accepted.id.position,
                Err(refusal) => assert_eq!(refusal, Refusal::Overloaded),
            }
            assert!(Instant::now() < give_up, "the shards have stopped");
            std::thread::yield_now();
        };
        accepted.push((target, position, text));
    }
    accepted
}

fn hub_with_bells() -> (Hub, Vec<Shard>, Vec<Arc<Bell>>, FormatId) {
    let bells: Vec<Arc<Bell>> = (0..SHARDS).map(|_| Arc::default()).collect();
    let wakes = bells.iter().map(|bell| -> Wake {
        let bell = Arc::clone(bell);
        Arc::new(move || bell.ring())
    });
    let (hub, shards) = Hub::new(wakes.collect()).expect("a hub");
    let format = hub
        .register(Arc::new(Wire::default()))
        .expect("room for a format");
    (hub, shards, bells, format)
}

#[test]
fn every_session_sees_every_publication_once_in_rising_position() {
    let (hub, shards, bells, format) = hub_with_bells();
    let mut driven: Vec<Driven> = shards
        .into_iter()
        .enumerate()
        .map(|(index, shard)| Driven::new(shard, format, index))
        .collect();
    let is_over = AtomicBool::new(false);
    let mut all = std::thread::scope(|scope| {
        for (one, bell) in driven.iter_mut().zip(&bells) {
            let is_over = &is_over;
            scope.spawn(move || one.run(bell, is_over));
        }
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                scope.spawn({
                    let hub = hub.clone();
                    move || publish(&hub, number)
                })
            })
            .collect();
        let accepted: Vec<_> = publishers
            .into_iter()
            .flat_map(|publisher| publisher.join().expect("a publisher that finishes"))
            .collect();
        is_over.store(true, Ordering::Release);
        bells.iter().for_each(|bell| bell.ring());
        accepted
    });
    all.sort_by_key(|(_, position, _)| *position);
    let positions: Vec<u64> = all.iter().map(|(_, position, _)| *position).collect();
    let expected: Vec<u64> = (1..=(PUBLISHERS * PUBLICATIONS) as u64).collect();
    assert_eq!(
        positions, expected,
        "positions are given once and without a gap"
    );
    for mut one in driven {
        for (slot, _) in &one.sessions {
            let received = std::mem::take(&mut one.net.peer(*slot).received);
            let got = received.into_iter().map(|received| match received {
                Received::Publication {
                    position, content, ..
                } => (position, content),
                other => panic!("not a publication: {other:?}"),
            });
            let mine = all.iter().filter(|(target, position, _)| {
                one.joined
                    .get(&(*slot, *target))
                    .is_some_and(|joined| position > joined)
            });
            let mine = mine.map(|(_, position, text)| (*position, text.clone().into_bytes()));
            assert!(
                got.eq(mine),
                "a session got something else than what it joined for"
            );
        }
    }
}

#[test]
fn what_one_thread_sends_before_it_closes_arrives_before_the_close() {
    let (hub, shards, bells, format) = hub_with_bells();
    let mut driven: Vec<Driven> = shards
        .into_iter()
        .enumerate()
        .map(|(index, shard)| Driven::new(shard, format, index))
        .collect();
    let sessions: Vec<Arc<Session>> = driven
        .iter()
        .flat_map(|one| one.sessions.iter().map(|(_, session)| Arc::clone(session)))
        .collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (one, bell) in driven.iter_mut().zip(&bells) {
            let is_over = &is_over;
            scope.spawn(move || one.run(bell, is_over));
        }
        let noise = scope.spawn(|| {
            for number in 0..500 {
                let outcome = hub.publish(room(number % ROOMS), Message::text("noise"));
                outcome.finished().expect("room in the inboxes");
            }
        });
        let closers: Vec<_> = sessions
            .chunks(sessions.len() / 4)
            .map(|some| {
                let hub = &hub;
                scope.spawn(move || {
                    for session in some {
                        for number in 0..20 {
                            let message = Message::text(format!("word {number}"));
                            hub.send(session, message)
                                .finished()
                                .expect("an open session");
                        }
                        assert_eq!(hub.close(session, 4_001, "done"), Outcome::Done(()));
                        let late = hub.send(session, Message::text("late")).finished();
                        assert_eq!(late, Err(Refusal::NoSession));
                    }
                })
            })
            .collect();
        noise.join().expect("noise ends");
        for closer in closers {
            closer.join().expect("a closer that finishes");
        }
        is_over.store(true, Ordering::Release);
        bells.iter().for_each(|bell| bell.ring());
    });
    for mut one in driven {
        for (slot, session) in &one.sessions {
            assert!(!session.is_open());
            let texts = one.net.peer(*slot).received.iter().map(Received::text);
            let texts: Vec<String> = texts.filter(|text| text != "noise").collect();
            let words = (0..20).map(|number| format!("word {number}"));
            assert!(
                texts
                    .iter()
                    .cloned()
                    .eq(words.chain(["close 4001".to_string()])),
                "{texts:?}"
            );
        }
    }
    assert!((0..ROOMS).all(|number| hub.subscriptions(&room(number)) == 0));
}
