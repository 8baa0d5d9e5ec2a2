//! When a function runs: cron expressions, fixed rates and fixed delays.
//!
//! The rules are Spring's (`@Scheduled`), so that schedules move over unchanged; expressions that
//! begin with `quartz:` are read in Quartz's dialect:
//!
//! ```text
//! 0/5 * * * * ?               every five seconds
//! 0 0 9 * * MON-FRI           at nine on working days
//! 0 0 0 L * *                 at midnight on the last day of the month
//! quartz:0 0 9 ? * 2-6 2027   at nine on working days of 2027
//! ```
//!
//! A [`Schedule`] adds a time zone, a delay before the first run, jitter, what happens when a run
//! takes too long, and a name by which [`Schedules`] finds it while it is running:
//!
//! ```
//! use std::time::Duration;
//! use campanile::{Overlap, Schedule};
//!
//! # fn main() -> Result<(), campanile::schedule::ScheduleError> {
//! let report = Schedule::cron("0 0 9 * * MON-FRI")?
//!     .in_zone("UTC")?
//!     .jitter(Duration::from_secs(30))
//!     .overlap(Overlap::QueueOne)
//!     .named("report");
//! let beat = Schedule::fixed_rate(Duration::from_secs(10)).initial_delay(Duration::from_secs(3));
//! # drop((report, beat));
//! # Ok(())
//! # }
//! ```

mod calendar;
pub(crate) mod clock;
mod cron;
mod dialect;
mod field;
pub(crate) mod registry;
mod runner;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Zoned};

pub use self::cron::{Cron, CronError};
pub use self::registry::Schedules;

/// The shortest rate or delay.
pub const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// What says the times at which a function runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trigger {
    /// At the times of a cron expression, in its own time zone or the machine's.
    Cron(Cron),
    /// At once, and then at this interval from start to start.
    FixedRate(Duration),
    /// At once, and then this long after the end of the last run, which never overlaps the next.
    FixedDelay(Duration),
}

/// What happens when a run is due while one is still going on. Runs of a fixed delay never
/// overlap, whatever the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// The run that is due is left out.
    #[default]
    Skip,
    /// The run that is due starts when the one that is going on ends. One waits at most; further
    /// ones are left out.
    QueueOne,
    /// The run starts beside those that are going on.
    Allow {
        /// How many may go on at the same time; a further one is left out. 0 counts as 1.
        runs_max: usize,
    },
}

/// When a function runs, and how. Give it to
/// [`Builder::schedule`](crate::Builder::schedule) or [`Schedules::add`].
#[derive(Clone, Debug)]
pub struct Schedule {
    trigger: Trigger,
    name: Option<Arc<str>>,
    initial_delay: Duration,
    jitter: Duration,
    overlap: Overlap,
}

/// Why something is not a schedule, or cannot be one now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The cron expression or its time zone was refused.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// A rate or delay of zero would never pause.
    #[error("a fixed rate or delay of zero would never pause: give at least a millisecond")]
    ZeroPeriod,
    /// A time zone was given to a fixed rate or delay.
    #[error(
        "the time zone `{zone}` was given to a fixed rate or delay, which goes by no clock: give \
         it to a cron expression, or leave it out"
    )]
    ZoneWithoutCron {
        /// The zone as given.
        zone: String,
    },
    /// Two schedules of an application have the same name.
    #[error("there is a schedule named `{name}` already: choose another name, or cancel that one")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Schedules are added to an application that is at work; before, the builder takes them.
    #[error(
        "the application is not at work: give the schedule to the builder with `.schedule(…)`, or \
         add it while the application is served"
    )]
    NotRunning,
}

impl Schedule {
    fn new(trigger: Trigger) -> Self {
        Self {
            trigger,
            name: None,
            initial_delay: Duration::ZERO,
            jitter: Duration::ZERO,
            overlap: Overlap::default(),
        }
    }

    /// Runs at the times of a cron expression, which is in Spring's dialect unless it begins with
    /// `quartz:`; see [`Cron`].
    ///
    /// # Errors
    /// [`ScheduleError::Cron`] names the field that is wrong and says what to write.
    pub fn cron(expression: &str) -> Result<Self, ScheduleError> {
        Ok(Self::new(Trigger::Cron(Cron::parse(expression)?)))
    }

    /// Runs at once and then at this interval, from start to start. A period of less than a
    /// millisecond is refused when the schedule is used.
    pub fn fixed_rate(period: Duration) -> Self {
        Self::new(Trigger::FixedRate(period))
    }

    /// Runs at once and then this long after the end of each run. A delay of less than a
    /// millisecond is refused when the schedule is used.
    pub fn fixed_delay(delay: Duration) -> Self {
        Self::new(Trigger::FixedDelay(delay))
    }

    /// Lets the cron expression count in this time zone of the IANA database, such as
    /// `Europe/Berlin`. Without it, it counts in the machine's.
    ///
    /// # Errors
    /// If the zone is unknown, or this is a fixed rate or delay.
    pub fn in_zone(mut self, zone: &str) -> Result<Self, ScheduleError> {
        let Trigger::Cron(cron) = self.trigger else {
            return Err(ScheduleError::ZoneWithoutCron {
                zone: zone.to_owned(),
            });
        };
        self.trigger = Trigger::Cron(cron.in_zone(zone)?);
        Ok(self)
    }

    /// Nothing runs for so long after the application has started. A fixed rate or delay has its
    /// first run then; a cron expression leaves out its times until then.
    #[must_use]
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.initial_delay = delay;
        self
    }

    /// Each run starts later by a time that is drawn anew for it, from zero to this one, so that
    /// many servers do not all do the same in the same moment. It does not add up. It should be
    /// shorter than the time between two runs: one that becomes due while another waits is left
    /// out.
    #[must_use]
    pub fn jitter(mut self, at_most: Duration) -> Self {
        self.jitter = at_most;
        self
    }

    /// What happens when a run is due while one is going on. The default is [`Overlap::Skip`].
    #[must_use]
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// A name to find it by in [`Handle::schedules`](crate::Handle::schedules), and for the log.
    /// It has to be the only one of its name in the application.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When it is due next if it ran (a fixed delay: ended) at `after`, without jitter. `None` if
    /// never, or not before the calendar ends. When a schedule that is running is due next is told
    /// by [`Schedules::next_fire`].
    pub fn next_fire(&self, after: &Zoned) -> Option<Zoned> {
        match &self.trigger {
            Trigger::Cron(cron) => cron.next_after(after),
            Trigger::FixedRate(period) | Trigger::FixedDelay(period) => {
                let period = SignedDuration::try_from(*period).ok()?;
                after.checked_add(period).ok()
            }
        }
    }
}

impl fmt::Display for Schedule {
    /// Its name, or else its times.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "{}", self.trigger),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(cron) => write!(formatter, "{cron}"),
            Self::FixedRate(period) => write!(formatter, "every {period:?}"),
            Self::FixedDelay(period) => write!(formatter, "{period:?} after the last run"),
        }
    }
}

/// What can be used as a schedule: a cron expression as text, a [`Cron`], a [`Trigger`], or a
/// [`Schedule`].
pub trait IntoSchedule {
    /// Converts and checks.
    ///
    /// # Errors
    /// [`ScheduleError`] says what is wrong and what to write instead.
    fn into_schedule(self) -> Result<Schedule, ScheduleError>;
}

impl IntoSchedule for &str {
    fn into_schedule(self) -> Result<Schedule, ScheduleError> {
        Schedule::cron(self)
    }
}

impl IntoSchedule for String {
    fn into_schedule(self) -> Result<Schedule, ScheduleError> {
        Schedule::cron(&self)
    }
}

impl IntoSchedule for Cron {
    fn into_schedule(self) -> Result<Schedule, ScheduleError> {
        Ok(Schedule::new(Trigger::Cron(self)))
    }
}

impl IntoSchedule for Trigger {
    fn into_schedule(self) -> Result<Schedule, ScheduleError> {
        Schedule::new(self).into_schedule()
    }
}

impl IntoSchedule for Schedule {
    fn into_schedule(self) -> Result<Schedule, ScheduleError> {
        match self.trigger {
            Trigger::FixedRate(period) | Trigger::FixedDelay(period)
                if period < SHORTEST_PERIOD =>
            {
                Err(ScheduleError::ZeroPeriod)
            }
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "table_tests.rs"]
mod table;
