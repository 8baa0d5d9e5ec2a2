//! A chat: what one says, all hear, and `@NAME text` is for that name and the speaker only.
//!
//! ```sh
//! cargo run -p campanile --example chat            # on port 8080; `-- 9000` for another one
//! ```
//!
//! Open the page that it prints in two windows; `#/chat?name=Ada` at its end says who you are.
//! Shown here: callbacks, a function before the handshake, session attributes, sub-protocols,
//! sending to all and to some, and a clean end on ^C.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use campanile::http::StatusCode;
use campanile::{
    Accepted, Campanile, Closed, Endpoint, Handle, Handshake, Refusal, Refused, Session, State,
    Text,
};

/// How many guests have come.
type Guests = Arc<AtomicU64>;

/// Takes a name from the URL: `/chat?name=Ada`. A name with a space could not be addressed.
async fn named(handshake: &mut Handshake) -> Result<(), Refused> {
    if let Some(name) = handshake.query("name") {
        if name.is_empty() || name.contains(char::is_whitespace) {
            let advice = "choose a name without spaces: /chat?name=Ada";
            return Err(Refused::new(StatusCode::BAD_REQUEST, advice));
        }
        handshake.attributes().set("name", name);
    }
    Ok(())
}

async fn opened(session: Session, State(guests): State<Guests>) {
    let mut attributes = session.attributes();
    if attributes.text("name").is_none() {
        let number = guests.fetch_add(1, Ordering::Relaxed) + 1;
        attributes.set("name", format!("Guest{number}"));
    }
    println!(
        "{} has come: {}",
        attributes.text("name").unwrap_or_default(),
        session.id()
    );
}

async fn said(handle: Handle, session: Session, Text(text): Text) -> Result<Accepted, Refusal> {
    let Some(name) = addressee(&text).map(str::to_owned) else {
        return handle.broadcast("/chat", text);
    };
    let speaker = session.id();
    let is_meant =
        move |one: &Session| one.id() == speaker || one.attributes().text("name") == Some(&name);
    handle.broadcast_to("/chat", text, is_meant)
}

/// Whom a text is for: `@NAME text`.
fn addressee(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('@')?.split_once(char::is_whitespace)?;
    (!name.is_empty()).then_some(name)
}

async fn left(session: Session, Closed(ending): Closed) {
    println!(
        "{} has left: {} {}",
        session.id(),
        ending.code,
        ending.reason
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let chat = Endpoint::new()
        .protocols(["chat", "superchat"])
        .before_handshake(named)
        .on_open(opened)
        .on_text(said)
        .on_close(left);
    let page = get(async || Html(include_str!("page.html")));
    let app = Campanile::builder()
        .state(Guests::default())
        .endpoint("/chat", chat)
        .routes(Router::new().route("/", page))
        .build()?;
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/chat", listener.local_addr()?);
    campanile::serve(listener, app)
        .shutdown_on(async { tokio::signal::ctrl_c().await.unwrap_or(()) })
        .await?;
    Ok(())
}
