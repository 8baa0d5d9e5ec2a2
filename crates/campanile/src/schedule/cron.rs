//! Cron expressions in Spring's and in Quartz's dialect.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::calendar::Pattern;
use super::dialect::{Dialect, Field};
use super::field::{self, Values};

/// How far ahead [`Cron::next_after`] looks, in years. The calendar repeats after 400.
const HORIZON: i16 = 400;

/// A cron expression, in Spring's dialect (`CronExpression`) or in Quartz's, with or without a
/// time zone of its own.
///
/// Six fields: second, minute, hour, day of month, month, day of week; in Quartz's dialect the
/// year may follow as a seventh.
///
/// - Every field: `*`, `5`, `1-5`, `1,3,5`, `*/10`, `5/10` (from 5 on in steps of 10), `1-30/2`.
/// - Month and day of week: English names of three letters, `JAN`, `MON-FRI`.
/// - Day of month: `L` the last, `L-3` three days before it, `LW` the last working day, `15W` the
///   working day nearest to the 15th within the month.
/// - Day of week: `5L` or `FRIL` the last such day of the month, `5#2` or `FRI#2` the second.
/// - Upper and lower case are the same.
///
/// What differs:
///
/// | | Spring | Quartz |
/// |---|---|---|
/// | Sunday | 0 or 7 | 1 |
/// | Friday | 5 | 6 |
/// | `?` | as `*`, in either day field | in exactly one of the day fields |
/// | both day fields given | both have to match | refused |
/// | years | no | 1970 to 2099 |
/// | ranges that wrap: `22-2`, `FRI-MON` | refused, but for `SUN-…` | go on from the start |
/// | `L` alone as day of week | refused | Saturday |
/// | `L-3W` | refused | the working day nearest to three days before the last |
/// | `/5` | refused | as `*/5` |
/// | steps larger than the field | match the first value | refused |
/// | `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly` | yes | refused |
/// | a time in the hour that comes twice | runs both times | runs the second time |
/// | a time in the hour that is left out | does not run | does not run |
///
/// The last two rows are what the Java classes do. A daily job that should run once on each day
/// is best not put between 0:00 and 3:59 in a zone that changes its clocks.
#[derive(Clone, Debug)]
pub struct Cron {
    /// As it was given, without the prefix.
    expression: Box<str>,
    dialect: Dialect,
    pattern: Pattern,
    zone: Option<TimeZone>,
}

/// Why a cron expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The expression does not have as many fields as its dialect wants.
    #[error(
        "the cron expression `{expression}`, in {dialect}'s dialect, has {found} fields instead of \
         {expected}{hint}"
    )]
    FieldCount {
        /// The expression as given.
        expression: String,
        /// Whose dialect: `Spring` or `Quartz`.
        dialect: &'static str,
        /// How many fields it has.
        found: usize,
        /// How many it should have, with their names.
        expected: &'static str,
        /// What to do, if that can be told.
        hint: &'static str,
    },
    /// A word that begins with `@` is none of the macros.
    #[error(
        "the cron macro `{name}` is unknown: write @yearly, @annually, @monthly, @weekly, \
         @daily, @midnight or @hourly"
    )]
    Macro {
        /// The macro as given.
        name: String,
    },
    /// A macro in Quartz's dialect.
    #[error("the cron macro `{name}` is Spring's: leave out `quartz:`, or write all fields")]
    QuartzMacro {
        /// The macro as given.
        name: String,
    },
    /// A field cannot be read.
    #[error("in the cron expression the {field} field `{text}` is wrong: {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// The field as given.
        text: String,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// In Quartz's dialect exactly one of the day fields has to be `?`.
    #[error(
        "in the cron expression `{expression}` the day of month is `{month_day}` and the day of \
         week `{week_day}`: in Quartz's dialect exactly one of them has to be `?`; write {write}"
    )]
    DayFields {
        /// The expression as given.
        expression: String,
        /// The day of month as given.
        month_day: String,
        /// The day of week as given.
        week_day: String,
        /// What to write instead.
        write: &'static str,
    },
    /// No date ever matches, such as 30 February.
    #[error(
        "the cron expression `{expression}` never comes due: no date has this day of month, \
         month, day of week and year together"
    )]
    Never {
        /// The expression as given.
        expression: String,
    },
    /// The machine's time zone database has no such zone.
    #[error(
        "the time zone `{zone}` is unknown: write a name of the IANA database such as \
         `Europe/Berlin` or `UTC`, and see that the machine has that database ({reason})"
    )]
    Zone {
        /// The name as given.
        zone: String,
        /// What the time zone library says.
        reason: String,
    },
}

impl Cron {
    /// Reads an expression in Quartz's dialect if it begins with `quartz:`, and in Spring's
    /// otherwise; `spring:` may be written, too.
    ///
    /// # Errors
    /// As [`Cron::spring`] and [`Cron::quartz`].
    pub fn parse(text: &str) -> Result<Self, CronError> {
        match text.split_once(':') {
            Some((name, rest)) if name.trim().eq_ignore_ascii_case("quartz") => Self::quartz(rest),
            Some((name, rest)) if name.trim().eq_ignore_ascii_case("spring") => Self::spring(rest),
            _ => Self::spring(text),
        }
    }

    /// Reads an expression in Spring's dialect.
    ///
    /// # Errors
    /// [`CronError`] names the field that is wrong and says what to write. An expression that
    /// never comes due is refused too.
    pub fn spring(expression: &str) -> Result<Self, CronError> {
        let expression = expression.trim();
        let expanded = match expression.strip_prefix('@') {
            Some(name) => expand_macro(name).ok_or_else(|| CronError::Macro {
                name: expression.to_owned(),
            })?,
            None => expression,
        };
        let texts: Vec<&str> = expanded.split_whitespace().collect();
        if texts.len() != 6 {
            return Err(CronError::FieldCount {
                expression: expression.to_owned(),
                dialect: Dialect::Spring.name(),
                found: texts.len(),
                expected: Dialect::Spring.expected_fields(),
                hint: match texts.len() {
                    5 => ": put the second first, such as `0`",
                    7 => ": leave out the year, or write `quartz:` before it if it is Quartz's",
                    _ => "",
                },
            });
        }
        Self::with_fields(expression, Dialect::Spring, &texts)
    }

    /// Reads an expression in Quartz's dialect, without the prefix `quartz:`.
    ///
    /// # Errors
    /// As [`Cron::spring`]; and when not exactly one of the day fields is `?`.
    pub fn quartz(expression: &str) -> Result<Self, CronError> {
        let expression = expression.trim();
        if expression.starts_with('@') {
            return Err(CronError::QuartzMacro {
                name: expression.to_owned(),
            });
        }
        let texts: Vec<&str> = expression.split_whitespace().collect();
        if !matches!(texts.len(), 6 | 7) {
            return Err(CronError::FieldCount {
                expression: expression.to_owned(),
                dialect: Dialect::Quartz.name(),
                found: texts.len(),
                expected: Dialect::Quartz.expected_fields(),
                hint: match texts.len() {
                    5 => ": put the second first, such as `0`",
                    _ => "",
                },
            });
        }
        let write = match (texts[3], texts[5]) {
            ("?", "?") => Some("`*` in one of them for every day"),
            (_, "?") | ("?", _) => None,
            ("*", "*") => Some("`?` instead of one `*`"),
            ("*", _) => Some("`?` as the day of month"),
            (_, "*") => Some("`?` as the day of week"),
            _ => Some("`?` in one of them; both together can be had in Spring's dialect only"),
        };
        if let Some(write) = write {
            return Err(CronError::DayFields {
                expression: expression.to_owned(),
                month_day: texts[3].to_owned(),
                week_day: texts[5].to_owned(),
                write,
            });
        }
        Self::with_fields(expression, Dialect::Quartz, &texts)
    }

    fn with_fields(expression: &str, dialect: Dialect, texts: &[&str]) -> Result<Self, CronError> {
        let mut fields: [Values; 7] = Default::default();
        for ((values, field), text) in fields.iter_mut().zip(Field::ALL).zip(texts) {
            *values = field::read(field, dialect, text)?;
        }
        let [
            seconds,
            minutes,
            hours,
            month_days,
            months,
            week_days,
            years,
        ] = fields;
        let cron = Self {
            expression: expression.into(),
            dialect,
            pattern: Pattern {
                seconds: bits(&seconds.numbers),
                minutes: bits(&minutes.numbers),
                hours: bits(&hours.numbers),
                month_days: bits(&month_days.numbers),
                month_rules: month_days.month_rules,
                months: bits(&months.numbers),
                week_days: bits(&week_days.numbers),
                week_rules: week_days.week_rules,
                years: texts
                    .get(6)
                    .is_some_and(|year| *year != "*")
                    .then_some(years.numbers),
            },
            zone: None,
        };
        // The first year that Quartz knows, and a whole turn of the calendar.
        let start = Date::constant(1970, 1, 1).at(0, 0, 0, 0);
        match cron.pattern.first_from(start, 1970 + HORIZON) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never {
                expression: expression.to_owned(),
            }),
        }
    }

    /// Lets the expression count in this zone, whatever zone the machine is in.
    ///
    /// # Errors
    /// [`CronError::Zone`] if the name is not in the machine's time zone database.
    pub fn in_zone(self, zone: &str) -> Result<Self, CronError> {
        match TimeZone::get(zone) {
            Ok(zone) => Ok(self.in_time_zone(zone)),
            Err(error) => Err(CronError::Zone {
                zone: zone.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// As [`in_zone`](Self::in_zone), with a zone that you have.
    #[must_use]
    pub fn in_time_zone(mut self, zone: TimeZone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// The first time after `time` at which the expression is due, in whole seconds; never `time`
    /// itself. It is in the expression's own zone if it has one, and in `time`'s otherwise.
    ///
    /// `None` if there is none in the next 400 years.
    pub fn next_after(&self, time: &Zoned) -> Option<Zoned> {
        let zone = self.zone.as_ref().unwrap_or_else(|| time.time_zone());
        let last_year = time.year().saturating_add(HORIZON).min(9999);
        let mut from = whole_second_after(time.timestamp())?;
        // Until the next change of the clocks local time goes on evenly.
        let mut changes = zone.following(time.timestamp());
        let mut change = changes.next().map(|change| change.timestamp());
        loop {
            if let Some(end) = change
                && from >= end
            {
                from = end;
                change = changes.next().map(|change| change.timestamp());
            }
            let offset = zone.to_offset(from);
            let local = self
                .pattern
                .first_from(offset.to_datetime(from), last_year)?;
            let found = offset.to_timestamp(local).ok()?;
            from = match change {
                Some(end) if found >= end => end,
                _ if self.waits_for_second(zone, local, offset) => whole_second_after(found)?,
                _ => return Some(found.to_zoned(zone.clone())),
            };
        }
    }

    /// This time of day comes again with another offset, and Quartz means that one.
    fn waits_for_second(&self, zone: &TimeZone, local: DateTime, offset: Offset) -> bool {
        match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Fold { before, .. } => {
                self.dialect == Dialect::Quartz && offset == before
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cron {
    /// As it was given, with its dialect and zone.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dialect == Dialect::Quartz {
            formatter.write_str("quartz:")?;
        }
        formatter.write_str(&self.expression)?;
        match self.zone.as_ref().and_then(TimeZone::iana_name) {
            Some(zone) => write!(formatter, " in {zone}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Cron {
    type Err = CronError;

    /// The same as [`Cron::parse`].
    fn from_str(expression: &str) -> Result<Self, CronError> {
        Self::parse(expression)
    }
}

fn whole_second_after(time: Timestamp) -> Option<Timestamp> {
    let begun = if time.subsec_nanosecond() < 0 { 1 } else { 0 };
    Timestamp::from_second(time.as_second() - begun + 1).ok()
}

fn bits(numbers: &BTreeSet<u16>) -> u64 {
    numbers
        .iter()
        .filter(|number| **number < 64)
        .fold(0, |bits, number| bits | 1 << number)
}

fn expand_macro(name: &str) -> Option<&'static str> {
    match &*name.to_ascii_lowercase() {
        "yearly" | "annually" => Some("0 0 0 1 1 *"),
        "monthly" => Some("0 0 0 1 * *"),
        "weekly" => Some("0 0 0 * * 0"),
        "daily" | "midnight" => Some("0 0 0 * * *"),
        "hourly" => Some("0 0 * * * *"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
