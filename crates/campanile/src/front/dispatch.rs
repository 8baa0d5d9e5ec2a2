//! Which way a request goes: to an endpoint's handshake or to the plain routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use campanile_hub::{Destination, NewSession, PathParameters, Timeouts, TransportKind};
use campanile_websocket::{
    ExtensionOffer, is_upgrade, validate_extended_connect, validate_request,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tower_service::Service;

use super::upgrade::{HandOver, Upgrading};
use crate::app::Running;
use crate::driver::{Arrival, Reservation, Transport};
use crate::events::{self, Start};
use crate::handshake::{Handshake, Refused, ask, negotiate_extensions, refusal, switching, tell};
use crate::mounted::{Behaviour, Mounted};
use crate::path::{PathTemplate, Routes};
use crate::problem::{problem, problem_with};
use crate::sockjs;
use crate::wire::Wire;

/// How many bytes the path and query of a request may have.
pub const TARGET_BYTES_MAX: usize = 8 << 10;

/// Answers a request. A handshake that succeeds leaves in `hand_over` what is to be done once the
/// answer is written; without it a task of the runtime does that.
pub(crate) async fn dispatch(
    running: &Arc<Running>,
    mut routes: Router,
    request: Request,
    hand_over: Option<(&HandOver, Addresses)>,
) -> Response<Body> {
    let endpoints = running.endpoints.routes();
    let path = request.uri().path().to_owned();
    let addresses = hand_over.map_or_else(|| Addresses::of(&request), |(_, known)| known);
    let hand_over = hand_over.map(|(hand_over, _)| hand_over);
    // Each way is in a box: the room that this future had for it would be a hole among what idle
    // connections keep.
    match target(&endpoints, &path, &request, addresses) {
        Target::WebSocket(asked) => {
            Box::pin(open_websocket(running, asked, request, hand_over)).await
        }
        Target::Events(asked) => {
            let (parts, _) = request.into_parts();
            let (mounted, parameters) = (asked.mounted, asked.parameters);
            let answer = events::respond(running, mounted, parameters, addresses, parts, hand_over);
            Box::pin(answer).await
        }
        Target::SockJs(below) => {
            let circumstances = sockjs::Circumstances {
                addresses,
                cutter: hand_over.map(|hand_over| &hand_over.cut),
            };
            Box::pin(sockjs::serve(running, below, request, circumstances)).await
        }
        Target::Refused(response) => *response,
        Target::Plain => match Box::pin(routes.call(request)).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
    }
}

/// What a request is for.
enum Target<'a> {
    /// A WebSocket; also where the handshake for one is missing.
    WebSocket(Asked<'a>),
    /// Listening over plain HTTP.
    Events(Asked<'a>),
    /// SockJS over plain HTTP.
    SockJs(sockjs::Below<'a>),
    /// Nothing that there could be.
    Refused(Box<Response<Body>>),
    /// The application's own routes.
    Plain,
}

fn target<'a>(
    endpoints: &'a Routes<Arc<Mounted>>,
    path: &'a str,
    request: &Request,
    addresses: Addresses,
) -> Target<'a> {
    let is_plain = !wants_websocket(request);
    let asked = |template: &'a PathTemplate, values, mounted: &'a Mounted, way| Asked {
        mounted,
        template,
        parameters: PathParameters::new(Arc::clone(template.shared_names()), values),
        addresses,
        way,
    };
    if let Some((template, values, mounted)) = endpoints.find(path) {
        if !is_plain || !mounted.rules.plain_http_too {
            let greeting = sockjs::Below::greeting(template, mounted, path);
            return match greeting.filter(|_| is_plain) {
                Some(greeting) => Target::SockJs(greeting),
                None => {
                    let asked = asked(template, values, mounted, Way::WEBSOCKET);
                    match is_plain && mounted.events().is_some() {
                        true => Target::Events(asked),
                        false => Target::WebSocket(asked),
                    }
                }
            };
        }
    } else if let Some(below) = sockjs::below(endpoints, path) {
        return match (below.websocket(), sockjs::refuse_upgrade(request.method())) {
            (None, _) => Target::SockJs(below),
            (Some(_), Some(refused)) => Target::Refused(Box::new(refused)),
            (Some(way), None) => {
                Target::WebSocket(asked(below.template, below.values, below.mounted, way))
            }
        };
    }
    if is_plain {
        return Target::Plain;
    }
    let detail = format!("there is no endpoint at {path}; check the path, which is case-sensitive");
    Target::Refused(Box::new(problem(StatusCode::NOT_FOUND, &detail)))
}

/// What an extended CONNECT asks for (RFC 8441 4): an extension of such requests.
#[derive(Clone)]
pub(crate) struct ConnectProtocol(pub(super) Box<str>);

/// Whether a request asks for a WebSocket, over HTTP/1.1 or HTTP/2.
pub(crate) fn wants_websocket<B>(request: &hyper::Request<B>) -> bool {
    is_upgrade(request.headers()) || request.extensions().get::<ConnectProtocol>().is_some()
}

/// Answers a handshake, and leaves in `hand_over` what is to be done once the answer is written.
async fn open_websocket(
    running: &Running,
    asked: Asked<'_>,
    request: Request,
    hand_over: Option<&HandOver>,
) -> Response<Body> {
    match shake_hands(running, asked, request).await {
        Ok((response, upgrading)) => {
            match hand_over {
                Some(hand_over) => hand_over.put(upgrading),
                None => upgrading.in_background(),
            }
            response
        }
        Err(response) => *response,
    }
}

/// The two ends of a connection, and whether others can read it.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    /// The connection is under TLS.
    pub(crate) is_secure: bool,
}

impl Addresses {
    /// What a host application knows: the client's address if it was started with axum's
    /// `into_make_service_with_connect_info`, else nothing, which is written `0.0.0.0:0`.
    fn of(request: &Request) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let told = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            remote: told.map_or(unspecified, |told| told.0),
            local: unspecified,
            is_secure: false,
        }
    }
}

/// What a handshake asks for.
struct Asked<'a> {
    mounted: &'a Mounted,
    template: &'a PathTemplate,
    parameters: PathParameters,
    addresses: Addresses,
    way: Way,
}

/// Checks a handshake, asks who may come in, opens the session and answers 101, or 200 to an
/// extended CONNECT.
async fn shake_hands(
    running: &Running,
    asked: Asked<'_>,
    mut request: Request,
) -> Result<(Response<Body>, Upgrading), Box<Response<Body>>> {
    let Asked {
        mounted,
        template,
        parameters,
        addresses,
        way,
    } = asked;
    let (method, headers) = (request.method(), request.headers());
    let valid = match request.extensions().get::<ConnectProtocol>() {
        Some(protocol) => validate_extended_connect(method, &protocol.0, headers),
        None => validate_request(method, request.version(), headers),
    };
    let valid = valid.map_err(|error| {
        let detail = format!("{} is a WebSocket endpoint: {error}", template.as_str());
        Box::new(problem_with(error.status(), &detail, error.headers()))
    })?;
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Addresses {
        remote,
        local,
        is_secure,
    } = addresses;
    let seen = mounted.proxies.see(remote, is_secure, &parts.headers);
    let attributes = mounted.rules.attributes.clone();
    let mut handshake = Handshake::new(parts, valid, seen, local).with(parameters, attributes);
    let opened = enter(running, mounted, &mut handshake, way).await;
    let opened = opened.map_err(|refused| Box::new(refusal(&handshake, &refused)))?;
    let response = switching(&handshake, &opened.extensions);
    let upgrading = Upgrading::new(
        on_upgrade,
        Arc::clone(&opened.behaviour.runtime),
        opened.reservation,
        opened.wire,
        opened.is_compressed,
        opened.start,
    );
    Ok((response, upgrading))
}

/// How a session's bytes will go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) wire: Wire,
    pub(crate) transport: TransportKind,
}

impl Way {
    /// A message a frame.
    pub(crate) const WEBSOCKET: Self = Self {
        wire: Wire::WebSocket,
        transport: TransportKind::WebSocket,
    };

    /// Frames of SockJS in the messages of a WebSocket.
    pub(crate) const SOCKJS_WEBSOCKET: Self = Self {
        wire: Wire::SockJsWebSocket,
        transport: TransportKind::WebSocket,
    };
}

/// A session that waits for its socket.
pub(crate) struct Opened<'a> {
    pub(crate) behaviour: &'a Behaviour,
    extensions: Vec<ExtensionOffer>,
    is_compressed: bool,
    wire: Wire,
    /// What it listens to, at an endpoint where the request says so.
    pub(crate) start: Option<Box<Start>>,
    reservation: Reservation,
}

impl Opened<'_> {
    /// Hands the transport of a session without compression to its shard.
    pub(crate) fn attach(self, transport: Transport) {
        let arrival = Arrival {
            transport,
            early: Vec::new(),
            wire: self.wire,
            may_compress: false,
            start: self.start,
        };
        let endpoint = Arc::clone(&self.behaviour.runtime);
        self.reservation.attach(endpoint, arrival);
    }
}

/// Asks whether a client may come in, and opens its session.
pub(crate) async fn enter<'a>(
    running: &Running,
    mounted: &'a Mounted,
    handshake: &mut Handshake,
    way: Way,
) -> Result<Opened<'a>, Refused> {
    mounted.rules.check_source(handshake)?;
    let interceptors = &mounted.rules.interceptors;
    let (passed, asked) = ask(interceptors, handshake).await;
    let opened = match asked {
        Ok(()) => open(running, mounted, handshake, way).await,
        Err(refused) => Err(refused),
    };
    let outcome = opened.as_ref().map(|_| ());
    tell(&interceptors[..passed], handshake, outcome);
    opened
}

/// Agrees with a client that may come in on protocol and extensions, and opens its session.
async fn open<'a>(
    running: &Running,
    mounted: &'a Mounted,
    handshake: &mut Handshake,
    way: Way,
) -> Result<Opened<'a>, Refused> {
    let rules = &mounted.rules;
    rules.check_login(handshake)?;
    let behaviour = mounted.behaviour(handshake)?;
    let start = behaviour.events.as_ref();
    let start = start.map(|rules| Start::read(handshake, rules, running.endpoints.broker()));
    let start = start.transpose()?;
    let (extensions, compressed) = negotiate_extensions(
        handshake,
        rules.extensions.as_ref(),
        &behaviour.formats,
        way.wire,
    );
    rules.keep_headers(handshake);
    let (principal, path_parameters, protocol, attributes) = handshake.for_session();
    let timeouts = behaviour.timeouts(way.wire, way.transport);
    let session = NewSession {
        endpoint: Destination::Endpoint(Arc::clone(&mounted.name)),
        format: compressed.unwrap_or_else(|| behaviour.formats.of(way.wire)),
        outbox: behaviour.outbox,
        timeouts: Timeouts {
            life: handshake.expiry(),
            heart_beat: mounted.heart_beat(way.wire).or(timeouts.heart_beat),
            ..timeouts
        },
        principal,
        path_parameters,
        uri: path_and_query(handshake.uri()),
        protocol,
        extensions: mounted.answers.shared(&extensions),
        transport: way.transport,
        is_secure: handshake.is_secure(),
        remote_address: handshake.remote_address(),
        local_address: handshake.local_address(),
        attributes,
    };
    let reservation = running.shards.open(session).await;
    let reservation = reservation
        .map_err(|refusal| Refused::new(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()))?;
    Ok(Opened {
        behaviour,
        extensions,
        is_compressed: compressed.is_some(),
        wire: way.wire,
        start,
        reservation,
    })
}

fn path_and_query(uri: &http::Uri) -> Box<str> {
    uri.path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str)
        .into()
}

/// Refuses what must be refused whatever it is for: no or two Host headers (RFC 9112 3.2), and a
/// target that is too long (RFC 9110 15.5.15).
pub(super) fn check_request<B>(request: &hyper::Request<B>) -> Option<Response<Body>> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let (status, detail) = if request.version() >= http::Version::HTTP_11 && hosts != 1 {
        (
            StatusCode::BAD_REQUEST,
            "send exactly one Host header (RFC 9112 3.2)".to_owned(),
        )
    } else if length > TARGET_BYTES_MAX {
        (
            StatusCode::URI_TOO_LONG,
            format!("the URL is longer than {TARGET_BYTES_MAX} bytes"),
        )
    } else {
        return None;
    };
    Some(problem_with(status, &detail, closing()))
}

/// The header that ends a connection with an answer.
pub(super) fn closing() -> HeaderMap {
    HeaderMap::from_iter([(header::CONNECTION, HeaderValue::from_static("close"))])
}
