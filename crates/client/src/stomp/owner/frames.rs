//! What the server sends, and who gets it.

use campanile_stomp::Command;
use tokio::sync::mpsc;

use super::{Held, Owner, answer_if_awaited};
use crate::stomp::{
    error::StompError, events::Event, frame::Received, link::Link, message::StompMessage,
    receipts::Waiter, subscribing::WhenFull,
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
            Command::Receipt => self.acknowledge(&received),
            Command::Error => self.refuse(received),
            // A second CONNECTED says nothing new; other commands are not for clients.
            _ => {}
        }
        Ok(())
    }

    /// A RECEIPT. That of a SUBSCRIBE may say where it begins, and whether that is where it has
    /// ended.
    fn acknowledge(&mut self, received: &Received) {
        let waiter = received.header("receipt-id");
        let Some(waiter) = waiter.and_then(|id| self.receipts.take(id)) else {
            return;
        };
        if let Waiter::Subscription { name, reply } = &waiter
            && let Some(registered) = self.subscriptions.named(name)
        {
            let recovered = registered.recovery.begin(received);
            registered
                .wish
                .shared
                .begin(&registered.recovery, recovered);
            // Whoever has asked for it now reads that from the subscription.
            if let Some(recovered) = recovered.filter(|_| reply.is_none()) {
                let subscription = name.id.clone();
                self.tell(Event::Recovered {
                    subscription,
                    recovered,
                });
            }
        }
        answer_if_awaited(waiter.into_reply(), Ok(()));
    }

    /// An ERROR: who asked for what the server refuses is told. Whether the connection ends is the
    /// server's decision.
    fn refuse(&mut self, received: Received) {
        let error = Box::new(received.into_error());
        let refusal = StompError::Refused(error.clone());
        let waiter = error.receipt_id.as_deref();
        if let Some(waiter) = waiter.and_then(|id| self.receipts.take(id)) {
            match &waiter {
                Waiter::Subscription { name, .. } => {
                    if let Some(registered) = self.subscriptions.remove(name) {
                        let _ = registered.wish.shared.end.set(refusal.clone());
                    }
                }
                Waiter::Begin { name, .. } => {
                    self.transactions.remove(name);
                }
                Waiter::Call(_) => {}
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
        let recovery = &mut registered.recovery;
        let id = received.header("message-id").unwrap_or_default();
        if let Some(count) = recovery.gap(&received) {
            recovery.drop(count, id);
            return Ok(());
        }
        let cursor = recovery.cursor_with(id);
        let place = (recovery.missed(), cursor);
        let (version, handle) = (link.session.version, self.handle.clone());
        let message = StompMessage::new(received, place, self.connection, version, handle);
        let queue = &registered.wish.queue;
        match queue.try_send(message) {
            Ok(()) => recovery.hand_out(cursor),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                let name = registered.wish.name.clone();
                return self.unsubscribe(&name, None, link);
            }
            Err(mpsc::error::TrySendError::Full(message)) => match registered.wish.when_full {
                WhenFull::Drop => recovery.drop(1, message.id()),
                WhenFull::Pause => {
                    let queue = queue.clone();
                    recovery.hand_out(cursor);
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
