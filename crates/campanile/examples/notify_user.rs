//! Messages to one user, published over plain HTTP.
//!
//! ```sh
//! cargo run -p campanile --example notify_user     # on port 8080; `-- 9000` for another one
//! ```
//!
//! Open the page that it prints, which listens as user 10086, and publish to that user:
//!
//! ```sh
//! curl 'http://127.0.0.1:8080/socket/publish?userId=10086&message=hello'
//! # {"delivered":1,"online":1}
//! ```
//!
//! Shown here: a path parameter, one endpoint on two paths, whose session it is, counting, and a
//! plain route that publishes.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use campanile::http::{StatusCode, header};
use campanile::{Campanile, Endpoint, Handle, Handshake, Path, Refused, Text, User, problem};
use serde::Deserialize;

/// Both spellings that pages use.
const PATHS: [&str; 2] = ["/websocket/{userId}", "/webSocket/{userId}"];

/// Takes the path's word for who it is. A real system asks for a proof here.
async fn identify(handshake: &mut Handshake) -> Result<(), Refused> {
    if let Some(user) = handshake.path_parameters().get("userId").map(str::to_owned) {
        handshake.set_user(user);
    }
    Ok(())
}

fn online(handle: &Handle) -> usize {
    PATHS.iter().map(|path| handle.count(*path)).sum()
}

async fn opened(handle: Handle, User(user): User) {
    println!("{user} has come, {} online", online(&handle));
}

async fn received(Path(user): Path<String>, Text(text): Text) {
    println!("{user}: {text}");
}

async fn left(handle: Handle, User(user): User) {
    println!("{user} has left, {} online", online(&handle));
}

/// `?userId=10086&message=hello`; other parameters are ignored.
#[derive(Deserialize)]
struct Notice {
    #[serde(rename = "userId")]
    user: String,
    message: String,
}

async fn publish(State(handle): State<Handle>, Query(notice): Query<Notice>) -> Response {
    match handle.send_to_user(notice.user, notice.message) {
        Ok(accepted) => {
            let counts = serde_json::json!({
                "delivered": accepted.subscriptions,
                "online": online(&handle),
            });
            (
                [(header::CONTENT_TYPE, "application/json")],
                counts.to_string(),
            )
                .into_response()
        }
        Err(refusal) => problem(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let endpoint = Endpoint::new()
        .before_handshake(identify)
        .on_open(opened)
        .on_text(received)
        .on_close(left);
    let app = Campanile::builder()
        .endpoints(PATHS, endpoint)
        .routes_with(|handle| {
            Router::new()
                .route("/", get(async || Html(include_str!("page.html"))))
                .route("/socket/publish", get(publish))
                .with_state(handle)
        })
        .build()?;
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/websocket/10086", listener.local_addr()?);
    Ok(campanile::serve(listener, app).await?)
}
