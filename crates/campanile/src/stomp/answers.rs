//! What handlers answer, on its way to whom it is for.

use campanile_hub::{Delivery, Destination, Hub, Message};
use campanile_stomp::{Command, Version};

use super::labels;
use super::messages::{fill, with_content_type};
use super::naming::Brokering;
use super::refusing::Culprit;
use super::reply::{Refused, reply_to};
use super::session::{Link, StompSession};
use super::stages::OutboundMessage;
use crate::context::{About, Purpose, Replies, Sent};
use crate::handler::Answer;
use crate::reply::Reply;
use crate::session::Session;

impl StompSession {
    /// Does what a handler has answered: publishes its replies, gives the receipt, or refuses. Says
    /// what is to be called next.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        about: &About,
        link: &mut Link<'_>,
    ) -> Option<Box<Sent>> {
        if about.purpose == Purpose::Connect {
            return self.decided(answer, link);
        }
        let replied = answer.map_err(Refused::from).and_then(|reply| {
            let (first, rest, close) = reply.into_parts();
            for message in first.into_iter().chain(rest) {
                self.reply(message, about, link)?;
            }
            Ok(close)
        });
        match replied {
            Err(refused) => {
                if let (Purpose::Subscription, Replies::Subscription(label)) =
                    (about.purpose, &about.replies)
                {
                    // What was refused has taken no id. It is gone already if the client was quick.
                    let _ = self.forget(label, link);
                }
                let culprit = Culprit {
                    command: about.purpose.command(),
                    destination: Some(&about.destination)
                        .filter(|it| !it.is_empty())
                        .map(|it| &**it),
                    receipt: about.receipt_of_refused(),
                };
                self.refuse(&refused, culprit, link);
            }
            Ok(close) => {
                if let Some(receipt) = about.receipt_of_done() {
                    self.receipt(receipt, link);
                }
                if let Some(close) = close {
                    // Refused only where a close is under way already, which is as good.
                    let _ = link.session.close(close.code, &close.reason);
                }
            }
        }
        None
    }

    fn reply(
        &mut self,
        message: Message,
        about: &About,
        link: &mut Link<'_>,
    ) -> Result<(), Refused> {
        let message = with_content_type(message);
        let Replies::Subscription(label) = &about.replies else {
            let broker = &self.runtime.broker;
            return publish(message, about, link.session, broker, link.hub);
        };
        let id = labels::id(label);
        let seen = OutboundMessage {
            destination: &about.destination,
            subscription: id.as_deref(),
            headers: &message.headers,
            content: &message.content,
        };
        let message = match self.runtime.stages.let_out(link.session, seen) {
            Delivery::AsItIs => message,
            Delivery::Dropped => return Ok(()),
            Delivery::Replaced(other) => other,
        };
        let version = self.version.unwrap_or(Version::V12);
        self.replies += 1;
        let id = format!("reply-{}", self.replies);
        let (wire, destination) = (self.wire, &about.destination);
        let frame = reply_to(wire, version, label, destination, &id, &message);
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, frame);
        Ok(())
    }
}

/// Publishes what a handler has answered to a session that has ended meanwhile: others may wait for
/// it. What was for the session alone is for nobody.
pub(crate) fn answered_late(
    reply: Reply,
    about: &About,
    session: &Session,
    broker: &Brokering,
    hub: &Hub,
) {
    let (first, rest, _) = reply.into_parts();
    for message in first.into_iter().chain(rest) {
        let message = with_content_type(message);
        if let Err(refused) = publish(message, about, session, broker, hub) {
            tracing::warn!(session = %session.id(), word = %refused.word, "a reply was not published");
            return;
        }
    }
}

fn publish(
    message: Message,
    about: &About,
    session: &Session,
    broker: &Brokering,
    hub: &Hub,
) -> Result<(), Refused> {
    match &about.replies {
        Replies::Destinations(names) => {
            for name in names.iter() {
                let name = fill(name, &about.parameters);
                let destination = broker.destination(name);
                hub.publish(destination, message.clone()).finished()?;
            }
        }
        Replies::User(name) => {
            let name = fill(name, &about.parameters);
            let destination = match session.user() {
                Some(user) => Destination::of_user(user, name),
                None => Destination::of_session(session.id(), name),
            };
            hub.publish(destination, message).finished()?;
        }
        Replies::Session(name) => {
            let name = fill(name, &about.parameters);
            let destination = Destination::of_session(session.id(), name);
            hub.publish(destination, message).finished()?;
        }
        // These reach no one but the subscription, or no one.
        Replies::Subscription(_) | Replies::Nowhere => {}
    }
    Ok(())
}

impl Purpose {
    /// The command of the frame that it is about, if it is about one.
    fn command(self) -> Option<Command> {
        match self {
            Self::Message => Some(Command::Send),
            Self::Subscription => Some(Command::Subscribe),
            Self::Connect => Some(Command::Connect),
            Self::Event => None,
        }
    }
}
