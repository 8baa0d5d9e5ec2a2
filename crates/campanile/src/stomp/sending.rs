//! SEND: to topics and queues, to users, and to handlers.

use campanile_hub::Destination;
use campanile_stomp::{Frame, Send};

use super::handlers::Found;
use super::messages::{check_expiration, message, of_somebody};
use super::naming::Kind;
use super::reply::Refused;
use super::session::{After, Link, StompSession};
use super::transactions::Step;
use crate::session::Session;

impl StompSession {
    pub(super) fn send(
        &mut self,
        send: &Send<'_>,
        frame: &Frame<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let name = &*send.destination;
        if let Some(transaction) = &send.transaction {
            let (destination, message) = (name.into(), message(send, frame));
            let step = Step::Send {
                destination,
                message,
            };
            self.add_to(transaction, step)?;
            return Ok(After::GoOn);
        }
        let Some(destination) = self.goes_to(name, link.session)? else {
            let found = self.handler_of(name)?;
            let message = message(send, frame);
            return Ok(After::Call(found.call(name, message, receipt, None)));
        };
        let message = message(send, frame);
        check_expiration(&destination, &message)?;
        link.hub.publish(destination, message).finished()?;
        Ok(After::GoOn)
    }

    /// Where a client's message goes to; `None` for one that a handler is to take.
    pub(super) fn goes_to(
        &self,
        name: &str,
        session: &Session,
    ) -> Result<Option<Destination>, Refused> {
        let broker = &self.runtime.broker;
        let kind = broker.kind(name)?;
        if let Kind::Application(_) = kind {
            return Ok(None);
        }
        broker.check_send(name)?;
        match kind {
            Kind::User(rest) => of_somebody(rest, session).map(Some),
            _ => Ok(Some(broker.destination(name))),
        }
    }

    /// The handler of a message to a destination of the application's.
    pub(super) fn handler_of<'a>(&'a self, name: &'a str) -> Result<Found<'a>, Refused> {
        let found = match self.runtime.broker.kind(name)? {
            Kind::Application(path) => self.runtime.handlers.message(path),
            _ => None,
        };
        found.ok_or_else(|| self.no_handler(name))
    }

    pub(super) fn no_handler(&self, name: &str) -> Refused {
        self.runtime.counters.unhandled();
        let detail = format!("nothing here handles {name:?}; check its spelling");
        Refused::new("no-handler", detail)
    }
}
