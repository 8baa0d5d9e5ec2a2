//! Push messages to browsers and apps in real time, over WebSocket.
//!
//! An application is made of **endpoints** (paths that clients connect to) with **callbacks**
//! (async functions), **schedules**, and a [`Handle`] to publish from anywhere.
//!
//! # From nothing to a chat
//!
//! `cargo new chat`, and into its `Cargo.toml` (`path` is where you have put Campanile):
//!
//! ```toml
//! [dependencies]
//! campanile = { path = "../campanile/crates/campanile" }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! This is `src/main.rs`:
//!
//! ```no_run
//! use campanile::{Accepted, Campanile, Endpoint, Handle, Refusal, Session, Text};
//!
//! async fn opened(session: Session) {
//!     session.attributes().set("name", format!("guest {}", session.remote_address()));
//! }
//!
//! async fn said(handle: Handle, session: Session, Text(text): Text) -> Result<Accepted, Refusal> {
//!     let name = session.attributes().text("name").unwrap_or("?").to_owned();
//!     handle.broadcast("/chat", format!("{name}: {text}"))
//! }
//!
//! async fn tell_the_time(handle: Handle) -> Result<Accepted, Refusal> {
//!     handle.broadcast("/chat", "another minute has passed")
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = Campanile::builder()
//!         .endpoint("/chat", Endpoint::new().on_open(opened).on_text(said))
//!         .schedule("0 * * * * ?", tell_the_time)
//!         .build()?;
//!     let listener = campanile::bind("127.0.0.1:8080".parse()?)?;
//!     Ok(campanile::serve(listener, app).await?)
//! }
//! ```
//!
//! After `cargo run`, open `http://127.0.0.1:8080/` in two browser windows. There is no page, but it
//! is the right origin; so type into their consoles:
//!
//! ```text
//! socket = new WebSocket("ws://127.0.0.1:8080/chat")
//! socket.onmessage = (event) => console.log(event.data)
//! socket.send("hello")
//! ```
//!
//! The rest of this page is a tour, one section for each part. Longer programs are in the folder
//! `examples`: a chat, rooms, notices to users, a clock, the protocol itself, and a chat within an
//! axum application.
#![doc = include_str!("tour.md")]
#![forbid(unsafe_code)]

mod app;
mod around;
mod build_error;
mod builder;
mod callbacks;
mod calls;
mod context;
mod driver;
mod endpoint;
mod endpoints;
mod error;
mod event_kind;
mod events;
mod extract;
mod front;
mod handle;
mod handler;
mod handshake;
mod mounted;
pub mod origin;
pub mod path;
mod presence;
mod problem;
mod registry;
mod reply;
mod retained;
pub mod schedule;
mod sent;
mod session;
mod sockjs;
mod state;
mod statistics;
mod stomp;
#[cfg(feature = "test-kit")]
pub mod testing;
mod wire;

/// The axum crate, whose `Router` plain routes are made of.
pub use axum;
pub use bytes::Bytes;
/// The hub's crate, for its [`Session`](campanile_hub::Session), which the predicate of
/// [`Handle::broadcast_to`] is asked about.
pub use campanile_hub as hub;
pub use campanile_hub::{
    Accepted, Attributes, Cause, Content, Cursor, CursorInvalid, Delivery, Ending, HistoryBounds,
    HistoryLimits, Message, OutboxPolicy, Overflow, PONG_TIMEOUT, Parts, PathParameters, Pattern,
    PatternError, Publication, PublicationId, QueueLimits, QueueState, RETAINED_BYTES_MAX,
    RETAINED_DESTINATIONS_MAX, Refusal, RetainedLimits, Separator, SessionId, Timeouts,
    TransportKind,
};
pub use campanile_websocket::{CloseCode, ExtensionOffer};
/// The `http` crate, whose types appear in handshakes.
pub use http;
/// The `jiff` crate, whose times and zones appear in schedules.
pub use jiff;

pub use app::Campanile;
pub use around::Next;
pub use build_error::BuildError;
pub use builder::Builder;
pub use callbacks::WholeAndInParts;
pub use context::{Context, EventKind};
pub use driver::PrepareError;
pub use endpoint::{
    COMPRESSED_BYTES_MAX, COMPRESSED_BYTES_MIN, Compression, Endpoint, IntoEndpoint,
    WAITING_BYTES_MAX, WAITING_MESSAGES_MAX,
};
pub use error::{ClosingError, HandlerError, HandlerPanicked, Rejection};
pub use events::EventsEndpoint;
pub use extract::{
    Binary, BinaryPart, Closed, Dropped, Either, Encoded, Failure, FromApplication, FromEvent,
    Headers, Json, MessageHeaders, Path, PayloadFormat, Pong, Query, RequiredState, SentTo,
    SessionState, State, Text, TextPart, User, Valid, Validate,
};
#[cfg(feature = "tls")]
pub use front::{
    ClientCertificates, HTTP2_STREAMS_MAX, PeerCertificates, RELOAD_INTERVAL, Tls, TlsError,
};
pub use front::{
    HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, HEADERS_MAX, LISTEN_BACKLOG, ProxyHeaders, Serve,
    TARGET_BYTES_MAX, TrustedProxyError, UNFINISHED_REQUESTS_MAX, bind, serve,
};
pub use handle::Handle;
pub use handler::{
    Arguments, AsyncFunction, Handler, IntoScheduled, ScheduledArguments, ScheduledFunction,
};
pub use handshake::{
    BeforeHandshake, CopyExtension, EXTENSION_OFFERS_MAX, ExtensionChoice, Handshake,
    HandshakeInterceptor, Intercepting, Refused, RuleError, query_pairs,
};
pub use origin::OriginPolicy;
pub use presence::Presence;
pub use problem::problem;
pub use registry::{Listing, REGISTRY_ITEMS_MAX, SessionEntry, SubscriptionEntry, UserEntry};
pub use reply::{Close, IntoReply, Reply};
pub use schedule::{Cron, Overlap, Schedule, Schedules, Trigger};
pub use session::{OutboxStatus, SendError, Session};
pub use sockjs::{SOCKJS_BODY_BYTES_MAX, SOCKJS_HTTP_SESSIONS_MAX, SockJs, SockJsTransport};
pub use state::Application;
pub use statistics::{EndedSessions, Statistics, StompFrames};
pub use stomp::{
    Broker, BrokerError, CONNECT_BYTES_MAX, Handlers, InboundFrame, Login, OnRefusal,
    OutboundMessage, PREFETCH_DEFAULT, PREFETCH_MAX, Passage, SUBSCRIPTIONS_MAX, StompEndpoint,
    StompError, Subscription, TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_FRAMES_MAX,
    TRANSACTIONS_MAX,
};
