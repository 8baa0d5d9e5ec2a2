//! Runs a function by a schedule.

use std::collections::hash_map::RandomState;
use std::future::{Future, pending};
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Zoned};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::Instant;

use super::clock::Clock;
use super::{Cron, Overlap, Schedule, Trigger};
use crate::calls::{catching, panic_text};

/// The longest sleep before the clock is read again: by so much may a cron schedule be late when
/// the clock is set or the machine was suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A clock that goes back by more than this was wrong before, and the schedule starts anew.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// What is run: it is called at each start.
pub(super) type Job = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// When a run is due next, its jitter included.
#[derive(Clone, Debug)]
enum NextRun {
    /// Never, or not known before the run that is going on has ended.
    Unknown,
    At(Instant),
    AtTime(Box<Zoned>),
}

/// A running schedule as seen from outside.
#[derive(Debug)]
pub(super) struct Status {
    next: Mutex<NextRun>,
    cancelled: Notify,
}

impl Status {
    pub(super) fn new() -> Self {
        Self {
            next: Mutex::new(NextRun::Unknown),
            cancelled: Notify::new(),
        }
    }

    /// No run starts from now on; those that are going on end by themselves.
    pub(super) fn cancel(&self) {
        // The permit is kept if the schedule is not waiting right now.
        self.cancelled.notify_one();
    }

    pub(super) fn next_fire(&self, clock: &Clock) -> Option<Zoned> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match &*next {
            NextRun::Unknown => None,
            NextRun::At(moment) => clock.at(*moment),
            NextRun::AtTime(time) => Some((**time).clone()),
        }
    }

    fn set(&self, next: NextRun) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// A schedule at work.
///
/// - A time that has passed without a run is not made up for: a cron schedule goes on with the
///   next after now, a fixed rate with the next on its grid.
/// - A cron schedule never runs before its time, and not twice for the same time. It follows the
///   clock: when that is set forward, what has become due runs within a minute, once. When it is
///   set back, the schedule waits for the first time after the last run; if that was more than an
///   hour, for the next time by the new clock.
/// - Each run is a task of its own. If it panics, that is logged as an error, and the schedule
///   goes on. All runs are aborted when the runner is dropped.
pub(super) struct Runner {
    /// For the log.
    name: String,
    schedule: Schedule,
    clock: Clock,
    status: Arc<Status>,
    job: Job,
    runs: JoinSet<()>,
    queued: bool,
    /// Draws the jitter: hashes of rising numbers.
    random: RandomState,
    drawn: u64,
}

impl Runner {
    pub(super) fn new(schedule: Schedule, clock: Clock, status: Arc<Status>, job: Job) -> Self {
        Self {
            name: schedule.to_string(),
            schedule,
            clock,
            status,
            job,
            runs: JoinSet::new(),
            queued: false,
            random: RandomState::new(),
            drawn: 0,
        }
    }

    /// Ends when the schedule is cancelled and its last run has ended.
    pub(super) async fn run(mut self) {
        let status = Arc::clone(&self.status);
        tokio::select! {
            biased;
            () = status.cancelled.notified() => {}
            () = self.follow() => {}
        }
        status.set(NextRun::Unknown);
        self.queued = false;
        while let Some(ended) = self.runs.join_next().await {
            self.ended(ended);
        }
    }

    async fn follow(&mut self) {
        let Some(start) = Instant::now().checked_add(self.schedule.initial_delay) else {
            return pending().await;
        };
        match self.schedule.trigger.clone() {
            Trigger::Cron(cron) => self.follow_cron(&cron, start).await,
            Trigger::FixedRate(period) => self.follow_rate(period, start).await,
            Trigger::FixedDelay(delay) => self.follow_delay(delay, start).await,
        }
        // It has no next time; its runs go on.
        self.status.set(NextRun::Unknown);
        self.collect_runs(pending()).await;
    }

    async fn follow_rate(&mut self, period: Duration, start: Instant) {
        let mut base = start;
        loop {
            let due = base.checked_add(self.draw_jitter()).unwrap_or(base);
            self.status.set(NextRun::At(due));
            self.collect_runs(tokio::time::sleep_until(due)).await;
            self.fire().await;
            base = match next_on_grid(base, period, Instant::now()) {
                Some(next) => next,
                None => return,
            };
        }
    }

    async fn follow_delay(&mut self, delay: Duration, start: Instant) {
        let mut base = start;
        loop {
            let due = base.checked_add(self.draw_jitter()).unwrap_or(base);
            self.status.set(NextRun::At(due));
            tokio::time::sleep_until(due).await;
            self.status.set(NextRun::Unknown);
            self.start_run();
            while let Some(ended) = self.runs.join_next().await {
                self.ended(ended);
            }
            base = match Instant::now().checked_add(delay) {
                Some(next) => next,
                None => return,
            };
        }
    }

    async fn follow_cron(&mut self, cron: &Cron, start: Instant) {
        if let Some(next) = self.clock.at(start).and_then(|time| cron.next_after(&time)) {
            self.status.set(NextRun::AtTime(Box::new(next)));
        }
        tokio::time::sleep_until(start).await;
        // Up to and including this time the schedule is done.
        let mut done = self.clock.now();
        loop {
            let Some(base) = cron.next_after(&done) else {
                tracing::warn!(schedule = %self.name, "the schedule is over: no time is left");
                return;
            };
            let jitter = SignedDuration::try_from(self.draw_jitter()).unwrap_or_default();
            let due = base.checked_add(jitter).unwrap_or_else(|_| base.clone());
            self.status.set(NextRun::AtTime(Box::new(due.clone())));
            done = match self.wait_for(&due, &done).await {
                Wait::Due => {
                    self.fire().await;
                    self.clock.now().max(base)
                }
                Wait::ClockSetBack(time) => {
                    tracing::warn!(schedule = %self.name, "the clock was set back, starting anew");
                    time
                }
            };
        }
    }

    async fn wait_for(&mut self, due: &Zoned, done: &Zoned) -> Wait {
        loop {
            let time = self.clock.now();
            let remaining = time.duration_until(due);
            if !remaining.is_positive() {
                return Wait::Due;
            }
            if time.duration_until(done) > SET_BACK {
                return Wait::ClockSetBack(time);
            }
            let length = remaining.unsigned_abs().min(LONGEST_SLEEP);
            self.collect_runs(tokio::time::sleep(length)).await;
        }
    }

    /// Waits, and meanwhile notes which runs end.
    async fn collect_runs(&mut self, wait: impl Future<Output = ()>) {
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.runs.join_next() => self.ended(ended),
                () = &mut wait => return,
            }
        }
    }

    /// A run is due.
    async fn fire(&mut self) {
        // One that ends in this very moment is not in the way.
        yield_now().await;
        while let Some(ended) = self.runs.try_join_next() {
            self.ended(ended);
        }
        let runs_max = match self.schedule.overlap {
            Overlap::Skip | Overlap::QueueOne => 1,
            Overlap::Allow { runs_max } => runs_max.max(1),
        };
        if self.runs.len() < runs_max {
            self.start_run();
        } else if self.schedule.overlap == Overlap::QueueOne && !self.queued {
            self.queued = true;
        } else {
            tracing::info!(schedule = %self.name, "a run was left out: one is still going on");
        }
    }

    fn start_run(&mut self) {
        match catching(&mut self.job) {
            Ok(future) => {
                self.runs.spawn(future);
            }
            Err(panicked) => self.report(&panicked.0),
        }
    }

    fn ended(&mut self, result: Result<(), JoinError>) {
        if let Err(error) = result
            && let Ok(panic) = error.try_into_panic()
        {
            self.report(&panic_text(&*panic));
        }
        if std::mem::take(&mut self.queued) {
            self.start_run();
        }
    }

    fn report(&self, panic: &str) {
        tracing::error!(
            schedule = %self.name,
            panic,
            "a scheduled function panicked; the schedule goes on",
        );
    }

    /// From zero to the schedule's jitter, both included.
    fn draw_jitter(&mut self) -> Duration {
        let most = u64::try_from(self.schedule.jitter.as_nanos()).unwrap_or(u64::MAX);
        self.drawn += 1;
        let random = u128::from(self.random.hash_one(self.drawn));
        let drawn = (random * (u128::from(most) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(most))
    }
}

enum Wait {
    Due,
    ClockSetBack(Zoned),
}

/// The first time after `now` on the grid of `base` and `period`; `None` if it is too far away to
/// be told.
fn next_on_grid(base: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let passed = now.saturating_duration_since(base).as_nanos() / period.as_nanos().max(1);
    match u32::try_from(passed + 1) {
        Ok(periods) => base.checked_add(period.checked_mul(periods)?),
        Err(_) => now.checked_add(period),
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
