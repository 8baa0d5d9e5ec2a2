//! How much a peer may make us hold.

/// How much a peer may make us hold for one connection.
///
/// A frame's claimed length is checked against these before anything is allocated, and a breach is
/// answered with close code 1009 and a reason that names the limit. They are passed to every call
/// of [`Decoder::decode`](crate::Decoder::decode), so that one set serves all connections of an
/// endpoint and no connection stores its own; a change takes effect with the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The longest payload of a single frame, in octets as sent. A compressed one may be longer by an
    /// eighth and 64 octets, because what cannot be compressed grows. Control frames have their
    /// own limit of 125 octets and are not measured by this one. Default 65,536.
    pub frame_bytes_max: usize,
    /// The longest message, in octets of all its fragments together, after inflating: a compressed
    /// message is refused while it is inflated, as soon as it comes to more. A decoder that gives
    /// [parts](crate::Decoder::in_parts) keeps no message, and does not look at this limit.
    /// Default 65,536.
    pub message_bytes_max: usize,
    /// The most frames of one message, empty ones included; 0 acts as 1. Without it a peer could
    /// send empty fragments for ever. Default 1,024.
    pub fragments_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 * 1024,
            message_bytes_max: 64 * 1024,
            fragments_max: 1024,
        }
    }
}
