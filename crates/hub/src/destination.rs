//! What a message is sent to.

use std::fmt;
use std::sync::Arc;

use crate::patterns::Pattern;
use crate::session::SessionId;

/// The name that a publication is sent to and that sessions subscribe to.
///
/// Implicit destinations are variants of their own rather than reserved names, so that no client
/// can reach one by spelling it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// All sessions of one endpoint; the text is the endpoint's path template.
    Endpoint(Arc<str>),
    /// All sessions of one user; the text is the principal's name.
    User(Arc<str>),
    /// A destination that clients may name, such as `/topic/greetings`.
    Named(Arc<str>),
    /// A queue that clients may name, such as `/queue/orders`: what is published to it waits for one
    /// of its [consumers](crate::Consumer), and it cannot be subscribed to.
    Queue(Arc<str>),
    /// Every named destination that matches a pattern. It can be subscribed to; what is published to
    /// it reaches nobody.
    Matching(Arc<Pattern>),
    /// What one user's sessions, or one session alone, have under a name, such as
    /// `/user/queue/replies`.
    Private(Arc<PrivateName>),
}

/// Whose private destination it is, and what its owner calls it. Made by
/// [`Destination::of_user`] and [`Destination::of_session`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrivateName {
    owner: Owner,
    name: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owner {
    User(Box<str>),
    Session(SessionId),
}

impl PrivateName {
    /// What its owner calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether one session alone has it.
    pub(crate) fn is_of_session(&self) -> bool {
        matches!(self.owner, Owner::Session(_))
    }
}

impl Destination {
    /// The implicit destination of an endpoint with this path template.
    pub fn endpoint(template: impl Into<Arc<str>>) -> Self {
        Self::Endpoint(template.into())
    }

    /// The implicit destination of a user.
    pub fn user(name: impl Into<Arc<str>>) -> Self {
        Self::User(name.into())
    }

    /// What all sessions of a user have under this name.
    pub fn of_user(user: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        let owner = Owner::User(user.into());
        let name = name.into();
        Self::Private(Arc::new(PrivateName { owner, name }))
    }

    /// What one session has under this name.
    pub fn of_session(session: SessionId, name: impl Into<Box<str>>) -> Self {
        let owner = Owner::Session(session);
        let name = name.into();
        Self::Private(Arc::new(PrivateName { owner, name }))
    }

    /// Every named destination that matches a pattern; the destination itself, if it has no
    /// wildcards.
    pub fn matching(pattern: Pattern) -> Self {
        match pattern.is_literal() {
            true => Self::Named(Arc::clone(pattern.text())),
            false => Self::Matching(Arc::new(pattern)),
        }
    }

    /// A queue.
    pub fn queue(name: impl Into<Arc<str>>) -> Self {
        Self::Queue(name.into())
    }

    /// A destination that clients may name.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::Named(name.into())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(template) => write!(f, "endpoint {template}"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Named(name) | Self::Queue(name) => f.write_str(name),
            Self::Matching(pattern) => write!(f, "{pattern}"),
            Self::Private(private) => write!(f, "private {}", private.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Slot;

    #[test]
    fn s121_a_private_destination_is_reached_by_its_owner_alone() {
        let of = |user: &str, name: &str| Destination::of_user(user, name);
        assert_eq!(of("ada", "/queue/a"), of("ada", "/queue/a"));
        assert_ne!(of("ada", "/queue/a"), of("bob", "/queue/a"));
        // However owner and name are divided, and whatever a client may spell.
        assert_ne!(of("ada", "/queue/a"), of("ada/queue", "/a"));
        assert_ne!(
            of("ada", "/queue/a"),
            Destination::named("/user/ada/queue/a")
        );
        let id = SessionId::new([7; 12], 0, Slot(1));
        let own = Destination::of_session(id, "/queue/a");
        assert_ne!(own, of(&id.to_string(), "/queue/a"));
        let Destination::Private(private) = own else {
            panic!("it is private");
        };
        assert_eq!(private.name(), "/queue/a");
        assert_eq!(size_of::<Destination>(), 24);
    }
}
