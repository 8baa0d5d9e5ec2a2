//! What somebody costs who listens over HTTP and hears nothing: hardly more than the stream itself.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use campanile_tests::{Server, require_descriptors, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many listen at a time.
const SESSIONS: usize = 2_000;

/// What a session may cost of what a bare stream does, in percent.
const PERCENT_MAX: usize = 125;

/// A server that does nothing but keep its streams open.
struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bare_hyper"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rss_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.expect("its resident memory") * 1_024
}

/// Asks, and reads until the answer has begun with these words.
async fn listen(address: SocketAddr, request: &str, until: &str) -> TcpStream {
    within("an answer that begins", async {
        let mut stream = TcpStream::connect(address).await.expect("a server");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let (mut read, mut buffer) = (Vec::new(), [0; 1_024]);
        while !String::from_utf8_lossy(&read).contains(until) {
            let count = stream.read(&mut buffer).await.expect("no error");
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..count]);
        }
        stream
    })
    .await
}

async fn crowd(count: usize, address: SocketAddr, request: &str, until: &str) -> Vec<TcpStream> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(listen(address, request, until).await);
    }
    all
}

/// Waits until resident memory has not changed for a while.
async fn settled(process: u32) -> usize {
    const SAME_READINGS: usize = 4;
    within("memory that stays the same", async {
        let (mut last, mut same) = (0, 0);
        while same < SAME_READINGS {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = rss_bytes(process);
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    })
    .await
}

/// What each of a crowd costs, in bytes of resident memory.
async fn cost(process: u32, address: SocketAddr, request: &str, until: &str) -> usize {
    // What is needed once, by the first who come, is not what each costs.
    let first = crowd(SESSIONS / 5, address, request, until).await;
    let before = settled(process).await;
    let all = crowd(SESSIONS, address, request, until).await;
    let after = settled(process).await;
    drop((first, all));
    after.saturating_sub(before) / SESSIONS
}

fn request(target: &str, accept: &str) -> String {
    // About what a browser sends.
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Connection: keep-alive\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n\
         Sec-Fetch-Site: same-origin\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn events_an_idle_session_costs_hardly_more_than_a_bare_stream() {
    require_descriptors(2 * SESSIONS + SESSIONS);
    let target = "/events?destination=/topic/quiet";
    let bare = Bare::start();
    let stream = request(target, "text/event-stream");
    let bare = cost(bare.child.id(), bare.address, &stream, "\n\n\r\n").await;
    println!("{bare} bytes of resident memory for each of {SESSIONS} bare streams");
    let poll = request(&format!("{target}&wait=60"), "application/json");
    for (name, request, until) in [
        ("event stream", stream, "\n\n\r\n"),
        ("long poll", poll, "\r\n\r\n"),
    ] {
        let server = Server::start(&[]);
        let each = cost(server.id(), server.address(), &request, until).await;
        println!("{each} bytes of resident memory for each of {SESSIONS}: {name}");
        assert!(
            each * 100 <= bare * PERCENT_MAX,
            "a {name} costs {each} bytes, a bare stream {bare}"
        );
    }
}
