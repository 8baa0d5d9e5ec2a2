//! User code around callbacks (S23).

use std::sync::Arc;

use crate::calls::caught;
use crate::context::Context;
use crate::error::HandlerError;
use crate::handler::{Answering, Callback};
use crate::reply::{IntoReply, Reply};

/// Code around callbacks, whose type is forgotten.
#[derive(Clone)]
pub(crate) struct Decorator(Arc<dyn Fn(Context, Next) -> Answering + Send + Sync>);

impl Decorator {
    pub(crate) fn new<F, Fut>(function: F) -> Self
    where
        F: Fn(Context, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        Self(Arc::new(move |context, next| {
            let answering = function(context, next);
            Box::pin(async move { answering.await.into_reply() })
        }))
    }

    /// The callback with all of these around it, the first one outermost.
    pub(crate) fn all(decorators: &[Self], callback: Callback) -> Callback {
        decorators
            .iter()
            .rfold(callback, |inner, it| it.around(inner))
    }

    /// The callback with this around it.
    pub(crate) fn around(&self, callback: Callback) -> Callback {
        let decorator = Arc::clone(&self.0);
        Callback::from_function(move |context| decorator(context, Next(callback.clone())))
    }
}

/// What comes after one piece of code that is [`around`](crate::Endpoint::around) a callback: the
/// next such piece, and the callback in the end.
pub struct Next(Callback);

impl Next {
    /// Goes on with the event, and gives what came of it.
    ///
    /// # Errors
    /// What the callback failed with. That it panicked is a
    /// [`HandlerPanicked`](crate::HandlerPanicked), too.
    pub async fn run(self, context: Context) -> Result<Reply, HandlerError> {
        caught(self.0, context).await
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}
