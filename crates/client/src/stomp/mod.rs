//! STOMP 1.0, 1.1 and 1.2: destinations, subscriptions and receipts, over WebSocket or TCP.
//!
//! A [`StompClient`] is a managed connection: one task owns it, answers heart-beats, opens it again
//! when it is lost, and subscribes again, after what has come already. It needs a tokio runtime that
//! stays.
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
//! **Going on.** After a loss each subscription asks the server for what was sent meanwhile. A server
//! with recovery, as Campanile is for the history that it keeps, sends it, and then what comes: each
//! message once, in order. If it cannot, the next message says so. Who keeps the cursor goes on
//! another day as well:
//!
//! ```no_run
//! use campanile_client::stomp::{Missed, StompClient, StompError};
//!
//! # fn load() -> Option<String> { None }
//! # fn store(text: String) {}
//! # async fn run() -> Result<(), StompError> {
//! let client = StompClient::connect("ws://127.0.0.1:8080/stomp").await?;
//! let mut subscribing = client.subscribe("/topic/prices");
//! if let Some(kept) = load().and_then(|text| text.parse().ok()) {
//!     subscribing = subscribing.after(kept);
//! }
//! let mut prices = subscribing.await?;
//! while let Some(message) = prices.next().await? {
//!     if message.missed() != Missed::Nothing {
//!         println!("(some prices are missing here)");
//!     }
//!     println!("{}", String::from_utf8_lossy(message.body()));
//!     if let Some(cursor) = prices.cursor() {
//!         store(cursor.to_string());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **What is promised.**
//! - A call with a receipt ends when the server has done what it asks for, or with an error: a
//!   refusal, a receipt that did not come in time, or the loss of the connection, after which nobody
//!   knows (S178).
//! - A subscription gets what its server sends, in that order, over losses of the connection, too, as
//!   far as the server can go on. What may be missing is told: [`StompMessage::missed`].
//! - What is sent and acknowledged in a [`Transaction`] takes effect together, or not at all.
//! - While there is no connection, what is sent is refused with [`StompError::Offline`], and never
//!   kept: it would arrive late, or twice.
//! - Everything has a bound: frames ([`StompBuilder::limits`]), what waits in a subscription
//!   ([`Subscribing::queue_messages_max`]), calls ([`CALLS_MAX`]), receipts ([`RECEIPTS_MAX`]),
//!   subscriptions ([`SUBSCRIPTIONS_MAX`]), transactions ([`TRANSACTIONS_MAX`]), events
//!   ([`EVENTS_MAX`]); and each wait for the server has a time-out.
//! - Passcodes and headers are not shown by `Debug`, and nothing is logged.

mod builder;
mod carrier;
mod client;
mod cursor;
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
mod recovery;
mod send;
mod subscribing;
mod subscription;
mod subscriptions;
mod transaction;

pub use campanile_stomp::{AckMode, HeartBeatPlan, Limits, Version};

pub use self::builder::StompBuilder;
pub use self::client::{CALLS_MAX, StompClient};
pub use self::cursor::{Cursor, CursorInvalid};
pub use self::error::{ServerError, StompError};
pub use self::events::{EVENTS_MAX, Event, Events};
pub use self::link::Session;
pub use self::message::{Missed, StompMessage};
pub use self::receipts::RECEIPTS_MAX;
pub use self::reconnect::Reconnect;
pub use self::send::Sending;
pub use self::subscribing::{QUEUE_MESSAGES_MAX, Subscribing, WhenFull};
pub use self::subscription::Subscription;
pub use self::subscriptions::SUBSCRIPTIONS_MAX;
pub use self::transaction::{TRANSACTIONS_MAX, Transaction};
/// What a [`StompError`] may hold of the codec's.
pub use campanile_stomp::{ConnectedError, DecodeError};
