//! STOMP 1.0, 1.1 and 1.2: destinations, subscriptions and receipts, over WebSocket or TCP.
//!
//! A [`StompClient`] is a managed connection: one task owns it, answers heart-beats, opens it again
//! when it is lost, and subscribes again. It needs a tokio runtime that stays.
//!
//! ```no_run
//! use campanile_client::stomp::{StompClient, StompError};
//!
//! # async fn run() -> Result<(), StompError> {
//! let client = StompClient::connect("ws://127.0.0.1:8080/stomp").await?;
//! let mut prices = client.subscribe("/topic/prices").await?;
//! client.send("/topic/prices", "42").receipt().await?;
//! while let Some(message) = prices.next().await? {
//!     println!("{}", String::from_utf8_lossy(message.body()));
//! }
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! **What is promised.**
//! - A call with a receipt ends when the server has done what it asks for, or with an error: a
//!   refusal, a receipt that did not come in time, or the loss of the connection, after which nobody
//!   knows (S178).
//! - A subscription gets what its server sends, in that order. What may be missing is told:
//!   [`StompMessage::missed`].
//! - While there is no connection, what is sent is refused with [`StompError::Offline`], and never
//!   kept: it would arrive late, or twice.
//! - Everything has a bound: frames ([`StompBuilder::limits`]), what waits in a subscription
//!   ([`Subscribing::queue_messages_max`]), calls ([`CALLS_MAX`]), receipts ([`RECEIPTS_MAX`]),
//!   subscriptions ([`SUBSCRIPTIONS_MAX`]), events ([`EVENTS_MAX`]); and each wait for the server has
//!   a time-out.
//! - Passcodes and headers are not shown by `Debug`, and nothing is logged.

mod builder;
mod carrier;
mod client;
mod error;
mod events;
mod frame;
mod handle;
mod link;
mod message;
mod owner;
mod pulse;
mod receipts;
mod reconnect;
mod send;
mod subscription;
mod subscriptions;

pub use campanile_stomp::{AckMode, HeartBeatPlan, Limits, Version};

pub use self::builder::StompBuilder;
pub use self::client::{CALLS_MAX, StompClient};
pub use self::error::{ServerError, StompError};
pub use self::events::{EVENTS_MAX, Event, Events};
pub use self::link::Session;
pub use self::message::{Missed, StompMessage};
pub use self::receipts::RECEIPTS_MAX;
pub use self::reconnect::Reconnect;
pub use self::send::Sending;
pub use self::subscription::{QUEUE_MESSAGES_MAX, Subscribing, Subscription, WhenFull};
pub use self::subscriptions::SUBSCRIPTIONS_MAX;
/// What a [`StompError`] may hold of the codec's.
pub use campanile_stomp::{ConnectedError, DecodeError};
