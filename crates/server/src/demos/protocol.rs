//! `/demo/protocol`: the protocol itself, as it goes over the wire.
//!
//! A browser shows its pages neither the headers of a WebSocket's handshake nor its frames. So the
//! server shakes hands with itself, over a TCP connection to its own listener, and tells what went
//! both ways. A client chooses what is said there, within limits, and never to whom.

mod frames;
mod plan;
mod request;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, RawQuery};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use campanile::{Builder, Endpoint, OriginPolicy, Text, problem};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use self::plan::{FramesPlan, MESSAGE_BYTES_MAX};
use self::request::HandshakePlan;
use self::wire::{Exchange, Loopback, WireProblem};

/// Where this demo answers.
const PREFIX: &str = "/demo/protocol/";
const FACTS: &str = "/demo/protocol/facts";
const HANDSHAKE: &str = "/demo/protocol/handshake";
const FRAMES: &str = "/demo/protocol/frames";

/// An endpoint that can refuse: for pages of this server, and only in a sub-protocol it speaks.
const STRICT: &str = "/demo/protocol/strict";

/// What a key is joined with before it is hashed (RFC 6455 1.3).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a browser says about the page that asks.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The addresses that this server listens on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening {
    /// Those for plain HTTP and `ws://`.
    pub(crate) plain: Vec<SocketAddr>,
    /// Those under TLS.
    pub(crate) secure: Vec<SocketAddr>,
}

/// Why the demo does not do what it was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: StatusCode,
    detail: String,
}

impl Refused {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, detail }
    }

    fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        problem(self.status, &self.detail)
    }
}

impl From<WireProblem> for Refused {
    fn from(problem: WireProblem) -> Self {
        let status = match problem {
            WireProblem::Busy | WireProblem::OnlyTls => StatusCode::SERVICE_UNAVAILABLE,
            WireProblem::TooSlow => StatusCode::GATEWAY_TIMEOUT,
            WireProblem::Failed(_) | WireProblem::HeadTooLong => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, problem.to_string())
    }
}

pub(super) fn mount(builder: Builder, listening: Listening) -> Builder {
    let talker = |name| {
        let echo = Endpoint::new().on_text(async |Text(text): Text| text);
        (name, echo)
    };
    let strict = ["chat", "superchat"].into_iter().map(talker).fold(
        Endpoint::new().origins(OriginPolicy::SameOrigin),
        |strict, (name, echo)| strict.for_protocol(name, echo),
    );
    let loopback = Loopback::new(&listening);
    builder.endpoint(STRICT, strict).routes_with(|_| {
        Router::new()
            .route(FACTS, get(facts))
            .route(HANDSHAKE, get(handshake))
            .route(FRAMES, post(frames))
            .layer(Extension(Arc::new(loopback)))
            .layer(Extension(Arc::new(listening)))
    })
}

/// `GET /demo/protocol/facts`: where to connect.
async fn facts(
    headers: HeaderMap,
    Extension(listening): Extension<Arc<Listening>>,
) -> Result<Response, Refused> {
    let host = check_source(&headers)?;
    let urls = |scheme: &str, addresses: &[SocketAddr]| -> Vec<String> {
        let url = |address: &SocketAddr| format!("{scheme}://{}", reachable(*address, host));
        addresses.iter().map(url).collect()
    };
    Ok(answer(&json!({
        "ws": urls("ws", &listening.plain),
        "wss": urls("wss", &listening.secure),
    })))
}

/// `GET /demo/protocol/handshake?path=/chat&…`: one handshake, and both heads as they were.
async fn handshake(
    headers: HeaderMap,
    Extension(loopback): Extension<Arc<Loopback>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    check_source(&headers)?;
    let plan = HandshakePlan::read(query.as_deref().unwrap_or_default())?;
    let head = plan.head(&loopback.authority());
    let exchange = loopback.exchange(head.into_bytes(), None).await?;
    let mut told = heads(&exchange);
    if let Some(key) = &plan.key {
        told["accept"] = accept(key, exchange.header("sec-websocket-accept"));
    }
    if exchange.is_open() {
        told["close"] = json!({
            "sent": hex(&exchange.frames_sent),
            "received": hex(&exchange.frames_received),
        });
    }
    Ok(answer(&told))
}

/// `POST /demo/protocol/frames?…` with a message as its body: what goes to `/echo` and back.
async fn frames(
    headers: HeaderMap,
    Extension(loopback): Extension<Arc<Loopback>>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Refused> {
    check_source(&headers)?;
    let plan = FramesPlan::read(query.as_deref().unwrap_or_default())?;
    let message = axum::body::to_bytes(body, MESSAGE_BYTES_MAX).await;
    let message = message.map_err(|_| {
        let detail = format!("send a message of at most {MESSAGE_BYTES_MAX} bytes");
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    let sent = plan.encode(&message)?;
    let head = HandshakePlan::to("/echo").head(&loopback.authority());
    let exchange = loopback.exchange(head.into_bytes(), Some(sent)).await?;
    Ok(answer(&json!({
        "handshake": heads(&exchange),
        "sent": hex(&exchange.frames_sent),
        "received": hex(&exchange.frames_received),
    })))
}

fn heads(exchange: &Exchange) -> Value {
    json!({
        "address": exchange.address.to_string(),
        "sent": String::from_utf8_lossy(&exchange.head_sent),
        "received": String::from_utf8_lossy(&exchange.head_received),
        "body": String::from_utf8_lossy(&exchange.body),
        "truncated": exchange.is_truncated,
        "status": exchange.status(),
    })
}

/// How an answer to a key comes about, step by step (RFC 6455 4.2.2).
fn accept(key: &str, answered: Option<&str>) -> Value {
    let joined = format!("{key}{KEY_SUFFIX}");
    let digest = Sha1::digest(joined.as_bytes());
    json!({
        "key": key,
        "joined": joined,
        "sha1": hex(&digest),
        "base64": STANDARD.encode(digest),
        "answered": answered,
    })
}

/// Refuses what another site's page may have made a browser ask, and returns the `Host`.
///
/// A name can be made to point here by whoever owns it (DNS rebinding); an address cannot.
fn check_source(headers: &HeaderMap) -> Result<&str, Refused> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| cannot_be_rebound(host_name(host)));
    let Some(host) = host else {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "this demo answers only to localhost or to an address; open it as \
             http://127.0.0.1:8080/demo/protocol, with the port that the server listens on",
        ));
    };
    let is_foreign = headers
        .get(SEC_FETCH_SITE)
        .is_some_and(|site| site != "same-origin" && site != "none");
    if is_foreign {
        let detail = "this demo answers only to its own page; open /demo/protocol";
        return Err(Refused::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(host_name(host))
}

/// A `Host` without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn cannot_be_rebound(name: &str) -> bool {
    let in_brackets = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || in_brackets.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// The host and port by which a reader who came to `host` reaches a listener: "all addresses of
/// this machine" is none to connect to.
fn reachable(address: SocketAddr, host: &str) -> String {
    if address.ip().is_unspecified() {
        format!("{host}:{}", address.port())
    } else {
        address.to_string()
    }
}

/// The address of this machine alone that a listener on `address` also has.
fn loopback_of(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

fn answer(told: &Value) -> Response {
    let mut response = Response::new(Body::from(told.to_string()));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
