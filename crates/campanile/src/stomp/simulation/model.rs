//! What must be true, kept beside the server: each frame that it takes is told to the model, and
//! each frame that a client gets is compared with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use campanile_hub::Cursor;
use campanile_stomp::{Command, Version};

use super::acts::{Subscribing, What};
use super::frames::Seen;
use super::history::{Histories, Verdict};
use super::places::{Place, RETAINING, Target, Wish};
use super::queues::{Consumer, Parcel};
use super::sights::Sights;

/// One message of the run.
pub(super) struct Message {
    pub(super) target: Target,
    /// It has the header that selectors ask for.
    pub(super) is_marked: bool,
    /// What becomes of it in a queue.
    pub(super) parcel: Parcel,
}

/// What a destination has accepted.
pub(super) struct Published {
    pub(super) position: u64,
    pub(super) place: Place,
    pub(super) number: usize,
    is_marked: bool,
}

/// A subscription to a topic or user destination, as the server has taken it.
pub(super) struct Joined {
    wish: Wish,
    is_selective: bool,
    at: u64,
    verdict: Option<Verdict>,
    /// What it gets if it is recovered, and what if it is not.
    replay: Vec<u64>,
    retained: Vec<u64>,
    /// What is still to come, by position.
    pub(super) expected: VecDeque<u64>,
    /// The client knows how it has begun.
    is_begun: bool,
    /// The server has taken UNSUBSCRIBE.
    has_left: bool,
}

/// A transaction that was begun.
pub(super) struct Open {
    pub(super) acts: Vec<What>,
    pub(super) since: u64,
}

/// One connection, as far as the server has got with it.
pub(super) struct Connection {
    pub(super) client: usize,
    pub(super) user: Option<usize>,
    pub(super) version: Version,
    pub(super) joined: BTreeMap<String, Joined>,
    pub(super) consumers: BTreeMap<String, Consumer>,
    pub(super) transactions: BTreeMap<String, Open>,
    /// Receipts that the client may be given now.
    pub(super) granted: BTreeSet<String>,
    /// The messages to handlers of transactions that were committed, and the receipt that is given
    /// after the last of them.
    pub(super) called: Vec<(BTreeSet<usize>, Option<String>)>,
    /// Which subscription a receipt is for, and the end of which.
    pub(super) begins: BTreeMap<String, String>,
    pub(super) ends: BTreeMap<String, String>,
    /// How many publications the outbox's policy has dropped, and how many the client knows of.
    pub(super) dropped: u32,
    pub(super) told: u32,
    has_unsubscribed: bool,
    /// The server's session has ended.
    pub(super) has_ended: bool,
}

pub(super) struct Model {
    pub(super) now: u64,
    pub(super) messages: Vec<Message>,
    log: Vec<Published>,
    pub(super) histories: Histories,
    retained: Option<u64>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) sights: Sights,
}

impl Connection {
    /// Whether it has subscriptions to other things than queues.
    pub(super) fn has_topics(&self) -> bool {
        self.joined.values().any(|one| !one.has_left)
    }
}

impl Model {
    pub(super) fn new(histories: Histories) -> Self {
        Self {
            now: 0,
            messages: Vec::new(),
            log: Vec::new(),
            histories,
            retained: None,
            connections: BTreeMap::new(),
            sights: Sights::default(),
        }
    }

    pub(super) fn connect(
        &mut self,
        id: u64,
        client: usize,
        user: Option<usize>,
        version: Version,
    ) {
        let connection = Connection {
            client,
            user,
            version,
            joined: BTreeMap::new(),
            consumers: BTreeMap::new(),
            transactions: BTreeMap::new(),
            granted: BTreeSet::new(),
            called: Vec::new(),
            begins: BTreeMap::new(),
            ends: BTreeMap::new(),
            dropped: 0,
            told: 0,
            has_unsubscribed: false,
            has_ended: false,
        };
        self.connections.insert(id, connection);
        self.sights.connections += 1;
    }

    #[track_caller]
    pub(super) fn connection(&mut self, id: u64) -> &mut Connection {
        self.connections
            .get_mut(&id)
            .expect("a connection that was opened")
    }

    /// What was accepted at a position, if it was for topics or users.
    pub(super) fn published(&self, position: u64) -> Option<&Published> {
        let found = self.log.binary_search_by_key(&position, |one| one.position);
        found.ok().map(|place| &self.log[place])
    }

    /// Notes what a destination has accepted; `from` is the connection that it came over.
    pub(super) fn publish(
        &mut self,
        from: Option<u64>,
        place: Place,
        number: usize,
        is_marked: bool,
        position: u64,
    ) {
        let client = from.map_or(usize::MAX, |from| self.connections[&from].client);
        self.histories.publish(place, client, position, self.now);
        if place == Place::Topic(RETAINING) {
            self.retained = Some(position);
        }
        for (id, connection) in &mut self.connections {
            let user = connection.user;
            if connection.has_ended {
                continue;
            }
            for joined in connection.joined.values_mut() {
                let takes = joined.wish.takes(place, *id, user);
                if takes && !joined.has_left && (is_marked || !joined.is_selective) {
                    joined.expected.push_back(position);
                }
            }
        }
        self.log.push(Published {
            position,
            place,
            number,
            is_marked,
        });
    }

    /// Notes a subscription that was taken when the log stood at this position.
    pub(super) fn join(&mut self, id: u64, subscribing: &Subscribing, at: u64, is_told: bool) {
        let (client, user) = {
            let connection = self.connection(id);
            (connection.client, connection.user)
        };
        let (wish, is_selective) = (subscribing.wish, subscribing.is_selective);
        let after = subscribing.after.as_ref().map(|text| {
            let cursor = text.parse::<Cursor>().ok();
            cursor
                .map(|it| it.position)
                .filter(|position| *position <= at)
        });
        let verdict = after.map(|cursor| {
            cursor.map_or(Verdict::Lost, |cursor| {
                self.histories.verdict(wish, client, user, cursor, self.now)
            })
        });
        let is_for =
            |one: &&Published| wish.takes(one.place, id, user) && (one.is_marked || !is_selective);
        let cursor = after.flatten().unwrap_or(at);
        let first = self.log.partition_point(|one| one.position <= cursor);
        let replay = self.log[first..].iter().filter(is_for);
        let replay = replay.map(|one| one.position).collect();
        let retained = self.retained.and_then(|last| self.published(last));
        let retained: Vec<u64> = retained
            .iter()
            .filter(|one| is_for(one))
            .map(|one| one.position)
            .collect();
        let joined = Joined {
            wish,
            is_selective,
            at,
            verdict,
            replay,
            expected: match is_told {
                true => VecDeque::new(),
                false => retained.iter().copied().collect(),
            },
            retained,
            is_begun: !is_told,
            has_left: false,
        };
        self.connection(id)
            .joined
            .insert(subscribing.key.clone(), joined);
    }

    /// Notes that a subscription was ended. False if there is none.
    pub(super) fn leave(&mut self, id: u64, key: &str) -> bool {
        let connection = self.connection(id);
        if let Some(joined) = connection.joined.get_mut(key) {
            connection.has_unsubscribed = true;
            let was_there = !joined.has_left;
            joined.has_left = true;
            return was_there;
        }
        self.stop_consuming(id, key)
    }

    /// The server's session has ended, or is being closed: it has no subscriptions any more.
    pub(super) fn end(&mut self, id: u64) {
        let connection = self.connection(id);
        if std::mem::replace(&mut connection.has_ended, true) {
            return;
        }
        let keys: Vec<String> = connection.consumers.keys().cloned().collect();
        for joined in connection.joined.values_mut() {
            joined.has_left = true;
        }
        for key in keys {
            self.stop_consuming(id, &key);
        }
    }

    /// Whether a message comes of a queue.
    pub(super) fn is_queued(&self, id: u64, seen: &Seen) -> bool {
        let key = seen
            .header("subscription")
            .or_else(|| seen.header("destination"));
        key.is_some_and(|key| self.connections[&id].consumers.contains_key(key))
    }

    /// Compares what a client has got with what it must get.
    pub(super) fn received(&mut self, id: u64, seen: &Seen) {
        match seen.command {
            Command::Message => self.message(id, seen),
            Command::Receipt => self.receipt(id, seen),
            _ => {}
        }
    }

    fn message(&mut self, id: u64, seen: &Seen) {
        let key = seen
            .header("subscription")
            .or_else(|| seen.header("destination"));
        let key = key.expect("a subscription").to_owned();
        if self.is_queued(id, seen) {
            return;
        }
        let position = seen.position("message-id");
        let number = self.published(position).map(|one| one.number);
        let connection = self.connection(id);
        let joined = connection.joined.get_mut(&key);
        let joined = joined.unwrap_or_else(|| panic!("nobody has subscribed to {seen:?}"));
        assert!(joined.is_begun, "before the receipt: {seen:?}");
        if let Some(dropped) = seen.number::<u32>("gap") {
            assert!(dropped > 0 && seen.body.is_empty(), "{seen:?}");
            assert_eq!(seen.header("ack"), None, "{seen:?}");
            connection.told += dropped;
            let mut last = None;
            for _ in 0..dropped {
                last = joined.expected.pop_front();
            }
            assert_eq!(last, Some(position), "dropped up to there: {seen:?}");
            self.sights.gaps += 1;
            return;
        }
        assert_eq!(
            joined.expected.pop_front(),
            Some(position),
            "next of {key}: {seen:?}"
        );
        assert_eq!(Some(seen.message()), number, "{seen:?}");
        self.sights.messages += 1;
    }

    fn receipt(&mut self, id: u64, seen: &Seen) {
        let receipt = seen.header("receipt-id").expect("a receipt's id");
        let connection = self.connection(id);
        assert!(
            connection.granted.remove(receipt),
            "too early, or twice: {seen:?}"
        );
        if let Some(key) = connection.ends.remove(receipt) {
            // From now on nothing may come for it.
            connection.joined.remove(&key);
            return;
        }
        let Some(key) = connection.begins.remove(receipt) else {
            return;
        };
        let Some(joined) = connection.joined.get_mut(&key) else {
            return;
        };
        let replayed = joined.replay.len();
        assert_eq!(seen.position("cursor"), joined.at, "{seen:?}");
        let recovered = seen.number::<bool>("recovered");
        assert_eq!(recovered.is_some(), joined.verdict.is_some(), "{seen:?}");
        joined.is_begun = true;
        let first = match recovered {
            Some(true) => &joined.replay,
            _ => &joined.retained,
        };
        for position in first.iter().rev() {
            joined.expected.push_front(*position);
        }
        match (recovered, joined.verdict) {
            (Some(true), Some(Verdict::Lost)) => {
                panic!("nothing can have been recovered: {seen:?}")
            }
            (Some(false), Some(Verdict::Recovered)) => panic!("all was there: {seen:?}"),
            (Some(false), Some(Verdict::Either)) => self.sights.careful += 1,
            (Some(false), _) => self.sights.lost += 1,
            (Some(true), _) => {
                self.sights.recovered += 1;
                self.sights.replayed += replayed;
            }
            (None, _) => {}
        }
    }

    /// Everything that was to come has come, for connections that are still there.
    pub(super) fn check_nothing_is_missing(&self, id: u64) {
        let connection = &self.connections[&id];
        if connection.has_ended {
            return;
        }
        for (key, joined) in connection.joined.iter().filter(|(_, one)| !one.has_left) {
            assert!(joined.is_begun, "connection {id} has no receipt for {key}");
            let missing = &joined.expected;
            assert!(
                missing.is_empty(),
                "connection {id}, {key}: {missing:?} has not come"
            );
        }
        let receipts = &connection.granted;
        assert!(
            receipts.is_empty(),
            "connection {id} was not given {receipts:?}"
        );
        let (dropped, told) = (connection.dropped, connection.told);
        // Nobody is told of what a subscription has lost that was ended before it came.
        let is_right = dropped == told || dropped > told && connection.has_unsubscribed;
        assert!(
            is_right,
            "connection {id}: {dropped} were dropped, and {told} told"
        );
    }
}
