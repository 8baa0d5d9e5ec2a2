//! What becomes of a publication on its way to one subscription.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::destination::Destination;
use crate::outcome::{Outcome, Refusal};
use crate::publication::{Message, Publication};
use crate::session::Slot;
use crate::shard::Shard;
use crate::topics::{Filter, Subscription, Wanted};

/// What becomes of a publication on its way to one subscription.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It is delivered as it is, with what all subscribers share of it.
    AsItIs,
    /// This subscription does not get it.
    Dropped,
    /// This subscription gets another message in its place, under the same id; it is encoded for
    /// this subscription alone.
    Replaced(Message),
}

impl Delivery {
    /// What is delivered of a publication, if anything.
    pub(crate) fn of(self, publication: &Arc<Publication>) -> Option<Cow<'_, Arc<Publication>>> {
        match self {
            Self::AsItIs => Some(Cow::Borrowed(publication)),
            Self::Dropped => None,
            Self::Replaced(message) => {
                // Without room for encodings, since nobody shares them.
                let destination = publication.destination().clone();
                let other = Publication::new(
                    publication.id(),
                    publication.accepted(),
                    destination,
                    message,
                    0,
                );
                Some(Cow::Owned(Arc::new(other)))
            }
        }
    }
}

impl Subscription {
    /// What this subscription gets of a publication, if anything.
    pub(crate) fn pick<'a>(
        &self,
        publication: &'a Arc<Publication>,
    ) -> Option<Cow<'a, Arc<Publication>>> {
        let Some(filter) = &self.filter else {
            return Some(Cow::Borrowed(publication));
        };
        filter(publication).of(publication)
    }
}

impl Shard {
    /// As [`subscribe`](Self::subscribe), for those publications that `filter` wants. One that
    /// panics does not want.
    pub fn subscribe_filtered(
        &mut self,
        slot: Slot,
        destination: Destination,
        label: &str,
        filter: impl Fn(&Publication) -> bool + Send + Sync + 'static,
    ) -> Outcome<u64> {
        let decide = move |publication: &Publication| match filter(publication) {
            true => Delivery::AsItIs,
            false => Delivery::Dropped,
        };
        self.subscribe_through(slot, destination, label, decide)
    }

    /// As [`subscribe`](Self::subscribe), where `decide` says of each publication what becomes of
    /// it. It is asked on the session's shard: it must be quick and must not block. When it panics,
    /// the publication is dropped.
    pub fn subscribe_through(
        &mut self,
        slot: Slot,
        destination: Destination,
        label: &str,
        decide: impl Fn(&Publication) -> Delivery + Send + Sync + 'static,
    ) -> Outcome<u64> {
        let filter: Filter = Arc::new(move |publication| {
            catch_unwind(AssertUnwindSafe(|| decide(publication))).unwrap_or(Delivery::Dropped)
        });
        let wanted = Wanted {
            filter: Some(Box::new(filter)),
            ..Wanted::all(destination, label)
        };
        self.subscribe_to(slot, wanted)
    }

    /// Notes whose a session is, once its client has said so: it joins the user's implicit
    /// destination. Refused where another user is known already.
    pub fn sign_in(&mut self, slot: Slot, user: Arc<str>) -> Outcome<()> {
        let Some(member) = self.members.get(slot.index()) else {
            return Outcome::Refused(Refusal::NoSession);
        };
        if !member.session.set_principal(&user) {
            let is_same = member.session.principal() == Some(&*user);
            return match is_same {
                true => Outcome::Done(()),
                false => Outcome::Refused(Refusal::UserKnown),
            };
        }
        let (log, members) = (&self.shared.log, &mut self.members);
        let wanted = Wanted::all(Destination::User(user), "");
        match self.topics.join(log, self.index, members, slot, wanted) {
            Ok(_) => Outcome::Done(()),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}
