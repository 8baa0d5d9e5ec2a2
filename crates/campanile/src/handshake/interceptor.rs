//! User code around the handshake (S7): interceptors, and functions as such.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;

use super::Handshake;

/// Why a handshake is refused: what the client is answered instead of 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status, such as 401 or 403.
    pub status: StatusCode,
    /// What is wrong and what to do, for the body of the answer.
    pub detail: Cow<'static, str>,
}

impl Refused {
    /// A refusal with this status and explanation.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }
}

/// A future of an interceptor.
pub type Intercepting<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// User code around the handshake (S7). For code that only comes before it,
/// [`Endpoint::before_handshake`](crate::Endpoint::before_handshake) takes a function.
///
/// ```
/// use campanile::{Handshake, HandshakeInterceptor, Intercepting, Refused};
///
/// /// Lets in whoever knows the word.
/// struct Password;
///
/// impl HandshakeInterceptor for Password {
///     fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
///         Box::pin(async move {
///             if handshake.query("word").as_deref() != Some("open sesame") {
///                 return Err(Refused::new(
///                     campanile::http::StatusCode::FORBIDDEN,
///                     "say the word: add ?word=… to the URL",
///                 ));
///             }
///             handshake.attributes().set("trusted", true);
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait HandshakeInterceptor: Send + Sync + 'static {
    /// Before the handshake is answered: may refuse it, set attributes, say whose it is, add
    /// headers to the answer.
    ///
    /// # Errors
    /// The refusal to answer with; interceptors that come later are then not asked.
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a>;

    /// After it was decided: `Ok` when 101 is sent, else why it is not, whoever decided it. Only
    /// for those whose `before` was `Ok`, in reverse order. Not at all if the client goes away
    /// before that.
    fn after(&self, _handshake: &Handshake, _outcome: Result<(), &Refused>) {}
}

/// Asks the interceptors in order. Answers how many have let the handshake pass.
pub(crate) async fn ask(
    interceptors: &[Arc<dyn HandshakeInterceptor>],
    handshake: &mut Handshake,
) -> (usize, Result<(), Refused>) {
    for (passed, interceptor) in interceptors.iter().enumerate() {
        if let Err(refused) = interceptor.before(handshake).await {
            return (passed, Err(refused));
        }
    }
    (interceptors.len(), Ok(()))
}

/// Tells interceptors the outcome, in reverse order.
pub(crate) fn tell(
    interceptors: &[Arc<dyn HandshakeInterceptor>],
    handshake: &Handshake,
    outcome: Result<(), &Refused>,
) {
    for interceptor in interceptors.iter().rev() {
        interceptor.after(handshake, outcome);
    }
}

/// An async function `async fn(&mut Handshake) -> Result<(), Refused>` that is asked before a
/// handshake is answered. Implemented for functions and async closures; there is no need to
/// implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be asked before a handshake",
    note = "such a function is `async fn(&mut Handshake) -> Result<(), Refused>`",
    note = "its future must be `Send`: let go of locks before an await"
)]
pub trait BeforeHandshake<'a>: Send + Sync + 'static {
    /// Calls it.
    #[doc(hidden)]
    fn call(&self, handshake: &'a mut Handshake) -> Intercepting<'a>;
}

impl<'a, F, Fut> BeforeHandshake<'a> for F
where
    F: Fn(&'a mut Handshake) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Refused>> + Send + 'a,
{
    fn call(&self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(self(handshake))
    }
}

/// A function as an interceptor.
pub(crate) struct FunctionInterceptor<F>(pub(crate) F);

impl<F: for<'a> BeforeHandshake<'a>> HandshakeInterceptor for FunctionInterceptor<F> {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        self.0.call(handshake)
    }
}

/// Copies what a host application's middleware has attached to the request, such as a web session
/// or a login, into an attribute of the session (S9). A request without it gets no attribute.
///
/// ```
/// use campanile::{CopyExtension, Endpoint, Session};
///
/// #[derive(Clone)]
/// struct WebSession {
///     id: String,
/// }
///
/// async fn opened(session: Session) -> Option<String> {
///     let attributes = session.attributes();
///     attributes.get::<WebSession>("web").map(|web| format!("this is {}", web.id))
/// }
///
/// let endpoint = Endpoint::new()
///     .intercept(CopyExtension::<WebSession>::named("web"))
///     .on_open(opened);
/// ```
pub struct CopyExtension<T> {
    name: Cow<'static, str>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Clone + Send + Sync + 'static> CopyExtension<T> {
    /// Copies the request's extension of type `T` into the attribute of this name.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            kind: PhantomData,
        }
    }
}

impl<T: Clone + Send + Sync + 'static> HandshakeInterceptor for CopyExtension<T> {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        if let Some(value) = handshake.extension::<T>().cloned() {
            handshake.attributes().set(self.name.clone(), value);
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<T> fmt::Debug for CopyExtension<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CopyExtension").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Noted(&'static str, bool, Arc<Mutex<Vec<String>>>);

    impl HandshakeInterceptor for Noted {
        fn before<'a>(&'a self, _: &'a mut Handshake) -> Intercepting<'a> {
            self.2
                .lock()
                .expect("not poisoned")
                .push(format!("before {}", self.0));
            let refused = Refused::new(StatusCode::FORBIDDEN, "no");
            Box::pin(std::future::ready(if self.1 {
                Ok(())
            } else {
                Err(refused)
            }))
        }

        fn after(&self, _: &Handshake, outcome: Result<(), &Refused>) {
            let note = format!("after {} {}", self.0, outcome.is_ok());
            self.2.lock().expect("not poisoned").push(note);
        }
    }

    #[tokio::test]
    async fn s7_interceptors_run_in_order_and_hear_the_outcome_in_reverse() {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let all: Vec<Arc<dyn HandshakeInterceptor>> = [("a", true), ("b", true), ("c", false)]
            .into_iter()
            .map(|(name, passes)| -> Arc<dyn HandshakeInterceptor> {
                Arc::new(Noted(name, passes, Arc::clone(&notes)))
            })
            .collect();
        let (parts, ()) = http::Request::new(()).into_parts();
        let mut handshake = Handshake::from_parts(parts);
        let (passed, outcome) = ask(&all, &mut handshake).await;
        assert_eq!(passed, 2);
        let refused = outcome.expect_err("the third refuses");
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        tell(&all[..passed], &handshake, Err(&refused));
        let notes = notes.lock().expect("not poisoned").clone();
        assert_eq!(
            notes,
            [
                "before a",
                "before b",
                "before c",
                "after b false",
                "after a false"
            ]
        );
    }
}
