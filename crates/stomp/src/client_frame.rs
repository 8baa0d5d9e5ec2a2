//! What a client asks for, with the headers that each command has.

use std::borrow::Cow;

use crate::{
    command::{Command, Role},
    connect::Connect,
    error::Excerpt,
    frame::Frame,
    heart_beat::HeartBeatInvalid,
    version::Version,
};

/// A text of a frame: borrowed, unless it had escapes.
type Text<'a> = Cow<'a, str>;

/// A client frame with the headers that its command has in a version. All other headers are the
/// application's, see [`Frame::headers`].
///
/// In a 1.0 session blanks around the values are left out: the examples of that version have them,
/// and later ones forbid them. Headers of the application are never trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFrame<'a> {
    /// The `receipt` that is asked for, except on CONNECT (STOMP 1.2, Header receipt).
    pub receipt: Option<Text<'a>>,
    /// What is asked for.
    pub request: Request<'a>,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// CONNECT or STOMP: open a session.
    Connect(Connect<'a>),
    /// SEND.
    Send(Send<'a>),
    /// SUBSCRIBE.
    Subscribe(Subscribe<'a>),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe<'a>),
    /// ACK.
    Ack(Acknowledge<'a>),
    /// NACK.
    Nack(Acknowledge<'a>),
    /// BEGIN, with the transaction's name.
    Begin(Text<'a>),
    /// COMMIT, with the transaction's name.
    Commit(Text<'a>),
    /// ABORT, with the transaction's name.
    Abort(Text<'a>),
    /// DISCONNECT.
    Disconnect,
}

/// A message to a destination (STOMP 1.2, SEND).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send<'a> {
    /// Where to.
    pub destination: Text<'a>,
    /// What the body is; a blob without it.
    pub content_type: Option<Text<'a>>,
    /// The transaction that it is a part of.
    pub transaction: Option<Text<'a>>,
    /// The message.
    pub body: &'a [u8],
}

/// Listening to a destination (STOMP 1.2, SUBSCRIBE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The client's name for it. Only 1.0 may lack it: then its destination stands for it.
    pub id: Option<Text<'a>>,
    /// What to listen to.
    pub destination: Text<'a>,
    /// How messages are acknowledged.
    pub ack: AckMode,
    /// A condition that a message's headers must meet; see [`Selector`](crate::Selector).
    pub selector: Option<Text<'a>>,
}

/// How messages are acknowledged (STOMP 1.2, SUBSCRIBE ack Header).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AckMode {
    /// A message that was sent counts as dealt with.
    #[default]
    Auto,
    /// An ACK is for its message and all before it in the subscription.
    Client,
    /// An ACK is for its message only.
    ClientIndividual,
}

impl AckMode {
    /// As the `ack` header of SUBSCRIBE names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Client => "client",
            Self::ClientIndividual => "client-individual",
        }
    }
}

/// Listening no more (STOMP 1.2, UNSUBSCRIBE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsubscribe<'a> {
    /// The subscription with this id.
    Id(Text<'a>),
    /// The one to this destination that has no id; in 1.0 only.
    Destination(Text<'a>),
}

/// Which messages were dealt with or not (ACK and NACK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge<'a> {
    /// The message.
    pub message: AckId<'a>,
    /// The transaction that it is a part of.
    pub transaction: Option<Text<'a>>,
}

/// How a message is named in ACK and NACK, which each version does in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AckId<'a> {
    /// 1.0: its `message-id`, whatever subscription it came by (STOMP 1.0, ACK).
    MessageId(Text<'a>),
    /// 1.1: its `message-id` in a `subscription` (STOMP 1.1, ACK).
    InSubscription {
        /// The subscription's id.
        subscription: Text<'a>,
        /// The message's.
        message_id: Text<'a>,
    },
    /// 1.2: the `ack` header of the MESSAGE, as `id` (STOMP 1.2, ACK).
    Ack(Text<'a>),
}

/// A frame that is well formed but does not say what its command needs. Answer with an ERROR that
/// has [`word`](Self::word) as `message`, this error's text as the body, and the frame's `receipt`
/// as `receipt-id` (STOMP 1.2, ERROR; S76).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ClientFrameError {
    /// A required header is missing.
    #[error("{command} has no {header} header, which STOMP {version} requires; add it")]
    MissingHeader {
        /// The frame's command.
        command: Command,
        /// The header's name.
        header: &'static str,
        /// The session's version.
        version: Version,
    },
    /// An `ack` mode that does not exist.
    #[error("ack mode \"{mode}\" does not exist; use auto, client or client-individual")]
    AckModeUnknown {
        /// The beginning of it.
        mode: Excerpt,
    },
    /// A `heart-beat` that cannot be read.
    #[error(transparent)]
    HeartBeat(#[from] HeartBeatInvalid),
    /// A command that the session's version does not have.
    #[error("{command} does not exist in STOMP {version}; ask for a later one in accept-version")]
    CommandNotInVersion {
        /// The frame's command.
        command: Command,
        /// The session's version.
        version: Version,
    },
    /// A frame that servers send.
    #[error("{command} is sent by servers only; send a client's frame")]
    ServerFrame {
        /// The frame's command.
        command: Command,
    },
}

impl ClientFrameError {
    /// The stable word for the `message` header of an ERROR: `missing-header`, `bad-header` or
    /// `unknown-command`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "missing-header",
            Self::AckModeUnknown { .. } | Self::HeartBeat(_) => "bad-header",
            Self::CommandNotInVersion { .. } | Self::ServerFrame { .. } => "unknown-command",
        }
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads `frame`, which came in a session of `version`. The version does not matter for CONNECT
    /// and STOMP, which bring it.
    ///
    /// # Errors
    /// What is missing or cannot be read. The session may go on if the endpoint wants that (S75):
    /// the frame itself was complete.
    pub fn read(frame: &Frame<'a>, version: Version) -> Result<Self, ClientFrameError> {
        let command = frame.command();
        if command.receiver() == Role::Client {
            return Err(ClientFrameError::ServerFrame { command });
        }
        let required = |value: Option<Text<'a>>, header| {
            value.ok_or(ClientFrameError::MissingHeader {
                command,
                header,
                version,
            })
        };
        let (receipt, request) = match command {
            Command::Send => {
                let names = ["destination", "content-type", "transaction", "receipt"];
                let [destination, content_type, transaction, receipt] = take(frame, version, names);
                let send = Send {
                    destination: required(destination, "destination")?,
                    content_type,
                    transaction,
                    body: frame.body(),
                };
                (receipt, Request::Send(send))
            }
            Command::Subscribe => {
                let names = ["id", "destination", "ack", "selector", "receipt"];
                let [id, destination, ack, selector, receipt] = take(frame, version, names);
                let id = match version {
                    Version::V10 => id,
                    Version::V11 | Version::V12 => Some(required(id, "id")?),
                };
                let subscribe = Subscribe {
                    id,
                    destination: required(destination, "destination")?,
                    ack: ack_mode(ack.as_deref())?,
                    selector,
                };
                (receipt, Request::Subscribe(subscribe))
            }
            Command::Unsubscribe => {
                let [id, destination, receipt] =
                    take(frame, version, ["id", "destination", "receipt"]);
                let unsubscribe = match (id, destination) {
                    (None, Some(destination)) if version == Version::V10 => {
                        Unsubscribe::Destination(destination)
                    }
                    (id, _) => Unsubscribe::Id(required(id, "id")?),
                };
                (receipt, Request::Unsubscribe(unsubscribe))
            }
            Command::Nack if version == Version::V10 => {
                return Err(ClientFrameError::CommandNotInVersion { command, version });
            }
            Command::Ack | Command::Nack => {
                let names = ["id", "message-id", "subscription", "transaction", "receipt"];
                let [id, message_id, subscription, transaction, receipt] =
                    take(frame, version, names);
                let message = match version {
                    Version::V10 => AckId::MessageId(required(message_id, "message-id")?),
                    Version::V11 => AckId::InSubscription {
                        subscription: required(subscription, "subscription")?,
                        message_id: required(message_id, "message-id")?,
                    },
                    Version::V12 => AckId::Ack(required(id, "id")?),
                };
                let acknowledge = Acknowledge {
                    message,
                    transaction,
                };
                let request = match command {
                    Command::Ack => Request::Ack(acknowledge),
                    _ => Request::Nack(acknowledge),
                };
                (receipt, request)
            }
            Command::Begin | Command::Commit | Command::Abort => {
                let [transaction, receipt] = take(frame, version, ["transaction", "receipt"]);
                let transaction = required(transaction, "transaction")?;
                let request = match command {
                    Command::Begin => Request::Begin(transaction),
                    Command::Commit => Request::Commit(transaction),
                    _ => Request::Abort(transaction),
                };
                (receipt, request)
            }
            Command::Disconnect => {
                let [receipt] = take(frame, version, ["receipt"]);
                (receipt, Request::Disconnect)
            }
            _ => (None, Request::Connect(Connect::read(frame)?)),
        };
        Ok(Self { receipt, request })
    }
}

/// The first value of each of `names`, in one pass. The names have nothing that could be escaped.
pub(crate) fn take<'a, const N: usize>(
    frame: &Frame<'a>,
    version: Version,
    names: [&str; N],
) -> [Option<Text<'a>>; N] {
    let mut values = [const { None }; N];
    for (name, value) in frame.raw_headers() {
        let Some(place) = names.iter().position(|it| *it == name) else {
            continue;
        };
        if values[place].is_none() {
            let value = match version {
                Version::V10 => value.trim_matches(' '),
                Version::V11 | Version::V12 => value,
            };
            values[place] = Some(crate::escape::unescape(value, frame.escapes));
        }
    }
    values
}

fn ack_mode(value: Option<&str>) -> Result<AckMode, ClientFrameError> {
    match value {
        None | Some("auto") => Ok(AckMode::Auto),
        Some("client") => Ok(AckMode::Client),
        Some("client-individual") => Ok(AckMode::ClientIndividual),
        Some(other) => Err(ClientFrameError::AckModeUnknown {
            mode: Excerpt::new(other.as_bytes()),
        }),
    }
}
