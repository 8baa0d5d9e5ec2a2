//! What a shard lets others look at: its sessions, and what they have subscribed to.

use std::sync::Arc;

use crate::destination::Destination;
use crate::member::Member;
use crate::session::Session;
use crate::shard::Shard;

/// Looks at a shard, on its thread: it must be quick and must not block.
pub(crate) type Look = Arc<dyn Fn(&View<'_>) + Send + Sync>;

/// One shard's open sessions, at one moment. See [`Hub::look`](crate::Hub::look).
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a Shard);

/// A session, and what it has subscribed to.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a> {
    member: &'a Member,
    shard: &'a Shard,
}

impl<'a> View<'a> {
    pub(crate) fn new(shard: &'a Shard) -> Self {
        Self(shard)
    }

    /// All open sessions of the shard.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'a>> {
        let shard = self.0;
        let all = shard.members.iter().map(|(_, member)| member);
        all.filter(|member| member.takes_commands())
            .map(|member| SessionView { member, shard })
    }

    /// Those that have subscribed to a destination, or take from a queue, once for each subscription.
    pub fn subscribers(&self, destination: &Destination) -> impl Iterator<Item = SessionView<'a>> {
        let shard = self.0;
        let subscribers = shard.topics.subscribers(destination).iter();
        let consumers = shard.consumers.slots(destination);
        subscribers
            .map(|one| one.slot)
            .chain(consumers)
            .filter_map(|slot| shard.members.get(slot.index()))
            .filter(|member| member.takes_commands())
            .map(|member| SessionView { member, shard })
    }
}

impl<'a> SessionView<'a> {
    /// The session.
    pub fn session(&self) -> &'a Arc<Session> {
        &self.member.session
    }

    /// What it has subscribed to, implicit destinations and queues included, and under which label.
    /// The order is not defined.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&'a Destination, &'a str)> {
        let Self { member, shard } = *self;
        let all = member.subscriptions.iter();
        let all = all.filter_map(|one| Some((shard.topics.destination(one)?, &*one.label)));
        let consumers = shard.consumers.of(member.session.id().slot());
        all.chain(consumers.map(|(_, one)| (&one.destination, &*one.label)))
    }
}
