//! Connections in memory and in virtual time: what happens when nothing does.

use axum::Router;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;

use axum::body::Body;
use axum::routing::get;
use h2::client::{Builder, SendRequest};
use http::{Method, Request};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::requests::Requests;
use super::*;
use crate::app::Campanile;
use crate::app::Running;
use crate::endpoint::Endpoint;
use crate::front::stream::Facts;
use crate::front::{Addresses, Place};

/// A connection in memory, with the server's side at work.
struct Wire {
    requests: Requests,
    served: oneshot::Receiver<Result<(), Broken>>,
    running: Arc<Running>,
    leave: watch::Sender<bool>,
    _keep: Place,
}

fn wire() -> (Wire, DuplexStream) {
    let routes = Router::new()
        .route("/who", get(async || "nobody"))
        .route("/never", get(pending::<Result<String, Infallible>>))
        .route("/endless", get(async || Body::new(Endless)));
    let app = Campanile::builder()
        .endpoint("/news", Endpoint::new())
        .routes(routes)
        .build()
        .expect("valid");
    let (running, routes) = app.start().expect("threads");
    let running = Arc::new(running);
    let (here, there) = tokio::io::duplex(1 << 20);
    let unspecified = SocketAddr::from(([127, 0, 0, 1], 1));
    let (leave, mut leaving) = watch::channel(false);
    let (tell, served) = oneshot::channel();
    let mut requests = Requests::default();
    let mut keep = None;
    requests.spawn(|place| {
        keep = Some(place.clone());
        let common = Common {
            running: Arc::clone(&running),
            routes,
            facts: Facts::default(),
            addresses: Addresses {
                remote: unspecified,
                local: unspecified,
                is_secure: true,
            },
            place,
        };
        let deadline = Instant::now() + super::super::serve::HANDSHAKE_TIMEOUT;
        async move {
            let offered = Http2::default();
            let served = converse(here, common, offered, deadline, &mut leaving).await;
            // The test may have seen enough.
            let _ = tell.send(served);
        }
    });
    let wire = Wire {
        requests,
        served,
        running,
        leave,
        _keep: keep.expect("a place"),
    };
    (wire, there)
}

/// A body that has no end and no beginning.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Pending
    }
}

type Driven = JoinHandle<Result<(), h2::Error>>;

async fn client(there: DuplexStream) -> (SendRequest<Bytes>, Driven) {
    let (requests, connection) = Builder::new().handshake(there).await.expect("HTTP/2");
    (requests, tokio::spawn(connection))
}

async fn ask(requests: &SendRequest<Bytes>, path: &str) -> http::Response<h2::RecvStream> {
    let mut ready = requests.clone().ready().await.expect("open");
    let request = Request::get(format!("https://localhost{path}")).body(());
    let sent = ready.send_request(request.expect("a request"), true);
    sent.expect("open").0.await.expect("an answer")
}

fn handshake(path: &str) -> Request<()> {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://localhost{path}"))
        .header("sec-websocket-version", "13")
        .extension(h2::ext::Protocol::from_static("websocket"));
    request.body(()).expect("a request")
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_is_closed() {
    let (wire, there) = wire();
    let before = Instant::now();
    let (_requests, driven) = client(there).await;
    wire.served.await.expect("told").expect("closed by us");
    assert!(before.elapsed() >= super::super::serve::HANDSHAKE_TIMEOUT);
    drop(driven.await.expect("no panic"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_had_its_answers_is_told_to_go() {
    let (wire, there) = wire();
    let (requests, driven) = client(there).await;
    assert_eq!(ask(&requests, "/who").await.status(), 200);
    let before = Instant::now();
    // GOAWAY without an error.
    driven.await.expect("no panic").expect("a clean end");
    // Who closes the connection first is open.
    drop(wire.served.await.expect("told"));
    assert!(before.elapsed() >= IDLE_TIME);
    // It could be heard for all that time: it answered pings.
    assert!(PING_INTERVAL + PONG_TIME < IDLE_TIME);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_keeps_its_connection() {
    let (mut wire, there) = wire();
    let (requests, driven) = client(there).await;
    let endless = ask(&requests, "/endless").await;
    sleep(10 * IDLE_TIME).await;
    assert!(wire.served.try_recv().is_err());
    drop((endless, requests));
    driven.await.expect("no panic").expect("a clean end");
    // Who closes the connection first is open.
    drop(wire.served.await.expect("told"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_pings_is_gone() {
    let (wire, there) = wire();
    let (requests, connection) = Builder::new().handshake(there).await.expect("HTTP/2");
    let mut connection = std::pin::pin!(connection);
    let endless = tokio::select! {
        endless = ask(&requests, "/endless") => endless,
        ended = connection.as_mut() => panic!("{ended:?}"),
    };
    // From here on it neither reads nor writes, and does not hang up.
    let broken = wire.served.await.expect("told").expect_err("lost");
    assert!(matches!(broken, Broken::Silent), "{broken:?}");
    drop(endless);
}

#[tokio::test(start_paused = true)]
async fn cve_2023_44487_too_many_cancelled_requests_end_the_connection() {
    let (wire, there) = wire();
    let (requests, driven) = client(there).await;
    for _ in 0..CANCELS_MAX + 1 {
        let Ok(mut ready) = requests.clone().ready().await else {
            break;
        };
        let request = Request::get("https://localhost/never").body(());
        let sent = ready.send_request(request.expect("a request"), true);
        let Ok((_, mut stream)) = sent else {
            break;
        };
        // It is under way once the clock has moved on.
        sleep(Duration::from_millis(1)).await;
        stream.send_reset(Reason::CANCEL);
        sleep(Duration::from_millis(1)).await;
    }
    let error = driven.await.expect("no panic").expect_err("closed");
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
    let broken = wire.served.await.expect("told").expect_err("closed");
    assert!(matches!(broken, Broken::Cancelling), "{broken:?}");
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_what_only_waits() {
    let (wire, there) = wire();
    let (requests, driven) = client(there).await;
    assert_eq!(ask(&requests, "/who").await.status(), 200);
    wire.leave.send(true).expect("it is served");
    driven.await.expect("no panic").expect("a clean end");
    // Who closes the connection first is open.
    drop(wire.served.await.expect("told"));
}

#[tokio::test]
async fn s2_a_connection_with_a_websocket_is_not_the_one_to_make_room() {
    let (mut wire, there) = wire();
    let (requests, driven) = client(there).await;
    let mut ready = requests.clone().ready().await.expect("open");
    assert_eq!(ask(&requests, "/who").await.status(), 200);
    let (answer, mut sending) = ready.send_request(handshake("/news"), false).expect("open");
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 200);
    wire.requests.drop_oldest();
    assert_eq!(ask(&requests, "/who").await.status(), 200);
    // Without its WebSocket it is.
    sending.send_reset(Reason::CANCEL);
    drop(answer);
    while wire.running.hub.sessions() > 0 {
        tokio::task::yield_now().await;
    }
    while !wire
        .served
        .try_recv()
        .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
    {
        wire.requests.drop_oldest();
        tokio::task::yield_now().await;
    }
    drop(driven.await.expect("no panic"));
}
