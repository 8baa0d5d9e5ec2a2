//! Which dates and times of day match, without zones: plain calendar arithmetic.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};

/// A day of the month that depends on the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MonthRule {
    /// So many days before the month's last; of these the working day nearest to it.
    FromLast { days: u8, working: bool },
    /// The working day nearest to this day, in the same month.
    WorkingDayNear(u8),
}

/// A day of the week that depends on the month. Sunday is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeekRule {
    /// The last one in the month.
    Last(u8),
    /// The first to the fifth one in the month.
    Nth(u8, u8),
}

/// All times that an expression matches. In the sets bit `n` stands for the number `n`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) month_days: u64,
    pub(super) month_rules: Vec<MonthRule>,
    pub(super) months: u64,
    pub(super) week_days: u64,
    pub(super) week_rules: Vec<WeekRule>,
    /// `None` is every year.
    pub(super) years: Option<BTreeSet<u16>>,
}

impl Pattern {
    /// The first time from `start` on, in whole seconds, until the end of `last_year`.
    pub(super) fn first_from(&self, start: DateTime, last_year: i16) -> Option<DateTime> {
        if let Some(date) = self.first_date_from(start.date(), last_year) {
            if date > start.date() {
                return self.on(date, (0, 0, 0));
            }
            let time = [start.hour(), start.minute(), start.second()].map(i8::cast_unsigned);
            if let Some(found) = self.on(date, (time[0], time[1], time[2])) {
                return Some(found);
            }
            let tomorrow = date.tomorrow().ok()?;
            let date = self.first_date_from(tomorrow, last_year)?;
            return self.on(date, (0, 0, 0));
        }
        None
    }

    /// The first time on this date that is not before hour, minute and second.
    fn on(&self, date: Date, (hour, minute, second): (u8, u8, u8)) -> Option<DateTime> {
        let first_minute = first(self.minutes, 0)?;
        let first_second = first(self.seconds, 0)?;
        let this_hour = self.hours >> hour & 1 == 1;
        let this_minute = this_hour && self.minutes >> minute & 1 == 1;
        let (hour, minute, second) = if let Some(second) = first(self.seconds, second)
            && this_minute
        {
            (hour, minute, second)
        } else if let Some(minute) = first(self.minutes, minute + 1)
            && this_hour
        {
            (hour, minute, first_second)
        } else {
            (first(self.hours, hour + 1)?, first_minute, first_second)
        };
        let [hour, minute, second] = [hour, minute, second].map(u8::cast_signed);
        Some(date.at(hour, minute, second, 0))
    }

    fn first_date_from(&self, start: Date, last_year: i16) -> Option<Date> {
        for year in start.year()..=last_year {
            let known = |years: &BTreeSet<u16>| years.contains(&year.cast_unsigned());
            if !self.years.as_ref().is_none_or(known) {
                continue;
            }
            for month in 1..=12 {
                if self.months >> month & 1 == 0 || (year, month) < (start.year(), start.month()) {
                    continue;
                }
                let first_of_month = Date::new(year, month, 1).ok()?;
                let this_month = (year, month) == (start.year(), start.month());
                let from = if this_month { start.day() } else { 1 };
                if let Some(day) = first(self.days_of(first_of_month), from.cast_unsigned()) {
                    return Date::new(year, month, day.cast_signed()).ok();
                }
            }
        }
        None
    }

    /// The days of a month that match.
    fn days_of(&self, first_of_month: Date) -> u64 {
        let month = Month {
            length: first_of_month.days_in_month().cast_unsigned(),
            first_weekday: first_of_month
                .weekday()
                .to_sunday_zero_offset()
                .cast_unsigned(),
        };
        let mut by_month = self.month_days;
        for rule in &self.month_rules {
            by_month |= month.day_by(*rule).map_or(0, |day| 1 << day);
        }
        let mut by_week = 0;
        for day in 1..=month.length {
            let weekday = month.weekday(day);
            let by_rule = self.week_rules.iter().any(|rule| match *rule {
                WeekRule::Last(wanted) => weekday == wanted && day + 7 > month.length,
                WeekRule::Nth(wanted, count) => weekday == wanted && day.div_ceil(7) == count,
            });
            if by_rule || self.week_days >> weekday & 1 == 1 {
                by_week |= 1 << day;
            }
        }
        by_month & by_week
    }
}

struct Month {
    length: u8,
    /// Sunday is 0.
    first_weekday: u8,
}

impl Month {
    fn weekday(&self, day: u8) -> u8 {
        (self.first_weekday + day - 1) % 7
    }

    /// `None` if the month has no such day.
    fn day_by(&self, rule: MonthRule) -> Option<u8> {
        match rule {
            MonthRule::FromLast { days, working } => {
                let day = self.length.checked_sub(days).filter(|day| *day > 0)?;
                Some(if working {
                    self.working_day_near(day)
                } else {
                    day
                })
            }
            MonthRule::WorkingDayNear(day) => {
                (day <= self.length).then(|| self.working_day_near(day))
            }
        }
    }

    fn working_day_near(&self, day: u8) -> u8 {
        match self.weekday(day) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

/// The smallest member that is at least `from`, which is below 64.
fn first(set: u64, from: u8) -> Option<u8> {
    let rest = set >> from << from;
    (rest != 0).then(|| u8::try_from(rest.trailing_zeros()).unwrap_or(u8::MAX))
}
