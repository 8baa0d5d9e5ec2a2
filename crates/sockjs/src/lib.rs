//! SockJS 0.3.3, which carries messages where WebSocket cannot pass, as a codec without input or
//! output.
//!
//! **What it does not do.** It opens no socket, starts no task and reads no clock. It keeps no
//! session: who is connected, what waits for whom and when a heart-beat is due is the caller's
//! affair. It does not know HTTP's requests either, only what their paths, queries and bodies say.
//!
//! **What it does.**
//! - [`Route`] tells what a path below an endpoint's means, [`Transport`] what each way to carry
//!   messages is like: its method, its content type, whether its answers end after one frame.
//! - [`append_message`], [`append_close`], [`OPEN`] and [`HEART_BEAT`] are the frames that a server
//!   sends, as a client takes them out of a WebSocket message.
//! - [`Records`] puts frames into what a transport over plain HTTP sends, with what comes before
//!   the first. No frame has a line end, so frames can wait as lines: [`first_line`] and [`merge`]
//!   take them out again, for a stream and for a poll.
//! - [`decode_messages`] reads what clients send, [`form_payload`] finds it in a form.
//! - [`info`], [`IframePage`], [`GREETING`] and [`session_cookie`] are the answers beside sessions.
//!
//! ```
//! use campanile_sockjs::{OPEN, Records, Route, Transport, append_message, decode_messages};
//!
//! let Some(Route::Session { session, transport, .. }) = Route::parse("/000/k3jz9q/jsonp") else {
//!     panic!("the path of a session")
//! };
//! assert_eq!((session, transport), ("k3jz9q", Transport::Jsonp));
//!
//! let records = Records::new(transport, Some("c=_jp.a1"))?;
//! let mut answer = Vec::new();
//! records.append_record(OPEN, &mut answer);
//! assert_eq!(answer, b"/**/_jp.a1(\"o\");\r\n");
//!
//! let mut frame = Vec::new();
//! for message in decode_messages(r#"["Grüße\u2028"]"#.as_bytes())? {
//!     append_message(&mut frame, &message);
//! }
//! assert_eq!(frame, "a[\"Grüße\\u2028\"]".as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The source of the rules is the prose of sockjs-protocol, the project's own tests of servers.
#![forbid(unsafe_code)]

mod answers;
mod callback;
mod decode;
mod escape;
mod form;
mod frames;
mod iframe;
mod lines;
mod records;
mod route;
mod transport;

pub use answers::{CACHED_FOR_A_YEAR, GREETING, NOT_CACHED, info, session_cookie};
pub use callback::{CALLBACK_BYTES_MAX, Callback, CallbackError};
pub use decode::{DecodeError, MESSAGES_MAX, decode_messages};
pub use escape::append_escaped;
pub use form::form_payload;
pub use frames::{
    ANOTHER_CONNECTION, BROKEN_JSON, Close, GO_AWAY, HEART_BEAT, INTERRUPTED, OPEN, append_close,
    append_message, append_messages,
};
pub use iframe::IframePage;
pub use lines::{first_line, merge};
pub use records::Records;
pub use route::{ID_BYTES_MAX, Route};
pub use transport::Transport;
