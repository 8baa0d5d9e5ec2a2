//! Functions as handlers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use campanile_hub::Message;

use crate::context::Context;
use crate::error::{HandlerError, Rejection};
use crate::extract::{FromApplication, FromEvent, RequiredState};
use crate::reply::IntoReply;
use crate::state::Application;

/// What a callback comes to: a reply, nothing, or a failure.
pub(crate) type Answer = Result<Option<Message>, HandlerError>;

/// A callback under way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A callback whose arguments are forgotten.
#[derive(Clone)]
pub(crate) struct Callback(Arc<dyn Fn(Context) -> Answering + Send + Sync>);

impl Callback {
    pub(crate) fn new<A>(handler: impl Handler<A>) -> Self {
        Self(Arc::new(move |context| handler.call(context)))
    }

    pub(crate) fn call(&self, context: Context) -> Answering {
        (self.0)(context)
    }
}

/// An async function that can be a callback of an endpoint: up to six arguments, each of which is
/// [`FromEvent`], and a value that is [`IntoReply`].
///
/// Implemented for functions and closures; there is no need to implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a callback",
    note = "a callback is an async function whose arguments are extractors and whose result can be a reply",
    note = "its future must be `Send`: let go of locks before an await"
)]
pub trait Handler<Arguments>: Send + Sync + 'static {
    /// Calls it for an event.
    #[doc(hidden)]
    fn call(
        &self,
        context: Context,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Message>, HandlerError>> + Send>>;

    /// The state that its arguments need.
    #[doc(hidden)]
    fn required_states() -> Vec<RequiredState>;
}

/// An async function that a schedule can call: up to four arguments, each of which is
/// [`FromApplication`], and no result or a `Result<(), E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be scheduled",
    note = "a scheduled function is async, takes `Handle` or `State<T>` and returns `()` or a `Result`"
)]
pub trait ScheduledFunction<Arguments>: Send + Sync + 'static {
    /// Calls it when it is due.
    #[doc(hidden)]
    fn call(
        &self,
        application: &Application,
    ) -> Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;

    /// The state that its arguments need.
    #[doc(hidden)]
    fn required_states() -> Vec<RequiredState>;
}

/// What a scheduled function may return.
pub trait IntoScheduled {
    /// The failure to log, if any.
    ///
    /// # Errors
    /// What the function failed with.
    fn into_scheduled(self) -> Result<(), HandlerError>;
}

impl IntoScheduled for () {
    fn into_scheduled(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<E: Into<HandlerError>> IntoScheduled for Result<(), E> {
    fn into_scheduled(self) -> Result<(), HandlerError> {
        self.map_err(Into::into)
    }
}

macro_rules! functions_with {
    ($($argument:ident),*) => {
        impl<F, Fut, R, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
            R: IntoReply,
            $($argument: FromEvent,)*
        {
            #[allow(unused_mut, unused_variables, non_snake_case, reason = "no arguments")]
            fn call(&self, mut context: Context) -> Answering {
                let mut take = || Ok::<_, Rejection>(($($argument::from_event(&mut context)?,)*));
                let arguments = take();
                match arguments {
                    Ok(($($argument,)*)) => {
                        let answering = self($($argument),*);
                        Box::pin(async move { answering.await.into_reply() })
                    }
                    Err(rejection) => Box::pin(std::future::ready(Err(rejection.into()))),
                }
            }

            fn required_states() -> Vec<RequiredState> {
                let all: [Option<RequiredState>; _] =
                    [$(<$argument as FromEvent>::required_state(),)*];
                all.into_iter().flatten().collect()
            }
        }
    };
}

functions_with!();
functions_with!(A1);
functions_with!(A1, A2);
functions_with!(A1, A2, A3);
functions_with!(A1, A2, A3, A4);
functions_with!(A1, A2, A3, A4, A5);
functions_with!(A1, A2, A3, A4, A5, A6);

macro_rules! scheduled_functions_with {
    ($($argument:ident),*) => {
        impl<F, Fut, R, $($argument,)*> ScheduledFunction<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
            R: IntoScheduled,
            $($argument: FromApplication,)*
        {
            #[allow(unused_variables, non_snake_case, reason = "no arguments")]
            fn call(
                &self,
                application: &Application,
            ) -> Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>> {
                let take = || Ok::<_, Rejection>(($($argument::from_application(application)?,)*));
                let arguments = take();
                match arguments {
                    Ok(($($argument,)*)) => {
                        let running = self($($argument),*);
                        Box::pin(async move { running.await.into_scheduled() })
                    }
                    Err(rejection) => Box::pin(std::future::ready(Err(rejection.into()))),
                }
            }

            fn required_states() -> Vec<RequiredState> {
                let all: [Option<RequiredState>; _] =
                    [$(<$argument as FromApplication>::required_state(),)*];
                all.into_iter().flatten().collect()
            }
        }
    };
}

scheduled_functions_with!();
scheduled_functions_with!(A1);
scheduled_functions_with!(A1, A2);
scheduled_functions_with!(A1, A2, A3);
scheduled_functions_with!(A1, A2, A3, A4);
