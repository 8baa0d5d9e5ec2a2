//! How an endpoint is told what to demand of a handshake.

use std::borrow::Cow;
use std::sync::Arc;

use campanile_hub::Attributes;
use campanile_websocket::ExtensionOffer;

use super::{
    BeforeHandshake, ExtensionChoice, FunctionInterceptor, Handshake, HandshakeInterceptor,
};
use crate::endpoint::{Endpoint, IntoEndpoint};
use crate::origin::OriginPolicy;

/// # Who may come in, and with what
///
/// A handshake that keeps the rules of RFC 6455 is checked in this order: TLS, where it is demanded;
/// the page's origin; interceptors, the application's and then the endpoint's; the login. Then
/// sub-protocol and extensions are agreed on, and the session is opened. The first that fails
/// decides the answer.
impl Endpoint {
    /// Adds an interceptor around the handshake; several are asked in the order in which they
    /// were added, and told the outcome in the reverse order (S7). Those of
    /// [`Builder::intercept`](crate::Builder::intercept) come before.
    #[must_use]
    pub fn intercept(mut self, interceptor: impl HandshakeInterceptor) -> Self {
        self.handshake.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Adds a function as an interceptor, which is asked before the handshake is answered (S7).
    ///
    /// ```
    /// use campanile::{Endpoint, Handshake, Refused, http::StatusCode};
    ///
    /// async fn named(handshake: &mut Handshake) -> Result<(), Refused> {
    ///     let name = handshake.query("name").ok_or_else(|| {
    ///         Refused::new(StatusCode::UNAUTHORIZED, "say your name: ?name=…")
    ///     })?;
    ///     handshake.set_user(name);
    ///     Ok(())
    /// }
    ///
    /// let endpoint = Endpoint::new().before_handshake(named);
    /// ```
    #[must_use]
    pub fn before_handshake<F>(self, function: F) -> Self
    where
        F: for<'a> BeforeHandshake<'a>,
    {
        self.intercept(FunctionInterceptor(function))
    }

    /// Which web pages may connect (S10). The default is the endpoint's own origin.
    #[must_use]
    pub fn origins(mut self, policy: OriginPolicy) -> Self {
        self.handshake.origin = policy;
        self
    }

    /// Sub-protocols that the endpoint speaks, compared without regard to case. The first that
    /// the client lists is chosen (S5); if there is none, the answer names none.
    #[must_use]
    pub fn protocols<P: Into<Arc<str>>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.handshake.protocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Lets a function choose the sub-protocol (S8, S189), after the interceptors. It may choose
    /// any that the client offers, also one that [`protocols`](Self::protocols) does not list;
    /// anything else is taken for none.
    ///
    /// ```
    /// use campanile::Endpoint;
    ///
    /// // The highest version, whatever the client prefers.
    /// let endpoint = Endpoint::new().select_protocol(|handshake| {
    ///     let offered = handshake.offered_protocols().iter().map(String::as_str);
    ///     offered.filter(|name| name.starts_with("quotes.v")).max()
    /// });
    /// ```
    #[must_use]
    pub fn select_protocol(
        mut self,
        select: impl for<'a> Fn(&'a Handshake) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.handshake.select_protocol = Some(Arc::new(select));
        self
    }

    /// Gives a sub-protocol an endpoint of its own (S6): sessions that agree on it have that
    /// endpoint's callbacks, limits, outbox and compression. Publications to the path reach the
    /// sessions of all of them.
    ///
    /// The rules for the handshake are this endpoint's for all protocols; the other one must have
    /// none, or the application cannot be built. Whoever agrees on no protocol gets this endpoint
    /// if it has callbacks, else the one that it routes to if there is only one, else 400 with the
    /// list of protocols.
    ///
    /// ```
    /// use campanile::{Endpoint, Text};
    ///
    /// let plain = Endpoint::new().on_text(async |Text(text): Text| text);
    /// let loud = Endpoint::new().on_text(async |Text(text): Text| text.to_uppercase());
    /// let endpoint = Endpoint::new()
    ///     .for_protocol("echo.plain", plain)
    ///     .for_protocol("echo.loud", loud);
    /// ```
    #[must_use]
    pub fn for_protocol(mut self, name: impl Into<Arc<str>>, endpoint: impl IntoEndpoint) -> Self {
        let routed = (name.into(), endpoint.into_endpoint());
        self.handshake.routed.push(routed);
        self
    }

    /// Lets a function decide about extensions (S4, S189), after the interceptors: it is shown
    /// what the client offers, in the client's order, and accepts, declines or leaves each to what
    /// is built in. What is accepted is answered in that order; of several offers with one name the
    /// first that is accepted counts. Only the first
    /// [`EXTENSION_OFFERS_MAX`](crate::EXTENSION_OFFERS_MAX) are looked at.
    ///
    /// ```
    /// use campanile::{Endpoint, ExtensionChoice};
    ///
    /// // No compression for a client that is known to get it wrong.
    /// let endpoint = Endpoint::new().extensions(|handshake, _| {
    ///     let agent = handshake.headers().get("user-agent");
    ///     if agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Broken/")) {
    ///         ExtensionChoice::Decline
    ///     } else {
    ///         ExtensionChoice::BuiltIn
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn extensions(
        mut self,
        choose: impl Fn(&Handshake, &ExtensionOffer) -> ExtensionChoice + Send + Sync + 'static,
    ) -> Self {
        self.handshake.extensions = Some(Arc::new(choose));
        self
    }

    /// Keeps these headers of the request for the time of the session (S24). Nothing else of a
    /// request's headers is kept: they would be most of what an idle session costs.
    #[must_use]
    pub fn keep_headers<N: Into<Box<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.handshake
            .kept_headers
            .extend(names.into_iter().map(Into::into));
        self
    }

    /// An attribute that each session begins with (S191). Sessions share the value; an interceptor
    /// or callback that sets the attribute does so for its session alone.
    #[must_use]
    pub fn attribute<T: Send + Sync + 'static>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: T,
    ) -> Self {
        self.handshake.attributes.set(name, value);
        self
    }

    /// All attributes that each session begins with, instead of those that were set before; see
    /// [`attribute`](Self::attribute).
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.handshake.attributes = attributes;
        self
    }

    /// Lets requests that do not ask for an upgrade go to the plain routes, so that one URL can
    /// serve both (S13). They are refused otherwise.
    #[must_use]
    pub fn plain_http_too(mut self) -> Self {
        self.handshake.plain_http_too = true;
        self
    }

    /// Only for users that are known (S207): 401 unless an interceptor has called
    /// [`Handshake::set_user`].
    ///
    /// The answer has no `WWW-Authenticate`, although RFC 9110 15.5.2 wants one: no browser can
    /// answer it for a WebSocket. An interceptor may add it with
    /// [`Handshake::answer_headers_mut`].
    #[must_use]
    pub fn authenticated(mut self) -> Self {
        self.handshake.authenticated = true;
        self
    }

    /// Only over TLS (S207): 403 for `ws://`. A trusted proxy's word counts; see
    /// [`Builder::trusted_proxies`](crate::Builder::trusted_proxies).
    #[must_use]
    pub fn secure_only(mut self) -> Self {
        self.handshake.secure_only = true;
        self
    }
}
