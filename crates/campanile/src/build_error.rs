//! Why an application cannot be built.

use campanile_hub::TooManyFormats;

use crate::callbacks::WholeAndInParts;
use crate::driver;
use crate::front::TrustedProxyError;
use crate::handshake::RuleError;
use crate::path::TemplateError;
use crate::schedule::ScheduleError;
use crate::stomp::BrokerError;

/// Why an application cannot be built, or an endpoint not be mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A path template is malformed, or two endpoints would have the same URLs.
    #[error("endpoint {path}: {source}")]
    Path {
        /// The template as it was given.
        path: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A STOMP handler's path is malformed, or two handlers would have the same destinations (S143).
    #[error("handler {path}: {source}")]
    Handler {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// An endpoint's rules for the handshake cannot be kept.
    #[error("endpoint {path}: {source}")]
    Rules {
        /// The template of the endpoint's path.
        path: String,
        /// What is wrong with them.
        source: RuleError,
    },
    /// An entry of the trusted proxies is malformed.
    #[error("trusted proxies: {0}")]
    TrustedProxy(#[from] TrustedProxyError),
    /// A schedule's expression is not understood, or its name is taken.
    #[error("schedule: {0}")]
    Schedule(#[from] ScheduleError),
    /// A handler asks for state that the builder was not given.
    #[error("{who} needs `State<{name}>`: give it to the builder with `.state(…)`")]
    NoState {
        /// The endpoint or schedule.
        who: String,
        /// The type's name.
        name: &'static str,
    },
    /// A handler asks for a session's state that its endpoint does not make.
    #[error("{who} needs `SessionState<{name}>`: let it make one with `.session_state(…)`")]
    NoSessionState {
        /// The endpoint.
        who: String,
        /// The type's name.
        name: &'static str,
    },
    /// An endpoint has callbacks for whole messages and for parts of them.
    #[error("endpoint {path}: {source}")]
    Callbacks {
        /// Its template as it was given.
        path: String,
        /// Which callbacks.
        source: WholeAndInParts,
    },
    /// What STOMP clients may name cannot be used.
    #[error("broker: {0}")]
    Broker(#[from] BrokerError),
    /// The shards could not be made.
    #[error(transparent)]
    Shards(#[from] driver::PrepareError),
    /// Too many wire formats: endpoints with more than four different settings of
    /// [`Endpoint::compression`](crate::Endpoint::compression).
    #[error(transparent)]
    Formats(#[from] TooManyFormats),
}
