//! What clients ask of the server, beside the bytes that say it.

use super::places::{Target, Wish};

/// What a frame of a client does, and whether its sender wants to know when it has.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) what: What,
    pub(super) receipt: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Connect,
    Send(Sending),
    Subscribe(Subscribing),
    /// What the client calls the subscription.
    Unsubscribe(String),
    Settle(Settling),
    Begin(String),
    Commit(String),
    Abort(String),
    Disconnect,
}

#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Which message of the run it is.
    pub(super) number: usize,
    pub(super) target: Target,
    pub(super) transaction: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Subscribing {
    /// What the client calls it: its id, or else its destination.
    pub(super) key: String,
    pub(super) wish: Wish,
    pub(super) mode: Mode,
    pub(super) prefetch: usize,
    /// It takes messages that are marked, and no others.
    pub(super) is_selective: bool,
    pub(super) after: Option<String>,
}

/// When messages of a queue are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Auto,
    Client,
    Individual,
}

impl Mode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Client => "client",
            Self::Individual => "client-individual",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Settling {
    /// The subscription, unless it is left out.
    pub(super) key: Option<String>,
    /// Which message of the run is settled.
    pub(super) number: usize,
    pub(super) fate: Fate,
    pub(super) transaction: Option<String>,
}

/// What a client says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Rejected,
    /// Rejected, and not to be delivered again.
    Discarded,
}
