//! STOMP sessions: what browsers' STOMP clients speak over WebSocket, and others over TCP.

mod answers;
mod broker;
mod broker_error;
mod committing;
mod connecting;
mod early;
mod ending;
mod endpoint;
mod escaped;
mod events;
mod format;
mod group;
mod handlers;
mod keeping;
mod labels;
mod messages;
mod naming;
mod queueing;
mod refusing;
mod reply;
mod sending;
mod session;
#[cfg(test)]
mod simulation;
mod stages;
mod subscribing;
mod transactions;
mod wire;

pub(crate) use self::answers::answered_late;
pub use self::broker::{Broker, SUBSCRIPTIONS_MAX};
pub use self::broker_error::BrokerError;
pub use self::early::CONNECT_BYTES_MAX;
pub use self::endpoint::StompEndpoint;
pub use self::events::{Login, OnRefusal, Subscription};
pub(crate) use self::events::{StompEvent, StompRules};
pub(crate) use self::format::{StompFormats, name_of};
pub use self::group::Handlers;
pub(crate) use self::handlers::{HandlerRoutes, Registered};
pub(crate) use self::labels::id as subscription_id;
pub(crate) use self::messages::of_this;
pub(crate) use self::naming::{Brokering, Kind};
pub use self::queueing::{PREFETCH_DEFAULT, PREFETCH_MAX};
pub use self::refusing::StompError;
pub(crate) use self::session::{Link, Step, StompRuntime, StompSession};
pub(crate) use self::stages::Stages;
pub use self::stages::{InboundFrame, OutboundMessage, Passage};
pub(crate) use self::subscribing::NOT_OURS;
pub use self::transactions::{
    TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_FRAMES_MAX, TRANSACTIONS_MAX,
};
pub(crate) use self::wire::last_error;
