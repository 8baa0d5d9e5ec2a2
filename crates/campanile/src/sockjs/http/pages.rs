//! What is the same for everybody: the greeting, what the server can, the page for iframes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use axum::body::Body;
use campanile_sockjs::{GREETING, IframePage, info};
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::headers::{
    allow_origin, answer, cached_for_a_year, not_allowed, not_cached, preflight, set,
};
use crate::handshake::Handshake;
use crate::origin::OriginPolicy;
use crate::problem::problem;
use crate::sockjs::{SockJs, SockJsTransport};

const TEXT: &str = "text/plain; charset=UTF-8";

/// The text that says that there is SockJS (S34).
pub(super) fn greeting(asked: &Handshake) -> Response<Body> {
    match *asked.method() {
        Method::GET | Method::HEAD => answer(StatusCode::OK, TEXT, Body::from(GREETING)),
        _ => not_allowed("GET, HEAD"),
    }
}

/// 405 for a method that no WebSocket is opened with (S51).
pub(crate) fn refuse_upgrade(method: &Method) -> Option<Response<Body>> {
    let opens = matches!(*method, Method::GET | Method::CONNECT);
    (!opens).then(|| not_allowed("GET"))
}

/// What the server can (S35, S36, S37).
pub(super) fn information(asked: &Handshake, options: &SockJs) -> Response<Body> {
    let mut response = match *asked.method() {
        Method::GET | Method::HEAD => {
            let has_websocket = options.has(SockJsTransport::WebSocket);
            let body = info(has_websocket, options.cookie_needed, chance());
            let kind = "application/json; charset=UTF-8";
            let mut response = answer(StatusCode::OK, kind, Body::from(body));
            not_cached(&mut response);
            response
        }
        Method::OPTIONS => preflight(options, "OPTIONS, GET"),
        _ => return not_allowed("OPTIONS, GET, HEAD"),
    };
    allow_origin(&mut response, options, asked);
    response
}

/// A number that nobody can foresee: the keys of the standard library's hash function are the
/// operating system's chance.
fn chance() -> u32 {
    let bits = RandomState::new().build_hasher().finish();
    u32::try_from(bits >> u32::BITS).unwrap_or(0)
}

/// The page for transports within the server's own origin (S44, S45). There is none where only
/// certain origins may connect: whoever can show the page in a frame speaks as the server's own
/// origin.
pub(super) fn iframe(
    asked: &Handshake,
    options: &SockJs,
    origins: &OriginPolicy,
) -> Response<Body> {
    let framed_by_all = match origins {
        OriginPolicy::Any => true,
        OriginPolicy::SameOrigin => false,
        OriginPolicy::List(_) | OriginPolicy::Patterns(_) | OriginPolicy::Custom(_) => {
            let detail = "only certain origins may connect here, so there is no page for iframes";
            return problem(StatusCode::NOT_FOUND, detail);
        }
    };
    if !matches!(*asked.method(), Method::GET | Method::HEAD) {
        return not_allowed("GET, HEAD");
    }
    let page = IframePage::new(&options.client_library_url);
    let known = asked.headers().get(header::IF_NONE_MATCH);
    let known = known.and_then(|tags| tags.to_str().ok());
    let mut response = match known.is_some_and(|tags| page.is_known(tags)) {
        true => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => {
            let body = Body::from(page.body().to_owned());
            answer(StatusCode::OK, "text/html; charset=UTF-8", body)
        }
    };
    cached_for_a_year(response.headers_mut());
    if let Ok(tag) = HeaderValue::from_str(page.entity_tag()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if !framed_by_all {
        set(&mut response, header::X_FRAME_OPTIONS, "SAMEORIGIN");
    }
    response
}
