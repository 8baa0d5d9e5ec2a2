//! What a session's frames travel in.

/// What a session's frames travel in, each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A WebSocket message each.
    #[default]
    WebSocket,
    /// TCP, or TLS over it: one frame of STOMP behind the other.
    Bare,
    /// Frames of SockJS, a WebSocket message each.
    SockJsWebSocket,
    /// Frames of SockJS, a line each, through a pipe to whichever request fetches them; JSON from
    /// the client, a line each.
    SockJsHttp,
    /// Server-sent events through a pipe to an answer. Nothing comes from the client.
    EventStream,
    /// One JSON object a line, through a pipe to an answer. Nothing comes from the client.
    JsonLines,
}

/// How many there are.
pub(crate) const WIRES: usize = 6;

impl Wire {
    /// Whether its bytes are frames of RFC 6455.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::SockJsWebSocket)
    }

    /// Whether messages are in frames of SockJS.
    pub(crate) fn is_sockjs(self) -> bool {
        matches!(self, Self::SockJsWebSocket | Self::SockJsHttp)
    }
}
