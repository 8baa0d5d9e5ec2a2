//! What an endpoint demands of a handshake and adds to it.

use std::sync::Arc;

use campanile_hub::Attributes;
use campanile_websocket::is_token;
use http::{HeaderMap, HeaderName, StatusCode};

use super::extensions::ExtensionHook;
use super::protocol::ProtocolSelector;
use super::{Handshake, HandshakeInterceptor, KEPT_HEADERS, Refused};
use crate::endpoint::Endpoint;
use crate::origin::OriginPolicy;

/// An endpoint's rules for the handshake; its defaults are those of a new endpoint.
#[derive(Clone, Default)]
pub(crate) struct HandshakeRules {
    pub(crate) interceptors: Vec<Arc<dyn HandshakeInterceptor>>,
    pub(crate) origin: OriginPolicy,
    pub(crate) protocols: Vec<Arc<str>>,
    pub(crate) select_protocol: Option<ProtocolSelector>,
    /// Endpoints of their own for some protocols.
    pub(crate) routed: Vec<(Arc<str>, Endpoint)>,
    pub(crate) extensions: Option<ExtensionHook>,
    pub(crate) kept_headers: Vec<Box<str>>,
    pub(crate) attributes: Attributes,
    pub(crate) plain_http_too: bool,
    pub(crate) authenticated: bool,
    pub(crate) secure_only: bool,
}

/// Why an endpoint's rules for the handshake cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A header that shall be kept has a name that no header can have.
    #[error("`{0}` cannot be the name of a header that is kept; write a name such as user-agent")]
    HeaderName(String),
    /// A sub-protocol has a name that no client may offer (RFC 6455 4.1).
    #[error("`{0}` cannot be the name of a sub-protocol: letters, digits and !#$%&'*+-.^_`|~ only")]
    Protocol(String),
    /// A sub-protocol is named twice, perhaps in another case.
    #[error("the sub-protocol `{0}` is named twice; name it once")]
    ProtocolTwice(String),
    /// An endpoint for a sub-protocol has rules for the handshake, which would not be asked.
    #[error(
        "the endpoint for the sub-protocol `{0}` has rules for the handshake; the outer endpoint's \
         count for all protocols: move them there"
    )]
    RoutedRules(String),
}

impl HandshakeRules {
    /// Finds mistakes before anybody connects.
    pub(crate) fn check(&self) -> Result<(), RuleError> {
        for name in &self.kept_headers {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(RuleError::HeaderName(name.to_string()));
            }
        }
        let mut seen: Vec<String> = Vec::new();
        let routed = self.routed.iter().map(|(name, _)| name);
        for name in self.protocols.iter().chain(routed) {
            if !is_token(name) {
                return Err(RuleError::Protocol(name.to_string()));
            }
            let folded = name.to_ascii_lowercase();
            if seen.contains(&folded) {
                return Err(RuleError::ProtocolTwice(name.to_string()));
            }
            seen.push(folded);
        }
        for (name, endpoint) in &self.routed {
            if !endpoint.handshake.is_default() {
                return Err(RuleError::RoutedRules(name.to_string()));
            }
        }
        Ok(())
    }

    fn is_default(&self) -> bool {
        // Each field is named, so that a new rule cannot be forgotten here.
        let Self {
            interceptors,
            origin,
            protocols,
            select_protocol,
            routed,
            extensions,
            kept_headers,
            attributes,
            plain_http_too,
            authenticated,
            secure_only,
        } = self;
        interceptors.is_empty()
            && *origin == OriginPolicy::default()
            && protocols.is_empty()
            && select_protocol.is_none()
            && routed.is_empty()
            && extensions.is_none()
            && kept_headers.is_empty()
            && attributes.names().next().is_none()
            && !(*plain_http_too || *authenticated || *secure_only)
    }

    /// What must hold before anybody is asked: the connection and the page.
    pub(crate) fn check_source(&self, handshake: &Handshake) -> Result<(), Refused> {
        if self.secure_only && !handshake.is_secure() {
            // Not 426: that promises an upgrade of this connection to TLS (RFC 9110 15.5.22), and
            // what helps is another connection.
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "this endpoint is served over TLS only; connect with wss://",
            ));
        }
        if !self.origin.allows(handshake) {
            let origin = handshake.origin();
            tracing::debug!(?origin, ?handshake, "a foreign origin was refused");
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "pages of this origin may not connect; the server's operator can allow it",
            ));
        }
        Ok(())
    }

    /// What must hold once all interceptors have let the handshake pass.
    pub(crate) fn check_login(&self, handshake: &Handshake) -> Result<(), Refused> {
        if self.authenticated && handshake.user().is_none() {
            return Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "log in first: this endpoint is only for users that are known",
            ));
        }
        if handshake.expiry().is_some_and(|left| left.is_zero()) {
            return Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "the login has expired; log in again",
            ));
        }
        Ok(())
    }

    /// Puts the headers that shall be kept into the attributes, behind all interceptors.
    pub(crate) fn keep_headers(&self, handshake: &mut Handshake) {
        let mut kept = HeaderMap::new();
        for name in &self.kept_headers {
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
                continue;
            };
            kept.remove(&name);
            for value in handshake.headers().get_all(&name) {
                kept.append(name.clone(), value.clone());
            }
        }
        if !kept.is_empty() {
            handshake.attributes().set(KEPT_HEADERS, Arc::new(kept));
        }
    }
}
