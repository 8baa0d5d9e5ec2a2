//! STOMP sessions: what browsers' STOMP clients speak over WebSocket.

mod answers;
mod broker;
mod endpoint;
mod format;
mod handlers;
mod labels;
mod messages;
mod reply;
mod session;

pub(crate) use self::answers::answered_late;
pub use self::broker::{Broker, BrokerError, SUBSCRIPTIONS_MAX};
pub use self::endpoint::StompEndpoint;
pub(crate) use self::format::StompFormats;
pub(crate) use self::handlers::{Handlers, Registered};
pub(crate) use self::session::{Link, Step, StompRuntime, StompSession};
