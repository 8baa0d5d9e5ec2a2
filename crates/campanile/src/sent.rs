//! Messages to destinations of the application's, on their way to handlers.

use std::sync::Arc;

use campanile_hub::{Headers, PathParameters};

use crate::context::Event;
use crate::handler::Callback;

/// A message to a destination of the application's, and who handles it.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) callback: Callback,
    /// The message, as any other.
    pub(crate) event: Event,
    pub(crate) about: Arc<About>,
}

/// What is known of a message to a destination of the application's.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) destination: Box<str>,
    pub(crate) parameters: PathParameters,
    pub(crate) headers: Headers,
    pub(crate) concurrency: u16,
    /// Where what the handler returns goes to.
    pub(crate) replies: Replies,
    /// The receipt that is asked for.
    pub(crate) receipt: Option<Box<str>>,
    /// Asked when the handler fails.
    pub(crate) on_error: Option<Callback>,
    pub(crate) purpose: Purpose,
}

/// Where the replies of those who handle failures go to, for the sender's session alone.
const ERRORS: &str = "/queue/errors";

impl About {
    /// Whether it is about a message or subscription that a handler takes.
    pub(crate) fn is_for_handlers(&self) -> bool {
        matches!(self.purpose, Purpose::Message | Purpose::Subscription)
    }

    /// What the error callback is told, and how its answer is dealt with.
    pub(crate) fn of_failure(&self) -> Self {
        Self {
            destination: self.destination.clone(),
            parameters: self.parameters.clone(),
            headers: self.headers.clone(),
            concurrency: self.concurrency,
            replies: Replies::Session(ERRORS.into()),
            receipt: self.receipt.clone(),
            on_error: None,
            purpose: self.purpose,
        }
    }
}

/// What a callback of a STOMP session is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A message to a destination of the application's.
    Message,
    /// A subscription to one.
    Subscription,
    /// To let a client in or not.
    Connect,
    /// To tell of something else.
    Event,
}

/// Where what a handler returns goes to.
#[derive(Clone, Debug)]
pub(crate) enum Replies {
    /// To these destinations; `{name}` stands for a variable.
    Destinations(Arc<[Box<str>]>),
    /// To the sessions of the sender's user, under this name.
    User(Box<str>),
    /// To the sender's session alone, under this name.
    Session(Box<str>),
    /// To the subscription with this label alone.
    Subscription(Box<str>),
    /// Nowhere.
    Nowhere,
}
