//! RFC 6455, the WebSocket protocol, as a codec without input or output: bytes in, events out.
//!
//! **What it does not do.** It opens no socket, starts no task, reads no clock and draws no random
//! numbers: the caller brings bytes, masking keys and nonces. It does not queue: encoded frames are
//! handed back, and who sends them when is the caller's affair. It does not answer by itself: a
//! Pong for a Ping and a Close for a Close are encoded by the caller, and [`Closing`] only tells
//! whether one is owed.
//!
//! **What it does.**
//! - [`Decoder`] turns the octets of one connection into [`Event`]s, in either [`Role`], under
//!   [`Limits`]. It enforces every rule of RFC 6455 5 and reports a breach as a [`DecodeError`],
//!   which knows the close code and the reason to send.
//!   Messages come whole or, with [`Decoder::in_parts`], as they arrive.
//! - [`encode_text`] and its siblings build whole frames which can be shared by many connections;
//!   [`append_frame`] and [`frame_header`] are for everything else.
//! - [`validate_request`], [`select_protocol`], [`negotiate`] and [`accept_key`] are the server's
//!   opening handshake, [`ClientHandshake`] the client's.
//! - [`Closing`] is the closing handshake.
//! - [`accept_deflate`], [`Compressor`] and [`InflaterPool`] are permessage-deflate (RFC 7692),
//!   always without context takeover: no connection keeps a window, and a message that is
//!   compressed once serves all who have negotiated the same window.
//!
//! A message that lies complete in the input is unmasked in place and lent to the caller without
//! a copy or an allocation. Anything else is gathered in one buffer which grows with the data that
//! has arrived, never with the length that a peer has claimed.
//!
//! ```
//! use campanile_websocket::{Decoder, Event, Limits, Opcode, Role, append_frame, encode_text};
//!
//! // What a browser sends: two masked frames, the second one cut off by the network.
//! let mut input = Vec::new();
//! append_frame(&mut input, true, Opcode::Ping, b"?", Some([1, 2, 3, 4]));
//! append_frame(&mut input, true, Opcode::Text, "grüezi".as_bytes(), Some([5, 6, 7, 8]));
//! let late = input.split_off(input.len() - 5);
//!
//! let limits = Limits::default();
//! let mut decoder = Decoder::new(Role::Server);
//!
//! let first = decoder.decode(&mut input, &limits)?;
//! assert_eq!(first.event, Some(Event::Ping(b"?")));
//! let used = first.consumed;
//! let second = decoder.decode(&mut input[used..], &limits)?;
//! assert_eq!(second.event, None); // everything was kept, the rest is still to come
//!
//! let mut late = late;
//! let third = decoder.decode(&mut late, &limits)?;
//! assert_eq!(third.event, Some(Event::Text("grüezi")));
//!
//! // One encoded frame serves all who listen: clones share the bytes.
//! let frame = encode_text("hello, all");
//! assert_eq!(&frame[..2], [0x81, 10]);
//! # Ok::<(), campanile_websocket::DecodeError>(())
//! ```
#![forbid(unsafe_code)]

mod close;
mod closing;
mod decoder;
mod deflate;
mod encode;
mod error;
mod event;
mod handshake;
mod header;
mod inflate;
mod limits;
mod mask;
mod message;
mod opcode;
mod utf8;

pub use close::{CLOSE_REASON_BYTES_MAX, CloseCode, CloseFrame};
pub use closing::Closing;
pub use decoder::Decoder;
pub use deflate::{
    CompressFailed, Compressor, DeflateAnswerInvalid, DeflateOffer, InflaterPool,
    PERMESSAGE_DEFLATE, WindowBits, accept_deflate, append_prefix, append_stored,
    encode_compressed,
};
pub use encode::{
    ControlTooLong, FrameHeader, append_compressed_frame, append_frame, encode_binary,
    encode_close, encode_close_empty, encode_close_reply, encode_fragments, encode_frame,
    encode_ping, encode_pong, encode_text, frame_header,
};
pub use error::DecodeError;
pub use event::{Decoded, Event, Role};
pub use handshake::client::{
    CLIENT_HEAD_BYTES_MAX, ClientHandshake, ClientHandshakeError, ClientResponse,
};
pub use handshake::error::HandshakeError;
pub use handshake::extensions::{ExtensionOffer, negotiate, parse_extensions};
pub use handshake::request::{
    HandshakeRequest, is_upgrade, select_protocol, validate_extended_connect, validate_request,
};
pub use handshake::{accept_key, is_token};
pub use inflate::{Inflate, InflateOutput, Inflaters};
pub use limits::Limits;
pub use mask::apply_mask;
pub use opcode::{CONTROL_PAYLOAD_BYTES_MAX, Opcode, UnknownOpcode};
