//! Which way a request goes: to an endpoint's handshake or to the plain routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use campanile_hub::{Attributes, Destination, NewSession, PathParameters};
use campanile_websocket::{
    accept_deflate, is_upgrade, negotiate, select_protocol, validate_request,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tower_service::Service;

use super::upgrade::{HandOver, Upgrading};
use crate::app::{Mounted, Running};
use crate::handshake::{Handshake, intercept};
use crate::path::PathTemplate;
use crate::problem::{problem, problem_with};

/// How many bytes the path and query of a request may have.
pub const TARGET_BYTES_MAX: usize = 8 << 10;

/// Answers a request. A handshake that succeeds leaves in `hand_over` what is to be done once the
/// answer is written; without it a task of the runtime does that.
pub(super) async fn dispatch(
    running: &Arc<Running>,
    mut routes: Router,
    request: Request,
    hand_over: Option<(&HandOver, Addresses)>,
) -> Response<Body> {
    if let Some((template, values, mounted)) = running.endpoints.find(request.uri().path()) {
        let parameters = PathParameters::new(Arc::clone(template.shared_names()), values);
        let addresses = hand_over.map_or_else(|| Addresses::of(&request), |(_, known)| known);
        let asked = Asked {
            mounted,
            template,
            parameters,
            addresses,
        };
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
pub(super) struct Addresses {
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    /// The connection is under TLS.
    pub(super) is_secure: bool,
}

impl Addresses {
    /// The scheme that pages of our own origin have.
    fn own_scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

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
    let endpoint = &mounted.endpoint;
    let valid = validate_request(request.method(), request.version(), request.headers()).map_err(
        |error| {
            let detail = format!("{} is a WebSocket endpoint: {error}", template.as_str());
            Box::new(problem_with(error.status(), &detail, error.headers()))
        },
    )?;
    if !endpoint
        .origin
        .allows(request.headers(), addresses.own_scheme())
    {
        let origin = request.headers().get(header::ORIGIN);
        tracing::debug!(
            ?origin,
            endpoint = template.as_str(),
            "a foreign origin was refused"
        );
        return Err(Box::new(problem(
            StatusCode::FORBIDDEN,
            "pages of this origin may not connect; the server's operator can allow it",
        )));
    }
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let protocol = select_protocol(&valid.protocols, &endpoint.protocols).map(str::to_owned);
    let mut handshake = Handshake {
        uri: parts.uri,
        headers: parts.headers,
        path_parameters: parameters,
        remote_address: addresses.remote,
        user: None,
        attributes: Attributes::default(),
    };
    if let Err(refused) = intercept(&endpoint.interceptors, &mut handshake).await {
        return Err(Box::new(problem(refused.status, &refused.detail)));
    }
    let mut compressed = None;
    let extensions = negotiate(&valid.extensions, |offer| {
        let (window, answer) = accept_deflate(offer)?;
        compressed = Some(mounted.formats.compressed(window)?);
        Some(answer)
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = valid.response_headers(protocol.as_deref(), &extensions);
    let session = NewSession {
        endpoint: Destination::Endpoint(Arc::clone(&mounted.name)),
        format: compressed.unwrap_or(mounted.formats.plain),
        outbox: endpoint.outbox,
        principal: handshake.user,
        path_parameters: handshake.path_parameters,
        uri: path_and_query(&handshake.uri),
        protocol: protocol.map(Arc::from),
        remote_address: addresses.remote,
        local_address: addresses.local,
        attributes: handshake.attributes,
    };
    let reservation = running.shards.open(session).await.map_err(|refusal| {
        Box::new(problem(
            StatusCode::SERVICE_UNAVAILABLE,
            &refusal.to_string(),
        ))
    })?;
    let runtime = Arc::clone(&mounted.runtime);
    let upgrading = Upgrading::new(on_upgrade, runtime, reservation, compressed.is_some());
    Ok((response, upgrading))
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
