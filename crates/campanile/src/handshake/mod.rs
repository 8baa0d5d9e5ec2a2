//! The opening handshake: what interceptors see of it, and what an endpoint demands of it.

mod answer;
mod endpoint;
mod extensions;
mod interceptor;
mod protocol;
mod query;
mod rules;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use campanile_hub::{Attributes, PathParameters};
use campanile_websocket::{ExtensionOffer, HandshakeRequest, validate_request};
use http::request::Parts;
use http::{HeaderMap, Method, Uri, Version, header};

pub(crate) use self::answer::{add as add_answer_headers, refusal, switching};
pub use self::extensions::{EXTENSION_OFFERS_MAX, ExtensionChoice};
pub(crate) use self::extensions::{ExtensionAnswers, negotiate_extensions};
pub use self::interceptor::{
    BeforeHandshake, CopyExtension, HandshakeInterceptor, Intercepting, Refused,
};
pub(crate) use self::interceptor::{FunctionInterceptor, ask, tell};
pub(crate) use self::protocol::Speaker;
pub use self::query::query_pairs;
pub(crate) use self::rules::HandshakeRules;
pub use self::rules::RuleError;
use crate::front::{Seen, TrustedProxies};

/// The attribute that holds the headers which [`Endpoint::keep_headers`] has named, as an
/// `Arc<HeaderMap>`. There is none if the request had none of them.
///
/// [`Endpoint::keep_headers`]: crate::Endpoint::keep_headers
pub(crate) const KEPT_HEADERS: &str = "handshake.headers";

/// A handshake request on its way to becoming a session (S190).
///
/// What it tells of the client (address, scheme, host) is what the socket tells; behind proxies
/// that were named with [`Builder::trusted_proxies`](crate::Builder::trusted_proxies) it is what
/// they tell (S11).
pub struct Handshake {
    parts: Parts,
    request: HandshakeRequest,
    path_parameters: PathParameters,
    seen: Seen,
    local_address: SocketAddr,
    user: Option<Arc<str>>,
    attributes: Attributes,
    answer_headers: HeaderMap,
    protocol: Option<Arc<str>>,
    expires_in: Option<Duration>,
}

impl Handshake {
    pub(crate) fn new(
        parts: Parts,
        request: HandshakeRequest,
        seen: Seen,
        local_address: SocketAddr,
    ) -> Self {
        Self {
            parts,
            request,
            path_parameters: PathParameters::default(),
            seen,
            local_address,
            user: None,
            attributes: Attributes::default(),
            answer_headers: HeaderMap::new(),
            protocol: None,
            expires_in: None,
        }
    }

    pub(crate) fn with(mut self, parameters: PathParameters, attributes: Attributes) -> Self {
        self.path_parameters = parameters;
        self.attributes = attributes;
        self
    }

    /// A handshake made by hand, for tests of interceptors and of functions that decide about
    /// origins, protocols and extensions. It has no path parameters; both addresses are
    /// `0.0.0.0:0`; it is secure if the URI begins with `https:` or `wss:`; what it offers is empty
    /// if the headers are not those of a valid handshake.
    ///
    /// ```
    /// use campanile::{Handshake, http::Request};
    ///
    /// let request = Request::get("/chat?name=Ada").body(()).unwrap();
    /// let handshake = Handshake::from_parts(request.into_parts().0);
    /// assert_eq!(handshake.query("name").as_deref(), Some("Ada"));
    /// ```
    pub fn from_parts(parts: Parts) -> Self {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let is_secure = matches!(parts.uri.scheme_str(), Some("https" | "wss"));
        let seen = TrustedProxies::default().see(unknown, is_secure, &parts.headers);
        let nothing = HandshakeRequest {
            accept: String::new(),
            protocols: Vec::new(),
            extensions: Vec::new(),
        };
        let request =
            validate_request(&parts.method, parts.version, &parts.headers).unwrap_or(nothing);
        Self::new(parts, request, seen, unknown)
    }

    /// The request's method: GET, or CONNECT over HTTP/2 (RFC 8441).
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The version of HTTP that the request came in: 1.1, or 2 with an extended CONNECT (RFC 8441).
    pub fn version(&self) -> Version {
        self.parts.version
    }

    /// The path and query that were asked for.
    pub fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// The request's headers. The session does not keep them: name those that it shall keep with
    /// [`Endpoint::keep_headers`](crate::Endpoint::keep_headers), or copy what you need into
    /// attributes.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The path's parameters, percent-decoded.
    pub fn path_parameters(&self) -> &PathParameters {
        &self.path_parameters
    }

    /// The first value of a query parameter, with `+` and percent escapes decoded as UTF-8.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_values(name).next()
    }

    /// All values of a query parameter, in the URL's order.
    pub fn query_values(&self, name: &str) -> impl Iterator<Item = String> {
        query_pairs(self.parts.uri.query().unwrap_or_default())
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The client's address; within a host application that does not tell it, `0.0.0.0:0` (see
    /// [`Campanile::into_router`](crate::Campanile::into_router)). The port is 0 if a trusted proxy
    /// has told the address only.
    pub fn remote_address(&self) -> SocketAddr {
        self.seen.remote
    }

    /// The address on our side, as the socket tells it; within a host application `0.0.0.0:0`.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Whether the client came over TLS: to us, or to a trusted proxy.
    pub fn is_secure(&self) -> bool {
        self.seen.is_secure
    }

    /// The host that the client asked for, with its port if the client has told one: from the Host
    /// header, or as a trusted proxy tells it. `None` if it is no valid host.
    pub fn host(&self) -> Option<&str> {
        self.seen.host.as_deref()
    }

    /// The page that wants to connect, as the `Origin` header has it: browsers always send it.
    /// `None` also if it is not ASCII text.
    pub fn origin(&self) -> Option<&str> {
        self.text_header(&header::ORIGIN)
    }

    /// The languages that the user prefers, as the first `Accept-Language` header has them:
    /// `de, en;q=0.5` (RFC 9110 12.5.4).
    pub fn locale(&self) -> Option<&str> {
        self.text_header(&header::ACCEPT_LANGUAGE)
    }

    fn text_header(&self, name: &header::HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The sub-protocols that the client offers, in its order of preference.
    pub fn offered_protocols(&self) -> &[String] {
        &self.request.protocols
    }

    /// The extensions that the client offers, in its order of preference.
    pub fn offered_extensions(&self) -> &[ExtensionOffer] {
        &self.request.extensions
    }

    /// The sub-protocol that was agreed on. It is not known before all interceptors have been
    /// asked: see it in [`HandshakeInterceptor::after`].
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// What a host application or its middleware has attached to the request: a login, a web
    /// session, the certificates of the client.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.parts.extensions.get()
    }

    /// The certificates that the client has shown, where the listener
    /// [asks for them](crate::Tls::client_certificates) (S3).
    #[cfg(feature = "tls")]
    pub fn client_certificates(&self) -> Option<&crate::PeerCertificates> {
        self.extension()
    }

    /// Who the session will belong to.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Says who the session will belong to.
    pub fn set_user(&mut self, name: impl Into<Arc<str>>) {
        self.user = Some(name.into());
    }

    /// What will be the session's attributes, to read and write. It begins with those of
    /// [`Endpoint::attribute`](crate::Endpoint::attribute).
    pub fn attributes(&mut self) -> &mut Attributes {
        &mut self.attributes
    }

    /// The attribute of this name, if it is there and of this type; for those who may only read.
    pub fn attribute<T: Send + Sync + 'static>(&self, name: &str) -> Option<&T> {
        self.attributes.get(name)
    }

    /// Headers for the answer, such as `Set-Cookie` (S189): they go out with 101, and with the
    /// refusal if the handshake is refused after this.
    ///
    /// What belongs to the handshake or to the connection cannot be set and is left out:
    /// `Upgrade`, `Connection`, `Sec-WebSocket-…`, `Content-Length`, `Transfer-Encoding` and their
    /// like. In a refusal `Content-Type` and `Cache-Control` are ours, too.
    pub fn answer_headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.answer_headers
    }

    /// Says that whatever lets the client in (a token, a login) holds for so long: the session may
    /// not live longer. Zero refuses the handshake with 401. The last call counts.
    pub fn expires_in(&mut self, time: Duration) {
        self.expires_in = Some(time);
    }

    /// Says until when the client is let in, such as the `exp` of a token; as
    /// [`expires_in`](Self::expires_in). A time that has passed refuses the handshake with 401.
    pub fn expires_at(&mut self, time: SystemTime) {
        let left = time.duration_since(SystemTime::now());
        self.expires_in(left.unwrap_or_default());
    }

    /// How long the session may live, if an interceptor has said so.
    pub(crate) fn expiry(&self) -> Option<Duration> {
        self.expires_in
    }

    pub(crate) fn request(&self) -> &HandshakeRequest {
        &self.request
    }

    pub(crate) fn set_protocol(&mut self, protocol: Option<Arc<str>>) {
        self.protocol = protocol;
    }

    /// What the session gets from the handshake: its user, path parameters, protocol, attributes.
    pub(crate) fn for_session(
        &self,
    ) -> (
        Option<Arc<str>>,
        PathParameters,
        Option<Arc<str>>,
        Attributes,
    ) {
        (
            self.user.clone(),
            self.path_parameters.clone(),
            self.protocol.clone(),
            self.attributes.clone(),
        )
    }

    pub(crate) fn answer_headers(&self) -> &HeaderMap {
        &self.answer_headers
    }
}

/// Without headers, whose cookies and tokens must not get into logs.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("path", &self.parts.uri.path())
            .field("remote_address", &self.seen.remote)
            .field("user", &self.user)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}
