//! Arguments that may be missing, and arguments of which one or the other is there.

use super::FromEvent;
use crate::context::Context;
use crate::error::{HandlerError, Rejection};
use crate::reply::{IntoReply, Reply};

/// `None` where the extractor rejects the event, for whatever reason; a `Result` tells the reason.
impl<E: FromEvent> FromEvent for Option<E> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Ok(E::from_event(context).ok())
    }
}

/// The rejection as a value: the callback is called in any case.
impl<E: FromEvent> FromEvent for Result<E, Rejection> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Ok(E::from_event(context))
    }
}

/// The first of two extractors that takes the event (S196); also a reply that is one of two kinds.
/// For three, one of the two is an `Either` itself.
///
/// ```
/// use campanile::{Either, Endpoint, Json, Text};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Move {
///     x: i32,
///     y: i32,
/// }
///
/// async fn said(it: Either<Json<Move>, Text>) -> String {
///     match it {
///         Either::First(Json(to)) => format!("moved to {}, {}", to.x, to.y),
///         Either::Second(Text(text)) => format!("said {text}"),
///     }
/// }
///
/// let endpoint = Endpoint::new().on_text(said);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first has taken it.
    First(A),
    /// The first has not, the second has.
    Second(B),
}

impl<A: FromEvent, B: FromEvent> FromEvent for Either<A, B> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let first = match A::from_event(context) {
            Ok(first) => return Ok(Self::First(first)),
            Err(rejection) => rejection,
        };
        match B::from_event(context) {
            Ok(second) => Ok(Self::Second(second)),
            Err(second) => Err(Rejection::Neither(Box::new([first, second]))),
        }
    }
}

impl<A: IntoReply, B: IntoReply> IntoReply for Either<A, B> {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        match self {
            Self::First(reply) => reply.into_reply(),
            Self::Second(reply) => reply.into_reply(),
        }
    }
}
