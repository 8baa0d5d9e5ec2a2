//! What an endpoint's SockJS is like.

use std::time::Duration;

use campanile_hub::TransportKind;

use crate::endpoint::Endpoint;
use crate::stomp::StompEndpoint;

/// How often a client that is sent nothing gets a heart-beat, unless said otherwise (S46).
const HEART_BEAT: Duration = Duration::from_secs(25);

/// How long a session may be without a request that receives, unless said otherwise (S47).
const DISCONNECT_DELAY: Duration = Duration::from_secs(5);

/// How long a streaming answer becomes, unless said otherwise, in bytes (S48).
const STREAM_BYTES_MAX: usize = 128 << 10;

/// How many messages wait for a request that receives, unless said otherwise (S49).
const MESSAGES_MAX: usize = 100;

/// Where the page for cross-domain iframes gets the client from, unless said otherwise (S45).
const CLIENT_LIBRARY_URL: &str = "/assets/sockjs.min.js";

/// A way of SockJS between client and server, as the last segment of its URL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SockJsTransport {
    /// `websocket`: frames of SockJS in messages of a WebSocket, and the raw WebSocket beside it
    /// (S38, S39).
    WebSocket,
    /// `xhr_streaming`: one long answer after the other (S41).
    XhrStreaming,
    /// `xhr`: requests that each wait for the next messages (S40).
    Xhr,
    /// `eventsource`: server-sent events (S42).
    EventSource,
    /// `htmlfile`: a page that goes on and on, for very old browsers (S43).
    HtmlFile,
    /// `jsonp`: scripts, one for each time that there are messages. Off unless asked for: any page
    /// can load a script, so origins cannot be checked.
    Jsonp,
}

impl SockJsTransport {
    /// All of them, in the order in which clients should try them.
    pub const ALL: [Self; 6] = [
        Self::WebSocket,
        Self::XhrStreaming,
        Self::Xhr,
        Self::EventSource,
        Self::HtmlFile,
        Self::Jsonp,
    ];

    /// What sessions of it say that their bytes travel in; see
    /// [`Session::transport`](crate::Session::transport).
    pub fn kind(self) -> TransportKind {
        match self {
            Self::WebSocket => TransportKind::WebSocket,
            Self::XhrStreaming => TransportKind::XhrStreaming,
            Self::Xhr => TransportKind::Xhr,
            Self::EventSource => TransportKind::EventSource,
            Self::HtmlFile => TransportKind::HtmlFile,
            Self::Jsonp => TransportKind::Jsonp,
        }
    }
}

/// What an endpoint's SockJS is like (protocol 0.3.3). Who may come in, and what happens to
/// messages, is the endpoint's affair.
///
/// ```
/// use campanile::{SockJs, SockJsTransport, StompEndpoint};
/// use std::time::Duration;
///
/// let sockjs = SockJs::new()
///     .heart_beat(Duration::from_secs(10))
///     .without(SockJsTransport::HtmlFile);
/// let endpoint = StompEndpoint::new().sockjs(sockjs);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SockJs {
    pub(crate) heart_beat: Duration,
    pub(crate) disconnect_delay: Duration,
    pub(crate) stream_bytes_max: usize,
    pub(crate) messages_max: usize,
    pub(crate) cookie_needed: bool,
    pub(crate) jsessionid: bool,
    pub(crate) suppress_cors: bool,
    pub(crate) client_library_url: String,
    pub(crate) bind_sessions: bool,
    /// Which there are, by their place in [`SockJsTransport::ALL`].
    transports: [bool; SockJsTransport::ALL.len()],
}

impl Default for SockJs {
    fn default() -> Self {
        Self::new()
    }
}

impl SockJs {
    /// All transports but JSONP, with the defaults that each method names.
    pub fn new() -> Self {
        Self {
            heart_beat: HEART_BEAT,
            disconnect_delay: DISCONNECT_DELAY,
            stream_bytes_max: STREAM_BYTES_MAX,
            messages_max: MESSAGES_MAX,
            cookie_needed: true,
            jsessionid: false,
            suppress_cors: false,
            client_library_url: CLIENT_LIBRARY_URL.to_owned(),
            bind_sessions: true,
            transports: SockJsTransport::ALL.map(|one| one != SockJsTransport::Jsonp),
        }
    }

    /// How often a client that is sent nothing else gets a heart-beat: 25 s unless said otherwise
    /// (S46). Once a client speaks STOMP, line ends take the place of `h` frames: as often as its
    /// heart-beats were agreed on, or this often if it wants none.
    #[must_use]
    pub fn heart_beat(mut self, interval: Duration) -> Self {
        self.heart_beat = interval;
        self
    }

    /// How long a session over HTTP may be without a request that receives, before it ends; also
    /// how long a session that has ended is remembered, so that its client is told why: 5 s unless
    /// said otherwise (S47).
    #[must_use]
    pub fn disconnect_delay(mut self, time: Duration) -> Self {
        self.disconnect_delay = time;
        self
    }

    /// After how many bytes a streaming answer ends, and its client sends the next request: 128 KiB
    /// unless said otherwise (S48). With 1 each answer has one frame, as those of polling have.
    #[must_use]
    pub fn stream_bytes_max(mut self, bytes: usize) -> Self {
        self.stream_bytes_max = bytes;
        self
    }

    /// How many messages may wait while no request receives: 100 unless said otherwise (S49).
    /// Beyond it the session ends with 1008 `slow-consumer`.
    #[must_use]
    pub fn messages_max(mut self, messages: usize) -> Self {
        self.messages_max = messages;
        self
    }

    /// Whether clients are told that the server needs cookies, as load balancers with sticky
    /// sessions do (S36). Yes unless said otherwise.
    #[must_use]
    pub fn cookie_needed(mut self, needed: bool) -> Self {
        self.cookie_needed = needed;
        self
    }

    /// Whether answers set the cookie `JSESSIONID`, to what the client has sent or to `dummy`: there
    /// are load balancers that stick to it. No unless said otherwise.
    #[must_use]
    pub fn jsessionid(mut self, set: bool) -> Self {
        self.jsessionid = set;
        self
    }

    /// Whether there is the transport `websocket`, and the raw WebSocket at `…/websocket` beside it
    /// (S37). Yes unless said otherwise. A WebSocket at the endpoint's own path stays open either
    /// way.
    #[must_use]
    pub fn websocket(self, enabled: bool) -> Self {
        self.set(SockJsTransport::WebSocket, enabled)
    }

    /// Whether there is the transport `jsonp`, for browsers without CORS (S56). No unless said
    /// otherwise: any page can load a script, so the endpoint's rule about origins does not hold for
    /// it.
    #[must_use]
    pub fn jsonp(self, enabled: bool) -> Self {
        self.set(SockJsTransport::Jsonp, enabled)
    }

    /// These transports and no others (S56).
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = SockJsTransport>) -> Self {
        self.transports = Default::default();
        transports
            .into_iter()
            .fold(self, |options, one| options.set(one, true))
    }

    /// All that there are but this one (S56).
    #[must_use]
    pub fn without(self, transport: SockJsTransport) -> Self {
        self.set(transport, false)
    }

    /// Whether answers are without headers of CORS, because somebody before this server adds them
    /// (S50). No unless said otherwise.
    #[must_use]
    pub fn suppress_cors(mut self, suppress: bool) -> Self {
        self.suppress_cors = suppress;
        self
    }

    /// Where the page for cross-domain iframes gets the SockJS client from: an absolute URL, or one
    /// relative to that page (S45). `/assets/sockjs.min.js` unless said otherwise, which is where
    /// the program `campanile` has it; an application serves its own copy.
    #[must_use]
    pub fn client_library_url(mut self, url: impl Into<String>) -> Self {
        self.client_library_url = url.into();
        self
    }

    /// Whether all requests of a session must come from whoever has opened it: the same user, or
    /// for a session that is nobody's the same IP address, and the transports that belong together
    /// (S53). Yes unless said otherwise. The address is what
    /// [trusted proxies](crate::Builder::trusted_proxies) say. Whose a request is, only the
    /// endpoint's interceptors know: for sessions that have a user they are asked for each request,
    /// for all others once a session.
    #[must_use]
    pub fn bind_sessions(mut self, bind: bool) -> Self {
        self.bind_sessions = bind;
        self
    }

    /// Whether there is this transport.
    pub(crate) fn has(&self, transport: SockJsTransport) -> bool {
        self.transports[transport as usize]
    }

    fn set(mut self, transport: SockJsTransport, enabled: bool) -> Self {
        self.transports[transport as usize] = enabled;
        self
    }
}

/// # SockJS
impl Endpoint {
    /// Also serves SockJS, with the default options: under the endpoint's path, beside its plain
    /// WebSocket.
    #[must_use]
    pub fn with_sockjs(self) -> Self {
        self.sockjs(SockJs::default())
    }

    /// Also serves SockJS, with these options. Each message of a SockJS client is a text message to
    /// the endpoint's callbacks, and each text message to it a message of SockJS. SockJS has no
    /// binary messages: what is sent to its clients as binary arrives as text if it is UTF-8, and
    /// ends the session with 1003 if it is not.
    #[must_use]
    pub fn sockjs(mut self, options: SockJs) -> Self {
        self.sockjs = Some(options);
        self
    }
}

/// # SockJS
impl StompEndpoint {
    /// Also serves SockJS, with the default options: under the endpoint's path, beside its plain
    /// WebSocket.
    #[must_use]
    pub fn with_sockjs(self) -> Self {
        self.sockjs(SockJs::default())
    }

    /// Also serves SockJS, with these options. Each STOMP frame is one message of SockJS; a frame
    /// whose body is not UTF-8 ends the session with 1003, since SockJS has no binary messages.
    #[must_use]
    pub fn sockjs(mut self, options: SockJs) -> Self {
        self.endpoint = self.endpoint.sockjs(options);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s56_transports_are_replaced_and_taken_away_one_by_one() {
        let has = |options: &SockJs| SockJsTransport::ALL.map(|one| options.has(one));
        assert_eq!(has(&SockJs::new()), [true, true, true, true, true, false]);
        let options = SockJs::new().without(SockJsTransport::Xhr).jsonp(true);
        assert_eq!(has(&options), [true, true, false, true, true, true]);
        let options = options.transports([SockJsTransport::Xhr, SockJsTransport::EventSource]);
        assert_eq!(has(&options), [false, false, true, true, false, false]);
        let options = options.websocket(true).without(SockJsTransport::WebSocket);
        assert!(!options.has(SockJsTransport::WebSocket));
    }

    #[test]
    fn s36_s45_s46_s47_s48_s49_s50_s53_the_defaults_are_springs() {
        let options = SockJs::default();
        assert_eq!(options.heart_beat, Duration::from_millis(25_000));
        assert_eq!(options.disconnect_delay, Duration::from_millis(5_000));
        assert_eq!(options.stream_bytes_max, 128 * 1_024);
        assert_eq!(options.messages_max, 100);
        assert!(options.cookie_needed && options.bind_sessions);
        assert!(!options.suppress_cors && !options.jsessionid);
        assert_eq!(options.client_library_url, "/assets/sockjs.min.js");
    }
}
