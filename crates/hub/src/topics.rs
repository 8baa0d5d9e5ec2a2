//! Which sessions of a shard have subscribed to what.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use slab::Slab;

use crate::delivery::Delivery;
use crate::destination::Destination;
use crate::log::{Joined, Log};
use crate::member::Member;
use crate::outcome::Refusal;
use crate::patterns::{EntryId, PatternIndex};
use crate::publication::Publication;
use crate::session::Slot;

/// Where a subscription that has not been replayed everything has joined: live, at no position.
pub(crate) const REPLAYING: u64 = u64::MAX;

/// One subscription as its destination sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscriber {
    pub(crate) slot: Slot,
    /// Which of the session's subscriptions this is.
    pub(crate) subscription: u32,
    /// Publications after this position are for it; what is for one that is [`REPLAYING`] waits
    /// behind its replay.
    pub(crate) joined: u64,
}

/// One subscription as its session sees it.
pub(crate) struct Subscription {
    topic: u32,
    /// Where it stands among the destination's subscribers.
    place: u32,
    /// What the session calls it.
    pub(crate) label: Box<str>,
    /// What becomes of publications; all are delivered as they are, if there is none.
    pub(crate) filter: Option<Box<Filter>>,
}

/// Says what becomes of each publication for a subscription. Asked on the session's shard: it must
/// be quick and must not block.
pub type Filter = Arc<dyn Fn(&Publication) -> Delivery + Send + Sync>;

/// A subscription that is to be made.
pub(crate) struct Wanted {
    pub(crate) destination: Destination,
    pub(crate) label: Box<str>,
    pub(crate) filter: Option<Box<Filter>>,
}

impl Wanted {
    /// Everything that is published to a destination.
    pub(crate) fn all(destination: Destination, label: &str) -> Self {
        Self {
            destination,
            label: label.into(),
            filter: None,
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.topic)
            .field("label", &self.label)
            .field("is_filtered", &self.filter.is_some())
            .finish()
    }
}

#[derive(Debug)]
struct Topic {
    destination: Destination,
    subscribers: Vec<Subscriber>,
    /// How many of them are a session's second or later one.
    doubles: u32,
    /// Where it stands in the index, if it is a pattern.
    entry: Option<EntryId>,
}

impl Topic {
    /// Which of a session's subscriptions is the first that is found to this topic, whose number
    /// is given, and that is wanted.
    fn first_of(
        &self,
        number: u32,
        slot: Slot,
        subscriptions: &[Subscription],
        is_wanted: impl Fn(&Subscription) -> bool,
    ) -> Option<usize> {
        // Whichever of the two lists is shorter: a session may have thousands, and so may a topic.
        if self.subscribers.len() < subscriptions.len() {
            let own = self.subscribers.iter().filter(|one| one.slot == slot);
            own.map(|one| one.subscription as usize)
                .find(|&index| subscriptions.get(index).is_some_and(&is_wanted))
        } else {
            subscriptions
                .iter()
                .position(|one| one.topic == number && is_wanted(one))
        }
    }
}

/// The destinations that sessions of this shard have subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: HashMap<Destination, u32>,
    /// The patterns among them.
    patterns: PatternIndex<u32>,
    topics: Slab<Topic>,
}

impl Topics {
    fn topic(&self, destination: &Destination) -> Option<&Topic> {
        self.topics.get(*self.by_name.get(destination)? as usize)
    }

    /// The subscribers of a destination.
    pub(crate) fn subscribers(&self, destination: &Destination) -> &[Subscriber] {
        self.subscribers_and_doubles(destination).0
    }

    /// The subscribers of a destination, and whether a session is among them more than once.
    pub(crate) fn subscribers_and_doubles(
        &self,
        destination: &Destination,
    ) -> (&[Subscriber], bool) {
        self.topic(destination).map_or((&[], false), |topic| {
            (&topic.subscribers, topic.doubles > 0)
        })
    }

    /// What a publication to this destination is for besides its own subscribers: the topics of
    /// patterns that it matches.
    pub(crate) fn matching(&self, destination: &Destination) -> Vec<u32> {
        let mut topics = Vec::new();
        if let Destination::Named(name) = destination
            && !self.patterns.is_empty()
        {
            self.patterns.find(name, |topic| topics.push(*topic));
        }
        topics
    }

    /// The subscribers of a topic.
    pub(crate) fn of(&self, topic: u32) -> &[Subscriber] {
        let topic = self.topics.get(topic as usize);
        topic.map_or(&[], |topic| &topic.subscribers)
    }

    /// Whether a session has a subscription to this destination under this label.
    pub(crate) fn is_subscribed(
        &self,
        member: &Member,
        destination: &Destination,
        label: &str,
    ) -> bool {
        self.subscription(member, destination, label).is_some()
    }

    /// What a session has subscribed to this destination under this label.
    pub(crate) fn subscription<'a>(
        &self,
        member: &'a Member,
        destination: &Destination,
        label: &str,
    ) -> Option<&'a Subscription> {
        let number = *self.by_name.get(destination)?;
        let topic = self.topics.get(number as usize)?;
        let (slot, subscriptions) = (member.session.id().slot(), &member.subscriptions);
        let index = topic.first_of(number, slot, subscriptions, |one| *one.label == *label)?;
        subscriptions.get(index)
    }

    /// What a subscription is to.
    pub(crate) fn destination(&self, subscription: &Subscription) -> Option<&Destination> {
        let topic = self.topics.get(subscription.topic as usize);
        topic.map(|topic| &topic.destination)
    }

    /// Adds a subscription and answers where it begins.
    pub(crate) fn join(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
        wanted: Wanted,
    ) -> Result<Joined, Refusal> {
        let joined = log.join(shard, &wanted.destination)?;
        let destination = wanted.destination.clone();
        if self.add(members, slot, wanted, joined.live_from()) {
            Ok(joined)
        } else {
            log.leave(shard, &destination);
            Err(Refusal::TooManyPatterns)
        }
    }

    /// Adds a subscription that the log has counted already. Answers whether there was room for it,
    /// as there is unless it is a pattern.
    pub(crate) fn add(
        &mut self,
        members: &mut Slab<Member>,
        slot: Slot,
        wanted: Wanted,
        joined: u64,
    ) -> bool {
        let Wanted {
            destination,
            label,
            filter,
        } = wanted;
        let known = self.by_name.get(&destination).copied();
        let Some(number) = known.or_else(|| self.make_topic(destination)) else {
            return false;
        };
        let topic = &mut self.topics[number as usize];
        let subscriptions = &mut members[slot.index()].subscriptions;
        topic.doubles += u32::from(
            topic
                .first_of(number, slot, subscriptions, |_| true)
                .is_some(),
        );
        let subscription = subscriptions.len() as u32;
        if subscriptions.len() == subscriptions.capacity() {
            // Most sessions have one or two: an exact fit saves what a growing vector would spare.
            // Those that have a thousand grow by quarters, lest each be copied for the next.
            subscriptions.reserve_exact(1 + subscriptions.len() / 4);
        }
        let place = topic.subscribers.len() as u32;
        subscriptions.push(Subscription {
            topic: number,
            place,
            label,
            filter,
        });
        topic.subscribers.push(Subscriber {
            slot,
            subscription,
            joined,
        });
        true
    }

    /// Makes a topic without subscribers; `None` when the index has no room for its pattern.
    fn make_topic(&mut self, destination: Destination) -> Option<u32> {
        let vacant = self.topics.vacant_entry();
        let topic = u32::try_from(vacant.key()).ok()?;
        let entry = match &destination {
            Destination::Matching(pattern) => Some(self.patterns.insert(pattern, topic).ok()?),
            _ => None,
        };
        vacant.insert(Topic {
            destination: destination.clone(),
            subscribers: Vec::new(),
            doubles: 0,
            entry,
        });
        self.by_name.insert(destination, topic);
        Some(topic)
    }

    /// Lets a session's subscription to a destination under a label be live from a position on.
    pub(crate) fn go_live(
        &mut self,
        member: &Member,
        destination: &Destination,
        label: &str,
        joined: u64,
    ) {
        let found = self.subscription(member, destination, label);
        if let Some((topic, place)) = found.map(|one| (one.topic, one.place))
            && let Some(topic) = self.topics.get_mut(topic as usize)
            && let Some(subscriber) = topic.subscribers.get_mut(place as usize)
        {
            subscriber.joined = joined;
        }
    }

    /// Ends a subscription; false when there was none.
    pub(crate) fn leave(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
        destination: &Destination,
    ) -> bool {
        let Some(&number) = self.by_name.get(destination) else {
            return false;
        };
        let (Some(member), Some(topic)) =
            (members.get(slot.index()), self.topics.get(number as usize))
        else {
            return false;
        };
        let Some(index) = topic.first_of(number, slot, &member.subscriptions, |_| true) else {
            return false;
        };
        self.leave_at(log, shard, members, slot, index);
        true
    }

    /// Ends what a session has subscribed to under a label; false when there was nothing.
    pub(crate) fn leave_label(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
        label: &str,
    ) -> bool {
        let mut has_left = false;
        while let Some(index) = members.get(slot.index()).and_then(|member| {
            let mut subscriptions = member.subscriptions.iter();
            subscriptions.position(|one| *one.label == *label)
        }) {
            self.leave_at(log, shard, members, slot, index);
            has_left = true;
        }
        has_left
    }

    /// Ends the newest subscriptions of a session.
    pub(crate) fn leave_newest(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
        count: usize,
    ) {
        for _ in 0..count {
            let Some(index) = members
                .get(slot.index())
                .and_then(|member| member.subscriptions.len().checked_sub(1))
            else {
                return;
            };
            self.leave_at(log, shard, members, slot, index);
        }
    }

    /// Ends all subscriptions of a session.
    pub(crate) fn leave_all(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
    ) {
        while let Some(count) = members
            .get(slot.index())
            .map(|member| member.subscriptions.len())
            && count > 0
        {
            self.leave_at(log, shard, members, slot, count - 1);
        }
        if let Some(member) = members.get_mut(slot.index()) {
            member.subscriptions = Vec::new();
        }
    }

    /// Gives memory back after a crowd has left.
    pub(crate) fn shrink(&mut self) {
        if self.topics.is_empty() {
            *self = Self::default();
        }
    }

    fn leave_at(
        &mut self,
        log: &Log,
        shard: usize,
        members: &mut Slab<Member>,
        slot: Slot,
        index: usize,
    ) {
        let subscriptions = &mut members[slot.index()].subscriptions;
        let gone = subscriptions.swap_remove(index);
        // The session's last subscription has moved into the gap: its destination must know.
        if let Some(moved) = subscriptions.get(index) {
            let subscribers = &mut self.topics[moved.topic as usize].subscribers;
            subscribers[moved.place as usize].subscription = index as u32;
        }
        if subscriptions.len() < subscriptions.capacity() / 4 {
            subscriptions.shrink_to(subscriptions.len() * 2);
        }
        let topic = &mut self.topics[gone.topic as usize];
        topic.subscribers.swap_remove(gone.place as usize);
        let another = topic.first_of(gone.topic, slot, subscriptions, |_| true);
        topic.doubles -= u32::from(another.is_some());
        // And the destination's last subscriber has moved: its session must know.
        if let Some(moved) = topic.subscribers.get(gone.place as usize) {
            members[moved.slot.index()].subscriptions[moved.subscription as usize].place =
                gone.place;
        }
        if topic.subscribers.capacity() > 64
            && topic.subscribers.len() < topic.subscribers.capacity() / 4
        {
            let target = topic.subscribers.len() * 2;
            topic.subscribers.shrink_to(target);
        }
        log.leave(shard, &topic.destination);
        if topic.subscribers.is_empty() {
            let topic = self.topics.remove(gone.topic as usize);
            self.by_name.remove(&topic.destination);
            let names = &mut self.by_name;
            if names.capacity() > 1_024 && names.len() < names.capacity() / 8 {
                names.shrink_to_fit();
            }
            if let Some(entry) = topic.entry {
                self.patterns.remove(entry);
            }
        }
    }
}
