//! One field of a cron expression: what it may hold, and its set of values.

use super::cron::CronError;

/// The fields in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// Monday is 1, as in Spring.
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// A field that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// Bit `n` is set if the field matches `n`. Sunday is 0.
    bits: u64,
    /// Parts that depend on the month, in the words of the underlying library: `L`, `15W`,
    /// `5L`, `5#2`.
    monthly: Vec<String>,
    /// The last working day of the month.
    pub(super) last_working_day: bool,
    /// How many days before the last of the month.
    pub(super) days_before_last: Vec<u8>,
}

impl Values {
    /// The field for the underlying library; `None` if nothing is left to say in its words.
    pub(super) fn to_text(&self, field: Field) -> Option<String> {
        if self.bits == every_value(field) {
            return Some("*".to_owned());
        }
        let plain = (0..64)
            .filter(|bit| self.bits >> bit & 1 == 1)
            .map(|bit| bit.to_string());
        let parts: Vec<String> = plain.chain(self.monthly.iter().cloned()).collect();
        if parts.is_empty() {
            None
        } else {
            Some(parts.join(","))
        }
    }
}

fn every_value(field: Field) -> u64 {
    let (low, high) = match field {
        Field::DayOfWeek => (0, 6),
        _ => field.range(),
    };
    (low..=high).fold(0, |bits, value| bits | 1 << value)
}

impl Field {
    /// All fields as they stand in an expression.
    pub(super) const ALL: [Self; 6] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::DayOfMonth,
        Self::Month,
        Self::DayOfWeek,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        }
    }

    /// What `*` stands for, and how far a step goes. Spring lets `*` in the days of the week
    /// begin on Monday, which shows in `*/2`.
    fn range(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (1, 7),
        }
    }

    fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31, L, LW, L-3 or 15W",
            Self::Month => "1 to 12 or JAN to DEC",
            Self::DayOfWeek => "0 to 7 (0 and 7 are Sunday), MON to SUN, 5L or 5#2",
        }
    }

    /// Reads the whole field.
    pub(super) fn read(self, text: &str) -> Result<Values, CronError> {
        let mut values = Values::default();
        if text == "?" && matches!(self, Self::DayOfMonth | Self::DayOfWeek) {
            values.bits = every_value(self);
            return Ok(values);
        }
        for part in text.split(',') {
            self.read_part(part, &mut values)
                .map_err(|problem| CronError::Field {
                    field: self.name(),
                    text: text.to_owned(),
                    problem,
                })?;
        }
        Ok(values)
    }

    /// The error is the problem with its remedy.
    fn read_part(self, part: &str, values: &mut Values) -> Result<(), String> {
        if part.is_empty() {
            return Err("a value is missing beside a comma".to_owned());
        }
        if part.contains('?') {
            return Err("`?` stands alone, as day of month or day of week: write `*`".to_owned());
        }
        let upper = part.to_ascii_uppercase();
        let monthly = match self {
            Self::DayOfMonth => self.read_monthly_day(&upper, values)?,
            Self::DayOfWeek => self.read_monthly_weekday(&upper, values)?,
            _ => false,
        };
        if monthly {
            return Ok(());
        }
        let (range, step) = match upper.split_once('/') {
            Some((range, step)) => (range, Some(self.read_step(step)?)),
            None => (&*upper, None),
        };
        let (low, high) = self.read_range(range, step.is_some())?;
        for value in (low..=high).step_by(step.unwrap_or(1)) {
            let value = if self == Self::DayOfWeek {
                value % 7
            } else {
                value
            };
            values.bits |= 1 << value;
        }
        Ok(())
    }

    fn read_step(self, text: &str) -> Result<usize, String> {
        match text.parse::<u32>() {
            // A step past the end matches the first value only, so a larger one is no different.
            Ok(step) if step > 0 && is_digits(text) => Ok(step.min(100) as usize),
            _ => Err(format!("the step `{text}` is not a whole number from 1 on")),
        }
    }

    fn read_range(self, text: &str, stepped: bool) -> Result<(u8, u8), String> {
        let (first, last) = self.range();
        if text == "*" {
            return Ok((first, last));
        }
        let Some((low, high)) = text.split_once('-') else {
            let low = self.read_value(text)?;
            return Ok((low, if stepped { last } else { low }));
        };
        let (low, high) = (self.read_value(low)?, self.read_value(high)?);
        // At the start of a range Sunday is the day before Monday.
        let low = if self == Self::DayOfWeek && low == 7 && high < 7 {
            0
        } else {
            low
        };
        if low > high {
            return Err(format!(
                "the range `{text}` runs backwards: write two ranges with a comma between them"
            ));
        }
        Ok((low, high))
    }

    fn read_value(self, text: &str) -> Result<u8, String> {
        let names: &[&str] = match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &DAYS,
            _ => &[],
        };
        if let Some(number) = (1..).zip(names).find(|(_, name)| **name == text) {
            return Ok(number.0);
        }
        let (first, last) = self.range();
        let first = if self == Self::DayOfWeek { 0 } else { first };
        match text.parse::<u8>() {
            Ok(value) if is_digits(text) && (first..=last).contains(&value) => Ok(value),
            _ => Err(format!(
                "`{text}` is not allowed here: write {}",
                self.allowed()
            )),
        }
    }

    /// `L`, `LW`, `L-3`, `15W`.
    fn read_monthly_day(self, part: &str, values: &mut Values) -> Result<bool, String> {
        if part == "L" {
            values.monthly.push("L".to_owned());
        } else if part == "LW" {
            values.last_working_day = true;
        } else if let Some(offset) = part.strip_prefix("L-") {
            match offset.parse::<u8>() {
                Ok(days) if is_digits(offset) && (1..=30).contains(&days) => {
                    values.days_before_last.push(days);
                }
                _ => {
                    return Err(format!(
                        "`{part}`: write a whole number from 1 to 30 after `L-`"
                    ));
                }
            }
        } else if let Some(day) = part.strip_suffix('W') {
            values.monthly.push(format!("{}W", self.read_value(day)?));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `5L`, `5#2`.
    fn read_monthly_weekday(self, part: &str, values: &mut Values) -> Result<bool, String> {
        if part == "L" {
            return Err(
                "`L` needs a day before it: write `5L` for the last Friday of the month, \
                        or `L` as day of month for its last day"
                    .to_owned(),
            );
        }
        if let Some(day) = part.strip_suffix('L') {
            values
                .monthly
                .push(format!("{}L", self.read_value(day)? % 7));
        } else if let Some((day, count)) = part.split_once('#') {
            let day = self.read_value(day)? % 7;
            if !matches!(count, "1" | "2" | "3" | "4" | "5") {
                return Err(format!("`{part}`: write a number from 1 to 5 after `#`"));
            }
            values.monthly.push(format!("{day}#{count}"));
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// The standard library also reads `+5`.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
