//! What a shard lets others look at: its sessions, and what they have subscribed to.

use std::sync::Arc;

use crate::destination::Destination;
use crate::member::Member;
use crate::session::Session;
use crate::shard::Shard;
use crate::topics::Topics;

/// Looks at a shard, on its thread: it must be quick and must not block.
pub(crate) type Look = Arc<dyn Fn(&View<'_>) + Send + Sync>;

/// One shard's open sessions, at one moment. See [`Hub::look`](crate::Hub::look).
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a Shard);

/// A session, and what it has subscribed to.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a> {
    member: &'a Member,
    topics: &'a Topics,
}

impl<'a> View<'a> {
    pub(crate) fn new(shard: &'a Shard) -> Self {
        Self(shard)
    }

    /// All open sessions of the shard.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'a>> {
        let Shard {
            members, topics, ..
        } = self.0;
        let all = members.iter().map(|(_, member)| member);
        all.filter(|member| member.takes_commands())
            .map(|member| SessionView { member, topics })
    }

    /// Those that have subscribed to a destination, once for each subscription.
    pub fn subscribers(&self, destination: &Destination) -> impl Iterator<Item = SessionView<'a>> {
        let Shard {
            members, topics, ..
        } = self.0;
        let subscribers = topics.subscribers(destination).iter();
        subscribers
            .filter_map(|one| members.get(one.slot.index()))
            .filter(|member| member.takes_commands())
            .map(|member| SessionView { member, topics })
    }
}

impl<'a> SessionView<'a> {
    /// The session.
    pub fn session(&self) -> &'a Arc<Session> {
        &self.member.session
    }

    /// What it has subscribed to, implicit destinations included, and under which label. The order
    /// is not defined.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&'a Destination, &'a str)> {
        let Self { member, topics } = *self;
        let all = member.subscriptions.iter();
        all.filter_map(|one| Some((topics.destination(one)?, &*one.label)))
    }
}
