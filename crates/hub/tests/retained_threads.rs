//! Last values under real threads: whoever subscribes while others publish misses nothing and gets
//! nothing twice.

mod simulator;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use campanile_hub::{
    Destination, FormatId, Hub, Message, Moment, NewSession, OutboxPolicy, Pattern, Refusal,
    Separator, Session, Shard, Slot, Wake,
};
use simulator::{House, Net, Received, Wire};

const SHARDS: usize = 3;
const SESSIONS_PER_SHARD: usize = 40;
const PUBLISHERS: usize = 3;
const PUBLICATIONS: u64 = 1_500;

/// What each publisher publishes to, in turn with nobody else.
fn name(publisher: usize) -> String {
    format!("/keep/{publisher}")
}

fn all() -> Destination {
    let pattern = Pattern::parse("/keep/*", Separator::Slash);
    Destination::matching(pattern.expect("a pattern"))
}

/// Publishes its numbers, and answers the position of each.
fn publish(hub: &Hub, publisher: usize, give_up: Instant) -> Vec<u64> {
    let number = |number: u64| loop {
        let message = Message::text(format!("{publisher}:{number}"));
        let accepted = hub.publish(Destination::named(name(publisher)), message);
        match accepted.finished() {
            Ok(accepted) => return accepted.id.position,
            Err(refusal) => assert_eq!(refusal, Refusal::Overloaded),
        }
        assert!(Instant::now() < give_up, "the shards have stopped");
        yield_now();
    };
    (0..PUBLICATIONS).map(number).collect()
}

/// One subscription: where it began, and which publisher it is to, or all of them.
#[derive(Debug)]
struct Begun {
    joined: u64,
    publisher: Option<usize>,
}

/// One shard on its thread.
struct Driven {
    shard: Shard,
    net: Net,
    sessions: Vec<(Slot, Arc<Session>)>,
    /// By slot and label.
    begun: HashMap<(Slot, String), Begun>,
}

impl Driven {
    fn new(mut shard: Shard, format: FormatId, index: usize) -> Self {
        let (house, mut net) = (House::new(1, 0), Net::new(index as u64));
        let sessions = (0..SESSIONS_PER_SHARD).map(|number| {
            let new = NewSession {
                format,
                // Nobody is slow here: whatever is missing at the end was lost by the hub.
                outbox: OutboxPolicy {
                    bytes_max: usize::MAX,
                    ..OutboxPolicy::default()
                },
                ..house.newcomer("/e")
            };
            let opened = shard.open(new, Moment::default()).finished();
            let (slot, session) = opened.expect("room for a session");
            net.connect(slot);
            net.peer(slot).is_choppy = number % 4 == 0;
            (slot, session)
        });
        let sessions = sessions.collect();
        Self {
            shard,
            net,
            sessions,
            begun: HashMap::new(),
        }
    }

    /// Subscribes one session after the other, and pumps, until all has been published.
    fn run(&mut self, is_over: &AtomicBool, give_up: Instant) {
        let mut joiners = self.sessions.clone().into_iter();
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            self.pump();
            if was_over && !self.shard.has_inbox() {
                break;
            }
            if let Some((slot, _)) = joiners.next() {
                for publisher in [Some(slot.index() % PUBLISHERS), None] {
                    let destination =
                        publisher.map_or_else(all, |one| Destination::named(name(one)));
                    let label = format!("{publisher:?}");
                    let joined = self.shard.subscribe(slot, destination, &label).finished();
                    let joined = joined.expect("a new subscription");
                    let begun = Begun { joined, publisher };
                    self.begun.insert((slot, label), begun);
                }
            }
            assert!(Instant::now() < give_up, "publishing does not end");
            yield_now();
        }
        self.sessions
            .iter()
            .for_each(|(slot, _)| self.net.peer(*slot).is_choppy = false);
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

#[test]
fn s98_who_subscribes_while_others_publish_misses_nothing_and_gets_nothing_twice() {
    let give_up = Instant::now() + Duration::from_secs(120);
    let wakes = (0..SHARDS).map(|_| -> Wake { Arc::new(|| ()) });
    let (hub, shards) = Hub::new(wakes.collect()).expect("a hub");
    let wire = Arc::new(Wire {
        is_labelled: true,
        ..Wire::default()
    });
    let format = hub.register(wire).expect("room for a format");
    let pattern = Pattern::parse("/keep/*", Separator::Slash).expect("a pattern");
    hub.retain(&pattern).expect("room for a pattern");
    let driven = shards.into_iter().enumerate();
    let mut driven: Vec<Driven> = driven
        .map(|(index, shard)| Driven::new(shard, format, index))
        .collect();
    // From another thread, each session subscribes once more.
    let strangers: Vec<_> = driven
        .iter()
        .flat_map(|one| one.sessions.iter().map(|(_, session)| Arc::clone(session)))
        .collect();
    let joined_elsewhere = Mutex::new(HashMap::new());
    let is_over = AtomicBool::new(false);
    let accepted: Vec<Vec<u64>> = std::thread::scope(|scope| {
        for one in &mut driven {
            let is_over = &is_over;
            scope.spawn(move || one.run(is_over, give_up));
        }
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let hub = &hub;
                scope.spawn(move || publish(hub, publisher, give_up))
            })
            .collect();
        let stranger = scope.spawn(|| {
            for session in &strangers {
                let joined = hub.subscribe(session, all(), "stranger").finished();
                let joined = joined.expect("room in the inbox");
                let mut all = joined_elsewhere.lock().expect("nobody panics");
                all.insert(session.id(), joined);
            }
        });
        stranger.join().expect("a stranger who finishes");
        let accepted = publishers
            .into_iter()
            .map(|publisher| publisher.join().expect("a publisher that finishes"))
            .collect();
        is_over.store(true, Ordering::Release);
        accepted
    });
    let elsewhere = joined_elsewhere.into_inner().expect("nobody panics");
    let mut subscriptions = 0;
    for mut one in driven {
        for (slot, session) in &one.sessions {
            let joined = elsewhere[&session.id()];
            let publisher = None;
            one.begun
                .insert((*slot, "stranger".into()), Begun { joined, publisher });
            let received = std::mem::take(&mut one.net.peer(*slot).received);
            let mut by_label: HashMap<String, Vec<u64>> = HashMap::new();
            for received in received {
                let Received::Publication {
                    label, position, ..
                } = received
                else {
                    panic!("not a publication: {received:?}");
                };
                let label = label.expect("a label");
                by_label.entry(label).or_default().push(position);
            }
            for ((_, label), begun) in one.begun.iter().filter(|((one, _), _)| one == slot) {
                let got = by_label.remove(label).unwrap_or_default();
                assert_eq!(got, expected(begun, &accepted), "{begun:?}");
                subscriptions += 1;
            }
            assert!(by_label.is_empty(), "{by_label:?}");
        }
    }
    assert!(
        subscriptions >= 2 * SHARDS,
        "there were but {subscriptions}"
    );
}

/// The last value of each destination when the subscription began, and everything after.
fn expected(begun: &Begun, accepted: &[Vec<u64>]) -> Vec<u64> {
    let mine = accepted.iter().enumerate();
    let mine = mine.filter(|(one, _)| begun.publisher.is_none_or(|publisher| publisher == *one));
    let mut all: Vec<u64> = mine
        .flat_map(|(_, positions)| {
            let before = positions.partition_point(|position| *position <= begun.joined);
            positions[before.saturating_sub(1)..].iter().copied()
        })
        .collect();
    all.sort_unstable();
    all
}
