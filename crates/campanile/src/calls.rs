//! Calling user code: polled once where it is, guarded against panics.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::error::HandlerPanicked;
use crate::handler::{Answer, Answering};

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

/// Polls a callback once.
pub(crate) fn call(mut answering: Answering) -> Called {
    // Nobody has to be woken: one that is pending is polled again, with a waker, by its task.
    match poll(&mut answering, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Called::Ready(answer),
        Poll::Pending => Called::Pending(answering),
    }
}

/// Awaits a callback; a panic becomes an error.
pub(crate) async fn guarded(mut answering: Answering) -> Answer {
    poll_fn(|context| poll(&mut answering, context)).await
}

fn poll(answering: &mut Answering, context: &mut Context<'_>) -> Poll<Answer> {
    let started = Instant::now();
    let polled = catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context)));
    let took = started.elapsed();
    if took > SLOW_POLL {
        tracing::warn!(
            millis = took.as_millis(),
            "a callback has blocked its thread; hand heavy work to `tokio::task::spawn_blocking`"
        );
    }
    polled.unwrap_or_else(|panic| Poll::Ready(Err(HandlerPanicked(panic_text(&*panic)).into())))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s23_a_panic_becomes_an_error() {
        let Called::Ready(Err(error)) = call(Box::pin(async { panic!("oh no") })) else {
            panic!("a panicking callback must be ready with an error");
        };
        assert_eq!(error.to_string(), "the handler panicked: oh no");
    }

    #[tokio::test]
    async fn a_callback_that_waits_is_polled_on() {
        let waits = Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Some("done".into()))
        });
        let Called::Pending(waits) = call(waits) else {
            panic!("it must wait first")
        };
        let answer: Answer = guarded(waits).await;
        assert_eq!(
            answer
                .expect("no failure")
                .expect("a reply")
                .content
                .bytes(),
            &"done"
        );
    }
}
