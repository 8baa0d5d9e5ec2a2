//! Within an axum application of yours: its routes, state, middleware, and its own shutdown.
//!
//! ```sh
//! cargo run -p campanile --example axum_app        # on port 8080; `-- 9000` for another one
//! ```
//!
//! Open the page that it prints, log in as Ada by `/login/ada`, go back and reload, and publish:
//!
//! ```sh
//! curl -d 'the bell rings' -b user=bob http://127.0.0.1:8080/publish/ada
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use campanile::{Campanile, Endpoint, Handle, Handshake, Refused, Text, User, problem};

/// Who has logged in, as the middleware tells routes and endpoints.
#[derive(Clone)]
struct Login(String);

/// Middleware around routes and endpoints alike. A real one looks the cookie up among its logins.
async fn know_user(mut request: Request, next: Next) -> Response {
    if let Some(user) = user_of(request.headers()) {
        request.extensions_mut().insert(Login(user));
    }
    next.run(request).await
}

fn user_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let user = cookies
        .split("; ")
        .find_map(|cookie| cookie.strip_prefix("user="));
    user.map(str::to_owned)
}

/// What the middleware has found out is the session's user.
async fn identify(handshake: &mut Handshake) -> Result<(), Refused> {
    if let Some(Login(user)) = handshake.extension().cloned() {
        handshake.set_user(user);
    }
    Ok(())
}

async fn log_in(Path(user): Path<String>) -> Response {
    let cookie = format!("user={user}; Path=/; SameSite=Strict; HttpOnly");
    ([(header::SET_COOKIE, cookie)], "you are logged in\n").into_response()
}

async fn publish(
    State(handle): State<Handle>,
    login: Option<Extension<Login>>,
    Path(user): Path<String>,
    text: String,
) -> Response {
    let Some(Extension(Login(from))) = login else {
        return problem(StatusCode::UNAUTHORIZED, "log in first: /login/NAME");
    };
    match handle.send_to_user(user, format!("{from}: {text}")) {
        Ok(accepted) => format!("delivered to {}\n", accepted.subscriptions).into_response(),
        Err(refusal) => problem(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}

/// Tells the sessions before the application ends: their threads end with its router.
async fn leave(handle: Handle) {
    tokio::signal::ctrl_c().await.unwrap_or(());
    handle.leave(Duration::from_secs(1)).await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8080), |port| port.parse())?;
    let events = Endpoint::new()
        .before_handshake(identify)
        .authenticated()
        .on_open(async |User(user): User| format!("hello {user}"))
        .on_text(async |Text(text): Text| text);
    let campanile = Campanile::builder().endpoint("/events", events).build()?;
    let handle = campanile.handle();
    let router = Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/login/{user}", get(log_in))
        .route("/publish/{user}", post(publish))
        .with_state(handle.clone())
        .merge(campanile.into_router()?)
        .layer(from_fn(know_user));
    let listener = campanile::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}/#/events", listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(leave(handle))
        .await?;
    Ok(())
}
