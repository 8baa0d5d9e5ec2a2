//! Reads one field of a cron expression.

use std::collections::BTreeSet;

use super::calendar::{MonthRule, WeekRule};
use super::cron::CronError;
use super::dialect::{Dialect, Field};

/// A field that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// Plain numbers. Of the days of the week Sunday is 0 and Saturday 6.
    pub(super) numbers: BTreeSet<u16>,
    /// Days of the month that depend on the month.
    pub(super) month_rules: Vec<MonthRule>,
    /// Days of the week that depend on the month.
    pub(super) week_rules: Vec<WeekRule>,
}

/// Reads a whole field.
pub(super) fn read(field: Field, dialect: Dialect, text: &str) -> Result<Values, CronError> {
    let mut reader = Reader {
        field,
        dialect,
        values: Values::default(),
    };
    if text == "?" && field.is_day() {
        reader.add_range((field.range().0, field.range().1), 1);
        return Ok(reader.values);
    }
    for part in text.split(',') {
        reader
            .read_part(&part.to_ascii_uppercase())
            .map_err(|problem| CronError::Field {
                field: field.name(),
                text: text.to_owned(),
                problem,
            })?;
    }
    Ok(reader.values)
}

struct Reader {
    field: Field,
    dialect: Dialect,
    values: Values,
}

/// The errors of these functions are the problem with its remedy.
impl Reader {
    fn read_part(&mut self, part: &str) -> Result<(), String> {
        if part.is_empty() {
            return Err("a value is missing beside a comma".to_owned());
        }
        if part.contains('?') {
            return Err("`?` stands alone, as day of month or day of week: write `*`".to_owned());
        }
        let depends_on_month = match self.field {
            Field::DayOfMonth => self.read_month_rule(part)?,
            Field::DayOfWeek => self.read_week_rule(part)?,
            _ => false,
        };
        if depends_on_month {
            return Ok(());
        }
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.read_step(step)?)),
            None => (part, None),
        };
        let range = self.read_range(range, step.is_some())?;
        self.add_range(range, step.unwrap_or(1));
        Ok(())
    }

    /// The end may be past the field's last value: then it goes on from the first.
    fn add_range(&mut self, (low, high): (u16, u16), step: usize) {
        let (first, last) = self.field.range();
        let length = last - first + 1;
        for value in (low..=high).step_by(step) {
            let value = if value > last { value - length } else { value };
            let value = self.plain(value);
            self.values.numbers.insert(value);
        }
    }

    /// The number that stands for the value in [`Values`].
    fn plain(&self, value: u16) -> u16 {
        match (self.field, self.dialect) {
            (Field::DayOfWeek, Dialect::Spring) => value % 7,
            (Field::DayOfWeek, Dialect::Quartz) => value - 1,
            _ => value,
        }
    }

    fn read_step(&self, text: &str) -> Result<usize, String> {
        let step = match text.parse::<u32>() {
            Ok(step) if step > 0 && is_digits(text) => step,
            _ => return Err(format!("the step `{text}` is not a whole number from 1 on")),
        };
        let most = self.field.step_max();
        if self.dialect == Dialect::Quartz && step > most {
            return Err(format!(
                "the step `{text}` is larger than {most}: write a smaller one, or the one value"
            ));
        }
        // A step past the end matches the first value only, so a larger one is no different.
        Ok(step.min(1_000) as usize)
    }

    fn read_range(&self, text: &str, stepped: bool) -> Result<(u16, u16), String> {
        let (first, last) = self.field.range();
        let all = text == "*" || (text.is_empty() && stepped && self.dialect == Dialect::Quartz);
        if all {
            return Ok((first, last));
        }
        let Some((low, high)) = text.split_once('-') else {
            let low = self.read_value(text)?;
            return Ok((low, if stepped { last } else { low }));
        };
        let (mut low, high) = (self.read_value(low)?, self.read_value(high)?);
        if self.dialect == Dialect::Spring && self.field == Field::DayOfWeek && low == 7 && high < 7
        {
            // At the start of a range Sunday is the day before Monday.
            low = 0;
        }
        if low <= high {
            return Ok((low, high));
        }
        match (self.dialect, self.field) {
            (Dialect::Quartz, Field::Year) => Err(format!(
                "the range `{text}` runs backwards: write the earlier year first"
            )),
            (Dialect::Quartz, _) => Ok((low, high + last - first + 1)),
            (Dialect::Spring, _) => Err(format!(
                "the range `{text}` runs backwards: write two ranges with a comma between them"
            )),
        }
    }

    fn read_value(&self, text: &str) -> Result<u16, String> {
        let names = self.field.names(self.dialect);
        if let Some(number) = (1..).zip(names).find(|(_, name)| **name == text) {
            return Ok(number.0);
        }
        let allowed = self.field.smallest(self.dialect)..=self.field.range().1;
        match text.parse::<u16>() {
            Ok(value) if is_digits(text) && allowed.contains(&value) => Ok(value),
            _ => Err(format!(
                "`{text}` is not allowed here: write {}",
                self.field.allowed(self.dialect)
            )),
        }
    }

    /// `L`, `LW`, `L-3`, `15W`, and in Quartz `L-3W`.
    fn read_month_rule(&mut self, part: &str) -> Result<bool, String> {
        let rule = if part == "L" || part == "LW" {
            MonthRule::FromLast {
                days: 0,
                working: part == "LW",
            }
        } else if let Some(offset) = part.strip_prefix("L-") {
            let (offset, working) = match offset.strip_suffix('W') {
                Some(offset) if self.dialect == Dialect::Quartz => (offset, true),
                _ => (offset, false),
            };
            match offset.parse::<u8>() {
                Ok(days) if is_digits(offset) && (1..=30).contains(&days) => {
                    MonthRule::FromLast { days, working }
                }
                _ => {
                    return Err(format!(
                        "`{part}`: write a whole number from 1 to 30 after `L-`"
                    ));
                }
            }
        } else if let Some(day) = part.strip_suffix('W') {
            MonthRule::WorkingDayNear(u8::try_from(self.read_value(day)?).unwrap_or(31))
        } else {
            return Ok(false);
        };
        self.values.month_rules.push(rule);
        Ok(true)
    }

    /// `5L`, `5#2`, and in Quartz `L` for Saturday.
    fn read_week_rule(&mut self, part: &str) -> Result<bool, String> {
        if part == "L" {
            if self.dialect == Dialect::Quartz {
                self.add_range((7, 7), 1);
                return Ok(true);
            }
            return Err(
                "`L` needs a day before it: write `5L` for the last Friday of the month, \
                        or `L` as day of month for its last day"
                    .to_owned(),
            );
        }
        let rule = if let Some(day) = part.strip_suffix('L') {
            WeekRule::Last(self.read_weekday(day)?)
        } else if let Some((day, count)) = part.split_once('#') {
            let day = self.read_weekday(day)?;
            match count.parse::<u8>() {
                Ok(number @ 1..=5) if is_digits(count) => WeekRule::Nth(day, number),
                _ => return Err(format!("`{part}`: write a number from 1 to 5 after `#`")),
            }
        } else {
            return Ok(false);
        };
        self.values.week_rules.push(rule);
        Ok(true)
    }

    /// Sunday is 0.
    fn read_weekday(&self, text: &str) -> Result<u8, String> {
        let value = self.plain(self.read_value(text)?);
        Ok(u8::try_from(value).unwrap_or_default())
    }
}

/// The standard library also reads `+5`.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
