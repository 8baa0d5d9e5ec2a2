//! Extractors: what a handler's arguments may be.

use bytes::Bytes;
use campanile_hub::Ending;
use serde::de::DeserializeOwned;

use crate::context::{Context, Event};
use crate::error::{HandlerError, Rejection};
use crate::handle::Handle;
use crate::session::Session;
use crate::state::Application;

/// A type that can be made from an event of a session: an argument of a callback.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a callback",
    label = "a callback asks for this",
    note = "use `Session`, `Handle`, `State<T>`, `Path<T>`, `Text`, `Binary`, `Json<T>`, `Closed`",
    note = "or `Failure`, or implement `FromEvent` for your type"
)]
pub trait FromEvent: Sized {
    /// Makes the value, taking what it needs out of the context.
    ///
    /// # Errors
    /// [`Rejection`] when the event does not carry it; the endpoint's error callback sees it.
    fn from_event(context: &mut Context) -> Result<Self, Rejection>;

    /// The state that must have been given to the builder, for a check at start.
    fn required_state() -> Option<RequiredState> {
        None
    }
}

/// A type that can be made from the application alone: an argument of a scheduled function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a scheduled function",
    note = "use `Handle` or `State<T>`"
)]
pub trait FromApplication: Sized {
    /// Makes the value.
    ///
    /// # Errors
    /// [`Rejection::NoState`] when the builder was not given it.
    fn from_application(application: &Application) -> Result<Self, Rejection>;

    /// See [`FromEvent::required_state`].
    fn required_state() -> Option<RequiredState> {
        None
    }
}

/// A type of state that a handler asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequiredState {
    pub(crate) id: std::any::TypeId,
    pub(crate) name: &'static str,
}

/// State of the application, as given to [`Builder::state`](crate::Builder::state); cloned for
/// each call, so put large things into an `Arc`.
#[derive(Clone, Copy, Debug)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromApplication for State<T> {
    fn from_application(application: &Application) -> Result<Self, Rejection> {
        let found = application.state::<T>().cloned().map(Self);
        found.ok_or_else(|| Rejection::NoState(std::any::type_name::<T>()))
    }

    fn required_state() -> Option<RequiredState> {
        let (id, name) = (std::any::TypeId::of::<T>(), std::any::type_name::<T>());
        Some(RequiredState { id, name })
    }
}

impl<T: Clone + Send + Sync + 'static> FromEvent for State<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Self::from_application(context.application())
    }

    fn required_state() -> Option<RequiredState> {
        <Self as FromApplication>::required_state()
    }
}

impl FromApplication for Handle {
    fn from_application(application: &Application) -> Result<Self, Rejection> {
        Ok(application.handle().clone())
    }
}

impl FromEvent for Handle {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Self::from_application(context.application())
    }
}

impl FromEvent for Session {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        Ok(context.session().clone())
    }
}

/// The path's parameters as a type of yours: one value, a tuple, a struct or a map.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Path<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let parameters = context.session().path_parameters();
        Ok(Self(crate::path::deserialize(parameters.iter())?))
    }
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl FromEvent for Text {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.event_mut() {
            Event::Text(text) => Ok(Self(std::mem::take(text))),
            other => Err(Rejection::WrongEvent {
                wanted: "a text message",
                got: other.name(),
            }),
        }
    }
}

/// A binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary(pub Bytes);

impl FromEvent for Binary {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.event_mut() {
            Event::Binary(bytes) => Ok(Self(std::mem::take(bytes))),
            other => Err(Rejection::WrongEvent {
                wanted: "a binary message",
                got: other.name(),
            }),
        }
    }
}

/// A message's payload as JSON, whether it came as text or as binary; as a reply it is text.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Json<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.event_mut() {
            Event::Text(text) => Ok(Self(serde_json::from_str(text)?)),
            Event::Binary(bytes) => Ok(Self(serde_json::from_slice(bytes)?)),
            other => Err(Rejection::WrongEvent {
                wanted: "a message",
                got: other.name(),
            }),
        }
    }
}

/// How a session ended, in a close callback.
#[derive(Clone, Debug)]
pub struct Closed(pub Ending);

impl FromEvent for Closed {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.event_mut() {
            Event::Closed(ending) => Ok(Self(ending.clone())),
            other => Err(Rejection::WrongEvent {
                wanted: "an ending",
                got: other.name(),
            }),
        }
    }
}

/// What a callback failed with, in an error callback.
#[derive(Debug)]
pub struct Failure(pub HandlerError);

impl FromEvent for Failure {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        match context.event_mut() {
            Event::Failed(error) => match error.take() {
                Some(error) => Ok(Self(error)),
                None => Err(Rejection::WrongEvent {
                    wanted: "a failure",
                    got: "a taken failure",
                }),
            },
            other => Err(Rejection::WrongEvent {
                wanted: "a failure",
                got: other.name(),
            }),
        }
    }
}
