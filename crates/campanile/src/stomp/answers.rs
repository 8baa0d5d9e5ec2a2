//! What handlers answer, on its way to whom it is for.

use campanile_hub::{Destination, Hub, Message};
use campanile_stomp::Version;

use super::messages::{fill, with_content_type};
use super::reply::{Refused, reply_to};
use super::session::{Link, StompSession};
use crate::context::{About, Replies};
use crate::handler::Answer;
use crate::reply::Reply;
use crate::session::Session;

impl StompSession {
    /// Does what a handler has answered: publishes its replies, gives the receipt, or refuses.
    pub(crate) fn answered(&mut self, answer: Answer, about: &About, link: &mut Link<'_>) {
        let receipt = about.receipt.as_deref();
        let replied = answer.map_err(Refused::from).and_then(|reply| {
            let (first, rest, close) = reply.into_parts();
            for message in first.into_iter().chain(rest) {
                self.reply(message, about, link)?;
            }
            Ok(close)
        });
        match replied {
            Err(refused) => {
                if let Replies::Subscription(label) = &about.replies {
                    // What was refused has taken no id. It is gone already if the client was quick.
                    let _ = self.forget(label, link);
                }
                self.refuse(&refused, receipt, link);
            }
            Ok(close) => {
                if let Some(receipt) = receipt {
                    self.receipt(receipt, link);
                }
                if let Some(close) = close {
                    // Refused only where a close is under way already, which is as good.
                    let _ = link.session.close(close.code, &close.reason);
                }
            }
        }
    }

    fn reply(
        &mut self,
        message: Message,
        about: &About,
        link: &mut Link<'_>,
    ) -> Result<(), Refused> {
        let message = with_content_type(message);
        match &about.replies {
            Replies::Destinations(_) | Replies::User(_) => {
                publish(&message, about, link.session, link.hub)?;
            }
            Replies::Subscription(label) => {
                let version = self.version.unwrap_or(Version::V12);
                self.replies += 1;
                let id = format!("reply-{}", self.replies);
                let frame = reply_to(version, label, &about.destination, &id, &message);
                // A session that is being closed gets no more answers.
                let _ = link.shard.reply(link.slot, frame);
            }
        }
        Ok(())
    }
}

/// Publishes what a handler has answered after its session has ended: what was received before that
/// is processed, and others listen (STOMP 1.2, RECEIPT).
pub(crate) fn answered_late(reply: Reply, about: &About, session: &Session, hub: &Hub) {
    let (first, rest, _) = reply.into_parts();
    for message in first.into_iter().chain(rest) {
        if let Err(refused) = publish(&with_content_type(message), about, session, hub) {
            // Nobody is left to be told.
            tracing::warn!(session = %session.id(), word = refused.word, "an answer was refused");
        }
    }
}

/// Publishes an answer where its handler says, unless it is for a subscription alone.
fn publish(message: &Message, about: &About, session: &Session, hub: &Hub) -> Result<(), Refused> {
    match &about.replies {
        Replies::Destinations(names) => {
            for name in names.iter() {
                let name = fill(name, &about.parameters);
                let destination = Destination::named(name);
                hub.publish(destination, message.clone()).finished()?;
            }
        }
        Replies::User(name) => {
            let name = fill(name, &about.parameters);
            let destination = match session.user() {
                Some(user) => Destination::of_user(user, name),
                None => Destination::of_session(session.id(), name),
            };
            hub.publish(destination, message.clone()).finished()?;
        }
        Replies::Subscription(_) => {}
    }
    Ok(())
}
