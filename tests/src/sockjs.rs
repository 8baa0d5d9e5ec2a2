//! What the tests of SockJS share: its test services, requests to them, and what is checked of
//! many answers.
//!
//! Each test starts the program, which has the services in its development mode. To try the tests
//! themselves on another server, `CAMPANILE_SOCKJS_TARGET` gives the address and port of one that
//! has the same services.

use std::{
    env,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::net::TcpStream;

use crate::{Raw, Request, Response, Server, frames, within};

mod answers;

pub use answers::{
    expect_405, expect_cached, expect_content_type, expect_cors, expect_not_cached,
    expect_preflight, expect_refusal, text,
};

/// Sends back what it gets; its streams end after 4,096 bytes.
pub const ECHO: &str = "/echo";
/// The same without WebSocket.
pub const ECHO_WITHOUT_WEBSOCKET: &str = "/disabled_websocket_echo";
/// The same, with a cookie for load balancers.
pub const ECHO_WITH_COOKIE: &str = "/cookie_needed_echo";
/// Closes each session at once with 3000 `Go away!`.
pub const CLOSE: &str = "/close";

/// What the path of an endpoint with SockJS says to whoever asks for no WebSocket.
pub const GREETING: &str = "Welcome to SockJS!\n";
/// The frame of a session that [`CLOSE`] has closed.
pub const GO_AWAY: &str = r#"c[3000,"Go away!"]"#;
/// The frame for a second receiver of a session.
pub const ANOTHER_CONNECTION: &str = r#"c[2010,"Another connection still open"]"#;
/// The frame of a session whose receiver was cut off.
pub const INTERRUPTED: &str = r#"c[1002,"Connection interrupted"]"#;
/// The type of a form's fields.
pub const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// An origin that is not the server's.
pub const ORIGIN: (&str, &str) = ("Origin", "test");

/// The variable that names another server.
const TARGET_VARIABLE: &str = "CAMPANILE_SOCKJS_TARGET";

/// The test services of a running server. Dropping this ends the program.
#[derive(Debug)]
pub struct Services {
    address: SocketAddr,
    program: Option<Server>,
}

impl Services {
    /// Starts the program, unless another server is to be tried.
    ///
    /// # Panics
    /// When it does not start, or the variable holds no address.
    pub fn start() -> Self {
        if let Ok(address) = env::var(TARGET_VARIABLE) {
            let Ok(address) = address.parse() else {
                panic!("{TARGET_VARIABLE} is {address:?}, which is no address with a port");
            };
            return Self {
                address,
                program: None,
            };
        }
        let program = Server::start(&[]);
        Self {
            address: program.address(),
            program: Some(program),
        }
    }

    /// Whether it is the program, with what it decides where the protocol leaves a choice.
    pub fn is_the_program(&self) -> bool {
        self.program.is_some()
    }

    /// Connects.
    ///
    /// # Panics
    /// When the server does not accept.
    pub async fn connect(&self) -> Raw {
        let connecting = TcpStream::connect(self.address);
        let stream = within("a connection", connecting).await;
        Raw::over(stream.expect("the server accepts"))
    }

    /// Opens a WebSocket.
    ///
    /// # Panics
    /// When the answer is not 101.
    pub async fn open(&self, path: &str) -> Raw {
        let mut raw = self.connect().await;
        raw.upgrade(path).await;
        raw
    }

    /// Sends a request, of which the answer is still to be read.
    ///
    /// # Panics
    /// When the server does not accept.
    pub async fn send(&self, request: &[u8]) -> Raw {
        let mut raw = self.connect().await;
        raw.send(request).await;
        raw
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask(&self, request: &[u8]) -> Response {
        self.send(request).await.response().await
    }

    /// Sends a GET and reads the answer.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Response {
        self.ask(&Request::get(path).bytes()).await
    }

    /// Sends a POST and reads the answer.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &str) -> Response {
        self.ask(&post(path, &[], body)).await
    }

    /// Polls once by `xhr`; returns the body of the answer.
    ///
    /// # Panics
    /// When the answer is not 200.
    pub async fn poll(&self, session: &str) -> String {
        let response = self.post(&format!("{session}/xhr"), "").await;
        assert_eq!(response.status, 200, "{response:?}");
        text(&response)
    }

    /// Opens a session by `xhr`.
    ///
    /// # Panics
    /// When it is not a new one.
    pub async fn open_by_polling(&self, session: &str) {
        assert_eq!(self.poll(session).await, "o\n");
    }

    /// Sends messages by `xhr_send`.
    ///
    /// # Panics
    /// When the answer is not 204.
    pub async fn send_messages(&self, session: &str, messages: &str) {
        let response = self.post(&format!("{session}/xhr_send"), messages).await;
        assert_eq!((response.status, &response.body[..]), (204, &b""[..]));
    }

    /// Sends what opens a stream, and reads the head of the answer.
    ///
    /// # Panics
    /// When the status is not 200, or the body not in chunks.
    pub async fn stream(&self, request: &[u8]) -> (Response, Raw) {
        let mut raw = self.send(request).await;
        let head = raw.head().await;
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
        (head, raw)
    }

    /// Opens a stream by `xhr_streaming` and passes over its prelude.
    ///
    /// # Panics
    /// When that does not come.
    pub async fn stream_by_xhr(&self, session: &str) -> Raw {
        let (_, mut stream) = self
            .stream(&post(&format!("{session}/xhr_streaming"), &[], ""))
            .await;
        stream.expect_chunk(&xhr_prelude()).await;
        stream
    }

    /// Two polls of one open session, of which one is told that there is another, and the other
    /// waits: returned is the latter. Which of them it is depends on whom the server read first.
    ///
    /// # Panics
    /// When both are answered, or otherwise than so.
    pub async fn second_poll_is_refused(&self, session: &str) -> Raw {
        let request = post(&format!("{session}/xhr"), &[], "");
        let mut one = self.send(&request).await;
        let mut other = self.send(&request).await;
        let (response, waiting) = tokio::select! {
            response = one.response() => (response, other),
            response = other.response() => (response, one),
        };
        assert_eq!(response.status, 200);
        assert_eq!(text(&response), format!("{ANOTHER_CONNECTION}\n"));
        assert_eq!(waiting.received(), b"", "both are answered");
        waiting
    }

    /// Expects what a session whose receiver was cut off tells the next one: `next` asks for it,
    /// again for as long as the server has not noticed the cut.
    ///
    /// # Panics
    /// When it is told anything else.
    pub async fn expect_interrupted(&self, next: impl AsyncFn() -> String) {
        let told = within("the end of the session", async {
            loop {
                let told = next().await;
                if told != format!("{ANOTHER_CONNECTION}\n") {
                    break told;
                }
                tokio::task::yield_now().await;
            }
        });
        let told = told.await;
        // The protocol lets a server forget such a session; the program remembers it.
        let is_forgotten = told == "o\n" && !self.is_the_program();
        assert!(
            is_forgotten || told == format!("{INTERRUPTED}\n"),
            "{told:?}"
        );
    }
}

impl Raw {
    /// Expects a chunk that holds exactly this: the protocol's tests read chunk by chunk.
    ///
    /// # Panics
    /// When the next one is another.
    pub async fn expect_chunk(&mut self, expected: &str) {
        let chunk = self.chunk().await.expect("a chunk before the end");
        assert_eq!(String::from_utf8_lossy(&chunk), expected);
    }

    /// Expects the end of a body in chunks.
    ///
    /// # Panics
    /// When there is one more.
    pub async fn expect_last_chunk(&mut self) {
        assert_eq!(self.chunk().await, None);
    }

    /// Expects a text message.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn expect_text(&mut self, expected: &str) {
        let frame = self.frame().await.expect("a message");
        let said = String::from_utf8_lossy(&frame.payload);
        assert_eq!((frame.opcode, &*said), (1, expected));
    }

    /// Expects the connection to end with no further message: after a Close frame, which is
    /// answered, or abruptly.
    ///
    /// # Panics
    /// When a message comes.
    pub async fn expect_no_more_messages(&mut self) {
        if let Some(frame) = self.whole_frame().await {
            assert_eq!(frame.opcode, 8, "{frame:?}");
            // Who has gone already needs no answer.
            let close = frames::frame(frames::CLOSE, &frame.payload);
            let _ = self.try_send(&close).await;
        }
        self.expect_end().await;
    }
}

/// A path for a session of this service that nobody has used before.
pub fn session(service: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{service}/000/{}-{number}", std::process::id())
}

/// A POST with its length, also when that is nothing.
pub fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let request = Request::get(path)
        .line(&format!("POST {path} HTTP/1.1"))
        .with("Content-Length", &body.len().to_string());
    let mut bytes = with(request, headers).bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// A GET with more headers.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    with(Request::get(path), headers).bytes()
}

/// What a browser asks before it sends a request to another origin.
pub fn preflight(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let request = Request::get(path).line(&format!("OPTIONS {path} HTTP/1.1"));
    with(request, headers).bytes()
}

fn with(request: Request, headers: &[(&str, &str)]) -> Request {
    headers
        .iter()
        .fold(request, |request, (name, value)| request.with(name, value))
}

/// What `xhr_streaming` begins with: some browsers show nothing of shorter answers.
pub fn xhr_prelude() -> String {
    format!("{}\n", "h".repeat(2048))
}
