//! A house full of clients that behave at random, and the model that says what each must get.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{
    Cause, Destination, Ending, Message, NewSession, OutboxPolicy, Outcome, Overflow, Refusal,
    Session, SessionId,
};

use super::client::{Client, Expected, Mood};
use super::{House, Random, Side, close_frame, reply_frame};

/// The longest content that is published.
pub(crate) const CONTENT_BYTES_MAX: usize = 12_000;

/// Destinations are numbered: endpoints first, then users, then named ones.
const ENDPOINTS: usize = 3;
const USERS: usize = 12;
const NAMED: usize = 9;
const TEAMS: usize = 3;
const PUBLISHERS: usize = 5;

/// What the model knows of an inbox entry.
enum Entry {
    Publication {
        to: To,
        position: u64,
        content: Vec<u8>,
    },
    Close(SessionId),
}

enum To {
    All(usize),
    Team(usize, usize),
    One(SessionId),
}

/// The model of one shard.
#[derive(Default)]
struct Model {
    clients: BTreeMap<usize, Client>,
    inbox: Vec<Entry>,
    /// For each destination the slots that have subscribed, with where they joined.
    topics: Vec<BTreeMap<usize, u64>>,
}

/// A hub under pseudo-random load.
pub(crate) struct World {
    pub(crate) house: House,
    random: Random,
    models: Vec<Model>,
    destinations: Vec<Destination>,
    position: u64,
    sent: [u64; PUBLISHERS],
    sessions_max: usize,
    is_leaving: bool,
    /// Sessions that have ended; sending to them must fail.
    former: VecDeque<Arc<Session>>,
    pub(crate) opened: usize,
    pub(crate) ended: usize,
    pub(crate) closed_as_slow: usize,
    pub(crate) dropped: usize,
    pub(crate) received: usize,
}

impl World {
    pub(crate) fn new(seed: u64, shards: usize, sessions_max: usize) -> Self {
        let endpoints = (0..ENDPOINTS).map(|one| Destination::endpoint(format!("/e{one}")));
        let users = (0..USERS).map(|one| Destination::user(format!("u{one}")));
        let named = (0..NAMED).map(|one| Destination::named(format!("/topic/{one}")));
        let destinations: Vec<Destination> = endpoints.chain(users).chain(named).collect();
        let model = || Model {
            topics: vec![BTreeMap::new(); ENDPOINTS + USERS + NAMED],
            ..Model::default()
        };
        Self {
            house: House::new(shards, seed),
            random: Random::new(seed),
            models: (0..shards).map(|_| model()).collect(),
            destinations,
            position: 0,
            sent: [0; PUBLISHERS],
            sessions_max,
            is_leaving: false,
            former: VecDeque::new(),
            opened: 0,
            ended: 0,
            closed_as_slow: 0,
            dropped: 0,
            received: 0,
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

    fn content(&mut self) -> Vec<u8> {
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

    fn subscriptions(&self, destination: usize) -> usize {
        self.models
            .iter()
            .map(|model| model.topics[destination].len())
            .sum()
    }

    /// One random thing that an application or a transport does to one random session.
    fn command(&mut self) {
        let side = self.random.below(self.models.len());
        let slots: Vec<usize> = self.models[side].clients.keys().copied().collect();
        if slots.is_empty() {
            return;
        }
        let index = *self.random.pick(&slots);
        match self.random.below(100) {
            0..40 => self.subscribe_or_leave(side, index),
            40..55 => self.send(side, index),
            55..70 => self.answer(side, index),
            70..78 => self.reply(side, index),
            78..84 => self.close(side, index),
            84..89 => self.leave(side, index),
            89..92 => self.vanish(side, index),
            92..95 => {
                let slot = self.models[side].clients[&index].slot;
                self.house.sides[side].net.peer(slot).is_gone = true;
            }
            _ => {
                if let Some(session) = self.former.pop_front() {
                    let outcome = self.house.hub.send(&session, Message::text("too late"));
                    assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
                    let outcome = self.house.hub.close(&session, 1000, "again");
                    assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
                }
            }
        }
    }

    fn subscribe_or_leave(&mut self, side: usize, index: usize) {
        let destination = ENDPOINTS + USERS + self.random.below(NAMED);
        let name = self.destinations[destination].clone();
        let Model {
            clients, topics, ..
        } = &mut self.models[side];
        let client = clients.get_mut(&index).expect("a client");
        let shard = &mut self.house.sides[side].shard;
        if client.is_closing {
            let outcome = shard.subscribe(client.slot, name, "late");
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else if client.subscriptions.remove(&destination) {
            let outcome = shard.subscribe(client.slot, name.clone(), "twice");
            assert_eq!(outcome, Outcome::Refused(Refusal::AlreadySubscribed));
            assert_eq!(shard.unsubscribe(client.slot, &name), Outcome::Done(()));
            topics[destination].remove(&index);
        } else {
            let outcome = shard.unsubscribe(client.slot, &name);
            assert_eq!(outcome, Outcome::Refused(Refusal::NotSubscribed));
            let joined = shard.subscribe(client.slot, name, &format!("label {destination}"));
            assert_eq!(joined, Outcome::Done(self.position));
            client.subscriptions.insert(destination);
            topics[destination].insert(index, self.position);
        }
    }

    fn send(&mut self, side: usize, index: usize) {
        let content = self.content();
        let Model { clients, inbox, .. } = &mut self.models[side];
        let client = &clients[&index];
        let outcome = self
            .house
            .hub
            .send(&client.session, Message::binary(content.clone()));
        if !client.session.is_open() {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
            return;
        }
        self.position += 1;
        let (position, to) = (self.position, To::One(client.session.id()));
        assert_eq!(outcome.finished().expect("room").id.position, position);
        inbox.push(Entry::Publication {
            to,
            position,
            content,
        });
    }

    fn answer(&mut self, side: usize, index: usize) {
        let content = self.content();
        let Model { clients, inbox, .. } = &mut self.models[side];
        let client = clients.get_mut(&index).expect("a client");
        let shard = &mut self.house.sides[side].shard;
        assert_eq!(shard.has_inbox(), !inbox.is_empty());
        let outcome = shard.answer(client.slot, Message::binary(content.clone()));
        if client.is_closing {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else if inbox.is_empty() {
            client.replies += 1;
            client.expected.push_back(Expected::Reply(content));
        } else {
            self.position += 1;
            let (position, to) = (self.position, To::One(client.session.id()));
            inbox.push(Entry::Publication {
                to,
                position,
                content,
            });
        }
    }

    fn reply(&mut self, side: usize, index: usize) {
        let content = self.content();
        let client = self.models[side].clients.get_mut(&index).expect("a client");
        let outcome = self.house.sides[side]
            .shard
            .reply(client.slot, reply_frame(&content));
        if client.is_closing {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else {
            client.replies += 1;
            client.expected.push_back(Expected::Reply(content));
        }
    }

    fn close(&mut self, side: usize, index: usize) {
        let Model { clients, inbox, .. } = &mut self.models[side];
        let client = clients.get_mut(&index).expect("a client");
        let outcome = self.house.hub.close(&client.session, 4_000, "enough");
        if outcome == Outcome::Done(()) {
            client.is_asked_to_close = true;
            inbox.push(Entry::Close(client.session.id()));
        } else {
            assert!(client.is_closing || client.is_asked_to_close);
        }
    }

    /// The peer begins a close and its transport answers.
    fn leave(&mut self, side: usize, index: usize) {
        let now = self.house.now;
        let model = &mut self.models[side];
        let client = model.clients.get_mut(&index).expect("a client");
        let ending = Ending {
            code: 1000,
            reason: "bye".into(),
            cause: Cause::Peer,
        };
        let shard = &mut self.house.sides[side].shard;
        let outcome = shard.close_answered(client.slot, ending, close_frame(1000, "bye"), now);
        if outcome == Outcome::Done(()) {
            client.has_left = true;
            model.stop(index);
        }
    }

    /// The transport ends and the driver notices.
    fn vanish(&mut self, side: usize, index: usize) {
        let model = &mut self.models[side];
        model.stop(index);
        let mut client = model.clients.remove(&index).expect("a client");
        let Side { shard, net } = &mut self.house.sides[side];
        let ending = shard.gone(client.slot);
        assert!(shard.gone(client.slot).is_none(), "gone twice");
        assert!(shard.session(client.slot).is_none());
        let mut peer = net.disconnect(client.slot);
        client.absorb(&mut peer);
        if let Some((code, _)) = &client.close_frame {
            assert_eq!(ending.map(|one| one.code), Some(*code));
        }
        self.bury(client.session);
    }

    fn bury(&mut self, session: Arc<Session>) {
        self.ended += 1;
        self.former.push_back(session);
        self.former.truncate(64);
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
            self.former.push_back(client.session);
        }
        self.former.truncate(64);
        let mut stopped = Vec::new();
        for (&index, client) in &mut model.clients {
            let peer = net.peer(client.slot);
            self.received += peer.received.len();
            client.absorb(peer);
            let outbox_bytes = shard.outbox_bytes(client.slot);
            if self.is_leaving && !client.session.is_open() {
                stopped.push(index);
            } else if client.look(peer, outbox_bytes, self.house.now) {
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
                    assert_eq!(side.shard.outbox_bytes(client.slot), 0);
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
        let outcome = self.house.sides[0].shard.open(refused).finished();
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
        for (side, ticket) in self.house.sides.iter().zip(tickets) {
            assert_eq!(side.net.settled.len(), 1);
            assert_eq!(ticket, Outcome::Later(side.net.settled[0]));
        }
    }
}

impl Model {
    /// A session takes no more publications from now on.
    fn stop(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(&index) else {
            return;
        };
        client.is_closing = true;
        for destination in std::mem::take(&mut client.subscriptions) {
            self.topics[destination].remove(&index);
        }
    }

    /// Does what the shard must do with what waits in its inbox.
    fn run_inbox(&mut self) {
        for entry in std::mem::take(&mut self.inbox) {
            match entry {
                Entry::Close(id) => {
                    let client = self.clients.values().find(|one| one.session.id() == id);
                    if let Some(index) = client.map(|client| client.slot.index()) {
                        self.stop(index);
                    }
                }
                Entry::Publication {
                    to: To::One(id),
                    position,
                    content,
                } => {
                    let client = self.clients.values_mut().find(|one| one.session.id() == id);
                    if let Some(client) = client {
                        client.expect(position, &content, None);
                    }
                }
                Entry::Publication {
                    to: To::All(destination),
                    position,
                    content,
                } => {
                    self.deliver(destination, None, position, &content);
                }
                Entry::Publication {
                    to: To::Team(destination, team),
                    position,
                    content,
                } => {
                    self.deliver(destination, Some(team), position, &content);
                }
            }
        }
    }

    fn deliver(&mut self, destination: usize, team: Option<usize>, position: u64, content: &[u8]) {
        let is_named = destination >= ENDPOINTS + USERS;
        let label = if is_named {
            format!("label {destination}")
        } else {
            String::new()
        };
        for (index, joined) in &self.topics[destination] {
            let client = self.clients.get_mut(index).expect("a subscribed client");
            if *joined < position && team.is_none_or(|team| team == client.team) {
                client.expect(position, content, Some(&label));
            }
        }
    }
}

impl Client {
    fn expect(&mut self, position: u64, content: &[u8], label: Option<&str>) {
        if !self.is_closing {
            let label = label.filter(|_| self.is_labelled).map(str::to_string);
            let content = content.to_vec();
            self.expected.push_back(Expected::Publication {
                position,
                content,
                label,
            });
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
