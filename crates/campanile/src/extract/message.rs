//! What happened, as arguments: messages, parts of them, pongs, endings, failures.

use bytes::Bytes;
use campanile_hub::Ending;

use super::FromEvent;
use crate::context::{Context, Event};
use crate::error::{HandlerError, Rejection};

/// A text message. A STOMP message is text unless its `content-type` says something else.
///
/// ```
/// use campanile::{Endpoint, Text};
///
/// async fn shout(Text(text): Text) -> String {
///     text.to_uppercase()
/// }
///
/// let endpoint = Endpoint::new().on_text(shout);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl FromEvent for Text {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let is_sent = context.is_sent();
        let text = match context.untaken() {
            Some(Event::Text(text)) => text,
            Some(Event::Binary(_)) if is_sent => {
                return Err(Rejection::ContentType { format: "text" });
            }
            _ => return Err(context.lacks("a text message")),
        };
        let text = Self(std::mem::take(text));
        context.taken();
        Ok(text)
    }
}

/// A binary message, or the body of any STOMP message.
///
/// ```
/// use campanile::{Binary, Bytes, Endpoint};
///
/// async fn echo(Binary(bytes): Binary) -> Bytes {
///     bytes
/// }
///
/// let endpoint = Endpoint::new().on_binary(echo);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary(pub Bytes);

impl FromEvent for Binary {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let is_sent = context.is_sent();
        let bytes = match context.untaken() {
            Some(Event::Binary(bytes)) => std::mem::take(bytes),
            Some(Event::Text(text)) if is_sent => std::mem::take(text).into(),
            _ => return Err(context.lacks("a binary message")),
        };
        let bytes = Self(bytes);
        context.taken();
        Ok(bytes)
    }
}

/// A part of a text message (S193), in a callback of
/// [`on_text_part`](crate::Endpoint::on_text_part). Parts are whole characters, and those of one
/// message come one after the other; where they are divided means nothing (RFC 6455 5.4).
///
/// ```
/// use campanile::{Endpoint, SessionState, TextPart};
///
/// /// Counts lines without ever holding a whole message.
/// async fn count(part: TextPart, mut lines: SessionState<usize>) -> Option<String> {
///     *lines += part.text.matches('\n').count();
///     part.is_last.then(|| format!("{} lines", std::mem::take(&mut *lines)))
/// }
///
/// let endpoint = Endpoint::new().session_state(usize::default).on_text_part(count);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// What came; may be empty.
    pub text: String,
    /// Whether the message ends with it.
    pub is_last: bool,
}

impl FromEvent for TextPart {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let Some(Event::TextPart { text, is_last }) = context.untaken() else {
            return Err(context.lacks("a part of a text message"));
        };
        let (text, is_last) = (std::mem::take(text), *is_last);
        context.taken();
        Ok(Self { text, is_last })
    }
}

/// A part of a binary message (S193), in a callback of
/// [`on_binary_part`](crate::Endpoint::on_binary_part). Parts of one message come one after the
/// other; where they are divided means nothing (RFC 6455 5.4).
///
/// ```
/// use campanile::{BinaryPart, Endpoint, SessionState};
///
/// async fn received(part: BinaryPart, mut bytes: SessionState<u64>) -> Option<String> {
///     *bytes += part.bytes.len() as u64;
///     part.is_last.then(|| format!("{} bytes", std::mem::take(&mut *bytes)))
/// }
///
/// let endpoint = Endpoint::new().session_state(u64::default).on_binary_part(received);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinaryPart {
    /// What came; may be empty.
    pub bytes: Bytes,
    /// Whether the message ends with it.
    pub is_last: bool,
}

impl FromEvent for BinaryPart {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let Some(Event::BinaryPart { bytes, is_last }) = context.untaken() else {
            return Err(context.lacks("a part of a binary message"));
        };
        let (bytes, is_last) = (std::mem::take(bytes), *is_last);
        context.taken();
        Ok(Self { bytes, is_last })
    }
}

/// The payload of a client's pong (RFC 6455 5.5.3), in a callback of
/// [`on_pong`](crate::Endpoint::on_pong): at most 125 bytes. A pong may come unasked.
///
/// ```
/// use campanile::{Endpoint, Pong, Session};
///
/// async fn alive(session: Session, Pong(payload): Pong) {
///     println!("{} is alive: {payload:?}", session.id());
/// }
///
/// let endpoint = Endpoint::new().on_pong(alive);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong(pub Bytes);

impl FromEvent for Pong {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let Some(Event::Pong(payload)) = context.untaken() else {
            return Err(context.lacks("a pong"));
        };
        let payload = Self(std::mem::take(payload));
        context.taken();
        Ok(payload)
    }
}

/// How many publications the session has missed since it was last told, in a callback of
/// [`on_dropped`](crate::Endpoint::on_dropped): it read too slowly, and its outbox's
/// [`Overflow`](crate::Overflow) rule let go of them.
///
/// ```
/// use campanile::{Dropped, Endpoint, Overflow};
///
/// async fn missed(Dropped(count): Dropped) -> String {
///     format!("{count} messages were too many for you")
/// }
///
/// let endpoint = Endpoint::new().overflow(Overflow::DropOldest).on_dropped(missed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped(pub u32);

impl FromEvent for Dropped {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.untaken() {
            Some(Event::Dropped(count)) => Ok(Self(*count)),
            _ => Err(context.lacks("dropped publications")),
        }
    }
}

/// How a session ended, in a close callback.
///
/// ```
/// use campanile::{Closed, Endpoint};
///
/// async fn closed(Closed(ending): Closed) {
///     println!("closed with {}: {}", ending.code, ending.reason);
/// }
///
/// let endpoint = Endpoint::new().on_close(closed);
/// ```
#[derive(Clone, Debug)]
pub struct Closed(pub Ending);

impl FromEvent for Closed {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let ending = context.ending().cloned().map(Self);
        ending.ok_or_else(|| context.lacks("an ending"))
    }
}

/// What a callback failed with, in an error callback.
///
/// ```
/// use campanile::{Endpoint, Failure, HandlerError, Rejection};
///
/// /// Tells clients what was wrong with their messages, and closes for everything else.
/// async fn failed(Failure(error): Failure) -> Result<String, HandlerError> {
///     match error.downcast_ref() {
///         Some(Rejection::Json(error)) => Ok(format!("send valid JSON: {error}")),
///         _ => Err(error),
///     }
/// }
///
/// let endpoint = Endpoint::new().on_error(failed);
/// ```
#[derive(Debug)]
pub struct Failure(pub HandlerError);

impl FromEvent for Failure {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let Some(Event::Failed(error)) = context.untaken() else {
            return Err(context.lacks("a failure"));
        };
        let Some(error) = error.take() else {
            return Err(context.lacks("a failure"));
        };
        context.taken();
        Ok(Self(error))
    }
}
