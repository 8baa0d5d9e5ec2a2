//! The ways to carry messages, and what each of them is like.

/// A way to carry messages, the last part of a session's path (sockjs-protocol; S39 to S43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Frames as the messages of a WebSocket, in both directions. Its sessions live as long as the
    /// connection: it does not matter if several have the same id.
    Websocket,
    /// A request for each frame that is received.
    Xhr,
    /// Frames in an answer that goes on, as a script reads them.
    XhrStreaming,
    /// Frames as server-sent events.
    Eventsource,
    /// Frames as scripts of a page that goes on loading within another one.
    Htmlfile,
    /// A script for each frame that is received, which calls a function of the page.
    Jsonp,
    /// Messages to a session that receives by any of the others, but for the one below.
    XhrSend,
    /// Messages as a form, to a session that receives by [`Jsonp`](Self::Jsonp).
    JsonpSend,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Websocket,
        Self::Xhr,
        Self::XhrStreaming,
        Self::Eventsource,
        Self::Htmlfile,
        Self::Jsonp,
        Self::XhrSend,
        Self::JsonpSend,
    ];

    /// The one that is called `name` in paths; the case matters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// What it is called in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::Xhr => "xhr",
            Self::XhrStreaming => "xhr_streaming",
            Self::Eventsource => "eventsource",
            Self::Htmlfile => "htmlfile",
            Self::Jsonp => "jsonp",
            Self::XhrSend => "xhr_send",
            Self::JsonpSend => "jsonp_send",
        }
    }

    /// The only method, in upper case, that its requests may have: beside `OPTIONS`, for those that
    /// [other origins may use](Self::supports_cors).
    pub fn method(self) -> &'static str {
        match self {
            Self::Websocket | Self::Eventsource | Self::Htmlfile | Self::Jsonp => "GET",
            Self::Xhr | Self::XhrStreaming | Self::XhrSend | Self::JsonpSend => "POST",
        }
    }

    /// The header `Allow` of the answer 405 to other methods, and the methods of its preflight
    /// (S51).
    pub fn allow(self) -> &'static str {
        match (self.supports_cors(), self.method()) {
            (true, "GET") => "OPTIONS, GET",
            (true, _) => "OPTIONS, POST",
            (false, method) => method,
        }
    }

    /// Whether scripts of other origins read its answers, so that preflights and the headers of
    /// CORS are needed (S50). The others are loaded by elements of a page, or are WebSockets.
    pub fn supports_cors(self) -> bool {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::XhrSend | Self::Eventsource => true,
            Self::Websocket | Self::Htmlfile | Self::Jsonp | Self::JsonpSend => false,
        }
    }

    /// The content type of its answers. A `204` to [`XhrSend`](Self::XhrSend) has it too: Firefox
    /// would take it for XML that is broken. Of a WebSocket it is that of refusals.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::Jsonp => "application/javascript; charset=UTF-8",
            // The protocol's test wants no charset here; there is no other one for events.
            Self::Eventsource => "text/event-stream",
            Self::Htmlfile => "text/html; charset=UTF-8",
            Self::Websocket | Self::XhrSend | Self::JsonpSend => "text/plain; charset=UTF-8",
        }
    }

    /// The status and the body with which messages are accepted; `None` for those that receive.
    ///
    /// The body of [`JsonpSend`](Self::JsonpSend) is there for a browser that was confused by 204.
    pub fn acceptance(self) -> Option<(u16, &'static str)> {
        match self {
            Self::XhrSend => Some((204, "")),
            Self::JsonpSend => Some((200, "ok")),
            _ => None,
        }
    }

    /// Whether its requests bring messages of the client and receive none.
    pub fn is_sender(self) -> bool {
        self.acceptance().is_some()
    }

    /// Whether its requests receive frames in answers of plain HTTP.
    pub fn is_receiver(self) -> bool {
        self.is_polling() || self.is_streaming()
    }

    /// Whether an answer ends after one frame, and the client asks again.
    pub fn is_polling(self) -> bool {
        matches!(self, Self::Xhr | Self::Jsonp)
    }

    /// Whether an answer goes on until it has reached the limit of a stream (S48).
    pub fn is_streaming(self) -> bool {
        matches!(
            self,
            Self::XhrStreaming | Self::Eventsource | Self::Htmlfile
        )
    }

    /// Whether a request has to name the function to call, see [`Callback`](crate::Callback).
    pub fn needs_callback(self) -> bool {
        matches!(self, Self::Htmlfile | Self::Jsonp)
    }

    /// Whether a request by this transport may belong to a session that `opened_by` has begun
    /// (S53). A client receives in one way as long as its session lives, and sends in the way that
    /// fits.
    pub fn continues(self, opened_by: Self) -> bool {
        match self {
            Self::Websocket => false,
            Self::XhrSend => opened_by.is_receiver() && opened_by != Self::Jsonp,
            Self::JsonpSend => opened_by == Self::Jsonp,
            _ => self == opened_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s39_s40_s41_s42_s43_transports_are_found_by_their_names_only() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_name(transport.name()), Some(transport));
        }
        for name in [
            "",
            "XHR",
            "xhr/",
            "xhr;a",
            "xhr-streaming",
            "jsonp-polling",
            " xhr",
        ] {
            assert_eq!(Transport::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn s51_each_transport_has_its_method_and_says_which() {
        let allowed = |transport: Transport| (transport.method(), transport.allow());
        assert_eq!(allowed(Transport::Websocket), ("GET", "GET"));
        assert_eq!(allowed(Transport::Xhr), ("POST", "OPTIONS, POST"));
        assert_eq!(allowed(Transport::XhrStreaming), ("POST", "OPTIONS, POST"));
        assert_eq!(allowed(Transport::Eventsource), ("GET", "OPTIONS, GET"));
        assert_eq!(allowed(Transport::Htmlfile), ("GET", "GET"));
        assert_eq!(allowed(Transport::Jsonp), ("GET", "GET"));
        assert_eq!(allowed(Transport::XhrSend), ("POST", "OPTIONS, POST"));
        assert_eq!(allowed(Transport::JsonpSend), ("POST", "POST"));
    }

    #[test]
    fn s51_what_is_sent_is_accepted_with_204_or_ok() {
        assert_eq!(Transport::XhrSend.acceptance(), Some((204, "")));
        assert_eq!(Transport::JsonpSend.acceptance(), Some((200, "ok")));
        for transport in Transport::ALL {
            let is_websocket = transport == Transport::Websocket;
            let roles = [transport.is_sender(), transport.is_receiver(), is_websocket];
            assert_eq!(
                roles.into_iter().filter(|it| *it).count(),
                1,
                "{transport:?}"
            );
            assert!(!(transport.is_polling() && transport.is_streaming()));
        }
    }

    #[test]
    fn s53_a_session_is_continued_in_the_way_that_it_began() {
        let continued = |opened_by: Transport| {
            let all = Transport::ALL.into_iter();
            all.filter(|it| it.continues(opened_by)).collect::<Vec<_>>()
        };
        for opened_by in Transport::ALL.into_iter().filter(|it| it.is_receiver()) {
            let sender = match opened_by {
                Transport::Jsonp => Transport::JsonpSend,
                _ => Transport::XhrSend,
            };
            assert_eq!(continued(opened_by), [opened_by, sender]);
        }
        assert!(continued(Transport::Websocket).is_empty());
    }
}
