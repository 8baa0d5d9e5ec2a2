//! From SUBSCRIBE to UNSUBSCRIBE.

use std::sync::Arc;

use campanile_hub::{Begun, Content, Cursor, Delivery, Destination, Filter, Joining, Publication};
use campanile_stomp::{AckMode, Frame, Selector, Subscribe, Unsubscribe, Version};

use super::events::{StompEvent, Subscription};
use super::labels::{self, label};
use super::messages::{answered_by_handler, of_this, own_header};
use super::naming::Kind;
use super::queueing::selects;
use super::reply::{Refused, let_out};
use super::session::{After, Link, StompSession};
use crate::context::Replies;

/// What a cursor counts as that is none of ours: nothing can be recovered after it.
pub(crate) const NOT_OURS: Cursor = Cursor {
    epoch: u64::MAX,
    position: 0,
};

impl StompSession {
    pub(super) fn subscribe(
        &mut self,
        version: Version,
        subscribe: &Subscribe<'_>,
        frame: &Frame<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        self.check_room(link)?;
        let name = &*subscribe.destination;
        let mut label = label(version, subscribe.id.as_deref(), name);
        let with_ack = labels::acknowledged(&label);
        if [&label, &with_ack]
            .iter()
            .any(|one| link.shard.has_label(link.slot, one))
        {
            let id = subscribe.id.as_deref().unwrap_or(name);
            let detail = format!("{id:?} is another subscription's; choose an id of its own");
            return Err(Refused::new("duplicate-subscription", detail));
        }
        for one in [&label, &with_ack] {
            self.is_no_consumer(one);
        }
        if version == Version::V12 && subscribe.ack != AckMode::Auto {
            label = with_ack;
        }
        let after = frame.header("after");
        let after = after.as_deref().map(|it| own_header(version, it));
        let kind = self.runtime.broker.kind(name)?;
        if let (Kind::Application(_) | Kind::Queue, Some(_)) = (kind, after) {
            let detail = format!("{name:?} has no history; subscribe without the header after");
            return Err(Refused::new("no-history", detail));
        }
        let begun = match kind {
            Kind::Application(path) => {
                let found = self.runtime.handlers.subscribe(path);
                let found = found.ok_or_else(|| self.no_handler(name))?;
                // Nothing more comes of it, but its id is taken until the client gives it back.
                let own = answered_by_handler(link.session, name);
                link.shard.subscribe(link.slot, own, &label).finished()?;
                self.subscriptions += 1;
                let message = Content::text("").into();
                let call = found.call(name, message, receipt, Some(&label));
                return Ok(After::Call(call));
            }
            Kind::Queue => {
                self.consume(version, subscribe, frame, &label, link)?;
                None
            }
            Kind::Topic => {
                let topic = Destination::matching(self.runtime.broker.pattern(name)?);
                Some(self.join(subscribe, vec![topic], &label, after, receipt, link)?)
            }
            Kind::User(rest) => {
                let own = of_this(rest, link.session)?;
                Some(self.join(subscribe, own, &label, after, receipt, link)?)
            }
        };
        self.subscriptions += 1;
        let subscription = Subscription {
            id: subscribe.id.as_deref().map(str::to_owned),
            destination: name.to_owned(),
        };
        if self.runtime.rules.takes_unsubscribed() {
            let label = label.as_str().into();
            self.named.push((label, subscription.clone()));
        }
        let event = StompEvent::Subscribed(subscription);
        let next = self.call(event, Replies::Subscription(label.into()));
        Ok(match (begun, next) {
            (Some(begun), next) => After::Begun(begun, next),
            (None, Some(next)) => After::Then(next),
            (None, None) => After::GoOn,
        })
    }

    /// Whether the session may have one subscription more.
    fn check_room(&mut self, link: &Link<'_>) -> Result<(), Refused> {
        let limit = self.runtime.broker.subscriptions_max;
        if self.subscriptions as usize >= limit {
            // The server may have ended some.
            self.subscriptions = u32::try_from(link.shard.labels(link.slot)).unwrap_or(u32::MAX);
        }
        if self.subscriptions as usize >= limit {
            let detail = format!("a session may have {limit} subscriptions; end some");
            return Err(Refused::new("too-many-subscriptions", detail));
        }
        Ok(())
    }

    /// Subscribes to destinations that all who have subscribed to get everything of, from where the
    /// client says that it has received, or from now on.
    fn join(
        &self,
        subscribe: &Subscribe<'_>,
        destinations: Vec<Destination>,
        label: &str,
        after: Option<&str>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<Begun, Refused> {
        if after.is_some() && receipt.is_none() {
            return Err(Refused::new(
                "receipt-required",
                "whether everything was recovered is said in the RECEIPT: add a receipt header",
            ));
        }
        let selector = subscribe.selector.as_deref();
        let selector = selector.map(Selector::parse).transpose()?;
        let joining = Joining {
            destinations,
            label: label.into(),
            after: after.map(|token| token.parse().unwrap_or(NOT_OURS)),
            filter: self.filter(selector, label, link),
        };
        Ok(link.shard.join(link.slot, joining).finished()?)
    }

    /// What becomes of each message on its way to a subscription; all are delivered as they are if
    /// there is none.
    pub(super) fn filter(
        &self,
        selector: Option<Selector>,
        label: &str,
        link: &Link<'_>,
    ) -> Option<Filter> {
        let is_open = self.runtime.stages.outbound.is_empty();
        if is_open && selector.is_none() {
            return None;
        }
        let (runtime, session) = (Arc::clone(&self.runtime), link.session.clone());
        let id = labels::id(label);
        Some(Arc::new(move |publication: &Publication| {
            let wants = |selector| selects(selector, publication);
            if !selector.as_ref().is_none_or(wants) {
                Delivery::Dropped
            } else if is_open {
                Delivery::AsItIs
            } else {
                let_out(&runtime, &session, id.as_deref(), publication)
            }
        }))
    }

    /// The receipt of a subscription says where it joined, and whether something is missing before.
    pub(super) fn receipt_of_begun(&self, receipt: &str, begun: Begun, link: &mut Link<'_>) {
        let cursor = begun.cursor.to_string();
        let mut headers = vec![("receipt-id", receipt), ("cursor", &*cursor)];
        headers.extend(begun.recovered.map(|recovered| match recovered {
            true => ("recovered", "true"),
            false => ("recovered", "false"),
        }));
        self.receipt_with(&headers, link);
    }

    pub(super) fn unsubscribe(
        &mut self,
        version: Version,
        unsubscribe: &Unsubscribe<'_>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let label = match unsubscribe {
            Unsubscribe::Id(id) => label(version, Some(id), ""),
            Unsubscribe::Destination(name) => label(version, None, name),
        };
        let with_ack = labels::acknowledged(&label);
        let label = match link.shard.has_label(link.slot, &with_ack) {
            true => with_ack,
            false => label,
        };
        self.forget(&label, link)?;
        let place = self.named.iter().position(|(one, _)| **one == *label);
        let next = place.and_then(|place| {
            let (_, subscription) = self.named.remove(place);
            self.call(StompEvent::Unsubscribed(subscription), Replies::Nowhere)
        });
        Ok(next.map_or(After::GoOn, After::Then))
    }

    /// Ends a subscription.
    pub(super) fn forget(&mut self, label: &str, link: &mut Link<'_>) -> Result<(), Refused> {
        if !self.stop_consuming(label, link)? {
            link.shard.unsubscribe_label(link.slot, label).finished()?;
        }
        self.subscriptions = self.subscriptions.saturating_sub(1);
        Ok(())
    }
}
