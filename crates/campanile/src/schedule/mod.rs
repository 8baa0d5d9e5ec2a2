//! When a job runs: cron expressions, fixed rates and fixed delays.
//!
//! The rules are Spring's (`@Scheduled`), so that schedules move over unchanged:
//!
//! ```text
//! 0/5 * * * * ?      every five seconds
//! 0 0 9 * * MON-FRI  at nine on working days
//! 0 0 0 L * *        at midnight on the last day of the month
//! ```

mod cron;
mod field;
pub mod runner;

use std::fmt;
use std::time::Duration;

pub use self::cron::{Cron, CronError};

/// When a job runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trigger {
    /// At the times of a cron expression, in the machine's time zone. A run that is still going
    /// on when the next is due makes the schedule skip that one.
    Cron(Cron),
    /// At once, and then at this interval from start to start. A run that takes longer delays
    /// the next ones, of which at most one is made up for.
    FixedRate(Duration),
    /// At once, and then this long after the end of the last run.
    FixedDelay(Duration),
}

/// Why something is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// The cron expression was refused.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// The expression asks for Quartz's dialect.
    #[error(
        "`{expression}`: Quartz's dialect is not supported yet: remove `quartz:`, and count the \
         days of the week as Spring does, from 0 or 7 for Sunday (Quartz has 1 for Sunday)"
    )]
    Quartz {
        /// The expression as given.
        expression: String,
    },
    /// A rate or delay of zero would never pause.
    #[error("a fixed rate or delay of zero would never pause: give at least a millisecond")]
    ZeroPeriod,
}

/// What can be used as a schedule: a cron expression as text, a [`Cron`], or a [`Trigger`].
pub trait IntoTrigger {
    /// Converts and checks.
    ///
    /// # Errors
    /// [`TriggerError`] says what is wrong and what to write instead.
    fn into_trigger(self) -> Result<Trigger, TriggerError>;
}

impl IntoTrigger for &str {
    fn into_trigger(self) -> Result<Trigger, TriggerError> {
        let dialect = self
            .trim_start()
            .split_once(':')
            .map(|(dialect, _)| dialect);
        if dialect.is_some_and(|dialect| dialect.eq_ignore_ascii_case("quartz")) {
            return Err(TriggerError::Quartz {
                expression: self.to_owned(),
            });
        }
        Ok(Trigger::Cron(Cron::spring(self)?))
    }
}

impl IntoTrigger for String {
    fn into_trigger(self) -> Result<Trigger, TriggerError> {
        self.as_str().into_trigger()
    }
}

impl IntoTrigger for Cron {
    fn into_trigger(self) -> Result<Trigger, TriggerError> {
        Ok(Trigger::Cron(self))
    }
}

impl IntoTrigger for Trigger {
    fn into_trigger(self) -> Result<Trigger, TriggerError> {
        match self {
            Self::FixedRate(period) | Self::FixedDelay(period)
                if period < runner::SHORTEST_PERIOD =>
            {
                Err(TriggerError::ZeroPeriod)
            }
            checked => Ok(checked),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_springs_dialect() {
        let trigger = "0/5 * * * * ?".into_trigger().expect("a trigger");
        assert!(matches!(trigger, Trigger::Cron(_)));
        assert_eq!(trigger.to_string(), "0/5 * * * * ?");
        assert!("@hourly".to_owned().into_trigger().is_ok());
        let cron = Cron::spring("@daily").expect("a macro");
        assert!(matches!(cron.into_trigger(), Ok(Trigger::Cron(_))));
        assert!(matches!("* * *".into_trigger(), Err(TriggerError::Cron(_))));
    }

    #[test]
    fn quartz_is_refused_for_now() {
        for text in ["quartz:0/5 * * * * ?", " Quartz: 0 0 0 ? * 1"] {
            let error = text.into_trigger().expect_err(text).to_string();
            assert!(
                error.contains("not supported yet: remove `quartz:`"),
                "{error}"
            );
        }
    }

    #[test]
    fn periods_have_to_pause() {
        let second = Duration::from_secs(1);
        assert!(Trigger::FixedRate(second).into_trigger().is_ok());
        assert!(Trigger::FixedDelay(second).into_trigger().is_ok());
        for trigger in [
            Trigger::FixedRate(Duration::ZERO),
            Trigger::FixedDelay(Duration::ZERO),
            Trigger::FixedDelay(Duration::from_nanos(1)),
        ] {
            assert_eq!(trigger.into_trigger().err(), Some(TriggerError::ZeroPeriod));
        }
        assert_eq!(Trigger::FixedRate(second).to_string(), "every 1s");
        assert_eq!(
            Trigger::FixedDelay(second).to_string(),
            "1s after the last run"
        );
    }
}
