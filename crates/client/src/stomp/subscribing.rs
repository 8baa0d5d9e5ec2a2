//! Asking for a subscription.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use campanile_stomp::AckMode;
use tokio::sync::mpsc;

use super::{
    cursor::Cursor,
    error::StompError,
    handle::{Ask, Handle},
    recovery::Shared,
    subscription::Subscription,
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
    /// ([`Missed::Dropped`](super::Missed::Dropped)). Nothing else waits. If the connection is lost
    /// before there was such a one, the server is asked for them again, too.
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
    after: Option<Cursor>,
    recovers: bool,
}

impl<'c> Subscribing<'c> {
    pub(super) fn new(handle: &'c Handle, destination: &str) -> Self {
        Self {
            handle,
            id: None,
            headers: vec![("destination".to_owned(), destination.to_owned())],
            queue_messages_max: QUEUE_MESSAGES_MAX,
            when_full: WhenFull::default(),
            after: None,
            recovers: true,
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

    /// How many messages of a queue the server sends ahead of those that were acknowledged
    /// (`prefetch-count`; 64 on Campanile unless given, up to 1,000). Each is this client's until it
    /// has dealt with it, or is gone.
    pub fn prefetch(self, messages: u16) -> Self {
        self.header("prefetch-count", messages.to_string())
    }

    /// Begins after what has led to `cursor`, instead of now: with all that was sent to the
    /// destination since, if the server still has all of it. [`Subscription::recovered`] tells
    /// whether it has; if not, it begins now, and its first message says [`Missed::Unknown`].
    ///
    /// [`Missed::Unknown`]: super::Missed::Unknown
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// After a loss of the connection it begins anew, and what was sent meanwhile is not asked for:
    /// for those who only want to know how things are, say. By default the server is asked to go on
    /// where it has ended (S184).
    pub fn without_recovery(mut self) -> Self {
        self.recovers = false;
        self
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
        let shared = Arc::new(Shared::default());
        let name = Name { id, serial };
        let mut subscription =
            Subscription::new(name.clone(), messages, shared.clone(), self.handle.clone());
        let wish = Wish {
            name,
            headers: self.headers,
            queue,
            when_full: self.when_full,
            after: self.after,
            recovers: self.recovers,
            shared,
        };
        // From here on, dropping the subscription takes back what was asked for.
        let handle = self.handle;
        handle
            .ask_and_wait(|reply| Ask::Subscribe { wish, reply })
            .await?;
        subscription.begin();
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
