//! What is known of a message that was sent to a destination.

use std::str::FromStr;

use campanile_hub::{Content, Headers, Message};
use campanile_websocket::CloseCode;

use super::FromEvent;
use crate::context::{Context, Event};
use crate::error::Rejection;

/// The headers that a STOMP client has sent with a message: its own ones and `content-type`, not
/// those that control the protocol (S131). None for events that have no headers.
///
/// ```
/// use campanile::{Campanile, MessageHeaders, Rejection, StompEndpoint, Text};
///
/// async fn say(headers: MessageHeaders, Text(text): Text) -> Result<String, Rejection> {
///     let from = headers.required("from")?;
///     let times: usize = headers.parse("times")?.unwrap_or(1);
///     let colour = headers.get("colour").unwrap_or("black");
///     Ok(format!("{from} in {colour}: {}", text.repeat(times)))
/// }
///
/// let app = Campanile::builder().stomp("/stomp", StompEndpoint::new()).message("/say", say);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageHeaders(pub Headers);

impl MessageHeaders {
    /// The value of the first header of this name, in this spelling.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// A header that must be there.
    ///
    /// # Errors
    /// A refusal that begins with `missing-header`.
    pub fn required(&self, name: &str) -> Result<&str, Rejection> {
        self.get(name).ok_or_else(|| {
            let reason = format!("missing-header: send the header {name:?}");
            Rejection::refuse(CloseCode::POLICY, reason)
        })
    }

    /// A header as another type, if it is there.
    ///
    /// # Errors
    /// A refusal that begins with `invalid-header`.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Rejection> {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|_| {
            let reason = format!("invalid-header: the header {name:?} does not fit; correct it");
            Rejection::refuse(CloseCode::POLICY, reason)
        })
    }
}

impl FromEvent for MessageHeaders {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Ok(Self(context.message_headers()))
    }
}

/// The destination that a STOMP client has sent a message to, as it has written it (S133).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SentTo(pub String);

impl FromEvent for SentTo {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let destination = context.destination().map(str::to_owned);
        destination
            .map(Self)
            .ok_or_else(|| context.lacks("a message to a destination"))
    }
}

/// The whole message, with its headers where it has some (S133): to be published again, say.
impl FromEvent for Message {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let headers = context.message_headers();
        let content = match context.untaken() {
            Some(Event::Text(text)) => Content::text(std::mem::take(text)),
            Some(Event::Binary(bytes)) => Content::Binary(std::mem::take(bytes)),
            _ => return Err(context.lacks("a message")),
        };
        context.taken();
        Ok(Self {
            headers,
            ..content.into()
        })
    }
}

/// Refuses a message whose `content-type` says that it is something else; one without says nothing.
pub(super) fn check_content_type(
    context: &Context,
    format: &'static str,
    accepts: impl Fn(&str) -> bool,
) -> Result<(), Rejection> {
    let headers = context.message_headers();
    let Some(content_type) = headers.get("content-type") else {
        return Ok(());
    };
    let media_type = content_type.split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    match accepts(&media_type) {
        true => Ok(()),
        false => Err(Rejection::ContentType { format }),
    }
}
