//! A house full of clients that behave at random, and the model that says what each must get.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{
    Cause, Destination, Message, NewSession, OutboxPolicy, Outcome, Overflow, Pattern, Refusal,
    RetainedLimits, Separator, Session,
};

use super::client::{Client, Mood};
use super::model::{Entry, Model, To};
use super::{House, Random, Side};

/// The longest content that is published.
pub(crate) const CONTENT_BYTES_MAX: usize = 12_000;

/// Destinations are numbered: endpoints first, then users, then named ones.
pub(crate) const ENDPOINTS: usize = 3;
pub(crate) const USERS: usize = 12;
pub(crate) const NAMED: usize = 9;
pub(crate) const DESTINATIONS: usize = ENDPOINTS + USERS + NAMED;
/// So many of the named ones keep their last value, but not all of them at the same time.
const KEEPING: usize = 5;
const KEPT_MAX: usize = 4;
const TEAMS: usize = 3;
const PUBLISHERS: usize = 5;

/// A hub under pseudo-random load.
pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) random: Random,
    pub(crate) models: Vec<Model>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) position: u64,
    /// By position, what destinations have kept.
    pub(crate) kept: BTreeMap<u64, (usize, Vec<u8>)>,
    sent: [u64; PUBLISHERS],
    sessions_max: usize,
    is_leaving: bool,
    /// Sessions that have ended; sending to them must fail.
    pub(crate) former: VecDeque<Arc<Session>>,
    pub(crate) opened: usize,
    pub(crate) ended: usize,
    pub(crate) closed_as_slow: usize,
    pub(crate) dropped: usize,
    pub(crate) received: usize,
    pub(crate) replayed: usize,
    pub(crate) gaps: usize,
}

impl World {
    pub(crate) fn new(seed: u64, shards: usize, sessions_max: usize) -> Self {
        let endpoints = (0..ENDPOINTS).map(|one| Destination::endpoint(format!("/e{one}")));
        let users = (0..USERS).map(|one| Destination::user(format!("u{one}")));
        let named = (0..NAMED).map(|one| Destination::named(format!("/topic/{one}")));
        let destinations: Vec<Destination> = endpoints.chain(users).chain(named).collect();
        let model = || Model {
            leaving: Vec::new(),
            topics: vec![BTreeMap::new(); ENDPOINTS + USERS + NAMED],
            ..Model::default()
        };
        let house = House::new(shards, seed);
        for one in 0..KEEPING {
            let pattern = Pattern::parse(&format!("/topic/{one}"), Separator::Slash);
            let kept = house.hub.retain(&pattern.expect("a pattern"));
            kept.expect("room for a pattern");
        }
        house.hub.set_retained_limits(RetainedLimits {
            destinations_max: KEPT_MAX,
            ..RetainedLimits::default()
        });
        Self {
            house,
            random: Random::new(seed),
            models: (0..shards).map(|_| model()).collect(),
            destinations,
            position: 0,
            kept: BTreeMap::new(),
            sent: [0; PUBLISHERS],
            sessions_max,
            is_leaving: false,
            former: VecDeque::new(),
            opened: 0,
            ended: 0,
            closed_as_slow: 0,
            dropped: 0,
            received: 0,
            replayed: 0,
            gaps: 0,
        }
    }

    fn sessions(&self) -> usize {
        self.models.iter().map(|model| model.clients.len()).sum()
    }

    /// Some random events, a little time, and pumps of some shards.
    pub(crate) fn step(&mut self) {
        self.house
            .pass(Duration::from_millis(self.random.between(1, 120) as u64));
        for _ in 0..self.random.below(self.sessions_max / 20 + 2) {
            self.open();
        }
        for _ in 0..self.random.below(12) {
            self.publish();
        }
        for _ in 0..self.random.below(8) {
            self.command();
        }
        for side in 0..self.models.len() {
            self.move_peers(side);
            if self.random.chance(75) {
                self.pump(side);
            }
        }
    }

    fn open(&mut self) {
        if self.is_leaving || self.sessions() >= self.sessions_max {
            return;
        }
        let random = &mut self.random;
        let side = random.below(self.models.len());
        let endpoint = random.below(ENDPOINTS);
        let user = random.chance(30).then(|| random.below(USERS));
        let is_labelled = random.chance(40);
        let overflow = [
            Overflow::Close,
            Overflow::Close,
            Overflow::DropOldest,
            Overflow::DropNewest,
            Overflow::Conflate,
        ];
        let outbox = OutboxPolicy {
            bytes_max: random.between(3_000, 40_000),
            age_max: Duration::from_millis(random.between(500, 3_000) as u64),
            overflow: *random.pick(&overflow),
        };
        let house = &mut self.house;
        let mut new = NewSession {
            outbox,
            principal: user.map(|one| format!("u{one}").into()),
            format: if is_labelled {
                house.labelled
            } else {
                house.plain
            },
            ..house.newcomer(&format!("/e{endpoint}"))
        };
        let team = random.below(TEAMS);
        new.attributes.set("team", team);
        let (slot, session) = house.open(side, new);
        let mut client = Client::new(slot, session, outbox);
        (client.is_labelled, client.team) = (is_labelled, team);
        client.is_polite = random.chance(80);
        client.mood = random_mood(random);
        let peer = house.sides[side].net.peer(slot);
        peer.is_choppy = random.chance(50);
        peer.room = (client.mood != Mood::Fast).then_some(0);
        for destination in [Some(endpoint), user.map(|one| ENDPOINTS + one)]
            .into_iter()
            .flatten()
        {
            client.subscriptions.insert(destination);
            self.models[side].topics[destination].insert(slot.index(), self.position);
        }
        self.models[side].clients.insert(slot.index(), client);
        self.opened += 1;
    }

    pub(crate) fn content(&mut self) -> Vec<u8> {
        let publisher = self.random.below(PUBLISHERS);
        self.sent[publisher] += 1;
        let length = match self.random.below(100) {
            0..90 => self.random.between(0, 150),
            90..98 => self.random.between(1_000, 5_000),
            _ => self.random.between(5_000, CONTENT_BYTES_MAX - 100),
        };
        let filler = char::from(b'a' + (length % 26) as u8)
            .to_string()
            .repeat(length);
        format!("{publisher}:{}:{filler}", self.sent[publisher]).into_bytes()
    }

    fn publish(&mut self) {
        let destination = self.random.below(self.destinations.len());
        let key = self
            .random
            .chance(50)
            .then(|| format!("k{}", self.random.below(4)));
        for _ in 0..self.random.between(1, 6) {
            let content = self.content();
            let mut message = Message::binary(content.clone());
            if let Some(key) = &key {
                message = message.with_key(key.as_str());
            }
            let name = self.destinations[destination].clone();
            let team = self.random.chance(10).then(|| self.random.below(TEAMS));
            let outcome = match team {
                None => self.house.hub.publish(name, message),
                Some(team) => self
                    .house
                    .hub
                    .publish_to_picked(name, message, move |session| {
                        session.attributes().get::<usize>("team") == Some(&team)
                    }),
            };
            let accepted = outcome.finished().expect("room in the inboxes");
            self.position += 1;
            assert_eq!(accepted.id.position, self.position);
            assert_eq!(accepted.subscriptions, self.subscriptions(destination));
            if team.is_none() {
                self.keep(destination, &content);
            }
            for model in &mut self.models {
                if !model.topics[destination].is_empty() {
                    let to = team.map_or(To::All(destination), |team| To::Team(destination, team));
                    let (position, content) = (self.position, content.clone());
                    model.inbox.push(Entry::Publication {
                        to,
                        position,
                        content,
                    });
                }
            }
        }
    }

    /// Notes what a destination keeps, and what is let go of for it.
    fn keep(&mut self, destination: usize, content: &[u8]) {
        let first = ENDPOINTS + USERS;
        if !(first..first + KEEPING).contains(&destination) {
            return;
        }
        self.kept.retain(|_, (from, _)| *from != destination);
        let value = (destination, content.to_vec());
        self.kept.insert(self.position, value);
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_first();
        }
        assert_eq!(self.house.hub.retained_size().0, self.kept.len());
    }

    fn subscriptions(&self, destination: usize) -> usize {
        self.models
            .iter()
            .map(|model| model.topics[destination].len())
            .sum()
    }

    /// Peers read, and some change how they do.
    fn move_peers(&mut self, side: usize) {
        let random = &mut self.random;
        let Side { shard, net } = &mut self.house.sides[side];
        for client in self.models[side].clients.values_mut() {
            if random.chance(2) {
                client.mood = random_mood(random);
            }
            let peer = net.peer(client.slot);
            peer.room = match client.mood {
                Mood::Fast => None,
                Mood::Slow(bytes) => Some(peer.room.unwrap_or(0) / 2 + random.between(0, bytes)),
                Mood::Stalled => Some(0),
            };
            if peer.is_full && (peer.room != Some(0) || random.chance(5)) && random.chance(80) {
                peer.is_full = false;
                shard.writable(client.slot);
            }
            if client.close_frame.is_some() && client.is_polite && random.chance(50) {
                shard.peer_closed(client.slot);
            }
        }
    }

    /// Pumps one shard and compares everything with the model.
    fn pump(&mut self, side: usize) {
        let model = &mut self.models[side];
        model.run_inbox();
        let Side { shard, net } = &mut self.house.sides[side];
        let _ = shard.pump(net, self.house.now);
        for mut ended in std::mem::take(&mut net.ended) {
            let index = ended.slot.index();
            model.stop(index);
            let mut client = model.clients.remove(&index).expect("a session ends once");
            self.received += ended.peer.received.len();
            self.dropped += ended.peer.dropped;
            client.absorb(&mut ended.peer);
            client.check_ending(&ended.ending, &ended.peer, self.is_leaving);
            assert!(!client.session.is_open());
            self.closed_as_slow += usize::from(ended.ending.cause == Cause::SlowConsumer);
            self.ended += 1;
            self.replayed += client.replayed;
            self.gaps += client.gaps;
            self.former.push_back(client.session);
        }
        self.former.truncate(64);
        let mut stopped = Vec::new();
        for (&index, client) in &mut model.clients {
            let peer = net.peer(client.slot);
            self.received += peer.received.len();
            client.absorb(peer);
            let outbox_bytes = shard.waiting_bytes(client.slot);
            if client.look(peer, outbox_bytes, self.house.now, self.is_leaving) {
                stopped.push(index);
            }
        }
        for index in stopped {
            model.stop(index);
        }
        assert_eq!(shard.len(), model.clients.len());
        assert_eq!(self.house.hub.sessions(), self.sessions());
        for (number, name) in self.destinations.iter().enumerate() {
            assert_eq!(
                self.house.hub.subscriptions(name),
                self.subscriptions(number),
                "{name}"
            );
        }
    }

    /// All peers read everything, then nothing may be missing anywhere.
    pub(crate) fn settle(&mut self) {
        for _ in 0..4 {
            self.house.pass(Duration::from_millis(10));
            for side in 0..self.models.len() {
                for client in self.models[side].clients.values_mut() {
                    client.mood = Mood::Fast;
                    let peer = self.house.sides[side].net.peer(client.slot);
                    (peer.is_choppy, peer.room, peer.is_full) = (false, None, false);
                    self.house.sides[side].shard.writable(client.slot);
                }
                self.pump(side);
            }
        }
        for (model, side) in self.models.iter().zip(&mut self.house.sides) {
            for client in model
                .clients
                .values()
                .filter(|client| client.session.is_open())
            {
                let peer = side.net.peer(client.slot);
                if !peer.is_gone {
                    assert_eq!(side.shard.waiting_bytes(client.slot), 0);
                    client.check_account(peer.dropped);
                }
            }
        }
    }

    /// The node leaves: every session must end, whatever its peer does.
    pub(crate) fn leave_node(&mut self) {
        let over = Duration::from_millis(self.random.between(0, 2_000) as u64);
        let now = self.house.now;
        self.is_leaving = true;
        let sides = self.house.sides.iter_mut();
        let tickets: Vec<_> = sides
            .map(|side| side.shard.drain(over, "leaving", now))
            .collect();
        let refused = self.house.newcomer("/e0");
        let outcome = self.house.sides[0]
            .shard
            .open(refused, self.house.now)
            .finished();
        assert_eq!(outcome.expect_err("no new sessions"), Refusal::Leaving);
        let end = now.plus(over + Client::patience());
        while self.house.now < end {
            self.house
                .pass(Duration::from_millis(self.random.between(1, 250) as u64));
            for side in 0..self.models.len() {
                self.move_peers(side);
                self.pump(side);
            }
        }
        assert_eq!(self.house.hub.sessions(), 0);
        assert_eq!(self.opened, self.ended);
        assert_eq!(self.house.hub.sessions_opened(), self.opened as u64);
        for (side, ticket) in self.house.sides.iter().zip(tickets) {
            assert_eq!(side.net.settled.len(), 1);
            assert_eq!(ticket, Outcome::Later(side.net.settled[0]));
        }
    }
}

fn random_mood(random: &mut Random) -> Mood {
    match random.below(100) {
        0..60 => Mood::Fast,
        60..85 => Mood::Slow(random.between(1, 3_000)),
        _ => Mood::Stalled,
    }
}
