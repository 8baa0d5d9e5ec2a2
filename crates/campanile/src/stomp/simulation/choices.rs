//! What clients and the application do next, as the seed says.

use campanile_hub::{Destination, Message};
use campanile_stomp::Version;

use super::acts::{Mode, Sending};
use super::client::Wanted;
use super::frames::body_of;
use super::model;
use super::places::{ECHOING, PATTERNS, Place, QUEUES, TOPICS, Target, USER_NAMES, USERS, Wish};
use super::queues::Parcel;
use super::world::World;

/// The longest filler of a body.
const FILLER_BYTES_MAX: usize = 1_200;

impl World {
    pub(super) fn act(&mut self, which: usize) {
        let random = &mut self.random;
        let client = &mut self.clients[which];
        if client.line.is_none() {
            if random.chance(50) {
                self.connect(which);
            }
            return;
        }
        match random.below(1_000) {
            0..300 => self.send(which),
            300..420 => self.subscribe(which),
            420..440 if !client.wanted.is_empty() => {
                let place = random.below(client.wanted.len());
                // Without an id nothing tells what is on its way from what comes of the next one.
                let one = &client.wanted[place];
                if one.is_asked_for && one.key != one.wish.name() {
                    client.unsubscribe(place, random);
                }
            }
            440..760 => client.settle(random),
            760..860 => client.transact(random),
            860..867 => client.disconnect(random),
            867..900 => client.cut(),
            900..930 => {
                client.reads = match random.below(10) {
                    0..5 => 0,
                    5..7 => random.between(1, 600),
                    _ => usize::MAX,
                };
            }
            930..980 => self.publish(),
            _ => {}
        }
    }

    /// A message that did not exist before. Answers its number, and how long its body is.
    fn write(&mut self, target: Target, is_marked: bool, lives_for: Option<u64>) -> (usize, usize) {
        let mut parcel = Parcel::default();
        parcel.expires = lives_for;
        self.model.messages.push(model::Message {
            target,
            is_marked,
            parcel,
        });
        let length = match self.random.below(10) {
            0..8 => self.random.below(60),
            _ => self.random.below(FILLER_BYTES_MAX),
        };
        (self.model.messages.len() - 1, length)
    }

    fn send(&mut self, which: usize) {
        let target = match self.random.below(100) {
            0..40 => Target::Topic(self.random.below(TOPICS.len())),
            40..55 => {
                let user = self.random.below(USERS.len());
                Target::User(user, self.random.below(USER_NAMES.len()))
            }
            55..93 => Target::Queue(self.random.below(QUEUES.len() - 1)),
            _ => Target::Handler(self.random.below(ECHOING)),
        };
        for _ in 0..self.random.between(1, 3) {
            let is_marked = self.random.chance(40);
            let lives = matches!(target, Target::Queue(_)) && self.random.chance(10);
            let lives_for = lives.then(|| self.random.between(1, 3_000) as u64);
            let (number, length) = self.write(target, is_marked, lives_for);
            let (client, random) = (&mut self.clients[which], &mut self.random);
            let transaction = match random.chance(35) && !client.open.is_empty() {
                true => Some(random.pick(&client.open).clone()),
                false => None,
            };
            let sending = Sending {
                number,
                target,
                transaction,
            };
            client.send(sending, length, is_marked, lives_for, random);
        }
    }

    /// The application publishes, past all sessions.
    fn publish(&mut self) {
        let topic = self.random.below(TOPICS.len());
        for _ in 0..self.random.between(1, 25) {
            let (number, length) = self.write(Target::Topic(topic), false, None);
            let message = Message::text(body_of(number, length));
            let accepted = self.hub.publish(Destination::named(TOPICS[topic]), message);
            let position = accepted.finished().expect("room").id.position;
            self.model
                .publish(None, Place::Topic(topic), number, false, position);
        }
    }

    /// Subscribes to something new, or again to what it has lost.
    fn subscribe(&mut self, which: usize) {
        let (client, random) = (&mut self.clients[which], &mut self.random);
        let lost = client.wanted.iter().position(|one| !one.is_asked_for);
        if let Some(place) = lost.filter(|_| random.chance(80)) {
            client.ask_for(place, random);
            return;
        }
        if client.wanted.len() >= 5 {
            return;
        }
        let wish = match random.below(100) {
            0..25 => Wish::Topic(random.below(TOPICS.len())),
            25..45 => Wish::Pattern(random.below(PATTERNS.len())),
            45..60 => Wish::User(random.below(USER_NAMES.len())),
            _ => Wish::Queue(random.below(QUEUES.len())),
        };
        self.next_key += 1;
        let (id, name) = (format!("s:{}", self.next_key), wish.name());
        let is_free = client.wanted.iter().all(|one| one.key != name);
        let may_be_bare =
            client.version == Version::V10 && !matches!(wish, Wish::Pattern(_)) && is_free;
        client.wanted.push(Wanted {
            key: match may_be_bare && random.chance(30) {
                true => name,
                false => id,
            },
            wish,
            mode: *random.pick(&[Mode::Auto, Mode::Client, Mode::Individual]),
            prefetch: random.between(1, 8),
            is_selective: random.chance(15),
            cursor: None,
            is_asked_for: false,
        });
        let place = client.wanted.len() - 1;
        client.ask_for(place, random);
    }
}
