//! What frames are called, and who sends them.

use std::fmt;

use crate::version::Version;

/// Which side *we* are: it decides which commands may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// We serve: the peer sends client frames.
    Server,
    /// We asked: the peer sends server frames.
    Client,
}

/// A frame's command, of any version. Case matters (STOMP 1.2, Augmented BNF).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Opens a session, in every version.
    Connect,
    /// Opens a session, from 1.1 on. The same as CONNECT (S60).
    Stomp,
    /// Sends a message to a destination.
    Send,
    /// Begins to listen.
    Subscribe,
    /// Stops to listen.
    Unsubscribe,
    /// A message was dealt with.
    Ack,
    /// A message was not dealt with; from 1.1 on.
    Nack,
    /// Begins a transaction.
    Begin,
    /// Ends a transaction: all of it takes effect.
    Commit,
    /// Ends a transaction: none of it takes effect.
    Abort,
    /// Ends a session.
    Disconnect,
    /// From the server: the session is open.
    Connected,
    /// From the server: a message for a subscription.
    Message,
    /// From the server: a frame that asked for a receipt took effect.
    Receipt,
    /// From the server: something went wrong, and the connection ends.
    Error,
}

impl Command {
    /// All commands.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Stomp,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Ack,
        Self::Nack,
        Self::Begin,
        Self::Commit,
        Self::Abort,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    /// The command that `line` names, exactly.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        Some(match line {
            b"CONNECT" => Self::Connect,
            b"STOMP" => Self::Stomp,
            b"SEND" => Self::Send,
            b"SUBSCRIBE" => Self::Subscribe,
            b"UNSUBSCRIBE" => Self::Unsubscribe,
            b"ACK" => Self::Ack,
            b"NACK" => Self::Nack,
            b"BEGIN" => Self::Begin,
            b"COMMIT" => Self::Commit,
            b"ABORT" => Self::Abort,
            b"DISCONNECT" => Self::Disconnect,
            b"CONNECTED" => Self::Connected,
            b"MESSAGE" => Self::Message,
            b"RECEIPT" => Self::Receipt,
            b"ERROR" => Self::Error,
            _ => return None,
        })
    }

    /// Which side receives it.
    pub fn receiver(self) -> Role {
        match self {
            Self::Connected | Self::Message | Self::Receipt | Self::Error => Role::Client,
            _ => Role::Server,
        }
    }

    /// Whether such a frame may have a body: SEND, MESSAGE and ERROR only (STOMP 1.1 and 1.2,
    /// Body). In 1.0 any frame may, and bodies that make no sense are ignored (STOMP 1.0,
    /// SUBSCRIBE); the first frame of a session is read so, too, since its version is not known.
    pub fn may_have_body(self, version: Option<Version>) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
            || matches!(version, None | Some(Version::V10))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
