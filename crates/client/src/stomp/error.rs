//! What can go wrong with STOMP, and what to do about it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use campanile_stomp::{ConnectedError, DecodeError};

use crate::{ClientError, CloseFrame};

/// Characters of an ERROR's body that its text repeats.
const BODY_SHOWN_MAX: usize = 500;

/// Why a call on a [`StompClient`](super::StompClient), a
/// [`Subscription`](super::Subscription) or a builder failed.
///
/// It can be cloned, since the loss of one connection is told to all who wait for something.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StompError {
    /// No connection could be opened: the address, TCP, TLS or WebSocket's handshake failed.
    #[error("{0}")]
    Open(Arc<ClientError>),
    /// The connection was not opened, or CONNECT not answered, in time.
    #[error(
        "{url} has not answered CONNECT within {after:?}; see whether STOMP is spoken there, or \
         raise open_timeout"
    )]
    OpenTimedOut {
        /// What was connected to.
        url: Arc<str>,
        /// The bound that was reached.
        after: Duration,
    },
    /// The server has answered CONNECT with what opens no session.
    #[error("no session was opened: {0}")]
    NotConnected(ConnectedError),
    /// The server has answered with an ERROR, to CONNECT or to a later frame.
    #[error("{0}")]
    Refused(Box<ServerError>),
    /// The server has broken the rules of STOMP, or a limit. The connection was ended.
    #[error("the server broke the protocol: {0}")]
    Protocol(DecodeError),
    /// The connection failed. Whether the server has got what it has not acknowledged is unknown.
    #[error("the connection was lost: {0}")]
    Lost(Arc<ClientError>),
    /// The server ended the connection; over WebSocket with what its Close frame says.
    #[error("the server ended the connection{}", Reason(.0))]
    Ended(Option<CloseFrame>),
    /// Nothing came from the server for three times as long as its heart-beats may take (S176).
    #[error("the server was silent for {after:?}, although it has promised heart-beats")]
    Silent {
        /// How long nothing came.
        after: Duration,
    },
    /// There is no connection at the moment; a new one is being tried. What is sent meanwhile is
    /// refused, not kept: it would arrive late, or twice. Wait with
    /// [`StompClient::connected`](super::StompClient::connected) and send it again.
    #[error("there is no connection at the moment; wait until the client is connected again")]
    Offline,
    /// [`disconnect`](super::StompClient::disconnect) was called, or the runtime has ended.
    #[error("the client has been disconnected; connect another one")]
    Disconnected,
    /// No RECEIPT came in time (S178). The frame may or may not have taken effect.
    #[error(
        "no receipt came within {after:?}; the server may be slow, or a subscription's queue is \
         full and pauses reading: read it, or raise receipt_timeout"
    )]
    ReceiptTimedOut {
        /// The bound that was reached.
        after: Duration,
    },
    /// So many receipts are waited for already.
    #[error("{receipts_max} receipts are being waited for; wait for some before sending more")]
    TooManyReceipts {
        /// The limit.
        receipts_max: usize,
    },
    /// So many subscriptions are there already.
    #[error("this client has {subscriptions_max} subscriptions; end some")]
    TooManySubscriptions {
        /// The limit.
        subscriptions_max: usize,
    },
    /// Another subscription of this client has that id.
    #[error("another subscription has the id {id:?}; choose one of its own")]
    IdTaken {
        /// The id.
        id: String,
    },
    /// The connection that a transaction was begun on was lost before it was committed, or it was
    /// ended on it.
    #[error(
        "the transaction ended with the connection that it was begun on, and nothing of it took \
         effect; begin another one"
    )]
    TransactionLost,
    /// So many transactions are open already.
    #[error("{transactions_max} transactions are open; commit or abort some")]
    TooManyTransactions {
        /// The limit.
        transactions_max: usize,
    },
    /// An ACK or NACK for a message of an earlier connection, which the server delivers again.
    #[error("the message came over an earlier connection; wait until it is delivered again")]
    Stale,
    /// A message of 1.2 without `ack`, or of 1.0 or 1.1 without `message-id`: it cannot be named.
    #[error(
        "the server has sent nothing that this message can be acknowledged by; subscribe with \
         AckMode::Client or AckMode::ClientIndividual"
    )]
    NotAcknowledgeable,
    /// STOMP 1.0 has no NACK.
    #[error("NACK does not exist in STOMP 1.0; offer a later version")]
    NoNack,
}

impl StompError {
    /// An open connection failed.
    pub(super) fn lost(error: ClientError) -> Self {
        Self::Lost(Arc::new(error))
    }

    /// A connection could not be opened.
    pub(super) fn open(error: ClientError) -> Self {
        Self::Open(Arc::new(error))
    }

    /// Whether trying again by itself would be wrong: the server has looked at CONNECT and said no,
    /// or the address is none.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) | Self::NotConnected(_) => true,
            Self::Open(error) => {
                matches!(
                    **error,
                    ClientError::Url { .. } | ClientError::Header { .. }
                )
            }
            _ => false,
        }
    }
}

/// What a Close frame says, behind the text of the error.
struct Reason<'a>(&'a Option<CloseFrame>);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(frame) => write!(formatter, ": {} {}", frame.code.get(), frame.reason),
            None => Ok(()),
        }
    }
}

/// An ERROR frame (STOMP 1.2, ERROR).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Its `message`: what is wrong, in short. Empty if the server has sent none.
    pub message: String,
    /// The receipt that the frame had asked for which the server complains about.
    pub receipt_id: Option<String>,
    /// All its headers, in the order of the server.
    pub headers: Vec<(String, String)>,
    /// More about it, often text.
    pub body: Bytes,
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the server refuses: {}", self.message)?;
        let body = String::from_utf8_lossy(&self.body);
        let body = body.trim();
        if body.is_empty() || body == self.message {
            return Ok(());
        }
        let shown = body.chars().take(BODY_SHOWN_MAX);
        write!(formatter, ": {}", shown.collect::<String>())
    }
}

impl std::error::Error for ServerError {}
