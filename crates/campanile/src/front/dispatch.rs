//! Which way a request goes: to an endpoint's handshake or to the plain routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use campanile_hub::{Destination, NewSession, PathParameters, Timeouts, TransportKind};
use campanile_websocket::{ExtensionOffer, is_upgrade, validate_request};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use tower_service::Service;

use super::upgrade::{HandOver, Upgrading};
use crate::app::Running;
use crate::driver::{Arrival, Reservation, Transport};
use crate::events::{self, Start};
use crate::handshake::{Handshake, Refused, ask, negotiate_extensions, refusal, switching, tell};
use crate::mounted::{Behaviour, Mounted};
use crate::path::PathTemplate;
use crate::problem::{problem, problem_with};
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
    let found = endpoints.find(request.uri().path());
    let found = found
        .filter(|(_, _, mounted)| is_upgrade(request.headers()) || !mounted.rules.plain_http_too);
    if let Some((template, values, mounted)) = found {
        let parameters = PathParameters::new(Arc::clone(template.shared_names()), values);
        let addresses = hand_over.map_or_else(|| Addresses::of(&request), |(_, known)| known);
        let asked = Asked {
            mounted,
            template,
            parameters,
            addresses,
        };
        let is_plain = !is_upgrade(request.headers()) && request.method() != Method::CONNECT;
        if asked.mounted.events().is_some() && is_plain {
            let (parts, _) = request.into_parts();
            let hand_over = hand_over.map(|(hand_over, _)| hand_over);
            // In a box, since a connection keeps room for this future while its answer goes on.
            return Box::pin(events::respond(
                running,
                asked.mounted,
                asked.parameters,
                asked.addresses,
                parts,
                hand_over,
            ))
            .await;
        }
        return match shake_hands(running, asked, request).await {
            Ok((response, upgrading)) => {
                match hand_over {
                    Some((hand_over, _)) => hand_over.put(upgrading),
                    None => upgrading.in_background(),
                }
                response
            }
            Err(response) => *response,
        };
    }
    if is_upgrade(request.headers()) {
        let detail = format!(
            "there is no endpoint at {}; check the path, which is case-sensitive",
            request.uri().path()
        );
        return problem(StatusCode::NOT_FOUND, &detail);
    }
    match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
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
}

/// Checks a handshake, asks who may come in, opens the session and answers 101.
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
    } = asked;
    let valid = validate_request(request.method(), request.version(), request.headers()).map_err(
        |error| {
            let detail = format!("{} is a WebSocket endpoint: {error}", template.as_str());
            Box::new(problem_with(error.status(), &detail, error.headers()))
        },
    )?;
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
    let opened = enter(running, mounted, &mut handshake, Way::WEBSOCKET).await;
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
    let (extensions, compressed) =
        negotiate_extensions(handshake, rules.extensions.as_ref(), &behaviour.formats);
    rules.keep_headers(handshake);
    let (principal, path_parameters, protocol, attributes) = handshake.for_session();
    let session = NewSession {
        endpoint: Destination::Endpoint(Arc::clone(&mounted.name)),
        format: compressed.unwrap_or_else(|| behaviour.formats.of(way.wire)),
        outbox: behaviour.outbox,
        timeouts: Timeouts {
            life: handshake.expiry(),
            ..behaviour.timeouts(way.wire, way.transport)
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
    let (status, detail) = if request.version() == http::Version::HTTP_11 && hosts != 1 {
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
