//! A path that STOMP clients connect to.

use std::time::Duration;

use campanile_hub::OutboxPolicy;
use campanile_stomp::Version;

use super::events::StompRules;
use crate::endpoint::{Endpoint, IntoEndpoint};
use crate::handshake::{Handshake, HandshakeInterceptor};
use crate::origin::OriginPolicy;
use crate::wire::Wire;

/// How long a client may take to send CONNECT, unless said otherwise (S32).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// An endpoint of STOMP 1.0, 1.1 and 1.2 over WebSocket, with the sub-protocols `v12.stomp`,
/// `v11.stomp` and `v10.stomp`, or none (S58). Mounted with
/// [`Builder::stomp`](crate::Builder::stomp); what its clients may name, the
/// [`Broker`](crate::Broker) says.
///
/// Clients are answered with a RECEIPT for whatever asks for one, once it took effect (S69); with an
/// ERROR for whatever is wrong, and a close after it, unless they have sent `x-errors:keep` with
/// CONNECT, or [`on_refusal`](Self::on_refusal) says so, and the frame could be understood (S75).
/// Heart-beats go both ways as the client likes, from every 500 ms on (S66).
///
/// Clients may compress what they send (RFC 7692), and an offer of theirs is accepted. What they are
/// sent is not compressed: each MESSAGE names its receiver's subscription, so it would have to be
/// compressed for each of them.
#[derive(Clone)]
pub struct StompEndpoint {
    pub(crate) endpoint: Endpoint,
    pub(super) rules: StompRules,
}

impl Default for StompEndpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl StompEndpoint {
    /// For pages of the endpoint's own origin, with 60 s for CONNECT, frames of 64 KiB and an outbox
    /// of 1 MiB and 10 s.
    pub fn new() -> Self {
        let protocols = Version::ALL.map(Version::subprotocol);
        let endpoint = Endpoint::new()
            .protocols(protocols)
            .select_protocol(highest)
            .compression(crate::Compression::Off)
            .message_bytes_max(campanile_stomp::Limits::default().frame_bytes_max)
            .first_message_within(CONNECT_TIMEOUT);
        Self {
            endpoint,
            rules: StompRules::default(),
        }
    }

    /// Which web pages may connect; see [`Endpoint::origins`].
    #[must_use]
    pub fn origins(mut self, policy: OriginPolicy) -> Self {
        self.endpoint = self.endpoint.origins(policy);
        self
    }

    /// Adds an interceptor around the handshake, which may say whose session it is; see
    /// [`Endpoint::intercept`].
    #[must_use]
    pub fn intercept(mut self, interceptor: impl HandshakeInterceptor) -> Self {
        self.endpoint = self.endpoint.intercept(interceptor);
        self
    }

    /// How long a client may take to send CONNECT; beyond it the session is closed with 1008
    /// `first-message`.
    #[must_use]
    pub fn connect_within(mut self, time: Duration) -> Self {
        self.endpoint = self.endpoint.first_message_within(time);
        self
    }

    /// What happens to a session that reads more slowly than it is sent to; see
    /// [`Endpoint::outbox`].
    #[must_use]
    pub fn outbox(mut self, policy: OutboxPolicy) -> Self {
        self.endpoint = self.endpoint.outbox(policy);
        self
    }
}

impl StompEndpoint {
    /// The endpoint, for clients without WebSocket.
    pub(crate) fn over_tcp(self) -> Endpoint {
        let mut endpoint = self.into_endpoint();
        endpoint.wire = Wire::Bare;
        endpoint
    }
}

/// The highest version among the sub-protocols that a client offers, whatever their order (S58): some
/// clients list them from the oldest on.
fn highest(handshake: &Handshake) -> Option<&str> {
    let version = |name: &str| {
        let mut all = Version::ALL.into_iter();
        all.find(|one| one.subprotocol().eq_ignore_ascii_case(name))
    };
    let offered = handshake.offered_protocols().iter().map(String::as_str);
    offered
        .filter_map(|name| Some((version(name)?, name)))
        .max_by_key(|(version, _)| *version)
        .map(|(_, name)| name)
}

impl IntoEndpoint for StompEndpoint {
    fn into_endpoint(self) -> Endpoint {
        let mut endpoint = self.endpoint;
        endpoint.speaks_stomp = true;
        endpoint.stomp_rules = self.rules;
        endpoint
    }
}
