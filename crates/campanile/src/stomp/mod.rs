//! STOMP sessions: what browsers' STOMP clients speak over WebSocket.

mod broker;
mod endpoint;
mod format;
mod labels;
mod reply;
mod session;

pub use self::broker::{Broker, BrokerError, SUBSCRIPTIONS_MAX};
pub use self::endpoint::StompEndpoint;
pub(crate) use self::format::StompFormats;
pub(crate) use self::session::{Link, StompRuntime, StompSession};
