//! What a handler returns, turned into what the client gets.

use bytes::Bytes;
use campanile_hub::Message;
use serde::Serialize;

use crate::error::HandlerError;
use crate::extract::{Binary, Json, Text};

/// A value that a handler may return; it is the reply to the session (S195).
///
/// `()` and `None` reply nothing. A `Result` replies its value, or hands its error to the
/// endpoint's error callback.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's reply",
    label = "a handler returned this",
    note = "return `()`, `String`, `Bytes`, `Text`, `Binary`, `Json<T>`, or an `Option` or `Result` of one"
)]
pub trait IntoReply {
    /// The message to send back, if any.
    ///
    /// # Errors
    /// What the handler failed with, or why its value could not be encoded.
    fn into_reply(self) -> Result<Option<Message>, HandlerError>;
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        Ok(None)
    }
}

impl IntoReply for Message {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        Ok(Some(self))
    }
}

impl IntoReply for String {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        Ok(Some(Message::text(self)))
    }
}

impl IntoReply for &'static str {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        Ok(Some(Message::text(self)))
    }
}

impl IntoReply for Bytes {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        Ok(Some(Message::binary(self)))
    }
}

impl IntoReply for Text {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        self.0.into_reply()
    }
}

impl IntoReply for Binary {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        self.0.into_reply()
    }
}

impl<T: Serialize> IntoReply for Json<T> {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        let text = serde_json::to_string(&self.0).map_err(HandlerError::from)?;
        Ok(Some(Message::text(text)))
    }
}

impl<R: IntoReply> IntoReply for Option<R> {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        self.map_or(Ok(None), R::into_reply)
    }
}

impl<R: IntoReply, E: Into<HandlerError>> IntoReply for Result<R, E> {
    fn into_reply(self) -> Result<Option<Message>, HandlerError> {
        self.map_err(Into::into)?.into_reply()
    }
}
