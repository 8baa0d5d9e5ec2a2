//! The answer to a handshake: 101 or a refusal, with the headers that interceptors add (S189).

use axum::body::Body;
use campanile_websocket::ExtensionOffer;
use http::{HeaderMap, HeaderName, Response, StatusCode, Version, header};

use super::{Handshake, Refused};
use crate::problem::problem;

/// Headers that describe the connection or the length of the answer: hyper's and ours to write.
const RESERVED: [HeaderName; 8] = [
    header::CONNECTION,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The answer with status 101, or with 200 to an extended CONNECT (RFC 8441 5).
pub(crate) fn switching(handshake: &Handshake, extensions: &[ExtensionOffer]) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = match handshake.version() {
        Version::HTTP_2 => StatusCode::OK,
        _ => StatusCode::SWITCHING_PROTOCOLS,
    };
    *response.headers_mut() = handshake
        .request()
        .response_headers(handshake.protocol(), extensions);
    add(response.headers_mut(), handshake);
    response
}

/// The answer to a handshake that is refused.
pub(crate) fn refusal(handshake: &Handshake, refused: &Refused) -> Response<Body> {
    let mut response = problem(refused.status, &refused.detail);
    add(response.headers_mut(), handshake);
    response
}

/// Adds what interceptors want to add, next to what is there.
pub(crate) fn add(headers: &mut HeaderMap, handshake: &Handshake) {
    if handshake.answer_headers().is_empty() {
        return;
    }
    let ours: Vec<HeaderName> = headers.keys().cloned().collect();
    for (name, value) in handshake.answer_headers() {
        if ours.contains(name) || is_reserved(name) {
            tracing::warn!(
                header = %name,
                "an interceptor may not set this header of the handshake's answer; it is left out"
            );
        } else {
            headers.append(name.clone(), value.clone());
        }
    }
}

fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name) || name.as_str().starts_with("sec-websocket-")
}
