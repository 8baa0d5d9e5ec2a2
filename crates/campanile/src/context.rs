//! What happened to a session, as its callbacks are told.

use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::Ending;

use crate::error::HandlerError;
use crate::session::Session;
use crate::state::Application;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    Opened,
    Text(String),
    Binary(Bytes),
    Closed(Ending),
    /// `None` once an extractor has taken it.
    Failed(Option<HandlerError>),
}

impl Event {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Opened => "an opened session",
            Self::Text(_) => "a text message",
            Self::Binary(_) => "a binary message",
            Self::Closed(_) => "a closed session",
            Self::Failed(_) => "a failed callback",
        }
    }

    /// What it counts for in a session's queue of messages that wait for a handler.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Opened | Self::Closed(_) | Self::Failed(_) => 0,
        }
    }
}

/// An event of a session on its way to a callback: what extractors draw from.
#[derive(Debug)]
pub struct Context {
    application: Arc<Application>,
    session: Session,
    event: Event,
}

impl Context {
    pub(crate) fn new(application: Arc<Application>, session: Session, event: Event) -> Self {
        Self {
            application,
            session,
            event,
        }
    }

    /// The application that the endpoint belongs to.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// The session that something happened to.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The message's bytes, where the event is a message that no extractor has taken yet.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.event {
            Event::Text(text) => Some(text.as_bytes()),
            Event::Binary(bytes) => Some(bytes),
            Event::Opened | Event::Closed(_) | Event::Failed(_) => None,
        }
    }

    pub(crate) fn event_mut(&mut self) -> &mut Event {
        &mut self.event
    }
}
