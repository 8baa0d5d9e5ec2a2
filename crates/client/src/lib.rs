//! A small WebSocket client (RFC 6455) and a managed STOMP client, over the same codecs as the
//! Campanile server.
//!
//! Those who want destinations, subscriptions and receipts find them in [`stomp`] (feature `stomp`,
//! on by default). What follows is WebSocket alone.
//!
//! One [`Client`] is one connection. It is driven by the calls made on it: nothing runs in the
//! background, so an idle client costs its socket and a few hundred bytes.
//!
//! - [`Client::connect`] opens a `ws://` or `wss://` address; [`Client::builder`] adds sub-protocols, headers,
//!   an origin, limits and time bounds.
//! - [`Client::next`] gives the next [`Message`]. Pings are answered on the way; a Close is
//!   answered, delivered once, and followed by `None`.
//! - [`Builder::tls`] says whom to trust on `wss://`, and who this client is (feature `tls`, on by
//!   default).
//! - [`Builder::compression`] offers permessage-deflate (RFC 7692).
//! - [`Client::close`] performs the closing handshake and waits for its end, for a bounded time.
//!
//! ```no_run
//! use campanile_client::{Client, ClientError, CloseCode, Message};
//!
//! # async fn run() -> Result<(), ClientError> {
//! let mut client = Client::connect("ws://127.0.0.1:8080/echo").await?;
//! client.send_text("hello").await?;
//! while let Some(message) = client.next().await? {
//!     match message {
//!         Message::Text(text) => {
//!             println!("{text}");
//!             break;
//!         }
//!         other => println!("{other:?}"),
//!     }
//! }
//! client.close(CloseCode::NORMAL, "done").await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod builder;
mod compression;
mod connection;
mod error;
mod mask;
mod pipe;
#[cfg(feature = "stomp")]
pub mod stomp;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod url;

pub use builder::Builder;
pub use campanile_websocket::{
    ClientHandshakeError, CloseCode, CloseFrame, DecodeError, DeflateAnswerInvalid, DeflateOffer,
    Limits, Opcode, WindowBits,
};
pub use connection::{Client, Message};
pub use error::{ClientError, Step, UrlProblem};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
