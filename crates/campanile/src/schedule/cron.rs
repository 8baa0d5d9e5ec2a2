//! Cron expressions in Spring's dialect.

use std::fmt;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

use super::field::{Field, Values};

/// The place of the day of month among the fields.
const DAY_OF_MONTH: usize = 3;

/// How far ahead [`Cron::next_after`] looks, in years. The calendar repeats after 400.
const HORIZON: i16 = 400;

/// A cron expression in Spring's dialect (`CronExpression`).
///
/// Six fields: second, minute, hour, day of month, month, day of week.
///
/// - Every field: `*`, `5`, `1-5`, `1,3,5`, `*/10`, `5/10` (from 5 on in steps of 10), `1-30/2`.
/// - Either day field: `?`, the same as `*`.
/// - Month and day of week: English names of three letters, `JAN`, `MON-FRI`.
/// - Day of month: `L` the last, `L-3` three days before it, `LW` the last working day, `15W` the
///   working day nearest to the 15th within the month.
/// - Day of week: 0 and 7 are Sunday; `5L` or `FRIL` the last Friday of the month, `5#2` or
///   `FRI#2` the second.
/// - Instead of all six: `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`,
///   `@hourly`.
///
/// A day matches if day of month, month *and* day of week match. Upper and lower case are the
/// same.
///
/// When clocks are changed: an expression with one fixed time of day that falls into the hour
/// which is left out runs at the end of that hour, and in the hour which comes twice it runs
/// once, the first time. All others go by the clock: they skip the one hour and run in both of
/// the other.
#[derive(Clone, Debug)]
pub struct Cron {
    expression: Box<str>,
    /// It is time when one of these says so.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: croner::Cron,
    /// The pattern has the days that can be so far from the month's last; the rule those that
    /// are.
    days_before_last: Option<u8>,
}

/// Why a cron expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The expression does not have six fields.
    #[error(
        "the cron expression `{expression}` has {found} fields instead of 6 (second, minute, \
         hour, day of month, month, day of week){hint}"
    )]
    FieldCount {
        /// The expression as given.
        expression: String,
        /// How many fields it has.
        found: usize,
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
    /// No date ever matches, such as 30 February.
    #[error(
        "the cron expression `{expression}` never comes due: no date has this day of month, \
         month and day of week together"
    )]
    Never {
        /// The expression as given.
        expression: String,
    },
    /// The expression is valid, but the library that computes the times refuses it.
    #[error("the cron expression `{expression}` is not supported: {reason}")]
    Unsupported {
        /// The expression as given.
        expression: String,
        /// What the library says.
        reason: String,
    },
}

impl Cron {
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
        if texts.len() != Field::ALL.len() {
            return Err(CronError::FieldCount {
                expression: expression.to_owned(),
                found: texts.len(),
                hint: match texts.len() {
                    5 => ": put the second first, such as `0`",
                    7 => ": leave out the year",
                    _ => "",
                },
            });
        }
        let mut fields: [Values; 6] = Default::default();
        for (index, field) in Field::ALL.into_iter().enumerate() {
            fields[index] = field.read(texts[index])?;
        }
        let cron = Self {
            expression: expression.into(),
            rules: rules(expression, &fields)?,
        };
        let start = Date::constant(2000, 1, 1)
            .at(0, 0, 0, 0)
            .to_zoned(TimeZone::UTC);
        match start.ok().and_then(|start| cron.next_after(&start)) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never {
                expression: expression.to_owned(),
            }),
        }
    }

    /// The first time after `time` at which the expression is due, in `time`'s zone and in whole
    /// seconds; never `time` itself.
    ///
    /// `None` if there is none in the next 400 years or before the year 5000.
    pub fn next_after(&self, time: &Zoned) -> Option<Zoned> {
        self.rules
            .iter()
            .filter_map(|rule| rule.next_after(time))
            .min()
    }
}

impl fmt::Display for Cron {
    /// As it was given.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.expression)
    }
}

impl std::str::FromStr for Cron {
    type Err = CronError;

    /// The same as [`Cron::spring`].
    fn from_str(expression: &str) -> Result<Self, CronError> {
        Self::spring(expression)
    }
}

impl Rule {
    fn next_after(&self, time: &Zoned) -> Option<Zoned> {
        let mut from = time.clone();
        let mut inclusive = false;
        loop {
            let found = self.pattern.find_next_occurrence(&from, inclusive).ok()?;
            if found.year().saturating_sub(time.year()) > HORIZON {
                return None;
            }
            if found <= *time {
                from = time.checked_add(SignedDuration::from_secs(1)).ok()?;
                inclusive = false;
                continue;
            }
            let Some(days) = self.days_before_last else {
                return Some(found);
            };
            if found.day() + days.cast_signed() == found.days_in_month() {
                return Some(found);
            }
            from = found.tomorrow().ok()?.start_of_day().ok()?;
            inclusive = true;
        }
    }
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

/// The library below is given nothing but lists of numbers, `*`, and the parts that depend on the
/// month, so its own dialect and its changes from release to release do not show. What it cannot
/// say, or not together, becomes a rule of its own.
fn rules(expression: &str, fields: &[Values; 6]) -> Result<Vec<Rule>, CronError> {
    let texts: Vec<Option<String>> = Field::ALL
        .iter()
        .zip(fields)
        .map(|(field, values)| values.to_text(*field))
        .collect();
    let rule = |day_of_month: &str, days_before_last| {
        let mut parts: Vec<&str> = texts
            .iter()
            .map(|text| text.as_deref().unwrap_or_default())
            .collect();
        parts[DAY_OF_MONTH] = day_of_month;
        match parser().parse(&parts.join(" ")) {
            Ok(pattern) => Ok(Rule {
                pattern,
                days_before_last,
            }),
            Err(error) => Err(CronError::Unsupported {
                expression: expression.to_owned(),
                reason: error.to_string(),
            }),
        }
    };
    let days = &fields[DAY_OF_MONTH];
    let mut rules = Vec::new();
    if let Some(text) = &texts[DAY_OF_MONTH] {
        rules.push(rule(text, None)?);
    }
    if days.last_working_day {
        rules.push(rule("LW", None)?);
    }
    for before_last in &days.days_before_last {
        // A month's last day is the 28th to the 31st.
        let first = 28u8.saturating_sub(*before_last).max(1);
        rules.push(rule(
            &format!("{first}-{}", 31 - before_last),
            Some(*before_last),
        )?);
    }
    Ok(rules)
}

fn parser() -> CronParser {
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        .dom_and_dow(true)
        .build()
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
