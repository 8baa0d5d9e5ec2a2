//! A path that destinations are listened to by.

use std::time::Duration;

use campanile_hub::{OutboxPolicy, Timeouts, TransportKind};

use crate::endpoint::{Compression, Endpoint, IntoEndpoint};
use crate::handshake::HandshakeInterceptor;
use crate::origin::OriginPolicy;
use crate::wire::Wire;

/// An endpoint that web pages and programs listen to destinations by, without STOMP (S98):
/// `GET /events?destination=/topic/a`, with further `&destination=…` for more of them. Mounted with
/// [`Builder::events`](crate::Builder::events); what may be named, the [`Broker`](crate::Broker)
/// says: topics, patterns over them, and user destinations, but no queues.
///
/// How it is answered, the request says:
///
/// * a WebSocket upgrade: one JSON object a text message;
/// * `Accept: text/event-stream`: server-sent events, as the `EventSource` of browsers reads them;
/// * `Accept: application/x-ndjson`: one JSON object a line;
/// * else one JSON object, as soon as there is a message (long polling) or `wait=SECONDS` are over;
///   `wait=0` answers at once (polling).
///
/// Whoever was cut off continues without a gap or a duplicate by handing the last id that it has got
/// back, as `after=ID` or in the header `Last-Event-ID`, as far as the destinations
/// [keep their past](crate::Broker::history).
///
/// ```
/// use campanile::{Broker, Campanile, EventsEndpoint, HistoryLimits, OriginPolicy};
///
/// let app = Campanile::builder()
///     .broker(Broker::new().history("/topic/**", HistoryLimits::default()))
///     .events("/events", EventsEndpoint::new().origins(OriginPolicy::Any))
///     .build()?;
/// app.handle().publish("/topic/news", "hello")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EventsEndpoint {
    endpoint: Endpoint,
    rules: EventsRules,
}

/// What an endpoint demands of those who listen, and how it serves them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventsRules {
    pub(super) heart_beat: Duration,
    pub(super) retry: Duration,
    pub(super) wait: Duration,
    pub(super) wait_max: Duration,
    pub(super) destinations_max: usize,
}

/// How long browsers wait before they come back, unless said otherwise.
pub(super) const RETRY: Duration = Duration::from_secs(2);

impl Default for EventsRules {
    fn default() -> Self {
        Self {
            heart_beat: Duration::from_secs(15),
            retry: RETRY,
            wait: Duration::from_secs(20),
            wait_max: Duration::from_secs(60),
            destinations_max: 100,
        }
    }
}

impl Default for EventsEndpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl EventsEndpoint {
    /// For pages of the endpoint's own origin, with an outbox of 1 MiB and 10 s.
    pub fn new() -> Self {
        Self {
            endpoint: Endpoint::new().compression(Compression::Off),
            rules: EventsRules::default(),
        }
    }

    /// Which web pages may listen; see [`Endpoint::origins`]. Their browsers are told so (CORS); they
    /// may send cookies and logins along unless every origin is allowed, or a function decides.
    #[must_use]
    pub fn origins(mut self, policy: OriginPolicy) -> Self {
        self.endpoint = self.endpoint.origins(policy);
        self
    }

    /// Adds an interceptor, which is asked before anybody is let in, whatever way is asked for. It
    /// may say whose session it is, and may look at
    /// [`query_values("destination")`](crate::Handshake::query_values); see [`Endpoint::intercept`].
    #[must_use]
    pub fn intercept(mut self, interceptor: impl HandshakeInterceptor) -> Self {
        self.endpoint = self.endpoint.intercept(interceptor);
        self
    }

    /// What happens to a session that reads more slowly than it is sent to; see
    /// [`Endpoint::outbox`]. Where publications are dropped, a record `gap` says so.
    #[must_use]
    pub fn outbox(mut self, policy: OutboxPolicy) -> Self {
        self.endpoint = self.endpoint.outbox(policy);
        self
    }

    /// How long a stream may be silent before a comment, or a record `heart-beat`, shows that it is
    /// alive: 15 s, unless this says otherwise; at least half a second. A WebSocket's client that is
    /// silent for so long is sent a ping, which it must answer within 10 s.
    #[must_use]
    pub fn heart_beat(mut self, silence: Duration) -> Self {
        self.rules.heart_beat = silence;
        self
    }

    /// How long browsers wait before they come back after a cut, in whole milliseconds: 2 s, unless
    /// this says otherwise.
    #[must_use]
    pub fn retry(mut self, delay: Duration) -> Self {
        self.rules.retry = delay;
        self
    }

    /// How long a JSON answer waits for a message: 20 s, and for those who ask for another time 60 s
    /// at most, unless this says otherwise.
    #[must_use]
    pub fn wait(mut self, by_default: Duration, at_most: Duration) -> Self {
        self.rules.wait = by_default.min(at_most);
        self.rules.wait_max = at_most;
        self
    }

    /// How many destinations one request may name: 100, unless this says otherwise. One more, and it
    /// is refused with 400.
    #[must_use]
    pub fn destinations_max(mut self, destinations: usize) -> Self {
        self.rules.destinations_max = destinations;
        self
    }
}

impl IntoEndpoint for EventsEndpoint {
    fn into_endpoint(self) -> Endpoint {
        let mut endpoint = self.endpoint;
        endpoint.events = Some(self.rules);
        endpoint
    }
}

impl EventsRules {
    /// What a session may leave undone: WebSocket's clients are asked for signs of life, the others
    /// are sent them, and who polls will not wait for one.
    pub(crate) fn timeouts(&self, wire: Wire, transport: TransportKind) -> Timeouts {
        let interval = Some(self.heart_beat);
        match (wire, transport) {
            (_, TransportKind::LongPoll) => Timeouts::default(),
            (Wire::WebSocket, _) => Timeouts {
                ping: interval,
                ..Timeouts::default()
            },
            _ => Timeouts {
                heart_beat: interval,
                ..Timeouts::default()
            },
        }
    }
}
