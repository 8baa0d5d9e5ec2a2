//! How bytes reach clients, by name.

use std::fmt;

/// How a session's bytes reach its client; the driver's affair, which the hub only remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TransportKind {
    /// A WebSocket, whatever version of HTTP it was opened with.
    #[default]
    WebSocket,
    /// TCP, or TLS over it, without HTTP.
    Tcp,
    /// SockJS: requests that each wait for the next message.
    Xhr,
    /// SockJS: one long answer after the other.
    XhrStreaming,
    /// Server-sent events.
    EventSource,
    /// SockJS: a page that goes on and on, for very old browsers.
    HtmlFile,
    /// SockJS: scripts, one a message.
    Jsonp,
    /// An answer that goes on and on, with one JSON object a line.
    JsonLines,
    /// A request that is answered once there is something.
    LongPoll,
}

impl TransportKind {
    /// Its name in logs, statistics and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Tcp => "tcp",
            Self::Xhr => "xhr",
            Self::XhrStreaming => "xhr_streaming",
            Self::EventSource => "eventsource",
            Self::HtmlFile => "htmlfile",
            Self::Jsonp => "jsonp",
            Self::JsonLines => "json_lines",
            Self::LongPoll => "long_poll",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
