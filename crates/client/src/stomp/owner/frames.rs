//! What the server sends, and who gets it.

use campanile_stomp::Command;
use tokio::sync::mpsc;

use super::{Held, Owner, answer_if_awaited};
use crate::stomp::{
    error::StompError,
    events::Event,
    frame::Received,
    link::Link,
    message::{Missed, StompMessage},
    receipts::Waiter,
    subscription::WhenFull,
};

impl Owner {
    pub(super) fn receive(
        &mut self,
        received: Received,
        link: &mut Link,
    ) -> Result<(), StompError> {
        self.refusal = None;
        match received.command {
            Command::Message => return self.deliver(received, link),
            Command::Receipt => {
                let waiter = received.header("receipt-id");
                let waiter = waiter.and_then(|id| self.receipts.take(id));
                answer_if_awaited(waiter.and_then(Waiter::into_reply), Ok(()));
            }
            Command::Error => self.refuse(received),
            // A second CONNECTED says nothing new; other commands are not for clients.
            _ => {}
        }
        Ok(())
    }

    /// An ERROR: who asked for what the server refuses is told. Whether the connection ends is the
    /// server's decision.
    fn refuse(&mut self, received: Received) {
        let error = Box::new(received.into_error());
        let refusal = StompError::Refused(error.clone());
        let waiter = error.receipt_id.as_deref();
        if let Some(waiter) = waiter.and_then(|id| self.receipts.take(id)) {
            if let Waiter::Subscription { name, .. } = &waiter
                && let Some(registered) = self.subscriptions.remove(name)
            {
                let _ = registered.wish.end.set(refusal.clone());
            }
            answer_if_awaited(waiter.into_reply(), Err(refusal.clone()));
        }
        self.refusal = Some(refusal);
        self.tell(Event::Refused(error));
    }

    fn deliver(&mut self, received: Received, link: &mut Link) -> Result<(), StompError> {
        // One that was unsubscribed from may still get what was on its way.
        let Some(registered) = self.subscriptions.of(&received) else {
            return Ok(());
        };
        let version = link.session.version;
        let (missed, handle) = (registered.missed, self.handle.clone());
        let message = StompMessage::new(received, missed, self.connection, version, handle);
        let queue = &registered.wish.queue;
        match queue.try_send(message) {
            Ok(()) => registered.missed = Missed::Nothing,
            Err(mpsc::error::TrySendError::Closed(_)) => {
                let name = registered.wish.name.clone();
                return self.unsubscribe(&name, None, link);
            }
            Err(mpsc::error::TrySendError::Full(message)) => match registered.wish.when_full {
                WhenFull::Drop => registered.drop_one(),
                WhenFull::Pause => {
                    let queue = queue.clone();
                    registered.missed = Missed::Nothing;
                    self.held = Some(Held { queue, message });
                }
            },
        }
        Ok(())
    }

    /// There is room for what was held, or nobody wants it any more.
    pub(super) fn deliver_held(&mut self, permit: Option<mpsc::OwnedPermit<StompMessage>>) {
        if let (Some(held), Some(permit)) = (self.held.take(), permit) {
            permit.send(held.message);
        }
    }
}
