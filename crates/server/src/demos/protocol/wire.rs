//! One TCP connection of the server to itself, bounded in number, time and bytes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::frames::{CLOSE, append, progress};
use super::plan::{FILLER_BYTES_MAX, SAMPLE_MASK};
use super::{Listening, loopback_of};

/// How many connections to itself the server has at a time.
pub(super) const CONNECTIONS_MAX: usize = 8;

/// How long one of them may take.
const TIME_MAX: Duration = Duration::from_secs(5);

/// How long an answer's head may be, and how much of its body is told.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How many bytes of frames are read.
const FRAMES_BYTES_MAX: usize = FILLER_BYTES_MAX + (16 << 10);

/// How much is read at once.
const READ_BYTES: usize = 4 << 10;

/// The code for a normal closure (RFC 6455 7.4.1), as a close frame carries it.
const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();

/// Why nothing can be shown.
#[derive(Debug)]
pub(super) enum WireProblem {
    /// All connections are taken.
    Busy,
    /// There is no listener whose bytes could be read.
    OnlyTls,
    /// The answer did not come in time.
    TooSlow,
    /// The answer's head does not end.
    HeadTooLong,
    /// The connection could not be made, or broke.
    Failed(io::Error),
}

impl fmt::Display for WireProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => write!(
                formatter,
                "{CONNECTIONS_MAX} handshakes are being shown at this moment; try again"
            ),
            Self::OnlyTls => formatter.write_str(
                "this server listens under TLS only, where bytes on the wire say nothing; start \
                 it with an address for plain HTTP as well",
            ),
            Self::TooSlow => formatter.write_str("the server did not answer itself in time"),
            Self::HeadTooLong => write!(
                formatter,
                "the answer's head is longer than {HEAD_BYTES_MAX} bytes"
            ),
            Self::Failed(error) => write!(
                formatter,
                "the server could not connect to itself: {}",
                error.kind()
            ),
        }
    }
}

impl From<io::Error> for WireProblem {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// What went over the wire.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) address: SocketAddr,
    pub(super) head_sent: Vec<u8>,
    pub(super) head_received: Vec<u8>,
    /// What followed a head that is not 101.
    pub(super) body: Vec<u8>,
    /// There was more than is told.
    pub(super) is_truncated: bool,
    pub(super) frames_sent: Vec<u8>,
    pub(super) frames_received: Vec<u8>,
}

impl Exchange {
    /// The status in the answer's first line.
    pub(super) fn status(&self) -> Option<u16> {
        let line = self.head_received.split(|byte| *byte == b'\r').next()?;
        let status = line.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        str::from_utf8(status).ok()?.parse().ok()
    }

    /// Whether the connection became a WebSocket.
    pub(super) fn is_open(&self) -> bool {
        self.status() == Some(101)
    }

    /// The value of a header of the answer; `name` is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let head = str::from_utf8(&self.head_received).ok()?;
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// How long the body is that follows the answer's head.
    fn body_length(&self) -> usize {
        if self.head_sent.starts_with(b"HEAD ") {
            return 0;
        }
        let length = self.header("content-length");
        length.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// The way from the server to itself.
#[derive(Debug)]
pub(super) struct Loopback {
    /// `None` when there is no listener for plain HTTP.
    address: Option<SocketAddr>,
    connections: Semaphore,
    time_max: Duration,
}

impl Loopback {
    pub(super) fn new(listening: &Listening) -> Self {
        Self::bounded(listening, CONNECTIONS_MAX, TIME_MAX)
    }

    pub(super) fn bounded(listening: &Listening, connections: usize, time_max: Duration) -> Self {
        Self {
            address: listening.plain.first().copied().map(loopback_of),
            connections: Semaphore::new(connections),
            time_max,
        }
    }

    /// The host and port of the listener, for `Host`.
    pub(super) fn authority(&self) -> String {
        self.address
            .map_or_else(String::new, |address| address.to_string())
    }

    /// Sends a head, and if the answer is 101 also frames and a close frame. It ends with what the
    /// server says to the close, or with an answer that is not 101.
    ///
    /// # Errors
    /// When too many are at it, or the server does not answer in time or within the limits.
    pub(super) async fn exchange(
        &self,
        head: Vec<u8>,
        frames: Option<Vec<u8>>,
    ) -> Result<Exchange, WireProblem> {
        let address = self.address.ok_or(WireProblem::OnlyTls)?;
        let _permit = self
            .connections
            .try_acquire()
            .map_err(|_| WireProblem::Busy)?;
        tokio::time::timeout(self.time_max, talk(address, head, frames))
            .await
            .map_err(|_| WireProblem::TooSlow)?
    }
}

async fn talk(
    address: SocketAddr,
    head: Vec<u8>,
    frames: Option<Vec<u8>>,
) -> Result<Exchange, WireProblem> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&head).await?;
    let mut received = Vec::new();
    read_until(&mut stream, &mut received, HEAD_BYTES_MAX, |bytes| {
        end_of_head(bytes).is_some()
    })
    .await?;
    let end = match end_of_head(&received) {
        Some(end) => end,
        None if received.len() >= HEAD_BYTES_MAX => return Err(WireProblem::HeadTooLong),
        None => received.len(),
    };
    let mut rest = received.split_off(end);
    let mut exchange = Exchange {
        address,
        head_sent: head,
        head_received: received,
        body: Vec::new(),
        is_truncated: false,
        frames_sent: Vec::new(),
        frames_received: Vec::new(),
    };
    if !exchange.is_open() {
        let length = exchange.body_length();
        read_until(&mut stream, &mut rest, HEAD_BYTES_MAX, |bytes| {
            bytes.len() >= length
        })
        .await?;
        rest.truncate(HEAD_BYTES_MAX);
        exchange.is_truncated = rest.len() < length;
        exchange.body = rest;
        return Ok(exchange);
    }
    if let Some(frames) = frames {
        // A server that sees a mistake may close before it has read everything.
        let is_sent = stream.write_all(&frames).await.is_ok();
        exchange.frames_sent = frames;
        if is_sent {
            read_until(&mut stream, &mut rest, FRAMES_BYTES_MAX, |bytes| {
                let progress = progress(bytes);
                progress.message || progress.close
            })
            .await?;
        }
    }
    if !progress(&rest).close {
        let mut close = Vec::new();
        append(&mut close, true, CLOSE, Some(SAMPLE_MASK), &NORMAL_CLOSURE);
        if stream.write_all(&close).await.is_ok() {
            exchange.frames_sent.extend(close);
        }
    }
    read_until(&mut stream, &mut rest, FRAMES_BYTES_MAX, |bytes| {
        progress(bytes).close
    })
    .await?;
    rest.truncate(FRAMES_BYTES_MAX);
    exchange.frames_received = rest;
    Ok(exchange)
}

/// Reads until enough has come, the server closes, or there are `bytes_max`.
async fn read_until(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    bytes_max: usize,
    is_enough: impl Fn(&[u8]) -> bool,
) -> Result<(), WireProblem> {
    let mut buffer = [0; READ_BYTES];
    while bytes.len() < bytes_max && !is_enough(bytes) {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            // What had come before counts: the server closed while we were still sending.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(start + 4)
}
