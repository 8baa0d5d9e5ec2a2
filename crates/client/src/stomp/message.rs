//! A message of a subscription, and answering whether it was dealt with.

use std::fmt;

use bytes::Bytes;
use campanile_stomp::{Command, Version};

use super::{
    cursor::Cursor,
    error::StompError,
    frame::{Received, header},
    handle::{Order, WeakHandle},
};

/// What a subscription may not have got before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// Nothing that this client knows of.
    Nothing,
    /// So many messages were dropped: here by [`WhenFull::Drop`](super::WhenFull::Drop), or by a
    /// server whose rule for slow clients is to drop (on Campanile its MESSAGE with `gap` says so,
    /// which is handed out in this form only).
    Dropped(u64),
    /// The connection was lost and opened again in between, or the subscription was to begin
    /// [earlier](super::Subscribing::after), and the server could not make that good: what was sent
    /// meanwhile is missing, if there was any. For a queue, which keeps what was not dealt with, it
    /// only says that the connection was lost.
    Unknown,
}

/// A MESSAGE (STOMP 1.2, MESSAGE). It does not keep the client connected.
#[derive(Clone)]
pub struct StompMessage {
    headers: Vec<(String, String)>,
    body: Bytes,
    missed: Missed,
    /// Up to where this message leads.
    cursor: Option<Cursor>,
    /// Which of the client's connections it came over.
    connection: u64,
    version: Version,
    handle: WeakHandle,
}

impl StompMessage {
    pub(super) fn new(
        received: Received,
        (missed, cursor): (Missed, Option<Cursor>),
        connection: u64,
        version: Version,
        handle: WeakHandle,
    ) -> Self {
        Self {
            headers: received.headers,
            body: received.body,
            missed,
            cursor,
            connection,
            version,
            handle,
        }
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// Its `message-id`: on Campanile the publication's id. Empty if the server has sent none.
    pub fn id(&self) -> &str {
        self.header("message-id").unwrap_or_default()
    }

    /// Where it was sent to. Empty if the server has not said so.
    pub fn destination(&self) -> &str {
        self.header("destination").unwrap_or_default()
    }

    /// What the body is, if the sender has said so.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// All headers, as they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body if it is text; else `None`.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(&self.body).ok()
    }

    /// What may be missing between the message before and this one.
    pub fn missed(&self) -> Missed {
        self.missed
    }

    /// Whether it was delivered before, to whomever: what it asks for may have been done already.
    pub fn is_redelivered(&self) -> bool {
        self.header("redelivered") == Some("true") || self.delivery_count() > 1
    }

    /// The how manyth delivery of a queue's message this is, as far as the server tells: 1 unless it
    /// says otherwise in `delivery-count`.
    pub fn delivery_count(&self) -> u64 {
        let count = self.header("delivery-count").and_then(|it| it.parse().ok());
        count.unwrap_or(1)
    }

    /// Says that it was dealt with: ACK, as the session's version writes it (S179). Needed under
    /// [`AckMode::Client`](super::AckMode::Client), which means this message and all before it, and
    /// [`AckMode::ClientIndividual`](super::AckMode::ClientIndividual), which means this one.
    ///
    /// # Errors
    /// [`StompError::Stale`] for a message of an earlier connection,
    /// [`NotAcknowledgeable`](StompError::NotAcknowledgeable), and those of
    /// [`StompClient::send`](super::StompClient::send).
    pub async fn ack(&self) -> Result<(), StompError> {
        self.answer(self.acking()?).await
    }

    /// Says that it was not dealt with: NACK (S179). What becomes of it is the server's affair;
    /// Campanile delivers it again, until it was rejected too often.
    ///
    /// # Errors
    /// [`StompError::NoNack`] in STOMP 1.0, and those of [`ack`](Self::ack).
    pub async fn nack(&self) -> Result<(), StompError> {
        self.answer(self.nacking()?).await
    }

    /// Says that it cannot be dealt with by anybody: NACK with `requeue:false`, which Campanile and
    /// RabbitMQ know. It goes to the dead letters, if the queue has some.
    ///
    /// # Errors
    /// Those of [`nack`](Self::nack).
    pub async fn discard(&self) -> Result<(), StompError> {
        self.answer(self.discarding()?).await
    }

    async fn answer(&self, mut order: Order) -> Result<(), StompError> {
        let handle = self.handle.upgrade().ok_or(StompError::Disconnected)?;
        order.asks_receipt = handle.auto_receipt();
        handle.send(order).await
    }

    pub(super) fn acking(&self) -> Result<Order, StompError> {
        self.settling(Command::Ack)
    }

    pub(super) fn nacking(&self) -> Result<Order, StompError> {
        match self.version {
            Version::V10 => Err(StompError::NoNack),
            Version::V11 | Version::V12 => self.settling(Command::Nack),
        }
    }

    pub(super) fn discarding(&self) -> Result<Order, StompError> {
        let mut order = self.nacking()?;
        let no = ("requeue".to_owned(), "false".to_owned());
        order.headers.push(no);
        Ok(order)
    }

    fn settling(&self, command: Command) -> Result<Order, StompError> {
        let named = |header: &str, name: &str| {
            let value = self.header(header).ok_or(StompError::NotAcknowledgeable)?;
            Ok((name.to_owned(), value.to_owned()))
        };
        let headers = match self.version {
            Version::V10 => vec![named("message-id", "message-id")?],
            Version::V11 => vec![
                named("subscription", "subscription")?,
                named("message-id", "message-id")?,
            ],
            Version::V12 => vec![named("ack", "id")?],
        };
        Ok(Order {
            command,
            headers,
            body: Vec::new(),
            asks_receipt: false,
            connection: Some(self.connection),
            transaction: None,
        })
    }
}

impl fmt::Debug for StompMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StompMessage")
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}
