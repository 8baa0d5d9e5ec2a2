//! What a shard must do with its inbox, in a few plain maps.

use std::collections::BTreeMap;

use campanile_hub::SessionId;

use super::client::{Client, Expected};
use super::world::{ENDPOINTS, USERS};

/// What the model knows of an inbox entry.
pub(crate) enum Entry {
    Publication {
        to: To,
        position: u64,
        content: Vec<u8>,
    },
    Close(SessionId),
}

pub(crate) enum To {
    All(usize),
    Team(usize, usize),
    One(SessionId),
}

/// The model of one shard.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) clients: BTreeMap<usize, Client>,
    pub(crate) inbox: Vec<Entry>,
    /// Sessions whose peers have closed while something waited in the inbox.
    pub(crate) leaving: Vec<SessionId>,
    /// For each destination the slots that have subscribed, with where they joined.
    pub(crate) topics: Vec<BTreeMap<usize, u64>>,
}

impl Model {
    /// A session takes no more publications from now on.
    pub(crate) fn stop(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(&index) else {
            return;
        };
        client.is_closing = true;
        client.replays.clear();
        client.may_miss(None);
        for destination in std::mem::take(&mut client.subscriptions) {
            self.topics[destination].remove(&index);
        }
    }

    /// Does what the shard must do with what waits in its inbox, after what its destinations have
    /// kept for new subscriptions.
    pub(crate) fn run_inbox(&mut self) {
        for client in self.clients.values_mut() {
            for (destination, position, content) in std::mem::take(&mut client.replays) {
                let label = client.is_labelled.then(|| format!("label {destination}"));
                client.is_replayed.insert(destination);
                let replayed = Expected::Replayed {
                    position,
                    content,
                    label,
                };
                client.owe(Some(destination), replayed);
            }
        }
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
                        client.expect(position, &content, None, None);
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
        for id in std::mem::take(&mut self.leaving) {
            let index = id.slot().index();
            // The slot may be another session's by now.
            if self
                .clients
                .get(&index)
                .is_some_and(|one| one.session.id() == id)
            {
                self.stop(index);
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
                client.expect(position, content, Some(destination), Some(&label));
            }
        }
    }
}

impl Client {
    fn expect(&mut self, position: u64, content: &[u8], from: Option<usize>, label: Option<&str>) {
        if !self.is_closing {
            let label = label.filter(|_| self.is_labelled).map(str::to_string);
            let content = content.to_vec();
            let publication = Expected::Publication {
                position,
                content,
                label,
            };
            self.owe(from, publication);
        }
    }
}
