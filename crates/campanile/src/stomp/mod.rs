//! STOMP sessions: what browsers' STOMP clients speak over WebSocket, and others over TCP.

mod answers;
mod broker;
mod connecting;
mod early;
mod ending;
mod endpoint;
mod events;
mod format;
mod group;
mod handlers;
mod labels;
mod messages;
mod refusing;
mod reply;
mod session;
mod stages;
mod subscribing;
mod wire;

pub(crate) use self::answers::answered_late;
pub use self::broker::{Broker, BrokerError, SUBSCRIPTIONS_MAX};
pub use self::early::CONNECT_BYTES_MAX;
pub use self::endpoint::StompEndpoint;
pub use self::events::{Login, OnRefusal, Subscription};
pub(crate) use self::events::{StompEvent, StompRules};
pub(crate) use self::format::{StompFormats, name_of};
pub use self::group::Handlers;
pub(crate) use self::handlers::{HandlerRoutes, Registered};
pub(crate) use self::labels::id as subscription_id;
pub use self::refusing::StompError;
pub(crate) use self::session::{Link, Step, StompRuntime, StompSession};
pub(crate) use self::stages::Stages;
pub use self::stages::{InboundFrame, OutboundMessage, Passage};
pub(crate) use self::wire::{Wire, last_error};
