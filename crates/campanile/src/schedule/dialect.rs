//! The two dialects of cron expressions, and their fields.

/// Who counts and reads how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `org.springframework.scheduling.support.CronExpression`.
    Spring,
    /// `org.quartz.CronExpression`.
    Quartz,
}

/// The fields in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
    Year,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// Spring counts from Monday, 1, to Sunday, 7.
const DAYS_FROM_MONDAY: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// Quartz counts from Sunday, 1, to Saturday, 7.
const DAYS_FROM_SUNDAY: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Dialect {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spring => "Spring",
            Self::Quartz => "Quartz",
        }
    }

    pub(super) fn expected_fields(self) -> &'static str {
        match self {
            Self::Spring => "6 (second, minute, hour, day of month, month, day of week)",
            Self::Quartz => "6 or 7 (second, minute, hour, day of month, month, day of week, year)",
        }
    }
}

impl Field {
    /// All fields as they stand in an expression.
    pub(super) const ALL: [Self; 7] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::DayOfMonth,
        Self::Month,
        Self::DayOfWeek,
        Self::Year,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
            Self::Year => "year",
        }
    }

    pub(super) fn is_day(self) -> bool {
        matches!(self, Self::DayOfMonth | Self::DayOfWeek)
    }

    /// What `*` stands for, and how far a step goes. Spring lets `*` in the days of the week
    /// begin on Monday and Quartz on Sunday, which shows in `*/2`.
    pub(super) fn range(self) -> (u16, u16) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (1, 7),
            Self::Year => (1970, 2099),
        }
    }

    /// The smallest number that may be written.
    pub(super) fn smallest(self, dialect: Dialect) -> u16 {
        match (self, dialect) {
            (Self::DayOfWeek, Dialect::Spring) => 0,
            _ => self.range().0,
        }
    }

    /// The largest step that Quartz takes.
    pub(super) fn step_max(self) -> u32 {
        let (first, last) = self.range();
        match self {
            Self::Second | Self::Minute | Self::Hour => u32::from(last),
            _ => u32::from(last - first) + 1,
        }
    }

    pub(super) fn names(self, dialect: Dialect) -> &'static [&'static str] {
        match (self, dialect) {
            (Self::Month, _) => &MONTHS,
            (Self::DayOfWeek, Dialect::Spring) => &DAYS_FROM_MONDAY,
            (Self::DayOfWeek, Dialect::Quartz) => &DAYS_FROM_SUNDAY,
            _ => &[],
        }
    }

    /// What may stand in the field, for people.
    pub(super) fn allowed(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Second | Self::Minute, _) => "0 to 59",
            (Self::Hour, _) => "0 to 23",
            (Self::DayOfMonth, Dialect::Spring) => "1 to 31, L, LW, L-3 or 15W",
            (Self::DayOfMonth, Dialect::Quartz) => "1 to 31, L, LW, L-3, 15W or ?",
            (Self::Month, _) => "1 to 12 or JAN to DEC",
            (Self::DayOfWeek, Dialect::Spring) => {
                "0 to 7 (0 and 7 are Sunday), MON to SUN, 5L or 5#2"
            }
            (Self::DayOfWeek, Dialect::Quartz) => {
                "1 to 7 (1 is Sunday, 7 is Saturday), SUN to SAT, L, 6L, 6#2 or ?"
            }
            (Self::Year, _) => "1970 to 2099",
        }
    }
}
