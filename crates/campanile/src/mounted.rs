//! An endpoint on its path.

use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{OutboxPolicy, Timeouts, TooManyFormats, TransportKind};
use campanile_stomp::Version;

use crate::driver::{EndpointFormats, EndpointRuntime, SockJsFormats, WebSocketFormats};
use crate::endpoint::Endpoint;
use crate::events::EventsRules;
use crate::front::TrustedProxies;
use crate::handshake::{
    ExtensionAnswers, Handshake, HandshakeInterceptor, HandshakeRules, Refused, Speaker,
};
use crate::sockjs::SockJs;
use crate::stomp::StompRuntime;
use crate::wire::Wire;

/// An endpoint on its path.
pub(crate) struct Mounted {
    pub(crate) rules: HandshakeRules,
    /// The path template, which names the endpoint's implicit destination.
    pub(crate) name: Arc<str>,
    /// The proxies whose word counts; the same for all endpoints.
    pub(crate) proxies: Arc<TrustedProxies>,
    pub(crate) answers: ExtensionAnswers,
    /// There if it serves SockJS, too.
    pub(crate) sockjs: Option<SockJs>,
    outer: Behaviour,
    /// Whether the endpoint has callbacks of its own.
    outer_speaks: bool,
    /// For the endpoints that protocols lead to, in the order of the rules.
    routed: Vec<Behaviour>,
}

/// How sessions behave once they are open.
pub(crate) struct Behaviour {
    pub(crate) runtime: Arc<EndpointRuntime>,
    pub(crate) formats: EndpointFormats,
    pub(crate) outbox: OutboxPolicy,
    timeouts: Timeouts,
    /// There if its sessions listen to destinations that their requests name.
    pub(crate) events: Option<EventsRules>,
}

impl Behaviour {
    /// What a session may leave undone whose bytes go this way.
    pub(crate) fn timeouts(&self, wire: Wire, transport: TransportKind) -> Timeouts {
        match &self.events {
            Some(events) => events.timeouts(wire, transport),
            None => self.timeouts,
        }
    }

    fn new(
        endpoint: &Endpoint,
        formats: &mut WebSocketFormats,
        stomp: Option<&Arc<StompRuntime>>,
        sockjs: Option<SockJsFormats>,
    ) -> Result<Self, TooManyFormats> {
        let bare = stomp.and_then(|stomp| stomp.formats.of(Wire::Bare, Version::V12));
        let formats = match (endpoint.wire, bare) {
            _ if endpoint.events.is_some() => formats.of_events()?,
            // The version that is spoken until the client has chosen one.
            (Wire::Bare, Some(format)) => EndpointFormats::only(format),
            // What they get differs by subscription, so it cannot be compressed once for all; what
            // they send can be inflated (RFC 7692 6).
            _ if stomp.is_some() => formats.of(endpoint.compression)?.inflating(),
            _ => formats.of(endpoint.compression)?,
        };
        Ok(Self {
            runtime: Arc::new(EndpointRuntime::new(endpoint, stomp.cloned())),
            formats: formats.with_sockjs(sockjs),
            outbox: endpoint.outbox,
            timeouts: endpoint.timeouts,
            events: endpoint.events,
        })
    }
}

impl Mounted {
    /// `outer_speaks` says whether the endpoint has callbacks of its own; `first` are asked before
    /// its own interceptors.
    pub(crate) fn new(
        path: &str,
        endpoint: Endpoint,
        outer_speaks: bool,
        formats: &mut WebSocketFormats,
        first: &[Arc<dyn HandshakeInterceptor>],
        proxies: &Arc<TrustedProxies>,
        stomp: Option<&Arc<StompRuntime>>,
    ) -> Result<Self, TooManyFormats> {
        let sockjs = match endpoint.sockjs {
            Some(_) => Some(formats.sockjs()?),
            None => None,
        };
        let outer = Behaviour::new(&endpoint, formats, stomp, sockjs)?;
        let options = endpoint.sockjs;
        let mut rules = endpoint.handshake;
        let routed = rules.routed.iter();
        let routed = routed
            .map(|(_, endpoint)| Behaviour::new(endpoint, formats, None, sockjs))
            .collect::<Result<_, _>>()?;
        rules.interceptors.splice(..0, first.iter().cloned());
        Ok(Self {
            rules,
            name: path.into(),
            proxies: Arc::clone(proxies),
            answers: ExtensionAnswers::default(),
            sockjs: options,
            outer,
            outer_speaks,
            routed,
        })
    }

    /// The longest message that a client without a sub-protocol may send.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.outer.runtime.limits.message_bytes_max
    }

    /// How often sessions whose bytes go this way get a sign of life, until they say what they want.
    pub(crate) fn heart_beat(&self, wire: Wire) -> Option<Duration> {
        let options = self.sockjs.as_ref().filter(|_| wire.is_sockjs());
        options.map(|options| options.heart_beat)
    }

    /// How those are served who listen here to destinations, if that is what it is for.
    pub(crate) fn events(&self) -> Option<&EventsRules> {
        self.outer.events.as_ref()
    }

    /// Agrees on a sub-protocol, and says how the session will behave.
    pub(crate) fn behaviour(&self, handshake: &mut Handshake) -> Result<&Behaviour, Refused> {
        let (protocol, speaker) = self.rules.choose_protocol(handshake, self.outer_speaks)?;
        handshake.set_protocol(protocol);
        Ok(match speaker {
            Speaker::Outer => &self.outer,
            Speaker::Routed(index) => self.routed.get(index).unwrap_or(&self.outer),
        })
    }
}
