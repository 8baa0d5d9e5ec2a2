//! Requests without an upgrade, and what they are answered.

use std::sync::Arc;

use axum::body::Body;
use campanile_hub::{Begun, Cursor, PathParameters, TransportKind};
use campanile_websocket::HandshakeRequest;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use tokio::sync::oneshot;

use super::accept::{Kind, kind};
use super::asked::{JoinRefused, wait};
use super::body::StreamBody;
use super::endpoint::EventsRules;
use super::poll::PollBody;
use crate::app::Running;
use crate::driver::{PIPE_BYTES_MAX, PipeEnd, Transport, pipe};
use crate::front::{Addresses, HandOver, Opened, Place, Way, enter};
use crate::handshake::{Handshake, Refused, add_answer_headers, refusal};
use crate::mounted::Mounted;
use crate::origin::OriginPolicy;
use crate::problem::problem_with;
use crate::wire::Wire;

/// What may be asked of the endpoint.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// The headers that pages of other origins may send: a browser's own, old clients' and a login's.
const HEADERS: &str = "Authorization, Cache-Control, Last-Event-ID";

/// For how long a browser may remember what it may send, in seconds.
const PREFLIGHT_AGE: &str = "600";

/// Answers a request without an upgrade.
pub(crate) async fn respond(
    running: &Running,
    mounted: &Mounted,
    parameters: PathParameters,
    addresses: Addresses,
    parts: Parts,
    hand_over: Option<&HandOver>,
) -> Response<Body> {
    let Some(rules) = mounted.events() else {
        return Response::default();
    };
    let Addresses {
        remote,
        local,
        is_secure,
    } = addresses;
    let seen = mounted.proxies.see(remote, is_secure, &parts.headers);
    let attributes = mounted.rules.attributes.clone();
    let nothing = HandshakeRequest {
        accept: String::new(),
        protocols: Vec::new(),
        extensions: Vec::new(),
    };
    let mut handshake = Handshake::new(parts, nothing, seen, local).with(parameters, attributes);
    let answered = match *handshake.method() {
        Method::GET | Method::HEAD => {
            listen(running, mounted, rules, &mut handshake, hand_over).await
        }
        Method::OPTIONS => preflight(mounted, &handshake),
        _ => Ok(not_allowed()),
    };
    let mut response = answered.unwrap_or_else(|refused| refusal(&handshake, &refused));
    tell_origin(&mounted.rules.origin, &handshake, response.headers_mut());
    response
}

/// Opens a session, and answers with what it is sent.
async fn listen(
    running: &Running,
    mounted: &Mounted,
    rules: &EventsRules,
    handshake: &mut Handshake,
    hand_over: Option<&HandOver>,
) -> Result<Response<Body>, Refused> {
    let kind = kind(handshake.headers());
    let wait = wait(handshake, rules)?;
    let opened = Box::pin(enter(running, mounted, handshake, way(kind))).await?;
    let body = if handshake.method() == Method::HEAD {
        Body::empty()
    } else {
        // A second connection inside of HTTP/2 is not there to be cut.
        let is_alone = handshake.version() < Version::HTTP_2;
        let cutter = hand_over.filter(|_| is_alone).map(|one| &one.cut);
        let (pipe, after, begun) = begin(opened, cutter.cloned()).await?;
        // The connection is not closed to make room for others while this goes on.
        let carried = handshake.extension::<Place>().map(Place::carry);
        match kind {
            Kind::EventStream | Kind::JsonLines => Body::new(StreamBody::new(pipe, carried)),
            Kind::Json => Body::new(PollBody::new(pipe, begun, after, wait, carried)),
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(kind.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, no_store);
    if kind != Kind::Json {
        // nginx would keep back what it has until it has enough.
        let name = HeaderName::from_static("x-accel-buffering");
        headers.insert(name, HeaderValue::from_static("no"));
    }
    add_answer_headers(headers, handshake);
    Ok(response)
}

fn way(kind: Kind) -> Way {
    match kind {
        Kind::EventStream => Way {
            wire: Wire::EventStream,
            transport: TransportKind::EventSource,
        },
        Kind::JsonLines => Way {
            wire: Wire::JsonLines,
            transport: TransportKind::JsonLines,
        },
        Kind::Json => Way {
            wire: Wire::JsonLines,
            transport: TransportKind::LongPoll,
        },
    }
}

/// Hands one end of a pipe to the session's shard, and waits until it has begun to listen.
async fn begin(
    mut opened: Opened<'_>,
    cutter: Option<Arc<tokio::sync::Notify>>,
) -> Result<(PipeEnd, Option<Cursor>, Begun), Refused> {
    let (told, begun) = oneshot::channel::<Result<Begun, JoinRefused>>();
    let after = opened.start.as_mut().and_then(|start| {
        start.told = Some(told);
        start.after
    });
    let (transport, pipe) = pipe(PIPE_BYTES_MAX);
    if let Some(cutter) = cutter {
        pipe.cut_by(cutter);
    }
    opened.attach(Transport::Pipe(transport));
    // No answer means that the session was closed before it began.
    let gone = Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "leaving: the server is shutting down; connect again in a moment",
    );
    let begun = begun.await.unwrap_or(Err(gone))?;
    Ok((pipe, after, begun))
}

/// Tells a browser what a page of another origin may ask.
fn preflight(mounted: &Mounted, handshake: &Handshake) -> Result<Response<Body>, Refused> {
    mounted.rules.check_source(handshake)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ALLOW, METHODS),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn not_allowed() -> Response<Body> {
    let allow = HeaderMap::from_iter([(header::ALLOW, HeaderValue::from_static(METHODS))]);
    let detail = "listen with GET; messages are published elsewhere";
    problem_with(StatusCode::METHOD_NOT_ALLOWED, detail, allow)
}

/// Lets a page that may listen read the answer, problems included (Fetch 3.3.3).
fn tell_origin(policy: &OriginPolicy, handshake: &Handshake, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin, Accept"));
    let Some(origin) = handshake.headers().get(header::ORIGIN) else {
        return;
    };
    // What is no text is no origin, and is not to stand in an answer.
    if origin.to_str().is_err() || !policy.allows(handshake) {
        return;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let names_origins = match policy {
        OriginPolicy::SameOrigin | OriginPolicy::List(_) | OriginPolicy::Patterns(_) => true,
        OriginPolicy::Any | OriginPolicy::Custom(_) => false,
    };
    if names_origins {
        let name = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
        headers.insert(name, HeaderValue::from_static("true"));
    }
}
