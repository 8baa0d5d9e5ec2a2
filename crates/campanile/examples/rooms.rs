//! Rooms: what one says in `/rooms/{room}`, all in that room hear.
//!
//! The smallest way to have rooms, and the program that `cargo xtask peers --shape rooms` measures:
//! one room for each session, known from its path. A user's sessions are a destination like an
//! endpoint's, whatever the user stands for. Here it stands for a room: whoever comes in belongs to
//! it, and sending to the user reaches the room. `chat_rooms` has rooms that one joins and leaves.
//! Run it, and connect twice to the address that it prints, such as ws://127.0.0.1:8080/rooms/7:
//!
//! ```sh
//! cargo run --release -p campanile --example rooms -- 127.0.0.1:8080
//! ```

use std::net::SocketAddr;

use campanile::{
    Accepted, Campanile, Endpoint, Handle, Handshake, HandshakeInterceptor, Intercepting,
    OriginPolicy, Path, Refusal, Text,
};

/// Lets a session belong to the room in its path.
struct IntoRoom;

impl HandshakeInterceptor for IntoRoom {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            if let Some(room) = handshake.path_parameters().get("room").map(str::to_owned) {
                handshake.set_user(room);
            }
            Ok(())
        })
    }
}

async fn said(
    handle: Handle,
    Path(room): Path<String>,
    Text(text): Text,
) -> Result<Accepted, Refusal> {
    handle.send_to_user(room, text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address: SocketAddr = match std::env::args().nth(1) {
        Some(address) => address.parse()?,
        None => SocketAddr::from(([127, 0, 0, 1], 8080)),
    };
    let rooms = Endpoint::new()
        .origins(OriginPolicy::Any)
        .intercept(IntoRoom)
        .on_text(said);
    let app = Campanile::builder()
        .endpoint("/rooms/{room}", rooms)
        .build()?;
    let listener = campanile::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    Ok(campanile::serve(listener, app).await?)
}
