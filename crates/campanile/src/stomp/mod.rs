//! STOMP sessions: what browsers' STOMP clients speak over WebSocket, and others over TCP.

mod answers;
mod broker;
mod early;
mod ending;
mod endpoint;
mod format;
mod handlers;
mod labels;
mod messages;
mod reply;
mod session;
mod wire;

pub use self::broker::{Broker, BrokerError, SUBSCRIPTIONS_MAX};
pub use self::early::CONNECT_BYTES_MAX;
pub use self::endpoint::StompEndpoint;
pub(crate) use self::format::StompFormats;
pub(crate) use self::handlers::{Handlers, Registered};
pub(crate) use self::session::{Link, Step, StompRuntime, StompSession};
pub(crate) use self::wire::{Wire, last_error};
