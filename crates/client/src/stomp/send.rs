//! A message that is being sent.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use campanile_stomp::Command;

use super::{
    error::StompError,
    handle::{Handle, Order},
};

/// A message that is sent when this is awaited; made by
/// [`StompClient::send`](super::StompClient::send).
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending<'c> {
    handle: &'c Handle,
    order: Order,
}

impl<'c> Sending<'c> {
    pub(super) fn new(handle: &'c Handle, destination: &str, body: &[u8]) -> Self {
        let order = Order {
            command: Command::Send,
            headers: vec![("destination".to_owned(), destination.to_owned())],
            body: body.to_vec(),
            asks_receipt: handle.auto_receipt(),
            connection: None,
            transaction: None,
        };
        Self { handle, order }
    }

    /// The same in a transaction, whose COMMIT asks for the receipt.
    pub(super) fn within(mut self, transaction: Arc<str>) -> Self {
        self.order.asks_receipt = false;
        self.order.transaction = Some(transaction);
        self
    }

    /// What the body is. Nothing is said about it by default.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.header("content-type", content_type)
    }

    /// How long the message may wait in a queue until somebody takes it (`expiration`, which Campanile
    /// and RabbitMQ know), in whole milliseconds, rounded up. Without, as long as the queue says.
    pub fn expiration(self, expiration: Duration) -> Self {
        let millis = expiration.as_nanos().div_ceil(1_000_000);
        self.header("expiration", millis.to_string())
    }

    /// One more header. Whatever it holds arrives as one header; `content-length` is left out, as
    /// it is told anyway.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.order.headers.push((name.into(), value.into()));
        self
    }

    /// Asks for a receipt, and waits for it: then the message has been dealt with (S178). Without,
    /// awaiting ends when the message is on its way, and nobody knows whether it arrives. Several
    /// can be awaited at the same time.
    pub fn receipt(mut self) -> Self {
        self.order.asks_receipt = true;
        self
    }
}

impl<'c> IntoFuture for Sending<'c> {
    type Output = Result<(), StompError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.handle.send(self.order))
    }
}
