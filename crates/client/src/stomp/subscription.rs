//! What comes of a subscription.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    cursor::Cursor,
    error::StompError,
    handle::{Ask, Handle},
    message::StompMessage,
    recovery::Shared,
    subscriptions::Name,
};

/// What comes of a subscription. Dropping it unsubscribes.
///
/// It outlives connections: after each new one it is asked for again, with the same id (S184), and
/// goes on where it has ended, as far as the server can
/// ([`Subscribing::without_recovery`](super::Subscribing::without_recovery)).
#[derive(Debug)]
pub struct Subscription {
    name: Name,
    messages: mpsc::Receiver<StompMessage>,
    shared: Arc<Shared>,
    is_over: bool,
    /// How many messages were taken, and up to where they lead.
    taken: u64,
    cursor: Option<Cursor>,
    handle: Handle,
}

impl Subscription {
    pub(super) fn new(
        name: Name,
        messages: mpsc::Receiver<StompMessage>,
        shared: Arc<Shared>,
        handle: Handle,
    ) -> Self {
        Self {
            name,
            messages,
            shared,
            is_over: false,
            taken: 0,
            cursor: None,
            handle,
        }
    }

    /// The server has acknowledged it, for the first time.
    pub(super) fn begin(&mut self) {
        self.cursor = self.shared.cursor_after(0);
    }

    /// Its id in the frames.
    pub fn id(&self) -> &str {
        &self.name.id
    }

    /// The next message; waits for it without a bound, over losses of the connection, too.
    /// `Ok(None)`: the client has been disconnected.
    ///
    /// May be cancelled: no message is lost by that.
    ///
    /// # Errors
    /// Why there will be no more messages: the connection was lost for good, or the server has
    /// refused the subscription after a loss. Once, then `Ok(None)`.
    pub async fn next(&mut self) -> Result<Option<StompMessage>, StompError> {
        if let Some(message) = self.messages.recv().await {
            self.taken += 1;
            self.cursor = message.cursor();
            return Ok(Some(message));
        }
        let is_first = !std::mem::replace(&mut self.is_over, true);
        match self.shared.end.get() {
            Some(error) if is_first => Err(error.clone()),
            _ => Ok(None),
        }
    }

    /// Up to where messages were taken with [`next`](Self::next); before the first one, where it
    /// begins. Who keeps this can go on here in another process, with
    /// [`Subscribing::after`](super::Subscribing::after). `None` where the server tells none, as for
    /// queues.
    pub fn cursor(&self) -> Option<Cursor> {
        let begun = self.shared.cursor_after(self.taken);
        begun.or(self.cursor)
    }

    /// Whether nothing is missing between the cursor that the subscription was to begin or to go on
    /// after, the last time, and what came then. `None` if it has always been there, or the server
    /// does not say; at a [loss](super::Event::Lost) it is not known before the
    /// [event](super::Event::Recovered).
    pub fn recovered(&self) -> Option<bool> {
        self.shared.recovered()
    }

    /// Unsubscribes, and waits for the server's receipt. Messages that wait are dropped.
    ///
    /// # Errors
    /// Those of a receipt that does not come. The subscription is gone nevertheless.
    pub async fn unsubscribe(mut self) -> Result<(), StompError> {
        // What is held for this queue must not hold up the receipt.
        self.messages.close();
        let name = self.name.clone();
        let ask = |reply| Ask::Unsubscribe {
            name,
            reply: Some(reply),
        };
        self.handle.ask_and_wait(ask).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // If there is no room for this, the owner finds out with the next message.
        self.handle.ask_without_waiting(Ask::Unsubscribe {
            name: self.name.clone(),
            reply: None,
        });
    }
}
