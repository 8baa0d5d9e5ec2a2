//! What happens to a client's connection, as it happens.

use std::{sync::Arc, time::Duration};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    error::{ServerError, StompError},
    link::Session,
};

/// How many events are kept for one who does not look: of more, the oldest are lost.
pub const EVENTS_MAX: usize = 64;

/// What has happened to the connection (S183).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// It was opened again, and the subscriptions were asked for again (S184).
    Connected(Arc<Session>),
    /// A subscription goes on after a loss, since the server knows of recovery (S184).
    Recovered {
        /// The id of the subscription.
        subscription: String,
        /// Whether everything that was sent meanwhile comes now. Otherwise its next message says
        /// [`Missed::Unknown`](super::Missed::Unknown).
        recovered: bool,
    },
    /// The server has sent an ERROR. Who asked for what it refuses is told, too.
    Refused(Box<ServerError>),
    /// It was lost.
    Lost(StompError),
    /// It is to be opened again after that time. The attempts are counted from 1.
    Reconnecting {
        /// Which attempt it is.
        attempt: u32,
        /// How long is waited before it.
        delay: Duration,
    },
    /// It is over: without an error when the client was disconnected, else with the last one.
    Ended(Option<StompError>),
}

/// The events from the call of [`StompClient::events`](super::StompClient::events) on.
#[derive(Debug)]
pub struct Events {
    receiver: Option<broadcast::Receiver<Event>>,
}

impl Events {
    pub(super) fn new(receiver: Option<broadcast::Receiver<Event>>) -> Self {
        Self { receiver }
    }

    /// The next event; `None` after the last one. If more than [`EVENTS_MAX`] wait, the oldest are
    /// left out.
    pub async fn next(&mut self) -> Option<Event> {
        let receiver = self.receiver.as_mut()?;
        loop {
            match receiver.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
