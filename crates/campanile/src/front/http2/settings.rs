//! What is offered to clients on listeners under TLS, and how a server is told.

use crate::front::serve::Serve;

/// What is offered to clients on listeners under TLS.
#[derive(Clone, Copy, Debug)]
pub(in crate::front) struct Http2 {
    /// HTTP/2 itself.
    pub(in crate::front) is_on: bool,
    /// WebSockets over it.
    pub(in crate::front) has_websockets: bool,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            is_on: true,
            has_websockets: true,
        }
    }
}

impl Serve {
    /// Whether HTTP/2 is offered on listeners under TLS, beside HTTP/1.1 (RFC 9113 3.2). It is unless
    /// this says otherwise.
    ///
    /// A client has one connection then for all that it asks for: at most
    /// [`HTTP2_STREAMS_MAX`](crate::HTTP2_STREAMS_MAX) requests at a time, streams of events and
    /// WebSockets included.
    pub fn http2(mut self, is_on: bool) -> Self {
        self.http2.is_on = is_on;
        self
    }

    /// Whether clients that speak HTTP/2 may open WebSockets over it, by extended CONNECT (RFC 8441).
    /// They may unless this says otherwise; then they open a connection of HTTP/1.1 for each.
    ///
    /// A page with several WebSockets needs fewer connections and TLS handshakes for them; a server
    /// pays with a task and a little more memory for each, and with one more step for each message.
    pub fn websocket_over_http2(mut self, is_on: bool) -> Self {
        self.http2.has_websockets = is_on;
        self
    }
}
