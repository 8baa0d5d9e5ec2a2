//! The pages: all of them are in the binary.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};

/// Pages load nothing from elsewhere and run no code that is not in a file of their own. What SockJS
/// puts into a page (frames and scripts of its endpoints) is from here, too: it needs no exception.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const WORDS: &str = "text/plain; charset=utf-8";

/// stompjs and sockjs-client with their licences, which `build.rs` fetches: empty if it could not.
/// And our package for the first, which is in the repository. People's own pages load them from
/// here, too, so their addresses stay.
const LIBRARY: [(&str, &str, &str); 5] = [
    (
        "/assets/stomp.umd.min.js",
        SCRIPT,
        include_str!(concat!(env!("OUT_DIR"), "/stomp.umd.min.js")),
    ),
    (
        "/assets/stomp.LICENSE.txt",
        WORDS,
        include_str!(concat!(env!("OUT_DIR"), "/stomp.LICENSE.txt")),
    ),
    (
        "/assets/stompjs-recovery.js",
        SCRIPT,
        include_str!("../../../packages/stompjs-recovery/index.js"),
    ),
    (
        "/assets/sockjs.min.js",
        SCRIPT,
        include_str!(concat!(env!("OUT_DIR"), "/sockjs.min.js")),
    ),
    (
        "/assets/sockjs.LICENSE.txt",
        WORDS,
        include_str!(concat!(env!("OUT_DIR"), "/sockjs.LICENSE.txt")),
    ),
];

/// What is there instead of a library that could not be fetched.
const LIBRARY_IS_MISSING: &str = "\
This library is not in this program: when it was built, npm or the network was missing.
Install npm, then: touch crates/server/build.rs && cargo build
Or name a folder with the package:
  CAMPANILE_STOMPJS=path/to/@stomp/stompjs CAMPANILE_SOCKJS=path/to/sockjs-client cargo build
";

/// Where each page is, what it is, and its text.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../pages/index.html")),
    ("/demo/chat", HTML, include_str!("../pages/chat.html")),
    ("/demo/notify", HTML, include_str!("../pages/notify.html")),
    ("/demo/clock", HTML, include_str!("../pages/clock.html")),
    ("/demo/echo", HTML, include_str!("../pages/echo.html")),
    (
        "/demo/greetings",
        HTML,
        include_str!("../pages/greetings.html"),
    ),
    (
        "/demo/recovery",
        HTML,
        include_str!("../pages/recovery.html"),
    ),
    (
        "/demo/protocol",
        HTML,
        include_str!("../pages/protocol.html"),
    ),
    ("/assets/style.css", CSS, include_str!("../pages/style.css")),
    ("/assets/boot.js", SCRIPT, include_str!("../pages/boot.js")),
    ("/assets/app.js", SCRIPT, include_str!("../pages/app.js")),
    (
        "/assets/bytes.js",
        SCRIPT,
        include_str!("../pages/bytes.js"),
    ),
    ("/assets/link.js", SCRIPT, include_str!("../pages/link.js")),
    ("/assets/home.js", SCRIPT, include_str!("../pages/home.js")),
    ("/assets/chat.js", SCRIPT, include_str!("../pages/chat.js")),
    (
        "/assets/notify.js",
        SCRIPT,
        include_str!("../pages/notify.js"),
    ),
    (
        "/assets/clock.js",
        SCRIPT,
        include_str!("../pages/clock.js"),
    ),
    ("/assets/echo.js", SCRIPT, include_str!("../pages/echo.js")),
    (
        "/assets/greetings.css",
        CSS,
        include_str!("../pages/greetings.css"),
    ),
    (
        "/assets/greetings.js",
        SCRIPT,
        include_str!("../pages/greetings.js"),
    ),
    (
        "/assets/greetings-frames.js",
        SCRIPT,
        include_str!("../pages/greetings-frames.js"),
    ),
    (
        "/assets/greetings-transport.js",
        SCRIPT,
        include_str!("../pages/greetings-transport.js"),
    ),
    (
        "/assets/greetings-wire.js",
        SCRIPT,
        include_str!("../pages/greetings-wire.js"),
    ),
    (
        "/assets/recovery.css",
        CSS,
        include_str!("../pages/recovery.css"),
    ),
    (
        "/assets/recovery.js",
        SCRIPT,
        include_str!("../pages/recovery.js"),
    ),
    (
        "/assets/recovery-board.js",
        SCRIPT,
        include_str!("../pages/recovery-board.js"),
    ),
    (
        "/assets/recovery-ticker.js",
        SCRIPT,
        include_str!("../pages/recovery-ticker.js"),
    ),
    (
        "/assets/protocol.css",
        CSS,
        include_str!("../pages/protocol.css"),
    ),
    (
        "/assets/protocol.js",
        SCRIPT,
        include_str!("../pages/protocol.js"),
    ),
    (
        "/assets/protocol-ask.js",
        SCRIPT,
        include_str!("../pages/protocol-ask.js"),
    ),
    (
        "/assets/protocol-schemes.js",
        SCRIPT,
        include_str!("../pages/protocol-schemes.js"),
    ),
    (
        "/assets/protocol-attempts.js",
        SCRIPT,
        include_str!("../pages/protocol-attempts.js"),
    ),
    (
        "/assets/protocol-draw.js",
        SCRIPT,
        include_str!("../pages/protocol-draw.js"),
    ),
    (
        "/assets/protocol-frames.js",
        SCRIPT,
        include_str!("../pages/protocol-frames.js"),
    ),
    (
        "/assets/protocol-listeners.js",
        SCRIPT,
        include_str!("../pages/protocol-listeners.js"),
    ),
    (
        "/assets/protocol-ways.js",
        SCRIPT,
        include_str!("../pages/protocol-ways.js"),
    ),
    ("/assets/bell.svg", SVG, include_str!("../pages/bell.svg")),
    ("/favicon.svg", SVG, include_str!("../pages/bell.svg")),
    ("/favicon.ico", SVG, include_str!("../pages/bell.svg")),
];

/// The routes of all pages, with a page of its own for every other path.
pub(crate) fn routes() -> Router {
    let routes = PAGES
        .iter()
        .fold(Router::new(), |routes, &(path, kind, text)| {
            routes.route(path, get(async move || page(StatusCode::OK, kind, text)))
        });
    let routes = LIBRARY.iter().fold(routes, |routes, &(path, kind, text)| {
        routes.route(path, get(async move || library(kind, text)))
    });
    routes.fallback(async || {
        page(
            StatusCode::NOT_FOUND,
            HTML,
            include_str!("../pages/not-found.html"),
        )
    })
}

/// One of the libraries' files, or why it is not there.
fn library(kind: &'static str, text: &'static str) -> Response {
    let mut response = match text {
        "" => page(StatusCode::NOT_FOUND, WORDS, LIBRARY_IS_MISSING),
        text => page(StatusCode::OK, kind, text),
    };
    // Browsers load a module from another host only with its leave.
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

fn page(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let headers_of_a_page = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The binary may be another one tomorrow, under the same address.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in headers_of_a_page {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_was_not_fetched_is_explained() {
        let missing = library(SCRIPT, "");
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert_eq!(missing.headers()[header::CONTENT_TYPE], WORDS);
        let there = library(SCRIPT, "x");
        assert_eq!(there.status(), StatusCode::OK);
        assert_eq!(there.headers()[header::CONTENT_TYPE], SCRIPT);
    }
}
