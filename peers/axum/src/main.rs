//! axum's WebSocket with a tokio broadcast channel, as axum's own chat example has it: a task for
//! each connection that waits for its socket and for the channel. Every path is a channel; `/echo`
//! answers its sender alone.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use tokio::net::TcpSocket;
use tokio::sync::broadcast::{self, error::RecvError};

/// Messages that a channel keeps for its slowest receiver.
const CHANNEL_MESSAGES: usize = 4_096;
/// Connections that the kernel keeps until they are accepted.
const LISTEN_BACKLOG: u32 = 4_096;

/// The channels, by the path that is theirs.
#[derive(Clone, Default)]
struct Channels(Arc<Mutex<HashMap<String, broadcast::Sender<Message>>>>);

impl Channels {
    fn sender(&self, path: &str) -> broadcast::Sender<Message> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels
            .entry(path.to_owned())
            .or_insert_with(|| broadcast::channel(CHANNEL_MESSAGES).0)
            .clone()
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let app = Router::new()
        .route(
            "/echo",
            any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
        )
        .route("/{*path}", any(join))
        .with_state(Channels::default());
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(LISTEN_BACKLOG)?;
    println!("listening on {}", listener.local_addr()?);
    let listener = listener.tap_io(|socket| {
        // Fails only when the connection is broken already.
        let _ = socket.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

async fn join(
    State(channels): State<Channels>,
    Path(path): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let sender = channels.sender(&path);
    // Subscribed before the handshake is answered: the client misses nothing.
    let receiver = sender.subscribe();
    upgrade.on_upgrade(move |socket| broadcast_all(socket, sender, receiver))
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let is_data = matches!(message, Message::Text(_) | Message::Binary(_));
        if is_data && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn broadcast_all(
    mut socket: WebSocket,
    sender: broadcast::Sender<Message>,
    mut receiver: broadcast::Receiver<Message>,
) {
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                // Fails only without receivers, and this task has one.
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    let _ = sender.send(message);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            published = receiver.recv() => match published {
                Ok(message) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(missed)) => eprintln!("a receiver missed {missed} messages"),
                Err(RecvError::Closed) => return,
            },
        }
    }
}
