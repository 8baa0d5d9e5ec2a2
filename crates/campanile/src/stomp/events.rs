//! What happens to STOMP sessions, and the callbacks that are told.

use std::fmt;
use std::sync::{Arc, OnceLock};

use campanile_hub::{Ending, Headers, PathParameters};

use super::endpoint::StompEndpoint;
use crate::around::Decorator;
use crate::context::{About, Context, Event, Purpose, Replies, Sent};
use crate::error::Rejection;
use crate::extract::FromEvent;
use crate::handler::{Callback, Handler};

/// What happens to a STOMP session.
#[derive(Debug)]
pub(crate) enum StompEvent {
    Connect(Login),
    Connected,
    Subscribed(Subscription),
    Unsubscribed(Subscription),
    Disconnected(Ending),
}

/// What a client has said of itself with CONNECT: an argument of
/// [`StompEndpoint::on_connect`].
///
/// Its `Debug` form shows neither the passcode nor the values of headers, which may be tokens (S81).
///
/// ```
/// use campanile::{CloseCode, HandlerError, Login, StompEndpoint};
///
/// async fn sign_in(login: Login) -> Result<(), HandlerError> {
///     match (login.login.as_deref(), login.passcode.as_deref()) {
///         (Some("ada"), Some("countess")) => Ok(login.set_user("ada")),
///         _ => Err(HandlerError::closing(CloseCode::POLICY, "bad-login: check your password")),
///     }
/// }
///
/// let endpoint = StompEndpoint::new().on_connect(sign_in);
/// ```
#[derive(Clone)]
pub struct Login {
    /// Who the client says it is.
    pub login: Option<String>,
    /// What proves it. Compare it in a time that does not depend on it, and never log it.
    pub passcode: Option<String>,
    /// The virtual host that the client means.
    pub host: Option<String>,
    /// All other headers, such as a token.
    pub headers: Headers,
    /// Whose the session is to be.
    user: Arc<OnceLock<Arc<str>>>,
}

impl Login {
    pub(super) fn new(
        login: Option<String>,
        passcode: Option<String>,
        host: Option<String>,
        headers: Headers,
    ) -> Self {
        Self {
            login,
            passcode,
            host,
            headers,
            user: Arc::default(),
        }
    }

    /// Says whose the session is, once [`StompEndpoint::on_connect`] has ended without an error
    /// (S164). The first call counts. Where the handshake has named another user, CONNECT is
    /// refused as `user-known`.
    pub fn set_user(&self, name: impl Into<Arc<str>>) {
        // The first call counts.
        let _ = self.user.set(name.into());
    }

    pub(super) fn user(&self) -> Arc<OnceLock<Arc<str>>> {
        Arc::clone(&self.user)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Login")
            .field("login", &self.login)
            .field("passcode", &self.passcode.as_ref().map(|_| "***"))
            .field("host", &self.host)
            .field("headers", &names)
            .finish()
    }
}

impl FromEvent for Login {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.untaken() {
            Some(Event::Stomp(event)) => match &**event {
                StompEvent::Connect(login) => Ok(login.clone()),
                _ => Err(context.lacks("a login")),
            },
            _ => Err(context.lacks("a login")),
        }
    }
}

/// A subscription as its client names it: an argument of [`StompEndpoint::on_subscribed`] and
/// [`StompEndpoint::on_unsubscribed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The client's name for it; only clients of STOMP 1.0 may leave it out.
    pub id: Option<String>,
    /// What the client has subscribed to, as it wrote it: a destination or a pattern.
    pub destination: String,
}

impl FromEvent for Subscription {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.untaken() {
            Some(Event::Stomp(event)) => match &**event {
                StompEvent::Subscribed(one) | StompEvent::Unsubscribed(one) => Ok(one.clone()),
                _ => Err(context.lacks("a subscription")),
            },
            _ => Err(context.lacks("a subscription")),
        }
    }
}

/// What happens to a session whose frame is refused, beside the ERROR that says why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// It is closed, as STOMP demands, unless the client has sent `x-errors:keep` with CONNECT.
    #[default]
    Close,
    /// It goes on, if the frame was understood (S75).
    Keep,
}

/// What an endpoint's STOMP sessions do that others do not.
#[derive(Clone, Default)]
pub(crate) struct StompRules {
    pub(super) connect: Option<Callback>,
    connected: Option<Callback>,
    subscribed: Option<Callback>,
    unsubscribed: Option<Callback>,
    disconnected: Option<Callback>,
    pub(super) on_refusal: OnRefusal,
}

impl StompRules {
    /// Puts the application's decorators around each callback.
    pub(crate) fn decorate(&mut self, decorators: &[Decorator]) {
        for one in [
            &mut self.connect,
            &mut self.connected,
            &mut self.subscribed,
            &mut self.unsubscribed,
            &mut self.disconnected,
        ] {
            *one = one
                .take()
                .map(|callback| Decorator::all(decorators, callback));
        }
    }

    /// Whether anybody asks which subscriptions have ended.
    pub(super) fn takes_unsubscribed(&self) -> bool {
        self.unsubscribed.is_some()
    }

    /// The call of the callback for an event, if there is one. `replies` is where its reply goes
    /// to, and `on_error` is asked when it fails.
    pub(super) fn call(
        &self,
        event: StompEvent,
        replies: Replies,
        on_error: Option<&Callback>,
    ) -> Option<Box<Sent>> {
        let (callback, purpose, destination) = match &event {
            StompEvent::Connect(_) => (&self.connect, Purpose::Connect, ""),
            StompEvent::Connected => (&self.connected, Purpose::Event, ""),
            StompEvent::Subscribed(one) => (&self.subscribed, Purpose::Event, &*one.destination),
            StompEvent::Unsubscribed(one) => {
                (&self.unsubscribed, Purpose::Event, &*one.destination)
            }
            StompEvent::Disconnected(_) => (&self.disconnected, Purpose::Event, ""),
        };
        let callback = callback.as_ref()?.clone();
        let about = About {
            destination: destination.into(),
            parameters: PathParameters::default(),
            headers: Headers::default(),
            concurrency: 1,
            replies,
            receipt: None,
            together: None,
            // What nobody has signed in for must not be let in by those who handle failures.
            on_error: on_error.filter(|_| purpose != Purpose::Connect).cloned(),
            purpose,
        };
        let event = Event::Stomp(Box::new(event));
        Some(Box::new(Sent {
            callback,
            event,
            about: Arc::new(about),
        }))
    }
}

/// # Events
///
/// Callbacks are told what happens to a session, one after the other and in order with the
/// handlers of its messages (S156). They are async functions with extractors, as all callbacks; see
/// [`FromEvent`].
impl StompEndpoint {
    /// Called when a client has sent CONNECT and could be understood, before CONNECTED is sent, with
    /// [`Login`] among its arguments: an error refuses the client with an ERROR and a close (S164).
    /// What the client sends meanwhile waits; all of it must be over within
    /// [`connect_within`](Self::connect_within). What it returns is not sent.
    #[must_use]
    pub fn on_connect<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.rules.connect = Some(self.callback(handler));
        self
    }

    /// Called when CONNECTED was sent. What it returns is not sent.
    #[must_use]
    pub fn on_connected<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.rules.connected = Some(self.callback(handler));
        self
    }

    /// Called when a subscription to a topic, queue or user destination has taken effect (S158), with
    /// [`Subscription`] among its arguments: what it publishes reaches that subscriber. What it
    /// returns goes to that subscription alone.
    #[must_use]
    pub fn on_subscribed<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.rules.subscribed = Some(self.callback(handler));
        self
    }

    /// Called when a subscription has ended, with [`Subscription`] among its arguments; at the end
    /// of a session for each that was left. What it returns is not sent.
    #[must_use]
    pub fn on_unsubscribed<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.rules.unsubscribed = Some(self.callback(handler));
        self
    }

    /// Called exactly once when a session that was connected has ended, however it ended (S157),
    /// after all else, with [`Closed`](crate::Closed) among its arguments.
    #[must_use]
    pub fn on_disconnected<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.rules.disconnected = Some(self.callback(handler));
        self
    }

    /// What happens to a session whose frame is refused.
    #[must_use]
    pub fn on_refusal(mut self, what: OnRefusal) -> Self {
        self.rules.on_refusal = what;
        self
    }

    /// Gives each session a state of its own, for callbacks and message handlers that ask for
    /// [`SessionState<T>`](crate::SessionState) (S147); dropped when the last one has ended. See
    /// [`Endpoint::session_state`](crate::Endpoint::session_state).
    #[must_use]
    pub fn session_state<T: Send + 'static>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.endpoint = self.endpoint.session_state(make);
        self
    }

    fn callback<A, H: Handler<A>>(&mut self, handler: H) -> Callback {
        self.endpoint.required_states.extend(H::required_states());
        Callback::new(handler)
    }
}
