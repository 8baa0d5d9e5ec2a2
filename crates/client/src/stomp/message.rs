//! A message of a subscription, and answering whether it was dealt with.

use std::fmt;

use bytes::Bytes;
use campanile_stomp::{Command, Version};

use super::{
    error::StompError,
    frame::{Received, header},
    handle::{Order, WeakHandle},
};

/// What a subscription may not have got before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// Nothing that this client knows of.
    Nothing,
    /// So many messages were dropped by [`WhenFull::Drop`](super::WhenFull::Drop).
    Dropped(u64),
    /// The connection was lost and opened again in between: what was sent meanwhile is missing, if
    /// there was any.
    Unknown,
}

/// A MESSAGE (STOMP 1.2, MESSAGE). It does not keep the client connected.
#[derive(Clone)]
pub struct StompMessage {
    headers: Vec<(String, String)>,
    body: Bytes,
    missed: Missed,
    /// Which of the client's connections it came over.
    connection: u64,
    version: Version,
    handle: WeakHandle,
}

impl StompMessage {
    pub(super) fn new(
        received: Received,
        missed: Missed,
        connection: u64,
        version: Version,
        handle: WeakHandle,
    ) -> Self {
        Self {
            headers: received.headers,
            body: received.body,
            missed,
            connection,
            version,
            handle,
        }
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

    /// Says that it was dealt with: ACK, as the session's version writes it (S179). Needed under
    /// [`AckMode::Client`](super::AckMode::Client), which means this message and all before it, and
    /// [`AckMode::ClientIndividual`](super::AckMode::ClientIndividual), which means this one.
    ///
    /// # Errors
    /// [`StompError::Stale`] for a message of an earlier connection,
    /// [`NotAcknowledgeable`](StompError::NotAcknowledgeable), and those of
    /// [`StompClient::send`](super::StompClient::send).
    pub async fn ack(&self) -> Result<(), StompError> {
        self.answer(Command::Ack).await
    }

    /// Says that it was not dealt with: NACK (S179). What becomes of it is the server's affair.
    ///
    /// # Errors
    /// [`StompError::NoNack`] in STOMP 1.0, and those of [`ack`](Self::ack).
    pub async fn nack(&self) -> Result<(), StompError> {
        if self.version == Version::V10 {
            return Err(StompError::NoNack);
        }
        self.answer(Command::Nack).await
    }

    async fn answer(&self, command: Command) -> Result<(), StompError> {
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
        let handle = self.handle.upgrade().ok_or(StompError::Disconnected)?;
        let order = Order {
            command,
            headers,
            body: Vec::new(),
            asks_receipt: handle.auto_receipt(),
            connection: Some(self.connection),
        };
        handle.send(order).await
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
