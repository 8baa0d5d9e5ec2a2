//! How much a peer may make us hold.

/// How long the line with the command may get, in octets. The longest command has 11.
pub(crate) const COMMAND_LINE_BYTES_MAX: usize = 32;

/// How much a peer may make us hold of one frame.
///
/// A claimed `content-length` is checked against these before anything is allocated, and a breach
/// has an outcome that names the limit: send an ERROR and close (STOMP 1.2, Size Limits; S82). They
/// are passed to every call of [`Decoder::decode`](crate::Decoder::decode), so that one set serves
/// all connections of an endpoint and no connection stores its own; a change takes effect with the
/// next frame. So a server can pass tight ones until a client has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most headers of a frame, repeated ones included. Default 64.
    pub headers_max: usize,
    /// The longest header, name, colon and value as sent, in octets, without the line feed.
    /// Default 8,192.
    pub header_bytes_max: usize,
    /// The longest head: the command and all headers as sent, with their line ends and the blank
    /// line, in octets. Default 16,384.
    pub head_bytes_max: usize,
    /// The longest body, in octets. Default 65,536.
    pub body_bytes_max: usize,
    /// The longest frame: head, body and the NUL at its end, in octets. By default as long as the
    /// others allow: 81,921.
    pub frame_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers_max: 64,
            header_bytes_max: 8 * 1024,
            head_bytes_max: 16 * 1024,
            body_bytes_max: 64 * 1024,
            frame_bytes_max: 80 * 1024 + 1,
        }
    }
}
