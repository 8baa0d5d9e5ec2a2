//! What is to be measured.

use std::time::Duration;

use crate::{error::BenchError, marker::MARKER_BYTES, queue::QueuePlan};

/// The longest payload: 16 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// The most publications that may be outstanding.
const WINDOW_MAX: usize = 1 << 16;

/// The highest rate. What a server does not take in time waits in the generator's memory.
const RATE_MAX: f64 = 1e5;

/// How sessions and publications are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Sessions that have exchanged a message and are quiet: memory.
    Idle,
    /// One session publishes to all at a rate: latency.
    Fanout,
    /// One session publishes to all, as fast as all receive: throughput.
    FanoutMax,
    /// Every session's messages come back to it alone.
    Echo,
    /// Sessions in many rooms, with one publisher in each.
    Rooms,
    /// Sessions open, close, and open again: CPU a connection.
    Connect,
    /// Fan-out at a rate, while a share of the sessions reconnects every second.
    Churn,
    /// Fan-out at a rate, while a share of the sessions has stopped reading.
    Slow,
    /// Producers send to queues, whose consumers compete: as fast as all is received, or at a rate.
    Queue,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Fanout,
        Self::FanoutMax,
        Self::Echo,
        Self::Rooms,
        Self::Connect,
        Self::Churn,
        Self::Slow,
        Self::Queue,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Fanout => "fanout",
            Self::FanoutMax => "fanout-max",
            Self::Echo => "echo",
            Self::Rooms => "rooms",
            Self::Connect => "connect",
            Self::Churn => "churn",
            Self::Slow => "slow",
            Self::Queue => "queue",
        }
    }

    fn default_sessions(self) -> usize {
        match self {
            Self::Idle | Self::Rooms => 10_000,
            Self::Echo => 100,
            _ => 1_000,
        }
    }
}

/// What is spoken within WebSocket messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Nothing: a message is a publication.
    Raw,
    /// Socket.IO 5 over Engine.IO 4: the event `m` with one argument. The fragment of the URL is
    /// the namespace. A URL without a path means `/socket.io/`.
    SocketIo,
    /// Centrifugo's JSON protocol. The fragment of the URL is the channel, `bench` without one. A
    /// URL without a path means `/connection/websocket`.
    Centrifugo,
    /// SockJS with its WebSocket transport; the URL is that of the endpoint.
    SockJs,
    /// STOMP: a third of the sessions each speak 1.0, 1.1 and 1.2, each with a subscription id of
    /// its own. The fragment of the URL is the destination, `/topic/bench` without one. A URL
    /// without a path means `/stomp`. A session is open once the server has answered the
    /// subscription's receipt.
    Stomp,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 5] = [
        Self::Raw,
        Self::SocketIo,
        Self::Centrifugo,
        Self::SockJs,
        Self::Stomp,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::SocketIo => "socket.io",
            Self::Centrifugo => "centrifugo",
            Self::SockJs => "sockjs",
            Self::Stomp => "stomp",
        }
    }
}

/// One run: what is done to which server. [`Plan::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The arrangement.
    pub shape: Shape,
    /// Where the server is: `ws://host:port/path`. `{room}` stands for the session's room, and
    /// `{session}` for its number, both from 0. For queues it is `tcp://host:port`, port 61613
    /// unless it says otherwise, and the fragment names the queues: `/queue/bench-{queue}` without
    /// one, where `{queue}` stands for a queue's number.
    pub url: String,
    /// A name for the report, such as that of the server.
    pub label: Option<String>,
    /// What is spoken within messages. For queues it is always STOMP.
    pub dialect: Dialect,
    /// Sessions to open. For queues it is `queue` that says how many.
    pub sessions: usize,
    /// How long to measure, after the warm-up.
    pub seconds: Duration,
    /// How long the load is applied before it is measured.
    pub warm_up: Duration,
    /// Octets of a message's text: from 54, which its marker takes, to [`PAYLOAD_BYTES_MAX`].
    pub payload_bytes: usize,
    /// Publications a second, in all channels together, for fanout, rooms, churn, slow and queue.
    /// Rooms and queues without a rate are kept busy by the window.
    pub rate: Option<f64>,
    /// Publications outstanding, that is, not received by all yet: in total for fanout-max and
    /// rooms, for each session in echo, for each producer of queues. The latter also counts those
    /// whose receipt has not come.
    pub window: usize,
    /// Rooms, of which each has at least one session.
    pub rooms: usize,
    /// Producers, consumers and queues.
    pub queue: QueuePlan,
    /// The server's process on this machine, for its CPU time and memory.
    pub pid: Option<u32>,
    /// Whether permessage-deflate is offered (RFC 7692).
    pub deflate: bool,
    /// Idle: how long sessions are quiet before memory is read.
    pub quiet: Duration,
    /// Slow: the share of sessions that stop reading.
    pub slow_share: f64,
    /// Churn: the share of sessions that reconnect every second.
    pub churn_share: f64,
    /// When nothing arrives for so long although something is outstanding, it is taken for lost.
    pub patience: Duration,
}

impl Plan {
    /// A run with the defaults of `shape`.
    pub fn new(shape: Shape, url: &str) -> Self {
        let has_rate = matches!(shape, Shape::Fanout | Shape::Churn | Shape::Slow);
        Self {
            shape,
            url: url.to_owned(),
            label: None,
            dialect: Dialect::Raw,
            sessions: shape.default_sessions(),
            seconds: Duration::from_secs(10),
            warm_up: Duration::from_secs(1),
            // What is said of idle memory elsewhere was measured after messages of 200 bytes.
            payload_bytes: if shape == Shape::Idle { 200 } else { 128 },
            rate: has_rate.then_some(50.0),
            window: if shape == Shape::Queue { 64 } else { 16 },
            rooms: 1_000,
            queue: QueuePlan::default(),
            pid: None,
            deflate: false,
            quiet: Duration::from_secs(60),
            slow_share: 0.05,
            churn_share: 0.05,
            patience: Duration::from_secs(3),
        }
    }

    /// Whether the next publication waits for an earlier one, instead of for its time.
    pub(crate) fn is_windowed(&self) -> bool {
        match self.shape {
            Shape::FanoutMax | Shape::Echo => true,
            Shape::Rooms => self.rate.is_none(),
            _ => false,
        }
    }

    /// How many independent series of publications there are.
    pub(crate) fn channels(&self) -> usize {
        match self.shape {
            Shape::Echo => self.sessions,
            Shape::Rooms => self.rooms,
            _ => 1,
        }
    }

    /// The channel that a session belongs to. Its publisher is the session of the same number.
    pub(crate) fn channel_of(&self, session: usize) -> usize {
        session % self.channels()
    }

    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let wrong = |option, why: String| Err(BenchError::Option { option, why });
        if self.sessions == 0 || self.sessions > u32::MAX as usize {
            return wrong("sessions", "there must be at least one".to_owned());
        }
        if !(MARKER_BYTES..=PAYLOAD_BYTES_MAX).contains(&self.payload_bytes) {
            let why = format!("it must be from {MARKER_BYTES} to {PAYLOAD_BYTES_MAX} bytes");
            return wrong("payload", why);
        }
        if self.window == 0 || self.window > WINDOW_MAX {
            return wrong("window", format!("it must be from 1 to {WINDOW_MAX}"));
        }
        if self
            .rate
            .is_some_and(|rate| !(1e-3..=RATE_MAX).contains(&rate))
        {
            return wrong(
                "rate",
                "it must be from 0.001 to 100,000 a second".to_owned(),
            );
        }
        for (option, share) in [
            ("slow-share", self.slow_share),
            ("churn-share", self.churn_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(option, "a share is a number from 0 to 1".to_owned());
            }
        }
        if self.shape == Shape::Queue {
            self.queue.check(self.window, self.deflate)?;
        }
        if self.seconds.is_zero() {
            return wrong("seconds", "something must be measured".to_owned());
        }
        if self.shape == Shape::Rooms {
            if self.rooms == 0 || self.rooms > self.sessions {
                let why = format!("{} sessions fill 1 to as many rooms", self.sessions);
                return wrong("rooms", why);
            }
            if !self.url.contains("{room}") {
                let why = "{room} must stand in the URL, as in ws://HOST/rooms/{room}".to_owned();
                return wrong("rooms", why);
            }
        }
        Ok(())
    }
}
