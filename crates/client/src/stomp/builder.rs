//! The options of a STOMP client.

use std::{fmt, sync::Arc, time::Duration};

use campanile_stomp::{HeartBeat, Limits, Version};

use crate::{Builder, Client, ClientError, pipe::Pipe, url::Address};

use super::{
    carrier::Carrier, client::StompClient, error::StompError, link::Link, reconnect::Reconnect,
};

/// What is offered and asked for unless said otherwise: a heart-beat every 10 s (S176).
const HEART_BEAT: HeartBeat = HeartBeat {
    sends_every_ms: 10_000,
    wants_every_ms: 10_000,
};

/// How long a receipt is waited for, unless said otherwise (S178).
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection may take to be opened, unless said otherwise.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// The options of a STOMP client that is to be connected; made by
/// [`StompClient::builder`](super::StompClient::builder).
///
/// Its `Debug` form shows neither passcode nor headers, which may hold secrets.
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct StompBuilder {
    plan: Plan,
    host: Option<String>,
}

/// What a client needs to know to connect, the first time and again.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) url: Arc<str>,
    /// WebSocket's options; of those, TCP uses what concerns TLS.
    web: Builder,
    /// As it was given, or the URL's.
    pub(super) host: String,
    pub(super) versions: Vec<Version>,
    pub(super) login: Option<String>,
    pub(super) passcode: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) heart_beat: HeartBeat,
    pub(super) limits: Limits,
    message_bytes_max: usize,
    pub(super) open_timeout: Duration,
    pub(super) receipt_timeout: Duration,
    pub(super) auto_receipt: bool,
    pub(super) reconnect: Reconnect,
}

impl StompBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            plan: Plan {
                url: url.into(),
                web: Client::builder(url),
                host: String::new(),
                versions: Version::ALL.to_vec(),
                login: None,
                passcode: None,
                headers: Vec::new(),
                heart_beat: HEART_BEAT,
                limits: Limits::default(),
                message_bytes_max: usize::MAX,
                open_timeout: OPEN_TIMEOUT,
                receipt_timeout: RECEIPT_TIMEOUT,
                auto_receipt: false,
                reconnect: Reconnect::default(),
            },
            host: None,
        }
    }

    /// Who this client is, for servers that ask in CONNECT. None by default.
    pub fn login(mut self, login: impl Into<String>, passcode: impl Into<String>) -> Self {
        self.plan.login = Some(login.into());
        self.plan.passcode = Some(passcode.into());
        self
    }

    /// One more header of CONNECT (S175).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan.headers.push((name.into(), value.into()));
        self
    }

    /// One more header of WebSocket's handshake (S175); see [`Builder::header`]. TCP has none.
    pub fn handshake_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan.web = self.plan.web.header(name, value);
        self
    }

    /// The virtual host that is meant: `host` of CONNECT (S185). By default the host of the URL.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The versions to offer, all three by default. None at all means the same.
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.plan.versions = versions.into_iter().collect();
        if self.plan.versions.is_empty() {
            self.plan.versions = Version::ALL.to_vec();
        }
        self
    }

    /// How often this client can send a heart-beat, and how often it wants one of the server's, in
    /// whole milliseconds; 10 s each by default, and zero for none (S176). The longer time of both
    /// sides counts. A server that is silent for three times the time that was agreed on is taken
    /// for lost.
    pub fn heart_beat(mut self, sends: Duration, wants: Duration) -> Self {
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        self.plan.heart_beat = HeartBeat {
            sends_every_ms: millis(sends),
            wants_every_ms: millis(wants),
        };
        self
    }

    /// Limits on frames of the server: 64 headers and a body of 64 KiB, unless said otherwise
    /// (S177). A server that goes beyond is disconnected with [`StompError::Protocol`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.plan.limits = limits;
        self
    }

    /// Sends frames that are longer than this, in bytes, as several WebSocket messages, for servers
    /// that take only small ones (S177). By default each frame is one message. TCP has none.
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.plan.message_bytes_max = bytes;
        self
    }

    /// Bound on opening a connection, up to CONNECTED; 10 s by default.
    pub fn open_timeout(mut self, open_timeout: Duration) -> Self {
        self.plan.open_timeout = open_timeout;
        self
    }

    /// Bound on each wait for a RECEIPT; 15 s by default (S178).
    pub fn receipt_timeout(mut self, receipt_timeout: Duration) -> Self {
        self.plan.receipt_timeout = receipt_timeout;
        self
    }

    /// Whether each SEND, ACK and NACK asks for a receipt and waits for it; not by default, where
    /// [`Sending::receipt`](super::Sending::receipt) asks for one (S178). SUBSCRIBE and DISCONNECT
    /// always do.
    pub fn auto_receipt(mut self, auto_receipt: bool) -> Self {
        self.plan.auto_receipt = auto_receipt;
        self
    }

    /// How a lost connection is opened again (S184); see [`Reconnect`]. It is, by default.
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.plan.reconnect = reconnect;
        self
    }

    /// Whom to trust on `wss://` and `stomps://`, and who this client is; see [`Builder::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.plan.web = self.plan.web.tls(tls);
        self
    }

    /// Connects. The first connection is opened by this call, once: reconnecting is for those that
    /// are lost later.
    ///
    /// # Errors
    /// [`StompError::Open`], [`OpenTimedOut`](StompError::OpenTimedOut),
    /// [`Refused`](StompError::Refused), [`NotConnected`](StompError::NotConnected),
    /// [`Protocol`](StompError::Protocol), [`Lost`](StompError::Lost) and
    /// [`Ended`](StompError::Ended).
    pub async fn connect(self) -> Result<StompClient, StompError> {
        let plan = self.plan()?;
        let link = Link::open(&plan).await?;
        Ok(StompClient::start(plan, link))
    }

    fn plan(self) -> Result<Plan, StompError> {
        let mut plan = self.plan;
        let address = match Address::parse_stomp(&plan.url) {
            Some(address) => address,
            None => Address::parse(&plan.url),
        };
        let address = address.map_err(StompError::open)?;
        plan.host = self.host.unwrap_or(address.host);
        // A frame is one message, usually; and a message may hold several small frames.
        let usual = crate::Limits::default();
        let bytes = plan.limits.frame_bytes_max.max(usual.message_bytes_max);
        plan.web = plan
            .web
            .protocols(plan.versions.iter().map(|it| it.subprotocol()))
            .open_timeout(plan.open_timeout)
            .limits(crate::Limits {
                frame_bytes_max: bytes,
                message_bytes_max: bytes,
                ..usual
            });
        Ok(plan)
    }
}

impl fmt::Debug for StompBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StompBuilder")
            .field("url", &self.plan.url)
            .field("login", &self.plan.login)
            .finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) async fn open_carrier(&self) -> Result<Carrier, ClientError> {
        match Address::parse_stomp(&self.url) {
            Some(address) => {
                let stream = self.web.open_stream(&address?).await?;
                Ok(Carrier::Tcp(Box::new(Pipe::new(stream, Vec::new()))))
            }
            None => Ok(Carrier::WebSocket {
                client: Box::new(self.web.clone().connect().await?),
                message_bytes_max: self.message_bytes_max,
            }),
        }
    }
}
