//! Handlers that belong together.

use super::handlers::Registered;
use crate::context::Replies;
use crate::extract::RequiredState;
use crate::handler::{Callback, Handler};

/// Handlers that belong together, as those of a controller do in Java (S137): what their paths begin
/// with, where their replies go to, and who handles their failures. Given to
/// [`Builder::handlers`](crate::Builder::handlers).
///
/// Settings before the first handler are for all message handlers of the group; after a handler they
/// are for that one, and win.
///
/// ```
/// use campanile::{Campanile, Failure, Handlers, Path, StompEndpoint, Text, User};
///
/// async fn say(User(name): User, Text(text): Text) -> String {
///     format!("{name}: {text}")
/// }
///
/// async fn topic(Path(room): Path<String>) -> String {
///     format!("welcome to {room}")
/// }
///
/// async fn failed(Failure(error): Failure) -> String {
///     format!("sorry: {}", error.close().1)
/// }
///
/// let rooms = Handlers::at("/rooms/{room}")
///     .send_to("/topic/rooms/{room}")
///     .on_error(failed)
///     .message("/say", say)
///     .message("/whisper", say)
///     .send_to_user("/queue/whispers")
///     .subscription("/topic", topic);
/// let app = Campanile::builder().stomp("/stomp", StompEndpoint::new()).handlers(rooms).build()?;
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Default)]
pub struct Handlers {
    prefix: String,
    replies: Option<Replies>,
    concurrency: Option<u16>,
    on_error: Option<(Callback, Vec<RequiredState>)>,
    members: Vec<Registered>,
}

impl Handlers {
    /// A group of handlers whose paths begin with this one; it may have variables. Empty for none.
    pub fn at(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// Adds a handler of messages; see [`Builder::message`](crate::Builder::message).
    #[must_use]
    pub fn message<A, H: Handler<A>>(self, path: impl AsRef<str>, handler: H) -> Self {
        self.add(path.as_ref(), handler, false)
    }

    /// Adds a handler of subscriptions; see
    /// [`Builder::subscription`](crate::Builder::subscription). Its reply goes to the subscription
    /// alone also where the group has destinations.
    #[must_use]
    pub fn subscription<A, H: Handler<A>>(self, path: impl AsRef<str>, handler: H) -> Self {
        self.add(path.as_ref(), handler, true)
    }

    /// Where replies go to; see [`Builder::send_to`](crate::Builder::send_to).
    #[must_use]
    pub fn send_to(mut self, destination: impl Into<String>) -> Self {
        Replies::also(self.current(), destination.into());
        self
    }

    /// Lets replies go to the sender's user; see
    /// [`Builder::send_to_user`](crate::Builder::send_to_user).
    #[must_use]
    pub fn send_to_user(mut self, name: impl Into<String>) -> Self {
        *self.current() = Some(Replies::User(name.into().into()));
        self
    }

    /// Lets replies go to the sender's session alone; see
    /// [`Builder::send_to_session`](crate::Builder::send_to_session).
    #[must_use]
    pub fn send_to_session(mut self, name: impl Into<String>) -> Self {
        *self.current() = Some(Replies::Session(name.into().into()));
        self
    }

    /// How many calls may run beside each other for one session; see
    /// [`Builder::concurrent`](crate::Builder::concurrent).
    #[must_use]
    pub fn concurrent(mut self, calls: u16) -> Self {
        match self.members.last_mut() {
            Some(last) => last.concurrency = calls.max(1),
            None => self.concurrency = Some(calls.max(1)),
        }
        self
    }

    /// Called when a handler of the group has failed, with [`Failure`](crate::Failure) among its
    /// arguments (S141): in place of [`Builder::on_error`](crate::Builder::on_error), and for the
    /// whole group wherever it stands. What it returns goes to the sender's session, at
    /// `/user/queue/errors`.
    #[must_use]
    pub fn on_error<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.on_error = Some((Callback::new(handler), H::required_states()));
        self
    }

    fn add<A, H: Handler<A>>(mut self, path: &str, handler: H, is_for_subscriptions: bool) -> Self {
        let path = format!("{}{path}", self.prefix);
        let mut one = Registered::new(path, handler, is_for_subscriptions);
        if !is_for_subscriptions {
            one.replies.clone_from(&self.replies);
            one.is_replies_from_group = self.replies.is_some();
            one.concurrency = self.concurrency.unwrap_or(1);
        }
        self.members.push(one);
        self
    }

    /// The replies that are spoken of: the last handler's, or else the group's.
    fn current(&mut self) -> &mut Option<Replies> {
        match self.members.last_mut() {
            Some(last) => {
                // The first word of a handler's own replaces what it has from its group.
                if std::mem::take(&mut last.is_replies_from_group) {
                    last.replies = None;
                }
                &mut last.replies
            }
            None => &mut self.replies,
        }
    }

    pub(crate) fn into_registered(self) -> impl Iterator<Item = Registered> {
        let on_error = self.on_error;
        self.members.into_iter().map(move |mut one| {
            if let Some((callback, states)) = &on_error {
                one.on_error = Some(callback.clone());
                one.required_states.extend(states);
            }
            one
        })
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = self.members.iter().map(|one| &one.path);
        f.debug_list().entries(paths).finish()
    }
}
