//! Requests of SockJS clients over plain HTTP, to an application in memory.

use axum::body::Body;
use campanile::http::{Request, Response};
use campanile::testing::TestApplication;

/// An answer as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A request with headers, and its whole answer.
pub(crate) fn ask(
    test: &mut TestApplication,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned()));
    test.request(request.expect("a request"))
}

/// What a `POST` is answered with.
pub(crate) fn post(test: &mut TestApplication, path: &str, body: &str) -> Answer {
    answer(ask(test, "POST", path, &[], body))
}

pub(crate) fn answer(response: Response<Vec<u8>>) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        body: String::from_utf8(body).expect("text"),
    }
}

/// What a poll is answered with.
pub(crate) fn poll(test: &mut TestApplication, path: &str) -> String {
    let answer = post(test, path, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Sends messages as JSON, which must be accepted.
pub(crate) fn send(test: &mut TestApplication, path: &str, json: &str) {
    assert_eq!(post(test, path, json).status, 204);
}
