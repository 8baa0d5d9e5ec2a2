//! What a handler returns, turned into what the client gets.

use std::borrow::Cow;

use bytes::Bytes;
use campanile_hub::{Accepted, Message};
use campanile_websocket::CloseCode;
use serde::Serialize;

use crate::error::HandlerError;
use crate::extract::{Binary, Encoded, Json, PayloadFormat, Text};

/// What a client gets in answer: no message, one or several, and perhaps a close after them.
///
/// Handlers seldom name it: everything that is [`IntoReply`] becomes one. Code that is
/// [`around`](crate::Endpoint::around) callbacks sees it.
///
/// ```
/// use campanile::{CloseCode, Endpoint, Reply, Text};
///
/// async fn said(Text(text): Text) -> Reply {
///     match text.as_str() {
///         "bye" => Reply::from("see you").then_close(CloseCode::NORMAL, "bye: come again"),
///         "count" => ["one", "two", "three"].into_iter().collect(),
///         _ => Reply::nothing(),
///     }
/// }
///
/// let endpoint = Endpoint::new().on_text(said);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reply {
    first: Option<Message>,
    /// There only for what is seldom, so that a plain reply needs no room for it.
    rest: Option<Box<Rest>>,
}

#[derive(Clone, Debug, Default)]
struct Rest {
    messages: Vec<Message>,
    close: Option<Close>,
}

impl Reply {
    /// No message.
    pub const fn nothing() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }

    /// This message after those that are there already.
    #[must_use]
    pub fn and(mut self, message: impl Into<Message>) -> Self {
        let message = message.into();
        match &mut self.first {
            None => self.first = Some(message),
            Some(_) => self.rest.get_or_insert_default().messages.push(message),
        }
        self
    }

    /// Closes the session after its messages, as [`Session::close`](crate::Session::close) does.
    #[must_use]
    pub fn then_close(self, code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        self.then(Close::new(code, reason))
    }

    fn then(mut self, close: Close) -> Self {
        self.rest.get_or_insert_default().close = Some(close);
        self
    }

    /// The messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        let rest = self.rest.iter().flat_map(|rest| &rest.messages);
        self.first.iter().chain(rest)
    }

    /// The close that comes after them, if any.
    pub fn close(&self) -> Option<&Close> {
        self.rest.as_ref()?.close.as_ref()
    }

    /// Whether the client gets nothing at all.
    pub fn is_empty(&self) -> bool {
        self.first.is_none() && self.close().is_none()
    }

    /// All of it, for whoever sends it.
    pub(crate) fn into_parts(self) -> (Option<Message>, Vec<Message>, Option<Close>) {
        match self.rest {
            None => (self.first, Vec::new(), None),
            Some(rest) => (self.first, rest.messages, rest.close),
        }
    }
}

impl<M: Into<Message>> From<M> for Reply {
    fn from(message: M) -> Self {
        Self {
            first: Some(message.into()),
            rest: None,
        }
    }
}

impl<M: Into<Message>> FromIterator<M> for Reply {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        messages.into_iter().fold(Self::nothing(), Self::and)
    }
}

/// A reply that closes the session, after everything that was sent to it before; in a pair with
/// another reply, after that one.
///
/// ```
/// use campanile::{Close, CloseCode, Endpoint, Text};
///
/// async fn said(Text(text): Text) -> (String, Option<Close>) {
///     let close = (text == "bye").then(|| Close::new(CloseCode::NORMAL, "bye: come again"));
///     (text, close)
/// }
///
/// let endpoint = Endpoint::new().on_text(said);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// Why, and what to do: a stable word, a colon, and a sentence. What does not fit into 123
    /// bytes is cut off (RFC 6455 5.5).
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close with this code and reason.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }
}

/// A value that a handler may return; it is the reply to the session (S195).
///
/// | returned | the client gets |
/// |---|---|
/// | `()`, `None` | nothing |
/// | `String`, `&'static str`, [`Text`], [`Json`] | a text message |
/// | [`Bytes`], [`Binary`] | a binary message |
/// | [`Encoded`], [`Message`] | a message of that kind |
/// | a `Vec` of replies | all of them, in order |
/// | [`Close`]; a pair of a reply and a `Close` or `Option<Close>` | a close, after that reply |
/// | [`Reply`] | any of these |
/// | a `Result` | its value; or its error goes to the error callback |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's reply",
    label = "a handler returned this",
    note = "return `()`, `String`, `Bytes`, `Text`, `Binary`, `Json<T>`, `Encoded<F, T>`, `Message`, \
            `Close` or `Reply`",
    note = "or an `Option`, a `Vec` or a `Result` of one",
    note = "the error of a `Result` is a `std::error::Error`, a `HandlerError`, or of a type with \
            `From<Type> for HandlerError`"
)]
pub trait IntoReply {
    /// What to send back.
    ///
    /// # Errors
    /// What the handler failed with, or why its value could not be encoded.
    fn into_reply(self) -> Result<Reply, HandlerError>;
}

impl IntoReply for Reply {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(self)
    }
}

/// What was accepted needs no reply: `handle.broadcast(…)` may be a callback's last expression.
impl IntoReply for Accepted {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Reply::nothing())
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Reply::nothing())
    }
}

impl IntoReply for Message {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(self.into())
    }
}

impl IntoReply for String {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Message::text(self).into())
    }
}

impl IntoReply for &'static str {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Message::text(self).into())
    }
}

impl IntoReply for Bytes {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Message::binary(self).into())
    }
}

impl IntoReply for Text {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        self.0.into_reply()
    }
}

impl IntoReply for Binary {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        self.0.into_reply()
    }
}

impl IntoReply for Close {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Reply::nothing().then(self))
    }
}

impl<T: Serialize> IntoReply for Json<T> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(Reply::from(self.to_message()?))
    }
}

impl<F: PayloadFormat, T: Serialize> IntoReply for Encoded<F, T> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        self.to_message().map(Reply::from)
    }
}

impl<R: IntoReply> IntoReply for Option<R> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        self.map_or(Ok(Reply::nothing()), R::into_reply)
    }
}

// Else the compiler would speak of `std::error::Error` only, and not of what to do.
#[diagnostic::do_not_recommend]
impl<R: IntoReply, E: Into<HandlerError>> IntoReply for Result<R, E> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        self.map_err(Into::into)?.into_reply()
    }
}

impl<R: IntoReply> IntoReply for Vec<R> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        let mut all = Reply::nothing();
        for reply in self {
            let (first, rest, close) = reply.into_reply()?.into_parts();
            all = first.into_iter().chain(rest).fold(all, Reply::and);
            if let Some(close) = close {
                // Nothing can be sent after it.
                return Ok(all.then(close));
            }
        }
        Ok(all)
    }
}

impl<R: IntoReply> IntoReply for (R, Close) {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        Ok(self.0.into_reply()?.then(self.1))
    }
}

impl<R: IntoReply> IntoReply for (R, Option<Close>) {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        let reply = self.0.into_reply()?;
        Ok(match self.1 {
            Some(close) => reply.then(close),
            None => reply,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reply: &Reply) -> Vec<String> {
        let text = |message: &Message| String::from_utf8_lossy(message.content.bytes()).into();
        reply.messages().map(text).collect()
    }

    #[test]
    fn s195_a_plain_reply_needs_no_room_for_what_is_seldom() {
        let reply = "hi".into_reply().expect("a reply");
        assert!(reply.rest.is_none());
        assert_eq!(texts(&reply), ["hi"]);
        assert!(().into_reply().expect("a reply").is_empty());
        assert!(None::<String>.into_reply().expect("a reply").is_empty());
    }

    #[test]
    fn s195_several_replies_end_with_a_close() {
        let close = Close::new(CloseCode::NORMAL, "bye");
        let all = vec![
            Ok("1".into()),
            Ok(vec!["2", "3"].into_reply().expect("a reply")),
            Ok(close.clone().into_reply().expect("a reply")),
            Err(HandlerError::closing(CloseCode::POLICY, "never reached")),
        ];
        let reply = all.into_reply().expect("a reply");
        assert_eq!(texts(&reply), ["1", "2", "3"]);
        assert_eq!(reply.close(), Some(&close));
        let pair = ("last", close.clone()).into_reply().expect("a reply");
        assert_eq!((texts(&pair).len(), pair.close()), (1, Some(&close)));
        let open = ("more", None).into_reply().expect("a reply");
        assert_eq!((texts(&open).len(), open.close()), (1, None));
    }

    #[test]
    fn s196_a_value_that_cannot_be_encoded_is_a_failure() {
        let keyed_by_lists = std::collections::BTreeMap::from([(vec![1], 2)]);
        let error = Json(keyed_by_lists).into_reply().expect_err("no JSON");
        assert!(error.downcast_ref::<serde_json::Error>().is_some());
    }
}
