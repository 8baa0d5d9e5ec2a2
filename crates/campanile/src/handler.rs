//! Functions as handlers.
//!
//! What a function must be is asked for in several small traits, so that the compiler names the one
//! thing that is missing: the argument that is no extractor, the result that is no reply, the value
//! that is not `Send`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use campanile_hub::Accepted;

use crate::context::Context;
use crate::error::{HandlerError, Rejection};
use crate::extract::{FromApplication, FromEvent, RequiredState};
use crate::reply::{IntoReply, Reply};
use crate::state::Application;

/// What a callback comes to: a reply or a failure.
pub(crate) type Answer = Result<Reply, HandlerError>;

/// A callback under way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A callback whose arguments are forgotten.
#[derive(Clone)]
pub(crate) struct Callback(Arc<dyn Fn(Context) -> Answering + Send + Sync>);

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback")
    }
}

impl Callback {
    pub(crate) fn new<A>(handler: impl Handler<A>) -> Self {
        Self(Arc::new(move |context| handler.call(context)))
    }

    /// A callback that is any function.
    pub(crate) fn from_function(
        function: impl Fn(Context) -> Answering + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(function))
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
    message = "`{Self}` is not an async function of up to six arguments",
    label = "neither an `async fn` nor an `async` closure of up to six arguments",
    note = "write `async fn name(argument: Type, …) -> Reply`, or a closure `async |argument: Type, …| …`",
    note = "put arguments beyond the sixth into one type of yours that implements `FromEvent`"
)]
pub trait Handler<A>: Send + Sync + 'static {
    /// Calls it for an event.
    #[doc(hidden)]
    fn call(
        &self,
        context: Context,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, HandlerError>> + Send>>;

    /// The state that its arguments need.
    #[doc(hidden)]
    fn required_states() -> Vec<RequiredState>;
}

impl<H, A> Handler<A> for H
where
    H: AsyncFunction<A> + Send + Sync + 'static,
    A: Arguments,
    H::Output: IntoReply,
    H::Future: Send + 'static,
{
    fn call(&self, mut context: Context) -> Answering {
        match A::take(&mut context) {
            Ok(arguments) => {
                let answering = self.call_with(arguments);
                Box::pin(async move { answering.await.into_reply() })
            }
            Err(rejection) => Box::pin(std::future::ready(Err(rejection.into()))),
        }
    }

    fn required_states() -> Vec<RequiredState> {
        A::required_states()
    }
}

/// An async function that a schedule can call: up to six arguments, each of which is
/// [`FromApplication`], and no result or a `Result<(), E>`.
///
/// Implemented for functions and closures; there is no need to implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async function of up to six arguments",
    label = "neither an `async fn` nor an `async` closure of up to six arguments",
    note = "write `async fn name(argument: Type, …)`, or a closure `async |argument: Type, …| …`"
)]
pub trait ScheduledFunction<A>: Send + Sync + 'static {
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

impl<F, A> ScheduledFunction<A> for F
where
    F: AsyncFunction<A> + Send + Sync + 'static,
    A: ScheduledArguments,
    F::Output: IntoScheduled,
    F::Future: Send + 'static,
{
    fn call(
        &self,
        application: &Application,
    ) -> Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>> {
        match A::take(application) {
            Ok(arguments) => {
                let running = self.call_with(arguments);
                Box::pin(async move { running.await.into_scheduled() })
            }
            Err(rejection) => Box::pin(std::future::ready(Err(rejection.into()))),
        }
    }

    fn required_states() -> Vec<RequiredState> {
        A::required_states()
    }
}

/// What a scheduled function may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a scheduled function returns",
    label = "a scheduled function returned this",
    note = "return `()`, or a `Result<(), E>` whose error is logged"
)]
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

impl IntoScheduled for Accepted {
    fn into_scheduled(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<R: IntoScheduled, E: Into<HandlerError>> IntoScheduled for Result<R, E> {
    fn into_scheduled(self) -> Result<(), HandlerError> {
        self.map_err(Into::into)?.into_scheduled()
    }
}

/// An async function or closure of up to six arguments.
pub trait AsyncFunction<A> {
    /// What it comes to.
    type Output;
    /// The call under way.
    type Future: Future<Output = Self::Output>;

    /// Calls it.
    #[doc(hidden)]
    fn call_with(&self, arguments: A) -> Self::Future;
}

/// The arguments of a callback: a tuple whose members are [`FromEvent`].
pub trait Arguments: Sized {
    /// Makes them all, in order.
    ///
    /// # Errors
    /// The first rejection.
    #[doc(hidden)]
    fn take(context: &mut Context) -> Result<Self, Rejection>;

    /// The state that they need.
    #[doc(hidden)]
    fn required_states() -> Vec<RequiredState>;
}

/// The arguments of a scheduled function: a tuple whose members are [`FromApplication`].
pub trait ScheduledArguments: Sized {
    /// Makes them all, in order.
    ///
    /// # Errors
    /// The first rejection.
    #[doc(hidden)]
    fn take(application: &Application) -> Result<Self, Rejection>;

    /// The state that they need.
    #[doc(hidden)]
    fn required_states() -> Vec<RequiredState>;
}

macro_rules! functions_with {
    ($($argument:ident),*) => {
        impl<F, Fut, $($argument,)*> AsyncFunction<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut,
            Fut: Future,
        {
            type Output = Fut::Output;
            type Future = Fut;

            #[allow(non_snake_case, reason = "one name for the argument and its type")]
            fn call_with(&self, ($($argument,)*): ($($argument,)*)) -> Fut {
                self($($argument),*)
            }
        }

        impl<$($argument: FromEvent,)*> Arguments for ($($argument,)*) {
            #[allow(unused_variables, reason = "no arguments")]
            fn take(context: &mut Context) -> Result<Self, Rejection> {
                Ok(($($argument::from_event(context)?,)*))
            }

            fn required_states() -> Vec<RequiredState> {
                let all: [Option<RequiredState>; _] = [$($argument::required_state(),)*];
                all.into_iter().flatten().collect()
            }
        }

        impl<$($argument: FromApplication,)*> ScheduledArguments for ($($argument,)*) {
            #[allow(unused_variables, reason = "no arguments")]
            fn take(application: &Application) -> Result<Self, Rejection> {
                Ok(($($argument::from_application(application)?,)*))
            }

            fn required_states() -> Vec<RequiredState> {
                let all: [Option<RequiredState>; _] = [$($argument::required_state(),)*];
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
