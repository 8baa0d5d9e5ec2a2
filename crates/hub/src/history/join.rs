//! How a session comes back.

use super::{Begun, Joining, REPLAY_BYTES_MAX};
use crate::outcome::{Outcome, Refusal};
use crate::session::Slot;
use crate::shard::Shard;
use crate::topics::Wanted;

impl Shard {
    /// Subscribes a session to several destinations under one label and at one position, or to
    /// none of them, and replays what it has missed: behind the replies that it is given until the
    /// next [`pump`](Self::pump), and before everything that is published to this subscription from
    /// now on. Who has [recovered](Begun::recovered) is sent what was published since its cursor, in
    /// the order of the log and each publication once; everybody else what the destinations
    /// [retain](crate::Hub::retain).
    ///
    /// A replay is written as the peer reads; what is published meanwhile waits behind it, and is
    /// limited as an outbox is. It ends with the subscription and with the session, and is not
    /// awaited when that is closed. Other subscriptions of the session do not wait for it.
    ///
    /// For a pattern each destination that has a history is looked at, under the log's lock.
    ///
    /// # Errors
    /// [`Refusal::NoSession`]; [`Refusal::AlreadySubscribed`] where the session has one of these
    /// destinations under this label; [`Refusal::TooManyPatterns`].
    pub fn join(&mut self, slot: Slot, joining: Joining) -> Outcome<Begun> {
        let Joining {
            mut destinations,
            label,
            after,
            filter,
        } = joining;
        let Some(member) = self
            .members
            .get(slot.index())
            .filter(|member| member.takes_commands())
        else {
            return Outcome::Refused(Refusal::NoSession);
        };
        let mut seen = std::collections::HashSet::new();
        destinations.retain(|one| seen.insert(one.clone()));
        let mut each = destinations.iter();
        if each.any(|one| self.topics.is_subscribed(member, one, &label)) {
            return Outcome::Refused(Refusal::AlreadySubscribed);
        }
        let bytes_max = REPLAY_BYTES_MAX.saturating_sub(self.replays.bytes(slot));
        let log = &self.shared.log;
        let joined = match log.join_all(self.index, &destinations, after, bytes_max) {
            Ok(joined) => joined,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        for (number, destination) in destinations.iter().enumerate() {
            let wanted = Wanted {
                destination: destination.clone(),
                label: label.clone(),
                filter: filter.clone().map(Box::new),
            };
            let members = &mut self.members;
            if !self.topics.add(members, slot, wanted, joined.live_from()) {
                // The log has counted them all.
                let uncounted = &destinations[number..];
                uncounted.iter().for_each(|one| log.leave(self.index, one));
                self.topics
                    .leave_newest(log, self.index, members, slot, number);
                return Outcome::Refused(Refusal::TooManyPatterns);
            }
        }
        let begun = Begun {
            recovered: joined.recovered,
            cursor: log.cursor(joined.position),
            replayed: joined.replay.len(),
        };
        self.replay(slot, destinations, label, joined);
        Outcome::Done(begun)
    }
}
