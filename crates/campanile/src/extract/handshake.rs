//! What the session's handshake has told, as arguments: path, query, headers, user.

use std::sync::Arc;

use http::{HeaderMap, Uri};
use serde::de::DeserializeOwned;

use super::FromEvent;
use crate::context::Context;
use crate::error::Rejection;
use crate::handshake::KEPT_HEADERS;

/// The path's parameters as a type of yours: one value, a tuple, a struct or a map (S187).
///
/// ```
/// use campanile::{Campanile, Endpoint, Path};
///
/// async fn sit_down(Path((room, seat)): Path<(String, u8)>) -> String {
///     format!("you are in {room} on seat {seat}")
/// }
///
/// let app = Campanile::builder()
///     .endpoint("/rooms/{room}/{seat}", Endpoint::new().on_open(sit_down))
///     .build()?;
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Path<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Ok(Self(crate::path::deserialize(context.parameters().iter())?))
    }
}

/// The query that the session was opened with, as a type of yours: a struct, a map or a list of
/// pairs. The rules are those of axum's `Query`.
///
/// ```
/// use campanile::{Endpoint, Query};
/// use serde::Deserialize;
///
/// /// `?symbol=ABC&depth=5`
/// #[derive(Deserialize)]
/// struct Wanted {
///     symbol: String,
///     depth: Option<u8>,
/// }
///
/// async fn opened(Query(wanted): Query<Wanted>) -> String {
///     format!("{} to a depth of {}", wanted.symbol, wanted.depth.unwrap_or(1))
/// }
///
/// let endpoint = Endpoint::new().on_open(opened);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Query<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let uri: Uri = context
            .session()
            .uri()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Rejection::Query(error.to_string()))?;
        match axum::extract::Query::try_from_uri(&uri) {
            Ok(query) => Ok(Self(query.0)),
            Err(rejection) => Err(Rejection::Query(rejection.body_text())),
        }
    }
}

/// Those headers of the handshake that the endpoint keeps; none, if it keeps none.
///
/// ```
/// use campanile::{Endpoint, Headers};
///
/// async fn opened(Headers(headers): Headers) -> &'static str {
///     let languages = headers.get("accept-language").and_then(|value| value.to_str().ok());
///     match languages {
///         Some(languages) if languages.starts_with("zh") => "你好",
///         _ => "hello",
///     }
/// }
///
/// let endpoint = Endpoint::new().on_open(opened);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers(pub Arc<HeaderMap>);

impl FromEvent for Headers {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let kept = context.session().attribute(KEPT_HEADERS);
        Ok(Self(kept.unwrap_or_default()))
    }
}

/// Who the session belongs to. A session without a user is rejected; `Option<User>` takes both.
///
/// ```
/// use campanile::{Endpoint, Handle, Refusal, Text, User};
///
/// async fn note(User(name): User, handle: Handle, Text(text): Text) -> Result<(), Refusal> {
///     handle.send_to_user(name, text).map(drop)
/// }
///
/// async fn greet(user: Option<User>) -> String {
///     format!("hello {}", user.map_or("stranger".into(), |User(name)| name))
/// }
///
/// let endpoint = Endpoint::new().on_open(greet).on_text(note);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User(pub String);

impl FromEvent for User {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let user = context.session().user();
        user.map(|name| Self(name.to_owned()))
            .ok_or(Rejection::Anonymous)
    }
}
