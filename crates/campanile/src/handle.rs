//! Publishing from anywhere.

use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{Accepted, Destination, Hub, Message, Refusal, SessionId};
use campanile_websocket::CloseCode;
use tokio::sync::{mpsc, oneshot};

use crate::build_error::BuildError;
use crate::driver::Doors;
use crate::endpoint::IntoEndpoint;
use crate::endpoints::Endpoints;
use crate::schedule::Schedules;
use crate::session::Session;
use crate::statistics::Statistics;

/// Publishes from anywhere: handlers, schedules, HTTP routes, other threads. Cheap to clone.
///
/// An endpoint is named by its path template, such as `/ws/{sid}`. All methods answer at once:
/// the message is then in the log, and each session gets it as fast as it reads.
#[derive(Clone, Debug)]
pub struct Handle {
    hub: Hub,
    schedules: Schedules,
    endpoints: Arc<Endpoints>,
    doors: Doors,
}

impl Handle {
    pub(crate) fn new(hub: Hub, endpoints: Arc<Endpoints>, doors: Doors) -> Self {
        Self {
            hub,
            schedules: Schedules::default(),
            endpoints,
            doors,
        }
    }

    pub(crate) fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.doors
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Sends to all sessions of an endpoint.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when the fan-out is behind by its limit: publish slower.
    /// [`Refusal::NoEndpoint`] when no endpoint has this path template.
    pub fn broadcast(
        &self,
        endpoint: impl Into<Arc<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        let endpoint = endpoint.into();
        let destination = Destination::endpoint(Arc::clone(&endpoint));
        let accepted = self.hub.publish(destination, message.into()).finished()?;
        self.check_endpoint(&endpoint, accepted)
    }

    /// Nobody is at an endpoint that is not there: then the name is wrong.
    fn check_endpoint(&self, endpoint: &str, accepted: Accepted) -> Result<Accepted, Refusal> {
        let is_there = || {
            self.endpoints
                .routes()
                .iter()
                .any(|(one, _)| one.as_str() == endpoint)
        };
        if accepted.subscriptions > 0 || is_there() {
            Ok(accepted)
        } else {
            Err(Refusal::NoEndpoint)
        }
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
        let (endpoint, hub) = (endpoint.into(), self.hub.clone());
        let destination = Destination::endpoint(Arc::clone(&endpoint));
        let picks = move |one: &Arc<_>| picks(&Session::new(Arc::clone(one), hub.clone()));
        let accepted = self
            .hub
            .publish_to_picked(destination, message.into(), picks)
            .finished()?;
        self.check_endpoint(&endpoint, accepted)
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

    /// Sends to all sessions that have subscribed to a destination: with
    /// [`Session::subscribe`](Session::subscribe), or as STOMP clients. The answer says how many.
    /// Under the name of a [queue](crate::Broker::queues) it goes into that queue, for one of its
    /// consumers.
    ///
    /// A message may have headers: `Message::text("…").with_headers([("colour", "red")])`. What is
    /// done to every message of one kind, such as a default destination or a header, is a function
    /// of yours around this.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn publish(
        &self,
        destination: impl Into<Arc<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        let destination = self.endpoints.broker().destination(destination);
        self.hub.publish(destination, message.into()).finished()
    }

    /// Sends to all sessions of a user that have subscribed to their own destination of this name
    /// (S154): STOMP clients who subscribe to `/user/queue/news` receive what is published for
    /// their user at `/queue/news`. The answer says how many.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn publish_to_user(
        &self,
        user: impl Into<Box<str>>,
        name: impl Into<Box<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        let destination = Destination::of_user(user, name);
        self.hub.publish(destination, message.into()).finished()
    }

    /// Sends to one session, if it has subscribed to its own destination of this name; see
    /// [`publish_to_user`](Self::publish_to_user).
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn publish_to_session(
        &self,
        session: SessionId,
        name: impl Into<Box<str>>,
        message: impl Into<Message>,
    ) -> Result<Accepted, Refusal> {
        let destination = Destination::of_session(session, name);
        self.hub.publish(destination, message.into()).finished()
    }

    /// Mounts one more endpoint while the application runs (S205); handshakes from now on find it.
    ///
    /// # Errors
    /// As [`Builder::build`](crate::Builder::build), when another endpoint has the path already.
    pub fn add_endpoint(&self, path: &str, endpoint: impl IntoEndpoint) -> Result<(), BuildError> {
        self.endpoints.mount(path, endpoint.into_endpoint())
    }

    /// Takes an endpoint away while the application runs, and answers whether there was one. Its
    /// sessions stay until they are [closed](Self::close_endpoint).
    pub fn remove_endpoint(&self, path: &str) -> bool {
        self.endpoints.unmount(path)
    }

    /// Closes all sessions of a user, on whatever endpoint, after what was sent to them so far
    /// (S33): when a login has ended, for one (S207). The reason should begin with a stable word
    /// and a colon.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when a shard is behind by more than its limit: try again.
    pub fn close_user(
        &self,
        user: impl Into<Arc<str>>,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Refusal> {
        let user = Destination::user(user);
        self.hub.close_all(&user, code.get(), reason).finished()
    }

    /// Closes all sessions of an endpoint, after what was sent to them so far.
    ///
    /// # Errors
    /// As [`close_user`](Self::close_user).
    pub fn close_endpoint(
        &self,
        endpoint: impl Into<Arc<str>>,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Refusal> {
        let endpoint = Destination::endpoint(endpoint);
        self.hub.close_all(&endpoint, code.get(), reason).finished()
    }

    /// The open sessions of an endpoint (S198), as they are when each shard is asked. For a crowd
    /// this is a long list: to send to some of them, [`broadcast_to`](Self::broadcast_to) is
    /// cheaper.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when a shard is behind by its limit: ask again.
    pub async fn sessions_of(
        &self,
        endpoint: impl Into<Arc<str>>,
    ) -> Result<Vec<Session>, Refusal> {
        self.subscribers(Destination::endpoint(endpoint)).await
    }

    /// The open sessions of a user, on whatever endpoint.
    ///
    /// # Errors
    /// As [`sessions_of`](Self::sessions_of).
    pub async fn sessions_of_user(
        &self,
        user: impl Into<Arc<str>>,
    ) -> Result<Vec<Session>, Refusal> {
        self.subscribers(Destination::user(user)).await
    }

    /// The open sessions that have subscribed to a destination.
    ///
    /// # Errors
    /// As [`sessions_of`](Self::sessions_of).
    pub async fn sessions_at(
        &self,
        destination: impl Into<Arc<str>>,
    ) -> Result<Vec<Session>, Refusal> {
        self.subscribers(Destination::named(destination)).await
    }

    async fn subscribers(&self, destination: Destination) -> Result<Vec<Session>, Refusal> {
        // One list a shard, and there are at most as many shards as the channel has room for.
        let (told, mut lists) = mpsc::channel(campanile_hub::SHARDS_MAX);
        self.hub
            .collect(&destination, move |some| drop(told.try_send(some)))
            .finished()?;
        let mut all = Vec::new();
        while let Some(some) = lists.recv().await {
            let sessions = some.into_iter();
            all.extend(sessions.map(|one| Session::new(one, self.hub.clone())));
        }
        Ok(all)
    }

    /// The open session that has this id.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when there is none, [`Refusal::Overloaded`] when its shard is behind.
    pub async fn session(&self, id: SessionId) -> Result<Session, Refusal> {
        let (told, found) = oneshot::channel();
        self.hub
            .find(id, move |session| drop(told.send(session)))
            .finished()?;
        let found = found.await.map_err(|_| Refusal::NoSession)?;
        Ok(Session::new(found, self.hub.clone()))
    }

    /// Leaves: refuses new sessions from now on, closes all with 1001 and a reason, evenly spread
    /// over this time, and waits until the last one has ended. [`Serve`](crate::Serve) does this by
    /// itself; within an application of axum's do it before that ends. It takes at most
    /// [`CLOSING_TIMEOUT`](campanile_hub::CLOSING_TIMEOUT) longer, for clients that do not answer,
    /// and does nothing for an application that is not at work.
    pub async fn leave(&self, over: Duration) {
        self.hub.leave();
        self.doors.drain(over).await;
    }

    /// How many open sessions have subscribed to a destination.
    pub fn count_at(&self, destination: impl Into<Arc<str>>) -> usize {
        let destination = self.endpoints.broker().destination(destination);
        self.hub.subscriptions(&destination)
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

    /// What has happened so far, in numbers.
    pub fn statistics(&self) -> Statistics {
        self.endpoints.counters().read(&self.hub)
    }

    /// The application's schedules: when one is due next, cancelling, adding.
    pub fn schedules(&self) -> Schedules {
        self.schedules.clone()
    }
}
