//! What a message is sent to.

use std::fmt;
use std::sync::Arc;

/// The name that a publication is sent to and that sessions subscribe to.
///
/// Implicit destinations are variants of their own rather than reserved names, so that no client
/// can reach one by spelling it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Destination {
    /// All sessions of one endpoint; the text is the endpoint's path template.
    Endpoint(Arc<str>),
    /// All sessions of one user; the text is the principal's name.
    User(Arc<str>),
    /// A destination that clients may name, such as `/topic/greetings`.
    Named(Arc<str>),
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
            Self::Named(name) => f.write_str(name),
        }
    }
}
