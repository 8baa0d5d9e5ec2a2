//! Numbers as literals and headers spell them.

use std::cmp::Ordering;

/// How long a number may be, in octets.
const NUMBER_BYTES_MAX: usize = 64;

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Double(f64),
}

/// What is done to two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Number {
    /// Reads an integer, or a decimal number with or without an exponent; the words for infinity
    /// and for what is no number are none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > NUMBER_BYTES_MAX {
            return None;
        }
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        let is_plain =
            |octet: u8| octet.is_ascii_digit() || matches!(octet, b'+' | b'-' | b'.' | b'e' | b'E');
        if !text.bytes().all(is_plain) {
            return None;
        }
        Self::finite(text.parse().ok()?)
    }

    fn finite(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Double(value))
    }

    fn as_double(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Double(value) => value,
        }
    }

    pub(super) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            _ => self.as_double().partial_cmp(&other.as_double()),
        }
    }

    pub(super) fn negate(self) -> Option<Self> {
        match self {
            Self::Integer(value) => match value.checked_neg() {
                Some(value) => Some(Self::Integer(value)),
                None => Self::finite(-(value as f64)),
            },
            Self::Double(value) => Self::finite(-value),
        }
    }

    /// `None` for a division by zero, and for what is not finite.
    pub(super) fn calculate(self, operator: Arithmetic, other: Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other) {
            let exact = match operator {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply => left.checked_mul(right),
                Arithmetic::Divide => left.checked_div(right),
            };
            if let Some(exact) = exact {
                return Some(Self::Integer(exact));
            }
        }
        let (left, right) = (self.as_double(), other.as_double());
        Self::finite(match operator {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_spelt() {
        assert_eq!(Number::parse("-7"), Some(Number::Integer(-7)));
        assert_eq!(
            Number::parse("9223372036854775807"),
            Some(Number::Integer(i64::MAX))
        );
        assert_eq!(
            Number::parse("9223372036854775808"),
            Some(Number::Double(2_f64.powi(63)))
        );
        assert_eq!(Number::parse("1.5e3"), Some(Number::Double(1500.0)));
        for text in [
            "", " 1", "inf", "NaN", "infinity", "1e999", "0x10", "1_000", "--1", "e", "1,5",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
        assert_eq!(Number::parse(&"1".repeat(65)), None);
    }

    #[test]
    fn arithmetic_stays_exact_and_finite_where_it_can() {
        use Arithmetic::{Add, Divide, Multiply};
        let max = Number::Integer(i64::MAX);
        assert_eq!(
            max.calculate(Add, Number::Integer(1)),
            Some(Number::Double(2_f64.powi(63)))
        );
        let seven = Number::Integer(7);
        assert_eq!(
            seven.calculate(Divide, Number::Integer(2)),
            Some(Number::Integer(3))
        );
        assert_eq!(
            seven.calculate(Divide, Number::Double(2.0)),
            Some(Number::Double(3.5))
        );
        assert_eq!(seven.calculate(Divide, Number::Integer(0)), None);
        assert_eq!(Number::Double(f64::MAX).calculate(Multiply, seven), None);
        let min = Number::Integer(i64::MIN);
        assert_eq!(min.negate(), Some(Number::Double(2_f64.powi(63))));
        assert_eq!(min.calculate(Divide, Number::Integer(-1)), min.negate());
    }
}
