//! The time, pushed every five seconds to all who are there.
//!
//! ```sh
//! cargo run -p campanile --example clock           # on port 8080; `-- 9000` for another one
//! ```
//!
//! Open the page that it prints: it shows what comes, and can send and close. `/sessions` lists
//! who is there. Shown here: a path parameter, callbacks, a schedule in Spring's cron dialect, the
//! endpoint as the registry of its sessions, and a page as a plain route.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use campanile::{Accepted, Campanile, Closed, Endpoint, Handle, Path, Refusal, Text};

const PATH: &str = "/ws/{sid}";

async fn opened(handle: Handle, Path(sid): Path<String>) {
    println!("{sid} has connected, {} are there", handle.count(PATH));
}

async fn received(Path(sid): Path<String>, Text(text): Text) {
    println!("{sid} says {text}");
}

async fn closed(Path(sid): Path<String>, Closed(ending): Closed) {
    println!("{sid} has disconnected with {}", ending.code);
}

async fn tell_the_time(handle: Handle) -> Result<Accepted, Refusal> {
    let time = jiff::Zoned::now().strftime("%H:%M:%S");
    let message = format!("这是来自服务端的消息：{time}");
    handle.broadcast(PATH, message)
}

/// No list of sessions has to be kept: the endpoint knows them.
async fn sessions(State(handle): State<Handle>) -> String {
    let mut lines = String::new();
    for session in handle.sessions_of(PATH).await.unwrap_or_default() {
        let sid = session.path_parameters().get("sid").unwrap_or_default();
        lines += &format!("{sid} from {}\n", session.remote_address());
    }
    lines
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let clock = Endpoint::new()
        .on_open(opened)
        .on_text(received)
        .on_close(closed);
    let app = Campanile::builder()
        .endpoint(PATH, clock)
        .schedule("0/5 * * * * ?", tell_the_time)
        .routes_with(|handle| {
            Router::new()
                .route("/", get(async || Html(include_str!("page.html"))))
                .route("/sessions", get(sessions))
                .with_state(handle)
        })
        .build()?;
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/ws/me", listener.local_addr()?);
    Ok(campanile::serve(listener, app).await?)
}
