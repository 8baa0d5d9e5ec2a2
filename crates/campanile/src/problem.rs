//! Errors over HTTP, as RFC 9457 has them.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// An answer with `application/problem+json`: the status, its name and what to do.
pub fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    problem_with(status, detail, HeaderMap::new())
}

pub(crate) fn problem_with(status: StatusCode, detail: &str, headers: HeaderMap) -> Response<Body> {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}
