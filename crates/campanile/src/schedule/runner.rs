//! Runs a job by a schedule, for as long as the returned future is polled.

use std::any::Any;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::{SignedDuration, Zoned};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Cron, Trigger};

/// The shortest rate or delay; what is shorter is prolonged to this.
pub const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// The longest sleep before the clock is read again: by so much may a cron job be late when the
/// clock is set or the machine was suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A clock that goes back by more than this was wrong before, and the schedule starts anew.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// Runs `job` by `trigger`. Never ends by itself; dropping the future stops the schedule and
/// aborts the run that is going on.
///
/// - Runs never overlap. One that is late makes a cron schedule skip what it missed, and a fixed
///   rate make up for one run at most.
/// - A cron job never starts before its time, and not twice for the same time. It follows the
///   machine's clock and time zone: when the clock is set forward, a job that has become due
///   starts within a minute, once. When it is set back, the schedule waits for the first time
///   after the last run; if that was more than an hour, for the next time by the new clock.
/// - Each run is a task of its own on the current tokio runtime. If it panics, the panic is
///   logged as an error and the schedule goes on.
///
/// # Panics
/// Outside a tokio runtime with time enabled.
pub async fn run<J, F>(trigger: Trigger, job: J)
where
    J: FnMut() -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let name = trigger.to_string();
    let mut job = Job { name, start: job };
    match trigger {
        Trigger::Cron(cron) => run_cron(&cron, &Zoned::now, &mut job).await,
        Trigger::FixedRate(period) => run_at_rate(period.max(SHORTEST_PERIOD), &mut job).await,
        Trigger::FixedDelay(delay) => run_with_delay(delay.max(SHORTEST_PERIOD), &mut job).await,
    }
}

/// `now` is the machine's clock, which may jump.
async fn run_cron<J, F>(cron: &Cron, now: &impl Fn() -> Zoned, job: &mut Job<J>)
where
    J: FnMut() -> F,
    F: Future<Output = ()> + Send + 'static,
{
    // Up to and including this time the schedule is done.
    let mut done = now();
    loop {
        let Some(due) = cron.next_after(&done) else {
            return pending().await;
        };
        done = match wait_for(&due, &done, now).await {
            Wait::Due => {
                job.run().await;
                now().max(due)
            }
            Wait::ClockSetBack(time) => {
                tracing::warn!(schedule = %job.name, "the clock was set back, starting anew");
                time
            }
        };
    }
}

enum Wait {
    Due,
    ClockSetBack(Zoned),
}

async fn wait_for(due: &Zoned, done: &Zoned, now: &impl Fn() -> Zoned) -> Wait {
    loop {
        let time = now();
        let remaining = time.duration_until(due);
        if !remaining.is_positive() {
            return Wait::Due;
        }
        if time.duration_until(done) > SET_BACK {
            return Wait::ClockSetBack(time);
        }
        sleep(remaining.unsigned_abs().min(LONGEST_SLEEP)).await;
    }
}

async fn run_at_rate<J, F>(period: Duration, job: &mut Job<J>)
where
    J: FnMut() -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut due = Instant::now();
    loop {
        sleep_until(due).await;
        job.run().await;
        let Some(next) = next_at_rate(due, period, Instant::now()) else {
            return pending().await;
        };
        due = next;
    }
}

/// The next time on the grid of `due` and `period`. If several have passed by `now`, the last of
/// them, so that one run makes up for all.
fn next_at_rate(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let passed = now.saturating_duration_since(due).as_nanos() / period.as_nanos();
    match u32::try_from(passed) {
        Ok(0 | 1) => due.checked_add(period),
        Ok(passed) => period
            .checked_mul(passed)
            .and_then(|length| due.checked_add(length)),
        Err(_) => Some(now),
    }
}

async fn run_with_delay<J, F>(delay: Duration, job: &mut Job<J>)
where
    J: FnMut() -> F,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        job.run().await;
        sleep(delay).await;
    }
}

struct Job<J> {
    /// For the log.
    name: String,
    start: J,
}

impl<J, F> Job<J>
where
    J: FnMut() -> F,
    F: Future<Output = ()> + Send + 'static,
{
    /// One run, to its end or panic.
    async fn run(&mut self) {
        let future = match catch_unwind(AssertUnwindSafe(&mut self.start)) {
            Ok(future) => future,
            Err(panic) => return self.report(&*panic),
        };
        let mut task = AbortOnDrop(tokio::spawn(future));
        if let Err(error) = (&mut task.0).await
            && let Ok(panic) = error.try_into_panic()
        {
            self.report(&*panic);
        }
    }

    fn report(&self, panic: &(dyn Any + Send)) {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!(
            schedule = %self.name,
            panic = message,
            "a scheduled job panicked; the schedule goes on",
        );
    }
}

/// A run ends with its schedule.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
