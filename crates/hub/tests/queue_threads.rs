//! Queues under real threads: senders, and shards whose sessions take, settle, reject and vanish.

mod counter;
mod simulator;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use campanile_hub::{
    Destination, FormatId, Hub, Message, Moment, NewSession, Outcome, Pattern, QueueLimits,
    Separator, Shard, Slot, Verdict, Wake,
};
use counter::{ORDERS, automatic, consumer, settlement};
use simulator::{House, Net, Random, Received, Wire};

const SHARDS: usize = 2;
const SENDERS: usize = 4;
const MESSAGES: usize = 2_000;
const SESSIONS: usize = 6;

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
        let time = Duration::from_secs(30);
        let waited = self.heard.wait_timeout_while(rung, time, |rung| !*rung);
        let (mut rung, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "a shard was not woken");
        *rung = false;
    }
}

/// How far all of them together are.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    is_over: AtomicBool,
}

/// One shard on its thread.
struct Driven {
    shard: Shard,
    net: Net,
    house: House,
    format: FormatId,
    random: Random,
    /// Sessions, and whether their messages are done once written.
    sessions: Vec<(Slot, bool)>,
    /// What was dealt with: text and position.
    done: Vec<(String, u64)>,
}

impl Driven {
    fn new(shard: Shard, format: FormatId) -> Self {
        let seed = shard.index() as u64 + 1;
        let mut one = Self {
            shard,
            net: Net::new(seed),
            house: House::new(1, 0),
            format,
            random: Random::new(seed),
            sessions: Vec::new(),
            done: Vec::new(),
        };
        (0..SESSIONS).for_each(|_| one.enter());
        one
    }

    fn enter(&mut self) {
        let new = NewSession {
            format: self.format,
            ..self.house.newcomer("/e")
        };
        let opened = self.shard.open(new, Moment::default()).finished();
        let (slot, _) = opened.expect("a session");
        self.net.connect(slot);
        let is_automatic = self.random.chance(30);
        let prefetch = self.random.between(1, 40) as u16;
        let takes = match is_automatic {
            true => automatic(ORDERS, "q", prefetch),
            false => consumer(ORDERS, "q", prefetch),
        };
        assert_eq!(self.shard.consume(slot, takes), Outcome::Done(()));
        self.sessions.push((slot, is_automatic));
    }

    fn run(&mut self, bell: &Bell, progress: &Progress, all: &[Arc<Bell>]) {
        while !progress.is_over.load(Ordering::Acquire) {
            bell.wait();
            let mut is_busy = true;
            while is_busy {
                let _ = self.shard.pump(&mut self.net, Moment::default());
                let before = self.done.len();
                for index in 0..self.sessions.len() {
                    self.take(index);
                }
                let more = self.done.len() - before;
                let done = progress.done.fetch_add(more, Ordering::AcqRel) + more;
                if done == SENDERS * MESSAGES {
                    progress.is_over.store(true, Ordering::Release);
                    all.iter().for_each(|bell| bell.ring());
                }
                is_busy = self.shard.has_inbox();
            }
        }
    }

    /// One session deals with what it has got.
    fn take(&mut self, index: usize) {
        let (slot, is_automatic) = self.sessions[index];
        for one in std::mem::take(&mut self.net.peer(slot).received) {
            let text = one.text();
            let Received::Publication { position, .. } = one else {
                panic!("not a message: {text}");
            };
            if is_automatic {
                self.done.push((text, position));
                continue;
            }
            match self.random.below(100) {
                0..3 => {
                    // It vanishes with what it has.
                    self.shard.gone(slot);
                    self.net.disconnect(slot);
                    self.sessions.swap_remove(index);
                    self.enter();
                    return;
                }
                3..10 => {
                    let no = settlement("q", position, Verdict::Rejected);
                    assert_eq!(self.shard.settle(slot, &no), Outcome::Done(()));
                }
                _ => {
                    let yes = settlement("q", position, Verdict::Accepted);
                    assert_eq!(self.shard.settle(slot, &yes), Outcome::Done(()));
                    self.done.push((text, position));
                }
            }
        }
    }
}

fn send(hub: &Hub, sender: usize) -> Vec<(String, u64)> {
    let give_up = Instant::now() + Duration::from_secs(60);
    let sent = (0..MESSAGES).map(|number| {
        assert!(Instant::now() < give_up, "the senders are held up");
        let text = format!("{sender}:{number}");
        let outcome = hub.publish(Destination::queue(ORDERS), Message::text(text.as_str()));
        let accepted = outcome.finished().expect("room");
        (text, accepted.id.position)
    });
    sent.collect()
}

#[test]
fn s91_whatever_threads_do_each_message_is_dealt_with_once() {
    let bells: Vec<Arc<Bell>> = (0..SHARDS).map(|_| Arc::default()).collect();
    let wakes = bells.iter().map(|bell| -> Wake {
        let bell = Arc::clone(bell);
        Arc::new(move || bell.ring())
    });
    let (hub, shards) = Hub::new(wakes.collect()).expect("a hub");
    let wire = Arc::new(Wire {
        is_labelled: true,
        ..Wire::default()
    });
    let format = hub.register(wire).expect("room for a format");
    let pattern = Pattern::parse(ORDERS, Separator::Slash).expect("a pattern");
    let limits = QueueLimits {
        redelivery_delay: Duration::ZERO,
        ..QueueLimits::default()
    };
    hub.limit_queues(&pattern, limits).expect("room");
    let mut driven: Vec<Driven> = shards
        .into_iter()
        .map(|shard| Driven::new(shard, format))
        .collect();
    let progress = Progress::default();
    let sent: BTreeMap<String, u64> = std::thread::scope(|scope| {
        for (one, bell) in driven.iter_mut().zip(&bells) {
            let (progress, all) = (&progress, &bells);
            scope.spawn(move || one.run(bell, progress, all));
        }
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let hub = hub.clone();
                scope.spawn(move || send(&hub, number))
            })
            .collect();
        let sent = senders.into_iter();
        sent.flat_map(|one| one.join().expect("a sender that finishes"))
            .collect()
    });
    assert_eq!(sent.len(), SENDERS * MESSAGES);
    let mut seen = BTreeSet::new();
    for (text, position) in driven.iter().flat_map(|one| &one.done) {
        assert_eq!(sent.get(text), Some(position));
        assert!(seen.insert(text), "{text} was dealt with twice");
    }
    assert_eq!(seen.len(), sent.len(), "every message was dealt with");
    let consumers = SHARDS * SESSIONS;
    let left = hub.queue(ORDERS).expect("a queue");
    assert_eq!((left.bytes, left.consumers), (0, consumers));
}
