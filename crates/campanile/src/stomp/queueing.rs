//! Queues: consuming, and saying what was dealt with.

use std::sync::Arc;

use campanile_hub::{
    Acknowledgement, Consumer, Cursor, Publication, Refusal, Settlement, Verdict, Wants,
};
use campanile_stomp::{AckMode, Acknowledge, Frame, Selector, Subscribe, Version};

use super::labels::{self, label};
use super::messages::own_header;
use super::reply::Refused;
use super::session::{After, Link, StompSession};
use super::transactions::{Acknowledged, Step};

/// How many messages a consumer may have that it has not dealt with, unless it says otherwise with
/// `prefetch-count`.
pub const PREFETCH_DEFAULT: u16 = 64;

/// The highest `prefetch-count`.
pub const PREFETCH_MAX: u16 = 1_000;

/// The queues that one session takes messages from.
#[derive(Debug, Default)]
pub(super) struct Consumers(Vec<(Box<str>, AckMode)>);

impl Consumers {
    fn mode(&self, label: &str) -> Option<AckMode> {
        let mut all = self.0.iter();
        all.find(|(one, _)| **one == *label).map(|(_, mode)| *mode)
    }
}

/// Whether a client wants a message again that it says it could not deal with: RabbitMQ's header
/// `requeue`, true unless it says false.
pub(super) fn rejected(version: Version, frame: &Frame<'_>) -> Verdict {
    let requeue = frame.header("requeue");
    match requeue.as_deref().map(|it| own_header(version, it)) {
        Some("false") => Verdict::Discarded,
        _ => Verdict::Rejected,
    }
}

impl StompSession {
    /// Lets the session take messages from a queue.
    pub(super) fn consume(
        &mut self,
        version: Version,
        subscribe: &Subscribe<'_>,
        frame: &Frame<'_>,
        label: &str,
        link: &mut Link<'_>,
    ) -> Result<(), Refused> {
        let name = &*subscribe.destination;
        if !self.runtime.broker.pattern(name)?.is_literal() {
            let detail = format!(
                "{name:?} is a pattern; messages are taken from one queue, so name that, or \
                 subscribe to several"
            );
            return Err(Refused::new("no-patterns", detail));
        }
        let prefetch = prefetch(version, frame)?;
        let selector = subscribe.selector.as_deref();
        let selector = selector.map(Selector::parse).transpose()?;
        let filter = self.filter(None, label, link);
        let consumer = Consumer {
            queue: name.into(),
            label: label.into(),
            acknowledgement: match subscribe.ack {
                AckMode::Auto => Acknowledgement::OnWrite,
                AckMode::Client | AckMode::ClientIndividual => Acknowledgement::ByConsumer,
            },
            prefetch,
            wants: selector.map(wants),
            filter,
        };
        link.shard.consume(link.slot, consumer).finished()?;
        let limit = self.runtime.broker.subscriptions_max;
        let Consumers(all) = &mut **self.consumers.get_or_insert_default();
        // What the server has ended is forgotten now and then.
        if all.len() >= limit {
            all.retain(|(one, _)| link.shard.has_label(link.slot, one));
        }
        all.push((label.into(), subscribe.ack));
        Ok(())
    }

    /// Ends a consumer; false if there is no such one. What it had goes back.
    pub(super) fn stop_consuming(
        &mut self,
        label: &str,
        link: &mut Link<'_>,
    ) -> Result<bool, Refused> {
        let Some(consumers) = &mut self.consumers else {
            return Ok(false);
        };
        let Consumers(all) = &mut **consumers;
        let Some(place) = all.iter().position(|(one, _)| **one == *label) else {
            return Ok(false);
        };
        all.swap_remove(place);
        if all.is_empty() {
            self.consumers = None;
        }
        link.shard.stop_consuming(link.slot, label).finished()?;
        Ok(true)
    }

    /// Forgets a consumer whose label is given to something else, since the server has ended it.
    pub(super) fn is_no_consumer(&mut self, label: &str) {
        if let Some(consumers) = &mut self.consumers {
            consumers.0.retain(|(one, _)| **one != *label);
        }
    }

    /// ACK and NACK.
    pub(super) fn acknowledge(
        &mut self,
        version: Version,
        acknowledge: &Acknowledge<'_>,
        frame: &Frame<'_>,
        verdict: Verdict,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let acknowledged = Acknowledged::read(version, acknowledge, frame, verdict);
        if let Some(name) = &acknowledge.transaction {
            self.add_to(name, Step::Settle(acknowledged))?;
            return Ok(After::GoOn);
        }
        let Some(settlement) = self.settlement(version, &acknowledged, link)? else {
            return Ok(After::GoOn);
        };
        match link.shard.settle(link.slot, &settlement).finished() {
            // Without a name of a subscription it may have been a topic's.
            Err(Refusal::NotDelivered) if settlement.label.is_none() && self.has_topics(link) => {
                Ok(After::GoOn)
            }
            done => done.map(|()| After::GoOn).map_err(Refused::from),
        }
    }

    /// What the queues are to be told; nothing where it is about a topic, on which there is nothing to
    /// be acknowledged.
    pub(super) fn settlement(
        &self,
        version: Version,
        acknowledged: &Acknowledged,
        link: &Link<'_>,
    ) -> Result<Option<Settlement>, Refused> {
        let (label, covers_earlier) = match &acknowledged.subscription {
            Some(id) => {
                let plain = label(version, Some(id), "");
                let with_ack = labels::acknowledged(&plain);
                let is_here = |label: &&String| link.shard.has_label(link.slot, label);
                let label = [with_ack, plain].iter().find(is_here).cloned();
                let label = label.ok_or_else(|| not_delivered(acknowledged))?;
                match self.consumers.as_ref().and_then(|all| all.mode(&label)) {
                    None => return Ok(None),
                    Some(AckMode::Auto) => return Err(not_delivered(acknowledged)),
                    // An ACK of 1.0 is for its message alone; in 1.1 and 1.2 both are for all before it
                    // as well (STOMP 1.0, ACK; 1.2, SUBSCRIBE and NACK).
                    Some(mode) => {
                        let covers_earlier = mode == AckMode::Client && version != Version::V10;
                        (Some(label.into()), covers_earlier)
                    }
                }
            }
            None if version == Version::V10 => match &self.consumers {
                Some(_) => (None, false),
                None if self.has_topics(link) => return Ok(None),
                None => return Err(not_delivered(acknowledged)),
            },
            None => return Err(not_delivered(acknowledged)),
        };
        let cursor: Option<Cursor> = acknowledged.message_id.parse().ok();
        let epoch = link.hub.cursor().epoch;
        let Some(cursor) = cursor.filter(|cursor| cursor.epoch == epoch) else {
            return match label.is_none() && self.has_topics(link) {
                true => Ok(None),
                false => Err(not_delivered(acknowledged)),
            };
        };
        Ok(Some(Settlement {
            label,
            position: cursor.position,
            cumulative: covers_earlier,
            verdict: acknowledged.verdict,
        }))
    }

    /// Whether the session has subscriptions to other things than queues.
    fn has_topics(&self, link: &Link<'_>) -> bool {
        let consumers = self.consumers.as_ref().map_or(0, |all| {
            let here = all.0.iter();
            here.filter(|(one, _)| link.shard.has_label(link.slot, one))
                .count()
        });
        link.shard.labels(link.slot) > consumers
    }
}

/// How many messages a consumer may have at once.
fn prefetch(version: Version, frame: &Frame<'_>) -> Result<u16, Refused> {
    let Some(text) = frame.header("prefetch-count") else {
        return Ok(PREFETCH_DEFAULT);
    };
    let text = own_header(version, &text);
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    match number {
        Some(number @ 1..=PREFETCH_MAX) => Ok(number),
        _ => {
            let detail = format!("prefetch-count must be a whole number from 1 to {PREFETCH_MAX}");
            Err(Refused::new("bad-header", detail))
        }
    }
}

/// A selector as the hub asks it.
fn wants(selector: Selector) -> Wants {
    Arc::new(move |publication| selects(&selector, publication))
}

/// Whether a selector wants a publication.
pub(super) fn selects(selector: &Selector, publication: &Publication) -> bool {
    let headers = publication.headers();
    selector.matches(|name| headers.get(name).map(Into::into))
}

fn not_delivered(acknowledged: &Acknowledged) -> Refused {
    let detail = format!(
        "this session has no message {:?} that could be acknowledged: it was never delivered to it, \
         was dealt with already, or has gone back to its queue",
        acknowledged.message_id
    );
    Refused::new("not-delivered", detail)
}
