//! The model of queues: where each message is, and who may get it.

use campanile_stomp::{Command, Version};

use super::acts::{Fate, Mode, Settling, Subscribing};
use super::frames::Seen;
use super::model::Model;
use super::places::{DEAD_QUEUE, QUEUES, Wish};

/// How often messages of the first queue are rejected before they are dead.
pub(super) const REJECTIONS_MAX: u32 = 3;

/// How many messages the small queue holds.
pub(super) const SMALL_MAX: usize = 6;

/// How long messages wait in the small queue, in milliseconds.
pub(super) const SMALL_TIME_TO_LIVE: u64 = 4_000;

/// What becomes of one message in queues.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcel {
    pub(super) standing: Standing,
    /// Which queue it is in.
    pub(super) queue: usize,
    /// After which position it was accepted, and up to which.
    pub(super) range: (u64, u64),
    /// How often it was delivered, as its last consumer was told.
    count: u32,
    rejections: u32,
    /// Since when it has waited for longer than it may.
    pub(super) expires: Option<u64>,
    is_discarded: bool,
    /// The connection that had it last.
    last: u64,
    /// It was accepted by the words for an earlier delivery, while it was on its way again.
    is_accepted_early: bool,
}

/// Where a message is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// In no queue.
    #[default]
    Nowhere,
    /// It waits, or is on its way to a consumer.
    Ready,
    /// This connection has it, for the consumer that it calls so.
    Held(u64, String),
    /// It was dealt with.
    Done,
}

/// A subscription to a queue.
pub(super) struct Consumer {
    queue: usize,
    pub(super) mode: Mode,
    prefetch: usize,
    is_selective: bool,
    /// What it has, in the order of delivery.
    pub(super) held: Vec<usize>,
    /// The position of the last message that it was the first to get.
    last: u64,
    is_over: bool,
    /// It has not always been the queue's only consumer.
    has_company: bool,
}

impl Model {
    pub(super) fn enqueue(&mut self, number: usize, queue: usize, range: (u64, u64)) {
        let now = self.now;
        let parcel = &mut self.messages[number].parcel;
        assert_eq!(parcel.standing, Standing::Nowhere, "message {number} twice");
        parcel.standing = Standing::Ready;
        (parcel.queue, parcel.range) = (queue, range);
        // What was noted so far is for how long it may wait.
        let own = parcel.expires.map(|time| now + time);
        parcel.expires = own.or_else(|| (queue == 2).then_some(now + SMALL_TIME_TO_LIVE));
        if queue == 2 {
            let sure = self
                .waiting(2)
                .filter(|one| !self.may_have_expired(*one))
                .count();
            assert!(sure <= SMALL_MAX, "the small queue holds {sure}");
        }
    }

    /// The messages that are in a queue for all that is known.
    pub(super) fn waiting(&self, queue: usize) -> impl Iterator<Item = usize> {
        let all = self.messages.iter().enumerate();
        all.filter(move |(_, message)| {
            let parcel = &message.parcel;
            let is_there = matches!(parcel.standing, Standing::Ready | Standing::Held(..));
            is_there && parcel.queue == queue
        })
        .map(|(number, _)| number)
    }

    pub(super) fn may_have_expired(&self, number: usize) -> bool {
        let parcel = &self.messages[number].parcel;
        parcel.expires.is_some_and(|at| at <= self.now)
    }

    pub(super) fn consume(&mut self, id: u64, subscribing: &Subscribing) {
        let Wish::Queue(queue) = subscribing.wish else {
            return;
        };
        let mut consumer = Consumer {
            queue,
            mode: subscribing.mode,
            prefetch: subscribing.prefetch,
            is_selective: subscribing.is_selective,
            held: Vec::new(),
            last: 0,
            is_over: false,
            has_company: false,
        };
        let connections = self.connections.values_mut();
        let all = connections.flat_map(|one| one.consumers.values_mut());
        // What one that ends on write was given may come back later than its end.
        let may_return = |one: &&mut Consumer| !one.is_over || one.mode == Mode::Auto;
        for other in all.filter(|one| one.queue == queue).filter(may_return) {
            (other.has_company, consumer.has_company) = (true, true);
        }
        let consumers = &mut self.connection(id).consumers;
        consumers.insert(subscribing.key.clone(), consumer);
    }

    /// Lets what a consumer has go back. False if there is no such consumer.
    pub(super) fn stop_consuming(&mut self, id: u64, key: &str) -> bool {
        let Some(consumer) = self.connection(id).consumers.get_mut(key) else {
            return false;
        };
        let was_there = !consumer.is_over;
        consumer.is_over = true;
        for number in std::mem::take(&mut consumer.held) {
            self.messages[number].parcel.standing = Standing::Ready;
        }
        was_there
    }

    /// The last byte of a frame is with a connection. What comes of a queue is delivered with it.
    /// Sessions that are `closing` since the shard was pumped may have given back what they had.
    pub(super) fn written(&mut self, id: u64, seen: &Seen, closing: &[u64]) {
        if seen.command != Command::Message || seen.header("gap").is_some() {
            return;
        }
        if let Standing::Held(holder, _) = &self.messages[seen.message()].parcel.standing
            && closing.contains(holder)
        {
            let holder = *holder;
            self.end(holder);
        }
        let key = seen
            .header("subscription")
            .or_else(|| seen.header("destination"));
        let key = key.unwrap_or_default().to_owned();
        let now = self.now;
        let Some(consumer) = self
            .connections
            .get_mut(&id)
            .and_then(|it| it.consumers.get_mut(&key))
        else {
            return;
        };
        // What was on its way when the consumer ended may come, and is with its queue again, unless
        // it is done by that.
        if consumer.is_over && consumer.mode != Mode::Auto {
            return;
        }
        let number = seen.message();
        let message = &mut self.messages[number];
        let parcel = &mut message.parcel;
        if parcel.standing == Standing::Done && std::mem::take(&mut parcel.is_accepted_early) {
            return;
        }
        parcel.last = id;
        let was = parcel.clone();
        let told = || format!("{was:?} at {now}, to {id} as {key}: {seen:?}");
        assert_eq!(parcel.standing, Standing::Ready, "{}", told());
        assert_eq!(
            seen.header("destination"),
            Some(QUEUES[consumer.queue]),
            "{}",
            told()
        );
        let count = seen.number::<u32>("delivery-count").unwrap_or(1);
        let is_again = seen.header("redelivered") == Some("true");
        assert_eq!(is_again, count > 1, "{}", told());
        if consumer.queue == DEAD_QUEUE && parcel.queue != DEAD_QUEUE {
            assert_eq!(
                seen.header("dead-letter-queue"),
                Some(QUEUES[parcel.queue]),
                "{}",
                told()
            );
            let is_right = match seen.header("dead-letter-reason") {
                Some("rejected") => parcel.rejections >= REJECTIONS_MAX,
                Some("expired") => parcel.expires.is_some_and(|at| at <= now),
                Some("discarded") => parcel.is_discarded,
                _ => false,
            };
            assert!(is_right && was.queue == 0, "{}", told());
            parcel.queue = DEAD_QUEUE;
            parcel.expires = None;
            (parcel.count, parcel.rejections) = (0, 0);
            self.sights.dead += 1;
        }
        assert_eq!(parcel.queue, consumer.queue, "{}", told());
        assert!(count > parcel.count, "{}", told());
        assert!(!consumer.is_selective || message.is_marked, "{}", told());
        assert!(consumer.held.len() < consumer.prefetch, "{}", told());
        let position = seen.position("message-id");
        if parcel.queue != DEAD_QUEUE || was.queue == DEAD_QUEUE && parcel.count > 0 {
            let (after, until) = parcel.range;
            assert!(position > after && position <= until, "{}", told());
        }
        parcel.range = (position - 1, position);
        if count == 1 {
            // What another consumer was too slow for goes to the next without being a redelivery.
            let is_overtaken = position <= consumer.last;
            assert!(
                !is_overtaken || consumer.has_company,
                "out of order, {}",
                told()
            );
            self.sights.overtaken += usize::from(is_overtaken);
            consumer.last = position.max(consumer.last);
        }
        parcel.count = count;
        self.sights.delivered += 1;
        self.sights.redelivered += usize::from(is_again);
        if consumer.mode == Mode::Auto {
            parcel.standing = Standing::Done;
        } else {
            consumer.held.push(number);
            parcel.standing = Standing::Held(id, key);
        }
    }

    /// The consumer that a settlement is about, if it has the message.
    fn holder(&self, id: u64, settling: &Settling) -> Option<String> {
        let Standing::Held(holder, key) = &self.messages[settling.number].parcel.standing else {
            return None;
        };
        let is_meant = settling.key.as_ref().is_none_or(|wanted| wanted == key);
        (*holder == id && is_meant).then(|| key.clone())
    }

    /// Whether nothing becomes of it: it may be about a topic.
    pub(super) fn is_idle(&self, id: u64, settling: &Settling) -> bool {
        let connection = &self.connections[&id];
        let mut consumers = connection.consumers.values();
        let is_known = match settling.transaction {
            Some(_) => consumers.any(|one| !one.is_over),
            None => self.holder(id, settling).is_some(),
        };
        !is_known && settling.key.is_none() && connection.has_topics()
    }

    /// Whether a message may have been on its way again to the same session when that has accepted
    /// what it had before: an acknowledgement does not tell deliveries apart.
    pub(super) fn may_be_early(&self, id: u64, settling: &Settling) -> bool {
        let parcel = &self.messages[settling.number].parcel;
        let is_away = parcel.standing == Standing::Ready && parcel.last == id;
        is_away && settling.fate == Fate::Accepted
    }

    /// Whether these settlements, one after the other, are of what the connection has.
    pub(super) fn may_settle<'a>(
        &self,
        id: u64,
        all: impl IntoIterator<Item = &'a Settling>,
    ) -> bool {
        let mut gone: Vec<usize> = Vec::new();
        all.into_iter().all(|settling| {
            let key = self.holder(id, settling);
            let had = key.is_some() && !gone.contains(&settling.number);
            gone.extend(
                key.map(|key| self.meant(id, &key, settling))
                    .unwrap_or_default(),
            );
            had
        })
    }

    /// What a settlement of one message settles: all before it as well, where the consumer wants it so
    /// and its version knows such a thing.
    fn meant(&self, id: u64, key: &str, settling: &Settling) -> Vec<usize> {
        let number = settling.number;
        let connection = &self.connections[&id];
        let consumer = &connection.consumers[key];
        let is_cumulative = consumer.mode == Mode::Client && connection.version != Version::V10;
        let place = consumer.held.iter().position(|one| *one == number);
        match place.filter(|_| is_cumulative) {
            Some(place) => consumer.held[..=place].to_vec(),
            None => vec![number],
        }
    }

    /// Settles what the connection has.
    pub(super) fn settle(&mut self, id: u64, settling: &Settling) {
        let Some(key) = self.holder(id, settling) else {
            assert!(
                self.may_be_early(id, settling),
                "{id} does not have it: {settling:?}"
            );
            let parcel = &mut self.messages[settling.number].parcel;
            (parcel.standing, parcel.is_accepted_early) = (Standing::Done, true);
            return;
        };
        let meant = self.meant(id, &key, settling);
        let consumer = self.connection(id).consumers.get_mut(&key);
        consumer
            .expect("a consumer")
            .held
            .retain(|one| !meant.contains(one));
        for number in meant {
            let parcel = &mut self.messages[number].parcel;
            // Only the first queue has dead letters.
            parcel.standing = match settling.fate {
                Fate::Discarded if parcel.queue != 0 => Standing::Done,
                Fate::Accepted => Standing::Done,
                Fate::Rejected | Fate::Discarded => Standing::Ready,
            };
            parcel.rejections += u32::from(settling.fate == Fate::Rejected);
            parcel.is_discarded |= settling.fate == Fate::Discarded;
            self.sights.settled += 1;
        }
    }

    /// Nothing that a consumer would take may wait while it takes more.
    pub(super) fn check_nothing_waits_for(&self, id: u64) {
        let consumers = self.connections[&id].consumers.iter();
        let hungry = consumers.filter(|(_, one)| !one.is_over && one.held.len() < one.prefetch);
        for (key, consumer) in hungry {
            for (number, message) in self.messages.iter().enumerate() {
                let parcel = &message.parcel;
                let is_dying = parcel.queue == 0
                    && (parcel.rejections >= REJECTIONS_MAX || parcel.is_discarded);
                let queue = if is_dying { DEAD_QUEUE } else { parcel.queue };
                let is_waiting = parcel.standing == Standing::Ready && queue == consumer.queue;
                let is_wanted = message.is_marked || !consumer.is_selective;
                assert!(
                    !is_waiting || !is_wanted || self.may_have_expired(number),
                    "message {number} waits for {key} of connection {id}: {parcel:?}"
                );
            }
        }
    }

    /// When all has been taken that was left, nothing is missing but what has waited too long where
    /// there are no dead letters.
    pub(super) fn check_nothing_is_lost(&self) {
        for (number, message) in self.messages.iter().enumerate() {
            let parcel = &message.parcel;
            let may_be_gone = matches!(parcel.queue, 1 | 2) && self.may_have_expired(number);
            let is_done = matches!(parcel.standing, Standing::Nowhere | Standing::Done);
            assert!(
                is_done || may_be_gone,
                "message {number} was lost: {parcel:?}"
            );
        }
    }
}
