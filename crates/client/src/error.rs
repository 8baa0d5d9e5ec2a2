//! What can go wrong on a client's connection, and what to do about it.

use std::{fmt, io, time::Duration};

use campanile_websocket::{ClientHandshakeError, DecodeError, DeflateAnswerInvalid};

/// Why a call on a [`Client`](crate::Client) or [`Builder`](crate::Builder) failed.
///
/// After [`Io`](Self::Io), [`Lost`](Self::Lost), [`Protocol`](Self::Protocol) and
/// [`TimedOut`](Self::TimedOut) the connection is over; the other errors leave it as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not one that a WebSocket can be opened to.
    #[error("cannot connect to {url:?}: {problem}")]
    Url {
        /// The address as it was given.
        url: String,
        /// What is wrong with it.
        problem: UrlProblem,
    },
    /// A sub-protocol, header or origin that may not be sent in a handshake.
    #[error("the handshake header {name} cannot be {value:?}: {problem}")]
    Header {
        /// Name of the header, as it was given.
        name: String,
        /// Value of the header, as it was given.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The host's name could not be resolved.
    #[error("cannot resolve the host {host:?}: {source}")]
    Resolve {
        /// The host of the address.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// None of the host's addresses accepted a TCP connection. The error is the last one's.
    #[error("no address of {host}:{port} accepts a connection: {source}")]
    Connect {
        /// The host of the address.
        host: String,
        /// The port of the address.
        port: u16,
        /// What the last address that was tried answered.
        source: io::Error,
    },
    /// The TLS handshake failed, or what was given for it cannot be used.
    #[cfg(feature = "tls")]
    #[error("no TLS connection: {0}")]
    Tls(#[from] crate::TlsError),
    /// The operating system gave no random bytes for a key or a mask (RFC 6455 10.3).
    #[error("the operating system gave no random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The server's answer is not the end of an opening handshake (RFC 6455 4.1).
    #[error("the opening handshake failed: {0}")]
    Handshake(#[from] ClientHandshakeError),
    /// The server accepted compression in a way that was not offered (RFC 7692 5.2).
    #[error("the opening handshake failed: {0}")]
    Compression(#[from] DeflateAnswerInvalid),
    /// The server closed the connection before it had answered the opening handshake.
    #[error("the server closed the connection before it answered the opening handshake")]
    NoAnswer,
    /// A bounded wait ended. The bound is one of the builder's.
    #[error("{step} took longer than {after:?}; the builder can raise that bound")]
    TimedOut {
        /// What was waited for.
        step: Step,
        /// The bound that was reached.
        after: Duration,
    },
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The server closed the TCP connection without a Close frame (close code 1006 of RFC 6455
    /// 7.1.5).
    #[error("the server closed the connection without a Close frame")]
    Lost,
    /// The server sent what RFC 6455 or the client's limits forbid. The client has answered with
    /// the fitting close code.
    #[error("the server broke the protocol: {0}")]
    Protocol(#[from] DecodeError),
    /// The payload of a ping may have 125 bytes (RFC 6455 5.5).
    #[error("a ping carries at most 125 bytes, not {bytes}")]
    PingTooLong {
        /// Bytes of the payload that was refused.
        bytes: usize,
    },
    /// Only text and binary messages can be sent in fragments (RFC 6455 5.4).
    #[error("only text and binary messages can be fragmented, not {opcode:?}")]
    NotFragmentable {
        /// The opcode that was refused.
        opcode: campanile_websocket::Opcode,
    },
    /// A message was to be sent after a Close had been sent or received, or after a failure.
    #[error("nothing can be sent any more: the connection is closing or closed; open a new one")]
    Closed,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlProblem {
    /// It is not a URL.
    Syntax,
    /// Its scheme is neither `ws` nor `wss`.
    Scheme,
    /// Its scheme is `wss`, and this client was built without its feature `tls`.
    Tls,
    /// It names no host.
    Host,
    /// It has a fragment (`#…`), which RFC 6455 3 forbids.
    Fragment,
    /// It has a user name in front of the host, which no WebSocket handshake can carry.
    UserInfo,
}

impl fmt::Display for UrlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "it is not a URL; write ws://HOST:PORT/PATH",
            Self::Scheme => {
                "its scheme is neither ws nor wss (nor, for STOMP over TCP, stomp or stomps); \
                 write ws://HOST:PORT/PATH"
            }
            Self::Tls => {
                "this client was built without TLS; build it with the feature tls, or use ws:// or \
                 stomp://"
            }
            Self::Host => "it names no host; write ws://HOST:PORT/PATH",
            Self::Fragment => "a WebSocket address has no fragment; write %23 for a # in the path",
            Self::UserInfo => "it holds a user name; send an Authorization header instead",
        })
    }
}

/// What a [`ClientError::TimedOut`] was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Resolving, connecting and the opening handshake.
    Opening,
    /// The closing handshake, up to the end of the TCP connection.
    Closing,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opening => "opening the connection",
            Self::Closing => "the closing handshake",
        })
    }
}
