//! State that belongs to one session (S22).

use std::any::TypeId;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{FromEvent, RequiredState, StateOwner};
use crate::calls::catching;
use crate::context::Context;
use crate::error::{HandlerError, Rejection};
use crate::session::Session;

/// The attribute that it is kept under.
const NAME: &str = "campanile.session-state";

/// State of one session, made by [`Endpoint::session_state`](crate::Endpoint::session_state) when
/// the session opens, and dropped after the close callback (S22).
///
/// It needs no lock: callbacks of one session run one at a time, and while one has it, also across
/// an await, nobody else asks for it. A second argument of this kind, and a callback that is called
/// while a task of yours has kept it, are rejected with [`Rejection::SessionStateInUse`].
///
/// ```
/// use campanile::{Endpoint, SessionState, Text};
///
/// #[derive(Default)]
/// struct Game {
///     guesses: u32,
/// }
///
/// async fn guess(mut game: SessionState<Game>, Text(text): Text) -> String {
///     game.guesses += 1;
///     match text.as_str() {
///         "42" => format!("yes, after {} guesses", game.guesses),
///         _ => "no".to_owned(),
///     }
/// }
///
/// let endpoint = Endpoint::new().session_state(Game::default).on_text(guess);
/// ```
#[derive(Debug)]
pub struct SessionState<T: Send + 'static>(OwnedMutexGuard<T>);

impl<T: Send + 'static> Deref for SessionState<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + 'static> DerefMut for SessionState<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Send + 'static> FromEvent for SessionState<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let place = place::<T>(context.session());
        let place = place.ok_or_else(|| Rejection::NoSessionState(std::any::type_name::<T>()))?;
        match place.try_lock_owned() {
            Ok(guard) => Ok(Self(guard)),
            Err(_) => Err(Rejection::SessionStateInUse(std::any::type_name::<T>())),
        }
    }

    fn required_state() -> Option<RequiredState> {
        Some(RequiredState::of::<T>(StateOwner::Session))
    }
}

fn place<T: Send + 'static>(session: &Session) -> Option<Arc<Mutex<T>>> {
    session.attribute(NAME)
}

/// Makes and drops the state of an endpoint's sessions.
#[derive(Clone)]
pub(crate) struct StateMaker {
    id: TypeId,
    make: Arc<dyn Fn(&Session) + Send + Sync>,
    unmake: fn(&Session),
}

impl StateMaker {
    pub(crate) fn new<T: Send + 'static>(
        make: impl Fn(&Session) -> T + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: TypeId::of::<T>(),
            make: Arc::new(move |session| {
                // User code runs before the attributes are locked: it may ask for some.
                let place = Arc::new(Mutex::new(make(session)));
                session.set_attribute(NAME, place);
            }),
            unmake: |session| {
                let place = place::<T>(session);
                session.attributes().remove(NAME);
                // As above: only now the state itself is dropped.
                drop(place);
            },
        }
    }

    /// Whether this is the type of the states that it makes.
    pub(crate) fn makes(&self, id: TypeId) -> bool {
        self.id == id
    }

    /// Gives a session that has just opened its state.
    pub(crate) fn make(&self, session: &Session) -> Result<(), HandlerError> {
        catching(|| (self.make)(session)).map_err(Into::into)
    }

    /// Takes the state from a session whose last callback has ended.
    pub(crate) fn unmake(&self, session: &Session) {
        if let Err(error) = catching(|| (self.unmake)(session)) {
            tracing::error!(session = %session.id(), %error, "a session's state could not be dropped");
        }
    }
}
