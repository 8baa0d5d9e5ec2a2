//! What a decoder reports.

use crate::close::CloseFrame;

/// Which side *we* are: it decides who masks (RFC 6455 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// We serve: frames from the peer must be masked, ours must not be.
    Server,
    /// We asked: frames from the peer must not be masked, ours must be.
    Client,
}

/// What a peer has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message, whatever its fragments were; or a part of one, whole characters, from
    /// a decoder that gives [parts](crate::Decoder::in_parts).
    Text(&'a str),
    /// A whole binary message, whatever its fragments were; or a part of one from a decoder that
    /// gives [parts](crate::Decoder::in_parts).
    Binary(&'a [u8]),
    /// A Ping, to be answered by a Pong with the same payload; if several have come meanwhile,
    /// answering the latest is enough (RFC 6455 5.5.2 and 5.5.3). At most 125 octets.
    Ping(&'a [u8]),
    /// A Pong. At most 125 octets.
    Pong(&'a [u8]),
    /// The closing handshake: answer it, unless we sent a Close first (see
    /// [`Closing`](crate::Closing)). `None` if the frame had no body.
    Close(Option<CloseFrame>),
}

/// What one call of [`Decoder::decode`](crate::Decoder::decode) came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// How many octets from the front of the input are done with. The next call gets those that
    /// follow.
    pub consumed: usize,
    /// What they amounted to; `None` if they do not complete anything, then all were consumed.
    pub event: Option<Event<'a>>,
    /// Whether a data message ends with `event`. It does with every [`Event::Text`] and
    /// [`Event::Binary`], unless the decoder gives [parts](crate::Decoder::in_parts): then with
    /// exactly one for each message, which may be empty. `false` for control frames and for none.
    pub is_last: bool,
    /// How many octets the compressed payload among them has come to. A little input can inflate
    /// to much: whoever bounds the work of a turn counts these.
    pub inflated_bytes: usize,
}
