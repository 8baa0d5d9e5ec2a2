//! Calling user code: polled once where it is, guarded against panics.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::error::HandlerPanicked;
use crate::handler::{Answer, Answering, Callback};

/// A poll of a callback that takes longer holds up the other sessions of its shard; it is worth a
/// warning.
const SLOW_POLL: Duration = Duration::from_millis(10);

/// What became of a call.
pub(crate) enum Called {
    /// It was ready at once: no task, no hop between threads.
    Ready(Answer),
    /// It waits for something and must be polled further.
    Pending(Answering),
}

/// Calls a callback and polls it once. What its extractors do is guarded as well.
pub(crate) fn call(callback: &Callback, context: Context) -> Called {
    let called = timed(|| {
        catching(|| {
            let mut answering = callback.call(context);
            // Nobody has to be woken: one that is pending is polled again, with a waker, by its
            // task.
            let mut waker = std::task::Context::from_waker(Waker::noop());
            match answering.as_mut().poll(&mut waker) {
                Poll::Ready(answer) => Called::Ready(answer),
                Poll::Pending => Called::Pending(answering),
            }
        })
    });
    called.unwrap_or_else(|panicked| Called::Ready(Err(panicked.into())))
}

/// Awaits a callback; a panic becomes an error.
pub(crate) async fn guarded(mut answering: Answering) -> Answer {
    poll_fn(|waker| timed(|| poll(&mut answering, waker))).await
}

/// Calls and awaits a callback from within another call, which is timed as a whole.
pub(crate) async fn caught(callback: Callback, context: Context) -> Answer {
    let mut answering = catching(|| callback.call(context))?;
    poll_fn(|waker| poll(&mut answering, waker)).await
}

fn poll(answering: &mut Answering, waker: &mut std::task::Context<'_>) -> Poll<Answer> {
    let polled = catching(|| answering.as_mut().poll(waker));
    polled.unwrap_or_else(|panicked| Poll::Ready(Err(panicked.into())))
}

/// Runs user code; a panic becomes an error.
pub(crate) fn catching<R>(user_code: impl FnOnce() -> R) -> Result<R, HandlerPanicked> {
    catch_unwind(AssertUnwindSafe(user_code)).map_err(|panic| HandlerPanicked(panic_text(&*panic)))
}

thread_local! {
    /// When this thread's last callback ended, or its turn began. Callbacks of one turn follow each
    /// other closely, so the end of one is the beginning of the next: reading the clock costs as
    /// much as a small callback does.
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Notes that callbacks may be called from now on.
pub(crate) fn turn_begins() {
    LAST.set(Some(Instant::now()));
}

/// Notes that this thread does something else, such as waiting.
pub(crate) fn turn_ends() {
    LAST.set(None);
}

fn timed<R>(user_code: impl FnOnce() -> R) -> R {
    let started = LAST.get().unwrap_or_else(Instant::now);
    let result = user_code();
    let ended = Instant::now();
    if LAST.get().is_some() {
        LAST.set(Some(ended));
    }
    let took = ended - started;
    if took > SLOW_POLL {
        tracing::warn!(
            millis = took.as_millis(),
            "a callback has blocked its thread; hand heavy work to `tokio::task::spawn_blocking`"
        );
    }
    result
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Event;
    use crate::context::tests::Stage;
    use crate::error::Rejection;
    use crate::extract::{FromEvent, Text};
    use crate::session::Session;

    fn panic_of(callback: &Callback) -> String {
        match call(callback, Stage::new().context(Event::Opened)) {
            Called::Ready(Err(error)) => error.to_string(),
            _ => panic!("a panicking callback must be ready with an error"),
        }
    }

    struct Exploding;

    impl FromEvent for Exploding {
        fn from_event(_: &mut Context) -> Result<Self, Rejection> {
            panic!("in an extractor")
        }
    }

    #[test]
    fn s23_a_panic_becomes_an_error_wherever_it_happens() {
        let callback = Callback::new(async || -> () { panic!("oh no") });
        assert_eq!(panic_of(&callback), "the handler panicked: oh no");
        let callback = Callback::new(async |_: Exploding| ());
        assert_eq!(panic_of(&callback), "the handler panicked: in an extractor");
        let callback = Callback::new(|| -> std::future::Ready<()> { panic!("before the future") });
        assert!(panic_of(&callback).ends_with("before the future"));
    }

    #[test]
    fn s195_a_reply_that_is_ready_costs_one_allocation() {
        let callback = Callback::new(async |_: Session, Text(text): Text| text);
        let context = Stage::new().context(Event::Text("echo".to_owned()));
        let mut answered = None;
        let counted = allocation_counter::measure(|| {
            answered = Some(call(&callback, context));
        });
        assert!(matches!(answered, Some(Called::Ready(Ok(reply))) if !reply.is_empty()));
        // The future, whose type is forgotten.
        assert_eq!(counted.count_total, 1);
    }

    #[tokio::test]
    async fn a_callback_that_waits_is_polled_on() {
        let callback = Callback::new(async || {
            tokio::task::yield_now().await;
            "done"
        });
        let Called::Pending(waits) = call(&callback, Stage::new().context(Event::Opened)) else {
            panic!("it must wait first")
        };
        let answer = guarded(waits).await.expect("no failure");
        let first = answer.messages().next().expect("a reply");
        assert_eq!(first.content.bytes(), &"done");
    }
}
