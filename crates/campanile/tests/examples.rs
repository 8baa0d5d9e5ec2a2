//! Each example starts and talks: the programs themselves, on ports that the kernel chooses.
//!
//! `cargo test -p campanile` builds them; with `--test examples` alone they are as they were built
//! last, by `cargo build -p campanile --examples` or otherwise.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use campanile_client::{Builder, Client, ClientError, ClientHandshakeError, Opcode};
use support::{next_close, next_text, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An example at work.
struct Example {
    program: Running,
    address: SocketAddr,
    /// What else it says; kept, because a program whose output nobody takes would fail.
    _output: BufReader<ChildStdout>,
}

impl Example {
    /// Starts an example and reads in its first line where it listens.
    async fn start(name: &str, argument: &str) -> Self {
        let mut command = Command::new(program(name));
        command.arg(argument).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut program = Running(child.expect("the example starts"));
        let mut output = BufReader::new(program.0.stdout.take().expect("a pipe"));
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            output.read_line(&mut line).map(|_| (line, output))
        });
        let read = within(reading).await.expect("no panic");
        let (line, output) = read.expect("a line of output");
        let address = line
            .trim_start_matches("listening on ")
            .trim_start_matches("http://");
        let address = address.trim().split('/').next().unwrap_or_default();
        let Ok(address) = address.parse() else {
            panic!("the example {name} says {line:?} instead of where it listens");
        };
        Self {
            program,
            address,
            _output: output,
        }
    }

    fn client(&self, path: &str) -> Builder {
        Client::builder(&format!("ws://{}{path}", self.address))
    }

    async fn open(&self, path: &str) -> Client {
        open(self.client(path)).await
    }

    /// The head and body of what a plain request is answered.
    async fn ask(&self, request: &str) -> (String, String) {
        let answering = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = within(answering).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_owned(), body.to_owned())
    }

    async fn get(&self, target: &str) -> (String, String) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n");
        self.ask(&request).await
    }

    /// Has the same effect as ^C.
    fn interrupt(&self) {
        let mut kill = Command::new("kill");
        let killed = kill
            .args(["-INT", &self.program.0.id().to_string()])
            .status();
        assert!(killed.expect("kill is a program").success());
    }

    async fn status(mut self) -> ExitStatus {
        let ended = tokio::task::spawn_blocking(move || self.program.0.wait());
        within(ended)
            .await
            .expect("no panic")
            .expect("it has ended")
    }
}

/// Cargo builds the examples with the tests, into the folder beside theirs.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let target = test.parent().and_then(|deps| deps.parent());
    let program = target.expect("a target folder").join("examples").join(name);
    assert!(
        program.is_file(),
        "{} is missing: `cargo test -p campanile` builds it; with `--test examples` alone run \
         `cargo build -p campanile --examples` before",
        program.display()
    );
    program
}

async fn open(builder: Builder) -> Client {
    within(builder.connect()).await.expect("a session")
}

async fn refused(builder: Builder) -> u16 {
    match within(builder.connect()).await {
        Err(ClientError::Handshake(ClientHandshakeError::Refused { status, .. })) => status,
        other => panic!("not a refusal: {other:?}"),
    }
}

async fn say(client: &mut Client, text: &str) {
    within(client.send_text(text))
        .await
        .expect("an open session");
}

#[tokio::test]
async fn seed_000_chat_speaks_to_all_and_to_some_and_says_goodbye() {
    let chat = Example::start("chat", "0").await;
    let mut guest = chat.open("/chat").await;
    let mut ada = open(chat.client("/chat?name=Ada").protocols(["talk", "chat"])).await;
    assert_eq!(ada.protocol(), Some("chat"));
    say(&mut guest, "hello").await;
    for one in [&mut guest, &mut ada] {
        assert_eq!(next_text(one).await, "hello");
    }
    say(&mut guest, "@Ada for you").await;
    say(&mut ada, "@Guest1 for you, too").await;
    for one in [&mut guest, &mut ada] {
        let both = [next_text(one).await, next_text(one).await];
        assert!(both.contains(&"@Ada for you".to_owned()), "{both:?}");
    }
    say(&mut ada, "@Nobody talks to herself").await;
    assert_eq!(next_text(&mut ada).await, "@Nobody talks to herself");
    assert_eq!(refused(chat.client("/chat?name=a%20b")).await, 400);

    chat.interrupt();
    for one in [&mut guest, &mut ada] {
        let (code, reason) = next_close(one).await;
        assert_eq!(code, 1001, "{reason}");
    }
    assert!(chat.status().await.success());
}

#[tokio::test]
async fn seed_001_notify_user_publishes_over_plain_http() {
    let notify = Example::start("notify_user", "0").await;
    let mut first = notify.open("/websocket/10086").await;
    let mut second = notify.open("/webSocket/10086").await;
    let mut other = notify.open("/websocket/10087").await;
    let target = "/socket/publish?userId=10086&message=%E4%BD%A0%E5%A5%BD&id=7777";
    let (head, body) = notify.get(target).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, r#"{"delivered":2,"online":3}"#);
    for one in [&mut first, &mut second] {
        assert_eq!(next_text(one).await, "你好");
    }
    let (_, body) = notify
        .get("/socket/publish?userId=10087&message=only+you")
        .await;
    assert_eq!(body, r#"{"delivered":1,"online":3}"#);
    assert_eq!(next_text(&mut other).await, "only you");
    let (head, _) = notify.get("/socket/publish?userId=10086").await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
}

#[tokio::test]
async fn seed_003_echo_knows_protocols_parts_and_pings() {
    let echo = Example::start("echo", "0").await;
    let mut plain = echo.open("/echo").await;
    say(&mut plain, "Grüezi").await;
    assert_eq!(next_text(&mut plain).await, "Grüezi");
    within(plain.send_binary(&[0, 255]))
        .await
        .expect("an open session");
    let back = support::next(&mut plain).await;
    assert_eq!(back, campanile_client::Message::Binary(vec![0, 255].into()));

    let mut loud = open(echo.client("/echo").protocols(["echo.loud"])).await;
    assert_eq!(loud.protocol(), Some("echo.loud"));
    say(&mut loud, "hello").await;
    assert_eq!(next_text(&mut loud).await, "HELLO");

    let mut count = echo.open("/count").await;
    let long = vec![b'x'; 1_000_000];
    let parts: [&[u8]; 3] = [b"one", b"", &long];
    within(count.send_fragmented(Opcode::Text, &parts))
        .await
        .expect("an open session");
    let counted = next_text(&mut count).await;
    assert!(counted.starts_with("1000003 bytes in "), "{counted}");

    let mut ping = echo.open("/ping").await;
    say(&mut ping, "are you there?").await;
    let took = next_text(&mut ping).await;
    assert!(took.starts_with("are you there? took "), "{took}");
}

#[tokio::test]
async fn seed_004_clock_tells_the_time_and_knows_who_is_there() {
    let clock = Example::start("clock", "0").await;
    let mut client = clock.open("/ws/one").await;
    say(&mut client, "this is logged, and not answered").await;
    let (head, page) = clock.get("/").await;
    assert!(head.contains("text/html"), "{head}");
    assert!(page.contains("new WebSocket("), "{page}");
    let (_, there) = clock.get("/sessions").await;
    assert!(there.contains("one from 127.0.0.1:"), "{there}");
    let time = next_text(&mut client).await;
    let time = time
        .strip_prefix("这是来自服务端的消息：")
        .expect("the time");
    assert_eq!(time.split(':').count(), 3, "{time}");
}

#[tokio::test]
async fn chat_rooms_are_joined_left_and_counted() {
    let rooms = Example::start("chat_rooms", "0").await;
    let (mut one, mut other) = (rooms.open("/chat").await, rooms.open("/chat").await);
    let join = r#"{"do":"join","room":"tea"}"#;
    say(&mut one, join).await;
    let joined = r#"{"event":"joined","room":"tea","here":1}"#;
    assert_eq!(next_text(&mut one).await, joined);
    say(&mut other, join).await;
    let joined = r#"{"event":"joined","room":"tea","here":2}"#;
    for client in [&mut one, &mut other] {
        assert_eq!(next_text(client).await, joined);
    }
    say(&mut other, r#"{"do":"say","room":"tea","text":"hello"}"#).await;
    let said = r#"{"event":"said","room":"tea","text":"hello"}"#;
    for client in [&mut one, &mut other] {
        assert_eq!(next_text(client).await, said);
    }
    say(&mut other, r#"{"do":"leave","room":"tea"}"#).await;
    let left = r#"{"event":"left","room":"tea"}"#;
    for client in [&mut one, &mut other] {
        assert_eq!(next_text(client).await, left);
    }
    say(&mut other, r#"{"do":"say","room":"tea","text":"again"}"#).await;
    let refused = next_text(&mut other).await;
    assert!(refused.contains("you are not in room tea"), "{refused}");
    say(&mut other, "hello?").await;
    let refused = next_text(&mut other).await;
    assert!(refused.contains("this is no command"), "{refused}");
}

#[tokio::test]
async fn axum_app_shares_its_logins_and_says_goodbye() {
    let app = Example::start("axum_app", "0").await;
    assert_eq!(refused(app.client("/events")).await, 401);
    let (head, _) = app.get("/login/ada").await;
    assert!(head.contains("set-cookie: user=ada;"), "{head}");
    let mut ada = open(app.client("/events").header("Cookie", "a=b; user=ada")).await;
    assert_eq!(next_text(&mut ada).await, "hello ada");

    let publish = "POST /publish/ada HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\
                   Content-Length: 4\r\n";
    let (head, _) = app.ask(&format!("{publish}\r\nding")).await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    let (_, body) = app
        .ask(&format!("{publish}Cookie: user=bob\r\n\r\nding"))
        .await;
    assert_eq!(body, "delivered to 1\n");
    assert_eq!(next_text(&mut ada).await, "bob: ding");

    app.interrupt();
    let (code, reason) = next_close(&mut ada).await;
    assert_eq!((code, reason.split(':').next()), (1001, Some("leaving")));
    assert!(app.status().await.success());
}

#[tokio::test]
async fn rooms_are_known_from_the_path() {
    let rooms = Example::start("rooms", "127.0.0.1:0").await;
    let (mut one, mut other) = (rooms.open("/rooms/7").await, rooms.open("/rooms/7").await);
    let mut elsewhere = rooms.open("/rooms/8").await;
    say(&mut one, "in seven").await;
    for client in [&mut one, &mut other] {
        assert_eq!(next_text(client).await, "in seven");
    }
    say(&mut elsewhere, "in eight").await;
    assert_eq!(next_text(&mut elsewhere).await, "in eight");
}
