//! The store is told everything that it must know, before it takes effect.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::*;

use super::store::{Change, Store};

/// A queue's messages by position, each with its rejections.
type Kept = BTreeMap<(String, u64), u32>;

/// What a store has been told, and what it answers.
#[derive(Default)]
struct Book {
    kept: Kept,
    batches: usize,
    answer: Option<Outcome<()>>,
}

#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Book>>);

impl Store for Keeping {
    fn record(&mut self, batch: &[Change]) -> Outcome<()> {
        let mut book = self.0.lock().expect("a lock");
        let answer = book.answer.unwrap_or(Outcome::Done(()));
        if matches!(answer, Outcome::Refused(_)) {
            return answer;
        }
        book.batches += usize::from(!batch.is_empty());
        for change in batch {
            let kept = &mut book.kept;
            match change {
                Change::Enqueued(one) => {
                    kept.insert((one.destination().to_string(), one.id().position), 0);
                }
                Change::Gone { queue, position } => {
                    let gone = kept.remove(&(queue.to_string(), *position));
                    assert!(gone.is_some(), "{queue} {position} goes twice");
                }
                Change::Rejected { queue, position } => {
                    let one = kept.get_mut(&(queue.to_string(), *position));
                    *one.expect("a message that is there") += 1;
                }
                Change::Moved {
                    queue,
                    position,
                    dead_letter,
                } => {
                    let gone = kept.remove(&(queue.to_string(), *position));
                    assert!(gone.is_some(), "{queue} {position} moves twice");
                    let to = dead_letter.destination().to_string();
                    kept.insert((to, dead_letter.id().position), 0);
                }
            }
        }
        answer
    }
}

struct Mute;

impl Format for Mute {
    fn encode_content(&self, content: &Content) -> Bytes {
        content.bytes().clone()
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        Written::Bytes(buffers.iter().map(|part| part.len()).sum())
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

struct Scene {
    hub: Hub,
    shard: Shard,
    slot: Slot,
    now: Moment,
    store: Keeping,
}

const QUEUE: &str = "/queue/a";
const DEAD: &str = "/queue/dead";

impl Scene {
    fn new() -> Self {
        let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
        let format = hub.register(Arc::new(Mute)).expect("room for a format");
        let mut shard = shards.remove(0);
        let store = Keeping::default();
        let kept = Box::new(store.clone());
        shard.shared.log.with_queues(|all| all.store = kept);
        let pattern = Pattern::parse(QUEUE, Separator::Slash).expect("a pattern");
        let limits = QueueLimits {
            rejections_max: 2,
            dead_letters: Some(DEAD.into()),
            ..QueueLimits::default()
        };
        hub.limit_queues(&pattern, limits).expect("room");
        let address = "127.0.0.1:1".parse().expect("an address");
        let new = NewSession {
            endpoint: Destination::endpoint("/e"),
            format,
            outbox: OutboxPolicy::default(),
            timeouts: Timeouts::default(),
            principal: None,
            path_parameters: PathParameters::default(),
            uri: "/e".into(),
            protocol: None,
            extensions: None,
            transport: TransportKind::default(),
            is_secure: false,
            remote_address: address,
            local_address: address,
            attributes: Attributes::default(),
        };
        let opened = shard.open(new, Moment::default()).finished();
        let (slot, _) = opened.expect("a session");
        Self {
            hub,
            shard,
            slot,
            now: Moment::default(),
            store,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        for _ in 0..3 {
            let _ = self.shard.pump(&mut Nowhere, self.now);
        }
    }

    fn send(&self, queue: &str, message: impl Into<Message>) -> Outcome<Accepted> {
        self.hub.publish(Destination::queue(queue), message.into())
    }

    fn put(&self, queue: &str, message: impl Into<Message>) -> u64 {
        let accepted = self.send(queue, message).finished().expect("room");
        accepted.id.position
    }

    fn consume(&mut self, queue: &str, label: &str, acknowledgement: Acknowledgement) {
        let consumer = Consumer {
            queue: queue.into(),
            label: label.into(),
            acknowledgement,
            prefetch: 9,
            wants: None,
            filter: None,
        };
        let outcome = self.shard.consume(self.slot, consumer);
        assert_eq!(outcome, Outcome::Done(()));
    }

    fn settle(&mut self, position: u64, verdict: Verdict) -> Outcome<()> {
        let settlement = Settlement {
            label: Some("a".into()),
            position,
            cumulative: false,
            verdict,
        };
        self.shard.settle(self.slot, &settlement)
    }

    /// Everything that the store keeps: queue, position, rejections.
    fn kept(&self) -> Vec<(String, u64, u32)> {
        let book = self.store.0.lock().expect("a lock");
        for queue in [QUEUE, DEAD] {
            let held = self.hub.queue(queue).unwrap_or_default();
            let kept = book.kept.keys().filter(|(name, _)| name == queue);
            assert_eq!(kept.count(), held.waiting + held.delivered, "{queue}");
        }
        let all = book.kept.iter();
        all.map(|((queue, position), rejections)| (queue.clone(), *position, *rejections))
            .collect()
    }

    fn answer(&self, answer: Option<Outcome<()>>) {
        self.store.0.lock().expect("a lock").answer = answer;
    }
}

#[test]
fn s91_the_store_knows_what_queues_hold() {
    let mut scene = Scene::new();
    let at: Vec<u64> = (0..4).map(|_| scene.put(QUEUE, "x")).collect();
    scene.consume(QUEUE, "a", Acknowledgement::ByConsumer);
    scene.pass(Duration::ZERO);
    let of = |position, rejections| (QUEUE.to_owned(), position, rejections);
    assert_eq!(scene.kept(), [of(1, 0), of(2, 0), of(3, 0), of(4, 0)]);
    assert_eq!(scene.settle(at[0], Verdict::Accepted), Outcome::Done(()));
    assert_eq!(scene.settle(at[1], Verdict::Rejected), Outcome::Done(()));
    assert_eq!(scene.kept(), [of(2, 1), of(3, 0), of(4, 0)]);
    assert_eq!(scene.settle(at[2], Verdict::Discarded), Outcome::Done(()));
    let dead = |position| (DEAD.to_owned(), position, 0);
    assert_eq!(scene.kept(), [of(2, 1), of(4, 0), dead(5)]);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.settle(at[1], Verdict::Rejected), Outcome::Done(()));
    assert_eq!(scene.kept(), [of(4, 0), dead(5), dead(6)]);
    // What is done once it is written, and what expires where there are no dead letters.
    scene.consume(DEAD, "d", Acknowledgement::OnWrite);
    scene.pass(Duration::ZERO);
    assert_eq!(scene.kept(), [of(4, 0)]);
    let brief = Message::text("brief").with_headers([("expiration", "10")]);
    assert_eq!(
        scene.shard.stop_consuming(scene.slot, "d"),
        Outcome::Done(())
    );
    scene.put(DEAD, brief);
    assert_eq!(scene.kept().len(), 2);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.kept(), [of(4, 0)]);
    // A transaction is one batch.
    let before = scene.store.0.lock().expect("a lock").batches;
    let transaction = Transaction {
        sends: vec![
            (Destination::queue(QUEUE), Message::text("y")),
            (Destination::queue(DEAD), Message::text("z")),
        ],
        settlements: vec![Settlement {
            label: None,
            position: at[3],
            cumulative: false,
            verdict: Verdict::Accepted,
        }],
    };
    let accepted = scene.shard.commit(scene.slot, transaction).finished();
    assert_eq!(accepted.expect("room").len(), 2);
    assert_eq!(scene.kept(), [of(8, 0), dead(9)]);
    let batches = scene.store.0.lock().expect("a lock").batches;
    assert_eq!(batches, before + 1);
}

#[test]
fn s91_what_the_store_refuses_does_not_take_effect() {
    let mut scene = Scene::new();
    let at = scene.put(QUEUE, "x");
    scene.consume(QUEUE, "a", Acknowledgement::ByConsumer);
    scene.pass(Duration::ZERO);
    let refused = Outcome::Refused(Refusal::QueueFull);
    scene.answer(Some(refused));
    let outcome = scene.send(QUEUE, "y");
    assert_eq!(outcome, Outcome::Refused(Refusal::QueueFull));
    assert_eq!(scene.settle(at, Verdict::Accepted), refused);
    let transaction = Transaction {
        sends: vec![(Destination::queue(DEAD), Message::text("z"))],
        settlements: Vec::new(),
    };
    let outcome = scene.shard.commit(scene.slot, transaction);
    assert_eq!(outcome, Outcome::Refused(Refusal::QueueFull));
    assert_eq!(scene.kept().len(), 1);
    assert_eq!(scene.hub.queue(QUEUE).expect("a queue").delivered, 1);
    assert_eq!(scene.hub.queue(DEAD), None);
    // A refused move is tried again.
    assert_eq!(scene.settle(at, Verdict::Discarded), Outcome::Done(()));
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.hub.queue(QUEUE).expect("a queue").waiting, 1);
    scene.answer(None);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.kept().len(), 1);
    assert_eq!(scene.hub.queue(DEAD).expect("a queue").waiting, 1);
    assert_eq!(scene.hub.queue(QUEUE).expect("its consumer's").waiting, 0);
}

#[test]
fn s91_what_the_store_answers_later_takes_effect_and_is_answered_later() {
    let mut scene = Scene::new();
    let ticket = Ticket(7);
    scene.answer(Some(Outcome::Later(ticket)));
    assert_eq!(scene.send(QUEUE, "x"), Outcome::Later(ticket));
    scene.consume(QUEUE, "a", Acknowledgement::ByConsumer);
    scene.pass(Duration::ZERO);
    assert_eq!(scene.hub.queue(QUEUE).expect("a queue").delivered, 1);
    assert_eq!(scene.settle(1, Verdict::Accepted), Outcome::Later(ticket));
    assert_eq!(scene.kept(), []);
}
