//! Which way a request goes: to an endpoint's handshake or to the plain routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use campanile_hub::{Attributes, Destination, NewSession, PathParameters};
use campanile_websocket::{is_upgrade, select_protocol, validate_request};
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use tower_service::Service;

use super::upgrade::{HandOver, Upgrading};
use crate::app::{Mounted, Running};
use crate::handshake::{Handshake, intercept};
use crate::path::PathTemplate;
use crate::problem::{problem, problem_with};

/// The scheme that pages of our own origin have. TLS is not served here yet.
const OWN_SCHEME: &str = "http";

/// Answers a request. A handshake that succeeds leaves in `hand_over` what is to be done once the
/// answer is written; without it a task of the runtime does that.
pub(super) async fn dispatch(
    running: &Arc<Running>,
    mut routes: Router,
    request: Request,
    hand_over: Option<(&HandOver, SocketAddr)>,
) -> Response<Body> {
    if let Some((template, values, mounted)) = running.endpoints.find(request.uri().path()) {
        let parameters = PathParameters::new(Arc::clone(template.shared_names()), values);
        let remote_address = hand_over.map(|(_, address)| address);
        return match shake_hands(mounted, template, parameters, request, remote_address).await {
            Ok((response, upgrading)) => {
                match hand_over {
                    Some((hand_over, _)) => hand_over.put(upgrading),
                    None => upgrading.in_background(Arc::clone(running)),
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

/// Checks a handshake, asks who may come in, and answers 101.
async fn shake_hands(
    mounted: &Mounted,
    template: &PathTemplate,
    path_parameters: PathParameters,
    mut request: Request,
    remote_address: Option<SocketAddr>,
) -> Result<(Response<Body>, Upgrading), Box<Response<Body>>> {
    let endpoint = &mounted.endpoint;
    let valid = validate_request(request.method(), request.version(), request.headers()).map_err(
        |error| {
            let detail = format!("{} is a WebSocket endpoint: {error}", template.as_str());
            Box::new(problem_with(error.status(), &detail, error.headers()))
        },
    )?;
    if !endpoint.origin.allows(request.headers(), OWN_SCHEME) {
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
        path_parameters,
        remote_address,
        user: None,
        attributes: Attributes::default(),
    };
    if let Err(refused) = intercept(&endpoint.interceptors, &mut handshake).await {
        return Err(Box::new(problem(refused.status, &refused.detail)));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = valid.response_headers(protocol.as_deref(), &[]);
    let session = move |remote_address, local_address| NewSession {
        endpoint: Destination::Endpoint(Arc::clone(&mounted.name)),
        format: mounted.format,
        outbox: endpoint.outbox,
        principal: handshake.user,
        path_parameters: handshake.path_parameters,
        uri: path_and_query(&handshake.uri),
        protocol: protocol.map(Arc::from),
        remote_address,
        local_address,
        attributes: handshake.attributes,
    };
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let session = session(remote_address.unwrap_or(unspecified), unspecified);
    Ok((
        response,
        Upgrading::new(on_upgrade, Arc::clone(&mounted.runtime), session),
    ))
}

fn path_and_query(uri: &http::Uri) -> Box<str> {
    uri.path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str)
        .into()
}

/// Refuses what RFC 9112 says must be refused, whatever it is for: no or two Host headers (3.2),
/// and a length beside a transfer coding, with which requests are smuggled (6.3).
pub(super) fn check_request(version: http::Version, headers: &HeaderMap) -> Option<Response<Body>> {
    let count = |name: HeaderName| headers.get_all(name).iter().count();
    let detail = if version == http::Version::HTTP_11 && count(header::HOST) != 1 {
        "send exactly one Host header (RFC 9112 3.2)"
    } else if count(header::TRANSFER_ENCODING) > 0 && count(header::CONTENT_LENGTH) > 0 {
        "send either Content-Length or Transfer-Encoding, not both (RFC 9112 6.3)"
    } else {
        return None;
    };
    let close = http::HeaderValue::from_static("close");
    let headers = HeaderMap::from_iter([(header::CONNECTION, close)]);
    Some(problem_with(StatusCode::BAD_REQUEST, detail, headers))
}
