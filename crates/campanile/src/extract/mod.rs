//! Extractors: what a handler's arguments may be.

mod choice;
mod encoded;
mod handshake;
mod message;
mod sent;
mod session_state;
mod valid;

use std::any::TypeId;

pub use self::choice::Either;
pub use self::encoded::{Encoded, Json, PayloadFormat};
pub use self::handshake::{Headers, Path, Query, User};
pub use self::message::{Binary, BinaryPart, Closed, Dropped, Failure, Pong, Text, TextPart};
pub use self::sent::{MessageHeaders, SentTo};
pub use self::session_state::SessionState;
pub(crate) use self::session_state::StateMaker;
pub use self::valid::{Valid, Validate};
use crate::context::Context;
use crate::error::Rejection;
use crate::handle::Handle;
use crate::session::Session;
use crate::state::Application;

/// A type that can be made from an event of a session: an argument of a callback (S192).
///
/// | argument | what it is | rejected |
/// |---|---|---|
/// | [`Text`], [`Binary`] | a message | in a callback for something else |
/// | [`Json<T>`](Json), [`Encoded<F, T>`](Encoded) | a message as a type of yours | if it is not one |
/// | [`TextPart`], [`BinaryPart`], [`Pong`] | what else a client sends | as these |
/// | [`Dropped`], [`Closed`], [`Failure`] | what else happens | as these |
/// | [`Login`](crate::Login), [`Subscription`](crate::Subscription) | what STOMP clients ask for | as these |
/// | [`Message`](crate::Message), [`MessageHeaders`], [`SentTo`] | a message, its headers, its destination | as these |
/// | [`Session`], [`Handle`] | whom it happened to; the application | never |
/// | [`Path<T>`](Path), [`Query<T>`](Query) | the URL as types of yours | if it does not fit |
/// | [`Headers`] | headers that the endpoint keeps | never |
/// | [`User`] | who the session belongs to | if nobody is signed in |
/// | [`State<T>`](State) | state of the application | never: `build` checks it |
/// | [`SessionState<T>`](SessionState) | state of the session | if it is in use already |
/// | `Option<E>`, `Result<E, Rejection>` | any of these, if it can be made | never |
/// | [`Either<A, B>`](Either) | the first of two that can be made | if neither can |
/// | [`Valid<E>`](Valid) | one whose value is accepted, too | if it is not |
///
/// What is rejected is a failure like any other, see [`Rejection`]. A message's payload can be
/// taken once.
///
/// An argument of your own draws from the [`Context`]. One that fails must leave the payload where
/// it is, so that another may try ([`Either`], `Option`, `Result`):
///
/// ```
/// use campanile::{CloseCode, Context, Endpoint, FromEvent, Rejection};
///
/// /// A command such as `/join lobby`.
/// struct Command {
///     name: String,
///     argument: String,
/// }
///
/// impl FromEvent for Command {
///     fn from_event(context: &mut Context) -> Result<Self, Rejection> {
///         let payload = context.payload().ok_or_else(|| context.lacks("a command"))?;
///         let (name, argument) = std::str::from_utf8(payload)
///             .ok()
///             .and_then(|text| text.strip_prefix('/')?.split_once(' '))
///             .ok_or_else(|| {
///                 Rejection::refuse(CloseCode::POLICY, "no-command: send /NAME ARGUMENT")
///             })?;
///         Ok(Self { name: name.to_owned(), argument: argument.to_owned() })
///     }
/// }
///
/// async fn obey(command: Command) -> String {
///     format!("{} {}!", command.name, command.argument)
/// }
///
/// let endpoint = Endpoint::new().on_text(obey);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a callback",
    label = "a callback asks for this",
    note = "what happened: `Text`, `Binary`, `Json<T>`, `Encoded<F, T>`, `TextPart`, `BinaryPart`, \
            `Pong`, `Dropped`, `Closed`, `Failure`",
    note = "whom it happened to: `Session`, `SessionState<T>`, `Path<T>`, `Query<T>`, `Headers`, `User`",
    note = "the application: `Handle`, `State<T>`",
    note = "and of any of these `Option<E>`, `Result<E, Rejection>`, `Either<A, B>`",
    note = "for a type of yours, implement `FromEvent`"
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
    label = "a scheduled function asks for this",
    note = "use `Handle` or `State<T>`: no session and no message is there when a schedule is due"
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
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) owner: StateOwner,
}

/// Who has a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateOwner {
    Application,
    Session,
}

impl RequiredState {
    pub(crate) fn of<T: 'static>(owner: StateOwner) -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: std::any::type_name::<T>(),
            owner,
        }
    }
}

/// State of the application, as given to [`Builder::state`](crate::Builder::state); cloned for
/// each call, so put large things into an `Arc`. That it was given is checked at start.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use campanile::{Campanile, Endpoint, State, Text};
///
/// type Score = Arc<Mutex<u64>>;
///
/// async fn said(State(score): State<Score>, Text(text): Text) {
///     *score.lock().unwrap() += text.len() as u64;
/// }
///
/// let app = Campanile::builder()
///     .state(Score::default())
///     .endpoint("/game", Endpoint::new().on_text(said))
///     .build()?;
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromApplication for State<T> {
    fn from_application(application: &Application) -> Result<Self, Rejection> {
        let found = application.state::<T>().cloned().map(Self);
        found.ok_or_else(|| Rejection::NoState(std::any::type_name::<T>()))
    }

    fn required_state() -> Option<RequiredState> {
        Some(RequiredState::of::<T>(StateOwner::Application))
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

#[cfg(test)]
mod tests;
