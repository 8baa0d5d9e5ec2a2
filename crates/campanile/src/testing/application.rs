//! An application that runs in a test's own thread.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::task::LocalSet;

use super::client::{ROOM_BYTES, TestClient};
use super::stage::Stage;
use super::tcp::TestConnection;
use crate::app::Campanile;
use crate::driver::{Transport, memory_pipe};
use crate::front::{Addresses, HandOver, dispatch, stomp};
use crate::handle::Handle;
use crate::schedule::clock::Clock;

/// The longest body of a plain answer that a test looks at.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The key of every test client's handshake: that of RFC 6455's example.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An application in memory, in virtual time. See the [module](super).
pub struct TestApplication {
    stage: Rc<Stage>,
    handle: Handle,
}

impl TestApplication {
    /// Starts an application: without threads and sockets, with a clock that stands still. For
    /// schedules it is the first second of 2026 in UTC.
    ///
    /// # Panics
    /// Within a tokio runtime, and when the operating system gives no resources.
    pub fn start(app: Campanile) -> Self {
        let midnight = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0);
        let start = midnight.to_zoned(jiff::tz::TimeZone::UTC);
        Self::start_at(app, start.expect("a day that UTC has"))
    }

    /// As [`start`](Self::start), with schedules that begin at this time.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_at(app: Campanile, time: jiff::Zoned) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let local = Rc::new(LocalSet::new());
        let handle = app.handle();
        let (running, routes, shards) = {
            let _entered = runtime.enter();
            app.start_in_memory(&local, Clock::starting_at(time))
        };
        let stage = Stage::new(Arc::new(running), routes, shards, local, runtime);
        stage.settle();
        let stage = Rc::new(stage);
        Self { stage, handle }
    }

    /// The handle to publish with. What is published reaches clients when they are asked for it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Connects a client.
    ///
    /// # Panics
    /// When the handshake is refused; see [`handshake`](Self::handshake) to test that.
    #[track_caller]
    pub fn connect(&mut self, path: &str) -> TestClient {
        match self.handshake(path).connect() {
            Ok(client) => client,
            Err(refusal) => panic!("{path} was refused: {refusal:?}"),
        }
    }

    /// Connects a client without WebSocket, as those of [`Serve::stomp_on`](crate::Serve::stomp_on)
    /// come.
    ///
    /// # Panics
    /// When it may not come in, or the application was not told of such clients with
    /// [`Builder::stomp_tcp`](crate::Builder::stomp_tcp).
    #[track_caller]
    pub fn connect_tcp(&mut self) -> TestConnection {
        let running = Arc::clone(&self.stage.running);
        let mounted = running.endpoints.tcp();
        let mounted = mounted.expect("an application with `Builder::stomp_tcp`");
        let addresses = addresses(SocketAddr::from(([127, 0, 0, 1], 50_000)), 61_613);
        let facts = Default::default();
        let entered = self
            .stage
            .block_on(stomp::enter(&running, mounted, addresses, &facts));
        let opened = match entered {
            Ok(opened) => opened,
            Err(refused) => panic!("the client may not come in: {refused:?}"),
        };
        let (transport, peer) = memory_pipe(ROOM_BYTES);
        self.stage.add(peer.clone());
        opened.attach(Transport::Memory(transport));
        self.stage.settle();
        TestConnection::new(Rc::clone(&self.stage), peer)
    }

    /// A handshake with more to say than a path.
    pub fn handshake(&mut self, path: &str) -> TestHandshake<'_> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static(KEY));
        headers.insert(
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static("13"),
        );
        TestHandshake {
            test: self,
            path: path.to_owned(),
            headers,
            remote: SocketAddr::from(([127, 0, 0, 1], 50_000)),
        }
    }

    /// Sends a plain HTTP request and gives the answer with its whole body.
    ///
    /// # Panics
    /// When the body is over 64 MiB or breaks off.
    pub fn request(&mut self, request: Request<Body>) -> Response<Vec<u8>> {
        let remote = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let (response, _) = self.dispatch(request, remote);
        let (parts, body) = response.into_parts();
        let body = self.stage.block_on(to_bytes(body, BODY_BYTES_MAX));
        Response::from_parts(parts, body.expect("a whole body").to_vec())
    }

    /// The status and the text of `GET path`.
    ///
    /// # Panics
    /// When the path is not one, or the answer is not UTF-8.
    pub fn get(&mut self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::HOST, "localhost");
        let request = request.body(Body::empty()).expect("a path");
        let (parts, body) = self.request(request).into_parts();
        (parts.status, String::from_utf8(body).expect("a text"))
    }

    /// Lets this much time pass at once: time-outs, schedules and callbacks that sleep do what is
    /// due, in order.
    pub fn advance(&mut self, time: Duration) {
        self.stage.advance(time);
    }

    /// Does everything that can be done without time passing. Whatever a client is asked does this
    /// by itself.
    pub fn settle(&mut self) {
        self.stage.settle();
    }

    /// Awaits a future of the test's, while the application goes on; when nothing happens, time
    /// passes.
    ///
    /// # Panics
    /// When it does not end within an hour of virtual time.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.stage.block_on(future)
    }

    /// Leaves, as a server does on SIGTERM: closes every session with 1001, spread over this time.
    pub fn leave(&mut self, over: Duration) {
        self.stage.block_on(self.handle.leave(over));
    }

    fn dispatch(&self, request: Request<Body>, remote: SocketAddr) -> (Response<Body>, HandOver) {
        let hand_over = HandOver::default();
        let addresses = addresses(remote, 8_080);
        let routes = self.stage.routes.clone();
        let response = self.stage.block_on(dispatch(
            &self.stage.running,
            routes,
            request,
            Some((&hand_over, addresses)),
        ));
        (response, hand_over)
    }
}

fn addresses(remote: SocketAddr, port: u16) -> Addresses {
    Addresses {
        remote,
        local: SocketAddr::from(([127, 0, 0, 1], port)),
        is_secure: false,
    }
}

impl std::fmt::Debug for TestApplication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestApplication")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

/// A handshake that a test puts together.
#[derive(Debug)]
pub struct TestHandshake<'a> {
    test: &'a mut TestApplication,
    path: String,
    headers: HeaderMap,
    remote: SocketAddr,
}

/// What a handshake was answered instead of 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRefusal {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: a problem description for people and programs.
    pub body: String,
}

impl TestHandshake<'_> {
    /// Sets a header, such as `Origin` or `Authorization`.
    ///
    /// # Panics
    /// When it is none that can be sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(name, value);
        self
    }

    /// Leaves a header out, such as `Upgrade`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Offers sub-protocols.
    #[must_use]
    pub fn protocols(self, names: &[&str]) -> Self {
        self.header("sec-websocket-protocol", &names.join(", "))
    }

    /// Comes from this address.
    #[must_use]
    pub fn from(mut self, address: SocketAddr) -> Self {
        self.remote = address;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`TestRefusal`] when the answer is not 101.
    ///
    /// # Panics
    /// When the path is not one.
    pub fn connect(self) -> Result<TestClient, Box<TestRefusal>> {
        let mut request = Request::get(&self.path)
            .body(Body::empty())
            .expect("a path");
        *request.headers_mut() = self.headers;
        let (response, hand_over) = self.test.dispatch(request, self.remote);
        let (parts, body) = response.into_parts();
        let stage = &self.test.stage;
        if let Some(upgrading) = hand_over.take() {
            let (transport, peer) = memory_pipe(ROOM_BYTES);
            stage.add(peer.clone());
            upgrading.attach(Transport::Memory(transport), Vec::new());
            stage.settle();
            return Ok(TestClient::new(Rc::clone(stage), peer, parts.headers));
        }
        let body = stage.block_on(to_bytes(body, BODY_BYTES_MAX));
        let body = body.map(|body| String::from_utf8_lossy(&body).into_owned());
        Err(Box::new(TestRefusal {
            status: parts.status,
            headers: parts.headers,
            body: body.unwrap_or_default(),
        }))
    }
}
