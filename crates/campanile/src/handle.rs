//! Publishing from anywhere.

use std::sync::Arc;

use campanile_hub::{Accepted, Destination, Hub, Message, Refusal, Session};

use crate::schedule::Schedules;

/// Publishes from anywhere: handlers, schedules, HTTP routes, other threads. Cheap to clone.
///
/// An endpoint is named by its path template, such as `/ws/{sid}`. All methods answer at once:
/// the message is then in the log, and each session gets it as fast as it reads.
#[derive(Clone, Debug)]
pub struct Handle {
    hub: Hub,
    schedules: Schedules,
}

impl Handle {
    pub(crate) fn new(hub: Hub) -> Self {
        Self {
            hub,
            schedules: Schedules::default(),
        }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Sends to all sessions of an endpoint.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when the fan-out is behind by its limit: publish slower.
    pub fn broadcast(
        &self,
        endpoint: impl Into<Arc<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        self.hub
            .publish(Destination::endpoint(endpoint), message.into())
            .finished()
    }

    /// Sends to those sessions of an endpoint that `picks` says yes to. It is asked on the
    /// sessions' own threads: it must be quick and must not block. The answer's count is of those
    /// who are asked.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_to(
        &self,
        endpoint: impl Into<Arc<str>>,
        message: impl Into<Message>,
        picks: impl Fn(&Session) -> bool + Send + Sync + 'static,
    ) -> Result<Accepted, Refusal> {
        let destination = Destination::endpoint(endpoint);
        self.hub
            .publish_to_picked(destination, message.into(), picks)
            .finished()
    }

    /// Sends to all sessions of a user, whatever endpoint they are on. The answer says how many.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn send_to_user(
        &self,
        user: impl Into<Arc<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        self.hub
            .publish(Destination::user(user), message.into())
            .finished()
    }

    /// How many open sessions an endpoint has.
    pub fn count(&self, endpoint: impl Into<Arc<str>>) -> usize {
        self.hub.subscriptions(&Destination::endpoint(endpoint))
    }

    /// How many open sessions a user has.
    pub fn count_of_user(&self, user: impl Into<Arc<str>>) -> usize {
        self.hub.subscriptions(&Destination::user(user))
    }

    /// How many sessions this process has, closing ones included.
    pub fn sessions(&self) -> usize {
        self.hub.sessions()
    }

    /// How many sessions this process has ever had.
    pub fn sessions_opened(&self) -> u64 {
        self.hub.sessions_opened()
    }

    /// The application's schedules: when one is due next, cancelling, adding.
    pub fn schedules(&self) -> Schedules {
        self.schedules.clone()
    }
}
