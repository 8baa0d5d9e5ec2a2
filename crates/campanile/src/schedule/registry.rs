//! An application's schedules while it is at work.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Zoned;
use tokio::task::JoinSet;

use super::clock::Clock;
use super::runner::{Runner, Status};
use super::{IntoSchedule, Schedule, ScheduleError};
use crate::handler::ScheduledFunction;
use crate::state::Application;

/// A scheduled function whose arguments are forgotten.
pub(crate) type Scheduled =
    Box<dyn Fn(Arc<Application>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub(crate) fn scheduled<A, F: ScheduledFunction<A>>(function: F) -> Scheduled {
    Box::new(move |application| {
        let running = function.call(&application);
        Box::pin(async move {
            if let Err(error) = running.await {
                tracing::error!(%error, "a scheduled function failed");
            }
        })
    })
}

/// Refuses schedules that share a name.
pub(crate) fn check_names<'a>(
    schedules: impl Iterator<Item = &'a Schedule>,
) -> Result<(), ScheduleError> {
    let mut names = HashSet::new();
    for name in schedules.filter_map(|schedule| schedule.name.as_ref()) {
        if !names.insert(name) {
            return Err(ScheduleError::NameTaken {
                name: name.as_ref().to_owned(),
            });
        }
    }
    Ok(())
}

/// The schedules of an application that is at work: asks for and cancels those that have a name,
/// and adds further ones. From [`Handle::schedules`](crate::Handle::schedules); cheap to clone.
///
/// Before the application is served, and after it has left, there are none.
#[derive(Clone, Default)]
pub struct Schedules(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    named: HashMap<Arc<str>, Arc<Status>>,
    work: Option<Work>,
}

struct Work {
    /// The application holds its handle, which holds the schedules.
    application: Weak<Application>,
    clock: Clock,
    runtime: tokio::runtime::Handle,
    tasks: JoinSet<()>,
}

impl Schedules {
    /// Ends a schedule: no run of it starts from now on. A run that is going on goes on to its
    /// end, and one that is queued behind it is dropped. The name is free for another schedule.
    ///
    /// Says whether there was such a schedule.
    pub fn cancel(&self, name: &str) -> bool {
        match self.lock().named.remove(name) {
            Some(status) => {
                status.cancel();
                true
            }
            None => false,
        }
    }

    /// When a schedule is due next, its jitter included, in the schedule's time zone if it has one
    /// and in the machine's otherwise.
    ///
    /// `None` if there is no such schedule, if it has no time left, or if a fixed delay's run is
    /// going on, after which it depends.
    pub fn next_fire(&self, name: &str) -> Option<Zoned> {
        let inner = self.lock();
        inner
            .named
            .get(name)?
            .next_fire(&inner.work.as_ref()?.clock)
    }

    /// The names of all schedules that have one, in no particular order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.lock().named.keys().cloned().collect()
    }

    /// Adds a schedule to an application that is at work; its initial delay begins now. A function
    /// that needs state which the builder was not given fails at each run, which is logged.
    ///
    /// # Errors
    /// [`ScheduleError`] if the schedule is not valid, its name is taken, or the application is
    /// not at work.
    pub fn add<A, F: ScheduledFunction<A>>(
        &self,
        schedule: impl IntoSchedule,
        function: F,
    ) -> Result<(), ScheduleError> {
        let schedule = schedule.into_schedule()?;
        let mut inner = self.lock();
        let work = inner.work.as_ref().ok_or(ScheduleError::NotRunning)?;
        let application = work
            .application
            .upgrade()
            .ok_or(ScheduleError::NotRunning)?;
        inner.begin(schedule, scheduled(function), application)
    }

    /// Starts all of them on the current tokio runtime. They end when what is returned is dropped.
    pub(crate) fn start(
        &self,
        application: &Arc<Application>,
        clock: Clock,
        schedules: Vec<(Schedule, Scheduled)>,
    ) -> AtWork {
        let mut inner = self.lock();
        inner.work = Some(Work {
            application: Arc::downgrade(application),
            clock,
            runtime: tokio::runtime::Handle::current(),
            tasks: JoinSet::new(),
        });
        for (schedule, function) in schedules {
            if let Err(error) = inner.begin(schedule, function, Arc::clone(application)) {
                tracing::error!(%error, "a schedule was not started");
            }
        }
        AtWork(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn begin(
        &mut self,
        schedule: Schedule,
        function: Scheduled,
        application: Arc<Application>,
    ) -> Result<(), ScheduleError> {
        let work = self.work.as_mut().ok_or(ScheduleError::NotRunning)?;
        let status = Arc::new(Status::new());
        if let Some(name) = &schedule.name {
            if self.named.contains_key(name) {
                return Err(ScheduleError::NameTaken {
                    name: name.as_ref().to_owned(),
                });
            }
            self.named.insert(Arc::clone(name), Arc::clone(&status));
        }
        // Those that were cancelled.
        while work.tasks.try_join_next().is_some() {}
        let job = Box::new(move || function(Arc::clone(&application)));
        let runner = Runner::new(schedule, work.clock.clone(), status, job);
        work.tasks.spawn_on(runner.run(), &work.runtime);
        Ok(())
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Schedules")
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

/// Aborts the schedules and their runs when it is dropped.
pub(crate) struct AtWork(Schedules);

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.named.clear();
        let work = inner.work.take();
        drop(inner);
        drop(work);
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
