//! Kinds of what happens to sessions.

use std::fmt;

/// Which of an endpoint's callbacks an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// For [`Endpoint::on_open`](crate::Endpoint::on_open).
    Opened,
    /// For [`Endpoint::on_text`](crate::Endpoint::on_text).
    Text,
    /// For [`Endpoint::on_binary`](crate::Endpoint::on_binary).
    Binary,
    /// For [`Endpoint::on_text_part`](crate::Endpoint::on_text_part).
    TextPart,
    /// For [`Endpoint::on_binary_part`](crate::Endpoint::on_binary_part).
    BinaryPart,
    /// For [`Endpoint::on_pong`](crate::Endpoint::on_pong).
    Pong,
    /// For [`Endpoint::on_dropped`](crate::Endpoint::on_dropped).
    Dropped,
    /// For [`Endpoint::on_close`](crate::Endpoint::on_close).
    Closed,
    /// For [`Endpoint::on_error`](crate::Endpoint::on_error).
    Failed,
    /// For [`Builder::message`](crate::Builder::message).
    Message,
    /// For [`Builder::subscription`](crate::Builder::subscription).
    Subscription,
    /// For [`StompEndpoint::on_connect`](crate::StompEndpoint::on_connect).
    Connect,
    /// For [`StompEndpoint::on_connected`](crate::StompEndpoint::on_connected).
    Connected,
    /// For [`StompEndpoint::on_subscribed`](crate::StompEndpoint::on_subscribed).
    Subscribed,
    /// For [`StompEndpoint::on_unsubscribed`](crate::StompEndpoint::on_unsubscribed).
    Unsubscribed,
    /// For [`StompEndpoint::on_disconnected`](crate::StompEndpoint::on_disconnected).
    Disconnected,
}

impl EventKind {
    /// It in words, such as "a text message".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "an opened session",
            Self::Text => "a text message",
            Self::Binary => "a binary message",
            Self::TextPart => "a part of a text message",
            Self::BinaryPart => "a part of a binary message",
            Self::Pong => "a pong",
            Self::Dropped => "dropped publications",
            Self::Closed => "a closed session",
            Self::Failed => "a failed callback",
            Self::Message => "a message to a destination",
            Self::Subscription => "a subscription to a destination of the application's",
            Self::Connect => "a client that wants to connect",
            Self::Connected => "a client that has connected",
            Self::Subscribed => "a subscription",
            Self::Unsubscribed => "the end of a subscription",
            Self::Disconnected => "a disconnected client",
        }
    }

    /// Whether a client has sent it as data: without a callback it closes the session with 1003.
    pub(crate) const fn is_data(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Binary | Self::TextPart | Self::BinaryPart
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
