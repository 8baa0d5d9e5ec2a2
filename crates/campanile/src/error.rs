//! What can go wrong in a handler, as a value.

use std::error::Error;
use std::fmt;

use campanile_websocket::CloseCode;

/// What a handler failed with. Any error converts into it with `?`.
///
/// It goes to the endpoint's error callback. Where there is none, the session is closed: with the
/// code of [`closing`](Self::closing), else with 1011 and without the error's text, which is only
/// logged.
pub struct HandlerError {
    source: Box<dyn Error + Send + Sync>,
    close: Option<(CloseCode, String)>,
}

impl HandlerError {
    /// A failure that closes the session with this code and reason; the client sees both.
    pub fn closing(code: CloseCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            source: reason.clone().into(),
            close: Some((code, reason)),
        }
    }

    /// What the client is told when nobody handles the error.
    pub(crate) fn close(&self) -> (CloseCode, &str) {
        match &self.close {
            Some((code, reason)) => (*code, reason),
            None => (
                CloseCode::INTERNAL_ERROR,
                "handler-failed: the server could not handle a message; reconnect",
            ),
        }
    }

    /// Whether the failure is the server's, as far as this says: then it is worth a log line.
    pub(crate) fn is_unexpected(&self) -> bool {
        self.close.is_none()
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self {
            source: Box::new(error),
            close: None,
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("source", &self.source)
            .field("close", &self.close)
            .finish()
    }
}

/// A handler panicked. The session's error callback sees this.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
pub struct HandlerPanicked(pub String);

/// An extractor could not make its value from an event.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The handler asks for something that this kind of event does not carry.
    #[error("{wanted} was asked for in a callback for {got}; use the callback that carries it")]
    WrongEvent {
        /// What the extractor needs.
        wanted: &'static str,
        /// What happened.
        got: &'static str,
    },
    /// The message is not the JSON that the handler asks for.
    #[error("the message is not the JSON that is expected here: {0}")]
    Json(#[from] serde_json::Error),
    /// The path's parameters do not fit the type that the handler asks for.
    #[error(transparent)]
    Path(#[from] crate::path::PathError),
    /// No state of that type was given to the builder.
    #[error("no state of type {0}: give it to the builder with `.state(…)`")]
    NoState(&'static str),
    /// An attribute is missing or of another type.
    #[error("the session has no attribute {0:?} of the type that the handler asks for")]
    NoAttribute(String),
}
