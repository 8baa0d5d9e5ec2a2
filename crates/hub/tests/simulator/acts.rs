//! What applications and transports do to single sessions of a world.

use std::sync::Arc;

use campanile_hub::{Cause, Ending, Message, Outcome, Refusal, Session};

use super::client::Expected;
use super::model::{Entry, Model, To};
use super::world::{ENDPOINTS, NAMED, USERS, World};
use super::{Side, close_frame, reply_frame};

impl World {
    /// One random thing that an application or a transport does to one random session.
    pub(crate) fn command(&mut self) {
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
        if client.is_closing || client.has_left {
            let outcome = shard.subscribe(client.slot, name, "late");
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else if client.subscriptions.remove(&destination) {
            let label = format!("label {destination}");
            let outcome = shard.subscribe(client.slot, name.clone(), &label);
            assert_eq!(outcome, Outcome::Refused(Refusal::AlreadySubscribed));
            assert_eq!(shard.unsubscribe(client.slot, &name), Outcome::Done(()));
            client.replays.retain(|(from, ..)| *from != destination);
            client.may_miss(Some(destination));
            topics[destination].remove(&index);
        } else {
            let outcome = shard.unsubscribe(client.slot, &name);
            assert_eq!(outcome, Outcome::Refused(Refusal::NotSubscribed));
            let joined = shard.subscribe(client.slot, name, &format!("label {destination}"));
            assert_eq!(joined, Outcome::Done(self.position));
            client.subscriptions.insert(destination);
            topics[destination].insert(index, self.position);
            let kept = self.kept.iter().find(|(_, (from, _))| *from == destination);
            client.replays.extend(
                kept.map(|(position, (from, content))| (*from, *position, content.clone())),
            );
        }
    }

    fn send(&mut self, side: usize, index: usize) {
        let content = self.content();
        let client = &self.models[side].clients[&index];
        let outcome = self
            .house
            .hub
            .send(&client.session, Message::binary(content.clone()));
        if !client.session.is_open() {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
            return;
        }
        self.models[side]
            .clients
            .get_mut(&index)
            .expect("a client")
            .replies += 1;
        let Model { clients, inbox, .. } = &mut self.models[side];
        let client = &clients[&index];
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
        if client.is_closing || client.has_left {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else if inbox.is_empty() {
            client.replies += 1;
            client.owe(None, Expected::Reply(content));
        } else {
            client.replies += 1;
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
        if client.is_closing || client.has_left {
            assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
        } else {
            client.replies += 1;
            client.owe(None, Expected::Reply(content));
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
            assert!(client.is_closing || client.is_asked_to_close || client.has_left);
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
            // What waits in the inbox was accepted before: it comes first.
            if model.inbox.is_empty() {
                model.stop(index);
            } else {
                let id = client.session.id();
                model.leaving.push(id);
            }
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
}
