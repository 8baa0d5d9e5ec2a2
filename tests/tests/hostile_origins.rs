//! Pages of other origins at endpoints that only certain origins may use: on every path below an
//! endpoint with SockJS, and on each way to listen, they are refused before there is a session.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use campanile::{
    Broker, Campanile, Endpoint, EventsEndpoint, Handshake, OriginPolicy, Refused, SockJs, Text,
};
use campanile_tests::{
    Raw, Request, Response,
    sockjs::{post, text},
    within,
};
use tokio::net::TcpStream;

/// Whose pages may connect.
const OWN: &str = "https://good.example";

/// Those whose may not: look-alikes, other ports and schemes, what is no origin.
const OTHERS: [&str; 14] = [
    "https://evil.example",
    "https://good.example.evil.example",
    "https://evilgood.example",
    "https://good.example:8443",
    "http://good.example",
    "https://good.exampl",
    "https://user@good.example",
    "https://good.example@evil.example",
    "https://good.example/",
    "https://good.example, https://evil.example",
    "//good.example",
    "good.example",
    "null",
    "file://",
];

/// Every path below the endpoint, with the method that it is asked by.
const PATHS: [(&str, &str); 14] = [
    ("GET", "/it"),
    ("GET", "/it/"),
    ("GET", "/it/info"),
    ("OPTIONS", "/it/info"),
    ("GET", "/it/iframe.html"),
    ("POST", "/it/0/a/xhr"),
    ("OPTIONS", "/it/0/a/xhr"),
    ("POST", "/it/0/b/xhr_streaming"),
    ("POST", "/it/0/victim/xhr_send"),
    ("GET", "/it/0/c/eventsource"),
    ("GET", "/it/0/d/htmlfile?c=a"),
    ("GET", "/it/0/e/jsonp?c=a"),
    ("POST", "/it/0/victim/jsonp_send"),
    ("GET", "/events?destination=/topic/a&wait=0"),
];

/// The paths of handshakes.
const HANDSHAKES: [&str; 4] = [
    "/it",
    "/it/websocket",
    "/it/0/f/websocket",
    "/events?destination=/topic/a",
];

/// Where the application is, and how many clients its interceptors have been asked about.
async fn house() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = |asked: &Arc<AtomicUsize>| {
        let asked = Arc::clone(asked);
        move |_: &mut Handshake| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<(), Refused>(()))
        }
    };
    let own = || OriginPolicy::list([OWN]).expect("an origin");
    let echo = Endpoint::new()
        .origins(own())
        .before_handshake(count(&asked))
        .sockjs(SockJs::new().jsonp(true))
        .on_text(async |Text(text): Text| text);
    let app = Campanile::builder()
        .broker(Broker::new())
        .endpoint("/it", echo)
        .events("/events", EventsEndpoint::new().origins(own()))
        .build()
        .expect("an application");
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(campanile::serve(listener, app).into_future());
    (address, asked)
}

async fn ask(address: SocketAddr, request: &[u8]) -> Response {
    let stream = within("a connection", TcpStream::connect(address)).await;
    let mut raw = Raw::over(stream.expect("the application accepts"));
    raw.send(request).await;
    raw.response().await
}

fn plain(method: &str, path: &str) -> Request {
    let body = if method == "POST" { "2" } else { "0" };
    Request::get(path)
        .line(&format!("{method} {path} HTTP/1.1"))
        .with("Content-Length", body)
        .with("Connection", "close")
}

fn bytes(request: &Request, method: &str) -> Vec<u8> {
    let body: &[u8] = if method == "POST" { b"[]" } else { b"" };
    [&request.bytes(), body].concat()
}

#[tokio::test]
async fn item_8_s50_every_path_of_an_endpoint_is_403_for_pages_of_other_origins() {
    let (address, asked) = house().await;
    let opened = ask(address, &post("/it/0/victim/xhr", &[], "")).await;
    assert_eq!(text(&opened), "o\n");
    let before = asked.load(Ordering::Relaxed);
    for origin in OTHERS {
        for (method, path) in PATHS {
            let request = plain(method, path).with("Origin", origin);
            let answer = ask(address, &bytes(&request, method)).await;
            assert_eq!(answer.status, 403, "{origin} {method} {path} {answer:?}");
            let readable = answer.header("Access-Control-Allow-Origin");
            assert_eq!(readable, None, "{origin} {method} {path}");
        }
        for path in HANDSHAKES {
            let request = Request::upgrade(path).with("Origin", origin);
            let answer = ask(address, &request.bytes()).await;
            assert_eq!(answer.status, 403, "{origin} {path} {answer:?}");
        }
    }
    // No interceptor was asked about any of them.
    assert_eq!(asked.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn item_8_s50_two_origins_or_none_that_is_text_are_refused() {
    let (address, _) = house().await;
    for (method, path) in PATHS {
        let twice = plain(method, path)
            .with("Origin", OWN)
            .with("Origin", "https://evil.example");
        let answer = ask(address, &bytes(&twice, method)).await;
        assert!(
            matches!(answer.status, 400 | 403),
            "{method} {path} {answer:?}"
        );
        let line = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        let no_text = [line.as_bytes(), b"Origin: https://\xff\r\n\r\n"].concat();
        let answer = ask(address, &no_text).await;
        assert!(
            matches!(answer.status, 400 | 403),
            "{method} {path} {answer:?}"
        );
    }
}

#[tokio::test]
async fn item_8_s45_s50_the_own_origin_may_and_pages_are_told_so() {
    let (address, _) = house().await;
    for (method, path) in PATHS {
        let request = plain(method, path).with("Origin", OWN);
        // A stream would go on: its head is enough.
        let stream = within("a connection", TcpStream::connect(address)).await;
        let mut raw = Raw::over(stream.expect("the application accepts"));
        raw.send(&bytes(&request, method)).await;
        let head = raw.head().await;
        let expected: &[u16] = match path {
            // There is no such page where only certain origins may connect, and no such session.
            "/it/iframe.html" | "/it/0/victim/xhr_send" | "/it/0/victim/jsonp_send" => &[404],
            _ => &[200, 204],
        };
        assert!(expected.contains(&head.status), "{method} {path} {head:?}");
        let has_cors = ["info", "xhr", "eventsource", "events"];
        if has_cors.iter().any(|it| path.contains(it)) {
            let readable = head.header("Access-Control-Allow-Origin");
            assert_eq!(readable, Some(OWN), "{method} {path} {head:?}");
        }
    }
    for path in HANDSHAKES {
        let request = Request::upgrade(path).with("Origin", OWN);
        assert_eq!(ask(address, &request.bytes()).await.status, 101, "{path}");
    }
}
