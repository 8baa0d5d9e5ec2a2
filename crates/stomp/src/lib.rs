//! STOMP 1.0, 1.1 and 1.2, the Simple Text Oriented Messaging Protocol, as a codec without input or
//! output: bytes in, frames out.
//!
//! **What it does not do.** It opens no socket, starts no task and reads no clock. It keeps no
//! session: which frame may come when, what a subscription is and when a receipt is due is the
//! caller's affair. It does not answer by itself.
//!
//! **What it does.**
//! - [`Decoder`] turns the octets of one connection, from TCP or out of WebSocket messages, into
//!   [`Frame`]s, in either [`Role`], under [`Limits`]. A breach of the rules is a [`DecodeError`],
//!   which knows what to tell the peer.
//! - [`ClientFrame`] reads what a client asks for, with the headers that each [`Version`] requires,
//!   [`Connected`] what a server has answered.
//! - [`encode`] and [`FrameWriter`] write frames for a receiver's version, so that whatever a
//!   header holds arrives as one header. A MESSAGE can be encoded once for all who listen:
//!   [`encode_message_rest`], behind each one's own [`append_message_prefix`].
//! - [`negotiate_version`] and [`HeartBeat::negotiate`] are what opening a session needs.
//! - [`Selector`] is the condition in SQL's terms that a subscription may have.
//!
//! A frame that lies complete in the input is lent to the caller without a copy or an allocation.
//! Anything else is gathered in one buffer which grows with the data that has arrived, never with
//! the length that a peer has claimed.
//!
//! ```
//! use campanile_stomp::{
//!     AckMode, ClientFrame, Command, Decoder, Limits, Request, Role, Version, encode,
//! };
//!
//! let limits = Limits::default();
//! let mut decoder = Decoder::new(Role::Server);
//! let input = b"CONNECT\naccept-version:1.1,1.2\nhost:example\n\n\0\n\
//!               SUBSCRIBE\nid:0\ndestination:/topic/a\n\n\0";
//!
//! let first = decoder.decode(input, &limits)?;
//! let frame = first.frame.expect("it is whole");
//! let Request::Connect(connect) = ClientFrame::read(&frame, Version::V10)?.request else {
//!     panic!("the first frame is another one")
//! };
//! let version = connect.version()?;
//! assert_eq!(version, Version::V12);
//! let used = first.consumed;
//! decoder.set_version(version);
//! let answer = encode(version, Command::Connected, &[("version", version.as_str())], b"");
//! assert_eq!(answer, b"CONNECTED\nversion:1.2\n\n\0");
//!
//! let second = decoder.decode(&input[used..], &limits)?;
//! assert_eq!(second.heart_beats, 1);
//! let frame = second.frame.expect("it is whole");
//! let Request::Subscribe(subscribe) = ClientFrame::read(&frame, version)?.request else {
//!     panic!("the second frame is another one")
//! };
//! assert_eq!(subscribe.destination, "/topic/a");
//! assert_eq!(subscribe.ack, AckMode::Auto);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod client_frame;
mod command;
mod connect;
mod decoder;
mod encode;
mod error;
mod escape;
mod frame;
mod heart_beat;
mod limits;
mod scan;
mod selector;
mod version;
mod websocket;

pub use client_frame::{
    AckId, AckMode, Acknowledge, ClientFrame, ClientFrameError, Request, Send, Subscribe,
    Unsubscribe,
};
pub use command::{Command, Role};
pub use connect::{Connect, Connected, ConnectedError, Passcode};
pub use decoder::{Decoded, Decoder};
pub use encode::{
    FrameWriter, append_frame, append_message_prefix, encode, encode_message_rest, is_forwarded,
};
pub use error::{DecodeError, Excerpt};
pub use escape::unescape_header;
pub use frame::{Frame, Header, Headers};
pub use heart_beat::{HeartBeat, HeartBeatInvalid, HeartBeatPlan};
pub use limits::Limits;
pub use selector::{Selector, SelectorError};
pub use version::{NoCommonVersion, SUPPORTED_VERSIONS, Version, negotiate_version};
pub use websocket::{is_text_content_type, split_text};
