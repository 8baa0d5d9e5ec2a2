//! Messages to destinations of the application's, on their way to handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// There for messages of a transaction, in place of a receipt of their own.
    pub(crate) together: Option<Arc<Together>>,
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
            together: self.together.clone(),
            on_error: None,
            purpose: self.purpose,
        }
    }
}

/// Messages of one transaction on their way to handlers: the receipt is given after the last of them,
/// unless one has failed.
#[derive(Debug)]
pub(crate) struct Together {
    receipt: Option<Box<str>>,
    /// How many have not been answered.
    left: AtomicUsize,
    has_failed: AtomicBool,
}

impl Together {
    pub(crate) fn new(receipt: Option<&str>, messages: usize) -> Self {
        Self {
            receipt: receipt.map(Into::into),
            left: AtomicUsize::new(messages),
            has_failed: AtomicBool::new(false),
        }
    }

    /// One was handled. Answers the receipt to be given, if that was the last and none has failed.
    fn handled(&self) -> Option<&str> {
        let is_last = self.left.fetch_sub(1, Ordering::Relaxed) == 1;
        let has_failed = self.has_failed.load(Ordering::Relaxed);
        self.receipt.as_deref().filter(|_| is_last && !has_failed)
    }

    /// One was refused. Answers the receipt that was asked for, for the first of these.
    fn refused(&self) -> Option<&str> {
        self.left.fetch_sub(1, Ordering::Relaxed);
        let has_failed = self.has_failed.swap(true, Ordering::Relaxed);
        self.receipt.as_deref().filter(|_| !has_failed)
    }
}

impl About {
    /// The receipt to be given now that it is done.
    pub(crate) fn receipt_of_done(&self) -> Option<&str> {
        match &self.together {
            Some(together) => together.handled(),
            None => self.receipt.as_deref(),
        }
    }

    /// The receipt that an ERROR is to name now that it is refused.
    pub(crate) fn receipt_of_refused(&self) -> Option<&str> {
        match &self.together {
            Some(together) => together.refused(),
            None => self.receipt.as_deref(),
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
