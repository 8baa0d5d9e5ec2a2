//! User code between sessions and the broker: what clients send, and what each receiver gets.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{Content, Delivery, Headers, Message};
use campanile_stomp::{Command, Frame};

use super::refusing::StompError;
use super::reply::Refused;
use crate::calls::catching;
use crate::session::Session;

/// A client's frame on its way in, for [`Builder::inbound`](crate::Builder::inbound).
#[derive(Clone, Debug)]
pub struct InboundFrame {
    pub(super) command: Command,
    headers: Vec<(String, String)>,
    body: Bytes,
    pub(super) is_changed: bool,
}

impl InboundFrame {
    pub(super) fn new(frame: &Frame<'_>) -> Self {
        let headers = frame.headers();
        Self {
            command: frame.command(),
            headers: headers
                .map(|one| (one.name.into_owned(), one.value.into_owned()))
                .collect(),
            body: Bytes::copy_from_slice(frame.body()),
            is_changed: false,
        }
    }

    /// Its command, such as `SEND`.
    pub fn command(&self) -> &'static str {
        self.command.as_str()
    }

    /// Where it is sent to, or what is subscribed to.
    pub fn destination(&self) -> Option<&str> {
        self.header("destination")
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values of all headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Sets a header, in place of all that have this name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.into()));
        self.is_changed = true;
    }

    /// Takes all headers of this name away.
    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.is_changed = true;
    }

    /// What follows the headers.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Gives it another body.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        // An old one would not fit; the encoder writes the right one.
        self.headers.retain(|(name, _)| name != "content-length");
        self.is_changed = true;
    }

    /// It as bytes, for a decoder.
    pub(super) fn encode(&self, version: campanile_stomp::Version) -> Vec<u8> {
        let headers: Vec<(&str, &str)> = self
            .headers()
            .filter(|(name, _)| *name != "content-length")
            .collect();
        campanile_stomp::encode(version, self.command, &headers, &self.body)
    }
}

/// What becomes of a client's frame, as an interceptor says; `()` lets it pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes on to the next interceptor, and takes effect in the end.
    Pass,
    /// It has no effect, and the client is not told: a receipt that it asks for is given.
    Drop,
    /// It is refused with an ERROR.
    Refuse {
        /// A stable word for the `message` header, such as `too-fast`.
        word: Cow<'static, str>,
        /// What is wrong and what to do, for the body.
        detail: String,
    },
}

impl Passage {
    /// Refuses the frame with a stable word and what the client should do.
    pub fn refuse(word: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Refuse {
            word: word.into(),
            detail: detail.into(),
        }
    }
}

impl From<()> for Passage {
    fn from((): ()) -> Self {
        Self::Pass
    }
}

/// A MESSAGE on its way to one subscription, for [`Builder::outbound`](crate::Builder::outbound).
#[derive(Clone, Copy, Debug)]
pub struct OutboundMessage<'a> {
    pub(super) destination: &'a str,
    pub(super) subscription: Option<&'a str>,
    pub(super) headers: &'a Headers,
    pub(super) content: &'a Content,
}

impl OutboundMessage<'_> {
    /// Where it was sent to, as the receiver sees it.
    pub fn destination(&self) -> &str {
        self.destination
    }

    /// The receiver's id for its subscription, if it has one: STOMP 1.0 needs none.
    pub fn subscription(&self) -> Option<&str> {
        self.subscription
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &Headers {
        self.headers
    }

    /// What it says.
    pub fn content(&self) -> &Content {
        self.content
    }

    /// The same message, to be changed and put in its place.
    pub fn to_message(&self) -> Message {
        Message {
            headers: self.headers.clone(),
            ..self.content.clone().into()
        }
    }
}

type Inbound = Arc<dyn Fn(&Session, &mut InboundFrame) -> Passage + Send + Sync>;
type Outbound = Arc<dyn Fn(&Session, &OutboundMessage<'_>) -> Delivery + Send + Sync>;
type OnStompError = Arc<dyn Fn(&Session, &mut StompError) + Send + Sync>;

/// The interceptors of an application, in the order in which they are asked.
#[derive(Clone, Default)]
pub(crate) struct Stages {
    pub(crate) inbound: Vec<Inbound>,
    pub(crate) outbound: Vec<Outbound>,
    pub(crate) on_error: Option<OnStompError>,
}

impl Stages {
    /// Asks what becomes of a frame; it may be changed on the way.
    pub(super) fn let_in(
        &self,
        session: &Session,
        frame: &mut InboundFrame,
    ) -> Result<bool, Refused> {
        for interceptor in &self.inbound {
            let passage = catching(|| interceptor(session, frame));
            match passage {
                Ok(Passage::Pass) => {}
                Ok(Passage::Drop) => return Ok(false),
                Ok(Passage::Refuse { word, detail }) => return Err(Refused::new(word, detail)),
                Err(panicked) => {
                    tracing::error!(session = %session.id(), %panicked, "an inbound interceptor");
                    return Err(Refused::failed());
                }
            }
        }
        Ok(true)
    }

    /// Asks what one receiver gets of a message.
    pub(super) fn let_out(&self, session: &Session, message: OutboundMessage<'_>) -> Delivery {
        let mut replaced: Option<Message> = None;
        for interceptor in &self.outbound {
            let now = OutboundMessage {
                headers: replaced.as_ref().map_or(message.headers, |it| &it.headers),
                content: replaced.as_ref().map_or(message.content, |it| &it.content),
                ..message
            };
            match catching(|| interceptor(session, &now)) {
                Ok(Delivery::AsItIs) => {}
                Ok(Delivery::Dropped) => return Delivery::Dropped,
                Ok(Delivery::Replaced(other)) => replaced = Some(other),
                Err(panicked) => {
                    tracing::error!(session = %session.id(), %panicked, "an outbound interceptor");
                    return Delivery::Dropped;
                }
            }
        }
        replaced.map_or(Delivery::AsItIs, Delivery::Replaced)
    }
}
