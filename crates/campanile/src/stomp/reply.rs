//! What a server tells a STOMP client, and how it refuses.

use std::borrow::Cow;

use bytes::Bytes;
use campanile_hub::{Delivery, Message, Publication, Refusal};
use campanile_stomp::{
    ClientFrameError, DecodeError, Frame, NoCommonVersion, SelectorError, Version,
};
use campanile_websocket::CloseCode;

use super::session::StompRuntime;
use super::stages::OutboundMessage;
use super::wire::opcode_of;
use super::{format, labels};
use crate::error::HandlerError;
use crate::session::Session;
use crate::wire::Wire;

/// Why a frame is refused: what the ERROR says, and the WebSocket's close after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// A stable word, for the `message` header.
    pub(crate) word: Cow<'static, str>,
    /// What is wrong and what to do, for the body.
    pub(crate) detail: String,
    pub(crate) code: CloseCode,
    /// Whether a session that keeps going after refusals may go on: the frame was understood.
    pub(crate) may_go_on: bool,
}

impl Refused {
    pub(crate) fn new(word: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            word: word.into(),
            detail: detail.into(),
            code: CloseCode::POLICY,
            may_go_on: true,
        }
    }

    /// One after which nothing can be understood any more.
    pub(crate) fn breach(word: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            code: CloseCode::PROTOCOL_ERROR,
            may_go_on: false,
            ..Self::new(word, detail)
        }
    }
}

impl Refused {
    /// The server is to blame, and that is all that the client is told.
    pub(crate) fn failed() -> Self {
        Self {
            code: CloseCode::INTERNAL_ERROR,
            ..Self::new(FAILED, "the server could not handle this frame")
        }
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        let code = CloseCode::new(error.close_code()).unwrap_or(CloseCode::PROTOCOL_ERROR);
        Self {
            code,
            ..Self::breach(error.word(), error.to_string())
        }
    }
}

impl From<ClientFrameError> for Refused {
    fn from(error: ClientFrameError) -> Self {
        Self {
            may_go_on: true,
            ..Self::breach(error.word(), error.to_string())
        }
    }
}

impl From<NoCommonVersion> for Refused {
    fn from(error: NoCommonVersion) -> Self {
        Self::breach(error.word(), error.to_string())
    }
}

impl From<SelectorError> for Refused {
    fn from(error: SelectorError) -> Self {
        Self::new(error.word(), error.to_string())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let word = match refusal {
            Refusal::Overloaded => "overloaded",
            Refusal::AlreadySubscribed => "duplicate-subscription",
            Refusal::NotSubscribed => "no-subscription",
            Refusal::TooManyPatterns => "too-many-patterns",
            Refusal::NotDelivered => "not-delivered",
            Refusal::QueueFull => "queue-full",
            Refusal::TooManyQueues => "too-many-queues",
            Refusal::UserKnown => "user-known",
            _ => "refused",
        };
        Self::new(word, refusal.to_string())
    }
}

impl From<HandlerError> for Refused {
    fn from(error: HandlerError) -> Self {
        if error.is_unexpected() {
            tracing::error!(%error, "a handler failed");
        }
        let (code, reason) = error.close();
        // A reason begins with a stable word and a colon.
        let (word, detail) = match reason.split_once(": ") {
            Some((word, detail)) if is_word(word) => (Cow::Owned(word.to_owned()), detail),
            _ => (Cow::Borrowed(FAILED), &*reason),
        };
        Self {
            code,
            ..Self::new(word, detail)
        }
    }
}

/// The word for what is told without a word of its own.
const FAILED: &str = "handler-failed";

/// How long a word may be, in bytes; what is longer is a sentence.
const WORD_BYTES_MAX: usize = 40;

/// Whether a text can be the stable word that an ERROR's `message` is.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// What one receiver gets of a publication, as the application's interceptors say.
pub(super) fn let_out(
    runtime: &StompRuntime,
    session: &Session,
    subscription: Option<&str>,
    publication: &Publication,
) -> Delivery {
    let destination = format::name_of(publication.destination(), runtime.broker.users());
    let destination = destination.unwrap_or_default();
    let message = OutboundMessage {
        destination: &destination,
        subscription,
        headers: publication.headers(),
        content: publication.content(),
    };
    runtime.stages.let_out(session, message)
}

/// A MESSAGE to one subscription alone. Its id is unique in the session.
pub(crate) fn reply_to(
    wire: Wire,
    version: Version,
    label: &str,
    destination: &str,
    id: &str,
    message: &Message,
) -> Bytes {
    let mut frame = format::COMMAND.to_vec();
    frame.extend_from_slice(labels::header(label).as_bytes());
    frame.extend_from_slice(labels::ack(label, id).unwrap_or_default().as_bytes());
    let (headers, body) = (&message.headers, message.content.bytes());
    format::append_rest(&mut frame, version, destination, id, headers, body);
    wire.carry(opcode_of(&message.content), frame)
}

/// The receipt that a frame asks for. The examples of 1.0 have blanks around values.
pub(crate) fn receipt_of<'a>(frame: &Frame<'a>, version: Option<Version>) -> Option<Cow<'a, str>> {
    let receipt = frame.header("receipt")?;
    match version {
        Some(Version::V10) => Some(receipt.trim_matches(' ').to_owned().into()),
        _ => Some(receipt),
    }
}

/// What comes before CONNECT is not looked at.
pub(crate) fn not_connected() -> Refused {
    Refused::breach(
        "not-connected",
        "send CONNECT first, and wait for CONNECTED",
    )
}
