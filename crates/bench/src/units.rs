//! Numbers as people read them: three digits that count, thousands apart, and a unit.

/// A number with a comma between thousands, and as many decimals as make three digits.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        small if small < 0.995 => 3,
        small if small < 9.95 => 2,
        small if small < 99.5 => 1,
        _ => 0,
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A whole number with a comma between thousands.
pub(crate) fn count(value: u64) -> String {
    // Up to 2^53, which no count here reaches, this is exact; below 100, decimals are not wanted.
    if value < 1000 {
        value.to_string()
    } else {
        number(value as f64)
    }
}

/// A number that was given by a person: without decimals if it has none.
pub(crate) fn given(value: f64) -> String {
    if value.fract() == 0.0 && value >= 0.0 {
        count(value as u64)
    } else {
        number(value)
    }
}

/// Microseconds as a value and the unit that suits it.
pub(crate) fn time(micros: f64) -> (String, &'static str) {
    match micros {
        short if short < 999.5 => (number(micros), "µs"),
        middle if middle < 999_500.0 => (number(micros / 1e3), "ms"),
        _ => (number(micros / 1e6), "s"),
    }
}

/// Octets as a value and the unit that suits it.
pub(crate) fn bytes(bytes: f64) -> (String, &'static str) {
    match bytes.abs() {
        few if few < 1024.0 => (format!("{bytes:.0}"), "bytes"),
        some if some < 1024.0 * 1024.0 => (number(bytes / 1024.0), "KiB"),
        many if many < 1024.0 * 1024.0 * 1024.0 => (number(bytes / 1048576.0), "MiB"),
        _ => (number(bytes / 1073741824.0), "GiB"),
    }
}

/// A value and its unit as one text.
pub(crate) fn joined((value, unit): (String, &str)) -> String {
    format!("{value} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count_and_thousands_are_apart() {
        for (value, text) in [
            (0.0, "0"),
            (0.4554, "0.455"),
            (5.0, "5.00"),
            (24.117, "24.1"),
            (-192.51, "-193"),
            (999.9, "1,000"),
            (1_099_931.87, "1,099,932"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(7), "7");
        assert_eq!(count(3_316_000), "3,316,000");
    }

    #[test]
    fn units_suit_the_value() {
        assert_eq!(joined(time(455.4)), "455 µs");
        assert_eq!(joined(time(9043.967)), "9.04 ms");
        assert_eq!(joined(time(1_500_000.0)), "1.50 s");
        assert_eq!(joined(bytes(336.8)), "337 bytes");
        assert_eq!(joined(bytes(1424.0)), "1.39 KiB");
        assert_eq!(joined(bytes(6_520_832.0)), "6.22 MiB");
        assert_eq!(joined(bytes(3e9)), "2.79 GiB");
    }
}
