//! Headers that answers of SockJS have.

use axum::body::Body;
use campanile_sockjs::{CACHED_FOR_A_YEAR, NOT_CACHED, Transport, session_cookie};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use crate::handshake::Handshake;
use crate::sockjs::SockJs;

/// How long browsers may remember a preflight and keep the iframe's page.
const YEAR_SECONDS: u32 = 31_536_000;

/// An answer with a type.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, kind);
    response
}

/// Sets a header to a text that is known to be one.
pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(value));
}

/// 405, without a body (sockjs-protocol, S51).
pub(super) fn not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    set(&mut response, header::ALLOW, allow);
    response
}

/// The answer to a preflight, which browsers may remember for a year (S50).
pub(super) fn preflight(options: &SockJs, methods: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    cached_for_a_year(response.headers_mut());
    if !options.suppress_cors {
        set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let year = HeaderValue::from(YEAR_SECONDS);
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, year);
    }
    response
}

/// May be kept for a year, also by caches of HTTP/1.0.
pub(super) fn cached_for_a_year(headers: &mut HeaderMap) {
    let cached = HeaderValue::from_static(CACHED_FOR_A_YEAR);
    headers.insert(header::CACHE_CONTROL, cached);
    let year = SignedDuration::from_secs(YEAR_SECONDS.into());
    let expires = Timestamp::now().saturating_add(year).ok();
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let expires = expires.and_then(|at| printer.timestamp_to_rfc9110_string(&at).ok());
    if let Some(Ok(expires)) = expires.map(HeaderValue::try_from) {
        headers.insert(header::EXPIRES, expires);
    }
}

/// Must not be kept by anybody.
pub(super) fn not_cached(response: &mut Response<Body>) {
    set(response, header::CACHE_CONTROL, NOT_CACHED);
}

/// Lets scripts of the request's origin read the answer (S50). The endpoint's rule about origins has
/// been asked.
pub(super) fn allow_origin(response: &mut Response<Body>, options: &SockJs, asked: &Handshake) {
    if options.suppress_cors {
        return;
    }
    let headers = response.headers_mut();
    // What is no text is no origin, and is not to stand in an answer.
    let origin = asked.headers().get(header::ORIGIN);
    let origin = origin.filter(|origin| origin.to_str().is_ok()).cloned();
    if origin.is_some() {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    let origin = origin.unwrap_or(HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let wanted = asked.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if let Some(wanted) = wanted.filter(|names| !names.is_empty()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
}

/// What all answers of a session's have: no caching, and the cookie if there shall be one (S36).
pub(super) fn of_session(
    response: &mut Response<Body>,
    options: &SockJs,
    transport: Transport,
    asked: &Handshake,
) {
    if !response.headers().contains_key(header::EXPIRES) {
        not_cached(response);
    }
    if transport.supports_cors() {
        allow_origin(response, options, asked);
    } else {
        // What a page loads as a script or as a frame is nothing else.
        set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    if options.jsessionid {
        let sent = asked.headers().get(header::COOKIE);
        let cookie = session_cookie(sent.and_then(|cookies| cookies.to_str().ok()));
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}
