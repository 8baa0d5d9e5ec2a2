//! From SUBSCRIBE to UNSUBSCRIBE.

use std::sync::Arc;

use campanile_hub::{Content, Delivery, Destination, Outcome, Publication};
use campanile_stomp::{AckMode, Selector, Subscribe, Unsubscribe, Version};

use super::broker::Kind;
use super::events::{StompEvent, Subscription};
use super::labels::{self, label};
use super::messages::{answered_by_handler, of_this};
use super::reply::{Refused, let_out};
use super::session::{After, Link, StompRuntime, StompSession};
use crate::context::Replies;

impl StompSession {
    pub(super) fn subscribe(
        &mut self,
        version: Version,
        subscribe: &Subscribe<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let limit = self.runtime.broker.subscriptions_max;
        if self.subscriptions as usize >= limit {
            // The server may have ended some.
            self.subscriptions = u32::try_from(link.shard.labels(link.slot)).unwrap_or(u32::MAX);
        }
        if self.subscriptions as usize >= limit {
            let detail = format!("a session may have {limit} subscriptions; end some");
            return Err(Refused::new("too-many-subscriptions", detail));
        }
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
        if version == Version::V12 && subscribe.ack != AckMode::Auto {
            label = with_ack;
        }
        let destinations = match self.runtime.broker.kind(name)? {
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
            Kind::Topic => vec![Destination::matching(self.runtime.broker.pattern(name)?)],
            Kind::User(rest) => of_this(rest, link.session)?,
        };
        let selector = subscribe.selector.as_deref();
        let selector = selector.map(Selector::parse).transpose()?;
        for destination in destinations {
            let selector = selector.clone();
            if let Err(refused) = subscribe_to(destination, &label, selector, &self.runtime, link) {
                // All of it or nothing. There may be nothing to be ended yet.
                let _ = link.shard.unsubscribe_label(link.slot, &label);
                return Err(refused);
            }
        }
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
        Ok(next.map_or(After::GoOn, After::Then))
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
        link.shard.unsubscribe_label(link.slot, label).finished()?;
        self.subscriptions = self.subscriptions.saturating_sub(1);
        Ok(())
    }
}

fn subscribe_to(
    destination: Destination,
    label: &str,
    selector: Option<Selector>,
    runtime: &Arc<StompRuntime>,
    link: &mut Link<'_>,
) -> Result<(), Refused> {
    let is_selective = selector.is_some();
    let wants = move |publication: &Publication| {
        let headers = publication.headers();
        let header = |name: &str| headers.get(name).map(Into::into);
        selector.as_ref().is_none_or(|one| one.matches(header))
    };
    let (shard, slot) = (&mut *link.shard, link.slot);
    let outcome: Outcome<u64> = if runtime.stages.outbound.is_empty() && !is_selective {
        shard.subscribe(slot, destination, label)
    } else if runtime.stages.outbound.is_empty() {
        shard.subscribe_filtered(slot, destination, label, wants)
    } else {
        let (runtime, session) = (Arc::clone(runtime), link.session.clone());
        let id = labels::id(label);
        let decide = move |publication: &Publication| match wants(publication) {
            true => let_out(&runtime, &session, id.as_deref(), publication),
            false => Delivery::Dropped,
        };
        shard.subscribe_through(slot, destination, label, decide)
    };
    outcome.finished()?;
    Ok(())
}
