//! Subscriptions: asking for one, and what comes of it.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, OnceLock},
};

use campanile_stomp::AckMode;
use tokio::sync::mpsc;

use super::{
    error::StompError,
    handle::{Ask, Handle},
    message::StompMessage,
    subscriptions::{Name, Wish},
};

/// How many messages wait in a subscription, unless said otherwise (S177).
pub const QUEUE_MESSAGES_MAX: usize = 256;

/// What happens to a message that finds its subscription's queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// Nothing more is read from the connection until there is room: nothing is lost here, and the
    /// server learns that this client is slow, and does with it what it does with slow clients.
    /// Everything else that comes by this connection waits, too, receipts included.
    #[default]
    Pause,
    /// It is dropped; how many were is told with the next message that is not
    /// ([`Missed::Dropped`](super::Missed::Dropped)). Nothing else waits.
    Drop,
}

/// A subscription that is asked for when this is awaited; made by
/// [`StompClient::subscribe`](super::StompClient::subscribe).
#[derive(Debug)]
#[must_use = "nothing is subscribed to until this is awaited"]
pub struct Subscribing<'c> {
    handle: &'c Handle,
    id: Option<String>,
    headers: Vec<(String, String)>,
    queue_messages_max: usize,
    when_full: WhenFull,
}

impl<'c> Subscribing<'c> {
    pub(super) fn new(handle: &'c Handle, destination: &str) -> Self {
        Self {
            handle,
            id: None,
            headers: vec![("destination".to_owned(), destination.to_owned())],
            queue_messages_max: QUEUE_MESSAGES_MAX,
            when_full: WhenFull::default(),
        }
    }

    /// Its id in the frames. By default one that no other subscription of this client has.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A condition in SQL's terms that the headers of a message must meet, such as `price > 10`.
    pub fn selector(self, selector: impl Into<String>) -> Self {
        self.header("selector", selector)
    }

    /// How messages are acknowledged; [`AckMode::Auto`] by default (S179).
    pub fn ack(self, mode: AckMode) -> Self {
        self.header("ack", mode.as_str())
    }

    /// One more header of SUBSCRIBE.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How many messages may wait to be taken, at least one; [`QUEUE_MESSAGES_MAX`] by default. They
    /// hold at most so many times what the [limits](super::StompBuilder::limits) allow a frame.
    pub fn queue_messages_max(mut self, messages: usize) -> Self {
        self.queue_messages_max = messages;
        self
    }

    /// What happens when so many wait; [`WhenFull::Pause`] by default.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    async fn subscribe(self) -> Result<Subscription, StompError> {
        let serial = self.handle.next_serial();
        let id = self.id.unwrap_or_else(|| format!("sub-{serial}"));
        let room = self.queue_messages_max.clamp(1, usize::MAX >> 4);
        let (queue, messages) = mpsc::channel(room);
        let end = Arc::new(OnceLock::new());
        let name = Name { id, serial };
        let subscription = Subscription {
            name: name.clone(),
            messages,
            end: end.clone(),
            is_over: false,
            handle: self.handle.clone(),
        };
        let wish = Wish {
            name,
            headers: self.headers,
            queue,
            when_full: self.when_full,
            end,
        };
        // From here on, dropping the subscription takes back what was asked for.
        let handle = self.handle;
        handle
            .ask_and_wait(|reply| Ask::Subscribe { wish, reply })
            .await?;
        Ok(subscription)
    }
}

impl<'c> IntoFuture for Subscribing<'c> {
    type Output = Result<Subscription, StompError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.subscribe())
    }
}

/// What comes of a subscription. Dropping it unsubscribes.
///
/// It outlives connections: after each new one it is asked for again, with the same id (S184).
#[derive(Debug)]
pub struct Subscription {
    name: Name,
    messages: mpsc::Receiver<StompMessage>,
    /// Why it ended, if not because that was wanted.
    end: Arc<OnceLock<StompError>>,
    is_over: bool,
    handle: Handle,
}

impl Subscription {
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
            return Ok(Some(message));
        }
        let is_first = !std::mem::replace(&mut self.is_over, true);
        match self.end.get() {
            Some(error) if is_first => Err(error.clone()),
            _ => Ok(None),
        }
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
