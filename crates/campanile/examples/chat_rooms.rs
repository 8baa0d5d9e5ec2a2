//! A chat with rooms, in JSON: join, leave, say; who is there; errors as messages.
//!
//! ```sh
//! cargo run -p campanile --example chat_rooms      # on port 8080; `-- 9000` for another one
//! ```
//!
//! Open the page that it prints in two windows, and send in both `{"do":"join","room":"tea"}`,
//! then in one of them `{"do":"say","room":"tea","text":"hello"}`. Shown here: subscriptions and
//! publishing, JSON messages as types, a state for each session, and errors as values.

use std::collections::BTreeSet;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use campanile::{
    Campanile, Endpoint, Failure, Handle, HandlerError, Json, Rejection, Session, SessionState,
};
use serde::{Deserialize, Serialize};

/// Each session may be in so many rooms; nobody else limits what it has subscribed to.
const ROOMS_MAX: usize = 16;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    Join { room: String },
    Leave { room: String },
    Say { room: String, text: String },
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Joined { room: &'a str, here: usize },
    Left { room: &'a str },
    Said { room: &'a str, text: &'a str },
    Error { error: String },
}

#[derive(Debug, thiserror::Error)]
enum RoomError {
    #[error("you are not in room {0}: join it first")]
    NotThere(String),
    #[error("you are in {ROOMS_MAX} rooms already: leave one first")]
    TooMany,
}

/// The rooms that a session is in.
type Rooms = BTreeSet<String>;

async fn obey(
    handle: Handle,
    session: Session,
    mut rooms: SessionState<Rooms>,
    Json(command): Json<Command>,
) -> Result<(), HandlerError> {
    match command {
        Command::Join { room } => {
            if rooms.len() >= ROOMS_MAX && !rooms.contains(&room) {
                return Err(RoomError::TooMany.into());
            }
            let destination = format!("/rooms/{room}");
            session.subscribe(destination.as_str())?;
            let here = handle.count_at(destination.as_str());
            let joined = Event::Joined { room: &room, here };
            handle.publish(destination, Json(joined).to_message()?)?;
            rooms.insert(room);
        }
        Command::Leave { room } => {
            if !rooms.remove(&room) {
                return Err(RoomError::NotThere(room).into());
            }
            // It hears this, since what was published before the subscription's end reaches it.
            let left = Json(Event::Left { room: &room }).to_message()?;
            handle.publish(format!("/rooms/{room}"), left)?;
            session.unsubscribe(format!("/rooms/{room}"))?;
        }
        Command::Say { room, text } => {
            if !rooms.contains(&room) {
                return Err(RoomError::NotThere(room).into());
            }
            let said = Event::Said {
                room: &room,
                text: &text,
            };
            handle.publish(format!("/rooms/{room}"), Json(said).to_message()?)?;
        }
    }
    Ok(())
}

/// Tells the client what to do better; every other failure closes the session with 1011.
async fn failed(Failure(failure): Failure) -> Result<Json<Event<'static>>, HandlerError> {
    let error = if let Some(error) = failure.downcast_ref::<RoomError>() {
        error.to_string()
    } else if let Some(Rejection::Json(error)) = failure.downcast_ref() {
        format!("this is no command: {error}")
    } else {
        return Err(failure);
    };
    Ok(Json(Event::Error { error }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let chat = Endpoint::new()
        .message_bytes_max(4_096)
        .session_state(Rooms::new)
        .on_text(obey)
        .on_error(failed);
    let app = Campanile::builder()
        .endpoint("/chat", chat)
        .routes(Router::new().route("/", get(async || Html(include_str!("page.html")))))
        .build()?;
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/chat", listener.local_addr()?);
    Ok(campanile::serve(listener, app).await?)
}
