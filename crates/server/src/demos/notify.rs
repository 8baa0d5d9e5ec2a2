//! `/websocket/{userId}`: messages for one user, published over plain HTTP.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Extension, RawQuery};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use campanile::{
    Builder, Endpoint, Handle, Handshake, HandshakeInterceptor, Intercepting, OriginPolicy, Path,
    Session, Text, problem,
};
use http::{HeaderValue, StatusCode, header};

/// The path as a Java developer would write it, and as the page of the original spells it.
const PATHS: [&str; 2] = ["/websocket/{userId}", "/webSocket/{userId}"];

/// Takes the path's word for whose session it is. A real system asks for a proof.
struct UserFromPath;

impl HandshakeInterceptor for UserFromPath {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            let user = handshake.path_parameters().get("userId").map(str::to_owned);
            if let Some(user) = user {
                handshake.set_user(user);
            }
            Ok(())
        })
    }
}

pub(super) fn mount(builder: Builder) -> Builder {
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .intercept(UserFromPath)
        .on_open(opened)
        .on_text(received)
        .on_close(closed);
    let mounted = PATHS.iter().fold(builder, |builder, path| {
        builder.endpoint(*path, endpoint.clone())
    });
    mounted.routes_with(|handle| {
        axum::Router::new()
            .route("/socket/publish", get(publish))
            .layer(Extension(handle))
    })
}

/// How many sessions are open on both spellings of the path.
fn online(handle: &Handle) -> usize {
    PATHS.iter().map(|path| handle.count(*path)).sum()
}

async fn opened(handle: Handle, Path(user): Path<String>) {
    tracing::info!(user, online = online(&handle), "a new connection");
}

async fn received(Path(user): Path<String>, Text(text): Text) {
    tracing::info!(user, text, "a message from a client");
}

async fn closed(handle: Handle, session: Session) {
    tracing::info!(
        user = session.user(),
        online = online(&handle),
        "a connection has closed"
    );
}

/// `GET /socket/publish?userId=10086&message=…`: unknown parameters are ignored.
async fn publish(Extension(handle): Extension<Handle>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let parameters: HashMap<_, _> = campanile::query_pairs(&query).collect();
    let (Some(user), Some(message)) = (parameters.get("userId"), parameters.get("message")) else {
        let detail = "say whom and what: /socket/publish?userId=10086&message=hello";
        return problem(StatusCode::BAD_REQUEST, detail);
    };
    match handle.send_to_user(user.as_ref(), message.as_ref()) {
        Ok(accepted) => {
            let answer = serde_json::json!({ "userId": user, "delivered": accepted.subscriptions });
            let mut response = Body::from(answer.to_string()).into_response();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            // Like the sockets: a page from a file or another port may read the answer.
            let any = HeaderValue::from_static("*");
            response
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
            response
        }
        Err(refusal) => problem(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}
