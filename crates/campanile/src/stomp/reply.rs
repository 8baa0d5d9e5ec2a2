//! What a server tells a STOMP client, and how it refuses.

use std::borrow::Cow;

use bytes::Bytes;
use campanile_hub::{Content, Message, Refusal};
use campanile_stomp::{
    ClientFrameError, Command, DecodeError, Frame, NoCommonVersion, SelectorError, Version,
};
use campanile_websocket::{CloseCode, Opcode, encode_frame};

use super::{format, labels};
use crate::error::HandlerError;

/// Why a frame is refused: what the ERROR says, and the WebSocket's close after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// A stable word, for the `message` header.
    pub(crate) word: &'static str,
    /// What is wrong and what to do, for the body.
    pub(crate) detail: String,
    pub(crate) code: CloseCode,
    /// Whether a session that keeps going after refusals may go on: the frame was understood.
    pub(crate) may_go_on: bool,
}

impl Refused {
    pub(crate) fn new(word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            word,
            detail: detail.into(),
            code: CloseCode::POLICY,
            may_go_on: true,
        }
    }

    /// One after which nothing can be understood any more.
    pub(crate) fn breach(word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code: CloseCode::PROTOCOL_ERROR,
            may_go_on: false,
            ..Self::new(word, detail)
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
        let (word, detail) = reason
            .split_once(": ")
            .unwrap_or(("handler-failed", &reason));
        let word = WORDS.iter().find(|known| **known == word);
        Self {
            code,
            ..Self::new(word.unwrap_or(&"handler-failed"), detail)
        }
    }
}

/// The words that handlers' errors begin with of themselves.
const WORDS: [&str; 6] = [
    "invalid-payload",
    "invalid-path",
    "invalid-query",
    "anonymous",
    "overloaded",
    "handler-failed",
];

/// A MESSAGE to one subscription alone, in a WebSocket message. Its id is unique in the session.
pub(crate) fn reply_to(
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
    let opcode = match message.content {
        Content::Text(_) => Opcode::Text,
        _ => Opcode::Binary,
    };
    encode_frame(opcode, &frame)
}

/// A frame in a WebSocket message.
pub(crate) fn in_message(
    version: Version,
    command: Command,
    headers: &[(&str, &str)],
    body: &str,
) -> Bytes {
    let frame = campanile_stomp::encode(version, command, headers, body.as_bytes());
    encode_frame(Opcode::Text, &frame)
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
