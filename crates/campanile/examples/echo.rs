//! The protocol itself: text and binary, sub-protocols, messages in parts, pings and pongs.
//!
//! ```sh
//! cargo run -p campanile --example echo            # on port 8080; `-- 9000` for another one
//! ```
//!
//! | path | what it does |
//! |---|---|
//! | `/echo` | text and binary come back; `echo.loud` is a sub-protocol with callbacks of its own |
//! | `/count` | says how long a message was, without ever holding it: frames of up to 1 GiB |
//! | `/ping` | pings you with the text that you send, and tells how long the pong has taken |

use std::time::{Duration, Instant};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use campanile::{
    Binary, BinaryPart, Campanile, Endpoint, Pong, SendError, Session, SessionState, Text, TextPart,
};

/// Two sub-protocols on one path. Who asks for neither gets `echo.plain`'s callbacks.
fn echo() -> Endpoint {
    let loud = Endpoint::new().on_text(async |Text(text): Text| text.to_uppercase());
    Endpoint::new()
        .protocols(["echo.plain"])
        .for_protocol("echo.loud", loud)
        .message_bytes_max(1 << 20)
        // A client that is silent for 30 s is pinged, and closed if it stays silent.
        .ping_after(Duration::from_secs(30))
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes)
}

/// How long the message is, as far as it has come.
#[derive(Default)]
struct Length {
    bytes: u64,
    parts: u64,
}

impl Length {
    fn add(&mut self, bytes: usize, is_last: bool) -> Option<String> {
        self.bytes += bytes as u64;
        self.parts += 1;
        is_last.then(|| {
            let Self { bytes, parts } = std::mem::take(self);
            format!("{bytes} bytes in {parts} parts")
        })
    }
}

async fn text_part(part: TextPart, mut length: SessionState<Length>) -> Option<String> {
    length.add(part.text.len(), part.is_last)
}

async fn binary_part(part: BinaryPart, mut length: SessionState<Length>) -> Option<String> {
    length.add(part.bytes.len(), part.is_last)
}

async fn ping(
    session: Session,
    mut sent: SessionState<Option<Instant>>,
    Text(text): Text,
) -> Result<(), SendError> {
    *sent = Some(Instant::now());
    session.ping(text)
}

async fn pong(mut sent: SessionState<Option<Instant>>, Pong(payload): Pong) -> Option<String> {
    let took = sent.take()?.elapsed();
    Some(format!("{} took {took:?}", payload.escape_ascii()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let count = Endpoint::new()
        // In parts these limit frames alone, of which no more than a part is held.
        .message_bytes_max(1 << 30)
        .fragments_max(1 << 20)
        .session_state(Length::default)
        .on_text_part(text_part)
        .on_binary_part(binary_part);
    let ping = Endpoint::new()
        .session_state(|| None::<Instant>)
        .on_text(ping)
        .on_pong(pong);
    let app = Campanile::builder()
        .endpoint("/echo", echo())
        .endpoint("/count", count)
        .endpoint("/ping", ping)
        .routes(Router::new().route("/", get(async || Html(include_str!("page.html")))))
        .build()?;
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/echo", listener.local_addr()?);
    Ok(campanile::serve(listener, app).await?)
}
