//! Tests of next times to fire.

use super::*;

/// Berlin by its rule, so that the tests need no time zone database: clocks go from 2:00 to 3:00
/// on the last Sunday of March and from 3:00 to 2:00 on the last Sunday of October.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a POSIX time zone")
}

/// Reads `2026-03-29T02:30:00+01:00`, the offset included.
fn time(text: &str) -> Zoned {
    let timestamp: Timestamp = text.parse().expect("a time with an offset");
    timestamp.to_zoned(berlin())
}

fn shown(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// As many next times as are expected.
fn assert_times(expression: &str, after: &str, expected: &[&str]) {
    let cron = Cron::spring(expression).expect(expression);
    let mut last = time(after);
    for expected in expected {
        let next = cron.next_after(&last).expect("a next time");
        assert!(next > last);
        assert_eq!(
            shown(&next),
            *expected,
            "{expression} after {}",
            shown(&last)
        );
        last = next;
    }
}

#[test]
fn seconds_and_minutes() {
    let every_five = "0/5 * * * * ?";
    assert_times(
        every_five,
        "2026-06-30T23:59:52.001+02:00",
        &[
            "2026-06-30T23:59:55+02:00",
            "2026-07-01T00:00:00+02:00",
            "2026-07-01T00:00:05+02:00",
        ],
    );
    assert_times(
        every_five,
        "2026-06-30T12:00:00+02:00",
        &["2026-06-30T12:00:05+02:00"],
    );
    assert_times(
        every_five,
        "2026-06-30T11:59:59.999999999+02:00",
        &["2026-06-30T12:00:00+02:00"],
    );
    assert_times(
        every_five,
        "2026-06-30T12:00:00.000000001+02:00",
        &["2026-06-30T12:00:05+02:00"],
    );
    assert_times(
        "0/7 * * * * *",
        "2026-06-30T12:00:55+02:00",
        &["2026-06-30T12:00:56+02:00", "2026-06-30T12:01:00+02:00"],
    );
    assert_times(
        "50/5 * * * * *",
        "2026-06-30T12:00:50+02:00",
        &["2026-06-30T12:00:55+02:00", "2026-06-30T12:01:50+02:00"],
    );
    assert_times(
        "*/70 * * * * *",
        "2026-06-30T12:00:00+02:00",
        &["2026-06-30T12:01:00+02:00", "2026-06-30T12:02:00+02:00"],
    );
    assert_times(
        "30 10-20/5 * * * *",
        "2026-06-30T12:10:30+02:00",
        &[
            "2026-06-30T12:15:30+02:00",
            "2026-06-30T12:20:30+02:00",
            "2026-06-30T13:10:30+02:00",
        ],
    );
    assert_times(
        "1,2,10-11 0 0 * * *",
        "2026-12-31T00:00:02+01:00",
        &[
            "2026-12-31T00:00:10+01:00",
            "2026-12-31T00:00:11+01:00",
            "2027-01-01T00:00:01+01:00",
        ],
    );
}

#[test]
fn hours_and_days() {
    assert_times(
        "0 0/30 8-10 * * *",
        "2026-06-30T09:30:00+02:00",
        &[
            "2026-06-30T10:00:00+02:00",
            "2026-06-30T10:30:00+02:00",
            "2026-07-01T08:00:00+02:00",
        ],
    );
    // A Friday.
    assert_times(
        "0 0 9 * * MON-FRI",
        "2026-07-03T09:00:00+02:00",
        &["2026-07-06T09:00:00+02:00", "2026-07-07T09:00:00+02:00"],
    );
    for sunday in ["0", "7", "SUN", "sun", "7-7"] {
        assert_times(
            &format!("0 0 0 * * {sunday}"),
            "2026-07-03T09:00:00+02:00",
            &["2026-07-05T00:00:00+02:00", "2026-07-12T00:00:00+02:00"],
        );
    }
    for weekend_to_tuesday in ["SAT-SUN,MON,TUE", "6,0-2", "SUN-TUE,SAT", "7-2,6"] {
        assert_times(
            &format!("0 0 0 * * {weekend_to_tuesday}"),
            "2026-07-03T09:00:00+02:00",
            &[
                "2026-07-04T00:00:00+02:00",
                "2026-07-05T00:00:00+02:00",
                "2026-07-06T00:00:00+02:00",
                "2026-07-07T00:00:00+02:00",
                "2026-07-11T00:00:00+02:00",
            ],
        );
    }
    // From Monday on, as Spring counts.
    assert_times(
        "0 0 0 * * */2",
        "2026-07-05T00:00:00+02:00",
        &[
            "2026-07-06T00:00:00+02:00",
            "2026-07-08T00:00:00+02:00",
            "2026-07-10T00:00:00+02:00",
            "2026-07-12T00:00:00+02:00",
            "2026-07-13T00:00:00+02:00",
        ],
    );
    // Both day fields have to match: Friday the 13th.
    assert_times(
        "0 0 0 13 * FRI",
        "2026-01-01T00:00:00+01:00",
        &[
            "2026-02-13T00:00:00+01:00",
            "2026-03-13T00:00:00+01:00",
            "2026-11-13T00:00:00+01:00",
        ],
    );
    assert_times(
        "0 0 12 25 dec ?",
        "2026-12-25T12:00:00+01:00",
        &["2027-12-25T12:00:00+01:00"],
    );
}

#[test]
fn ends_of_months() {
    assert_times(
        "0 0 0 31 * ?",
        "2026-03-31T00:00:00+02:00",
        &["2026-05-31T00:00:00+02:00", "2026-07-31T00:00:00+02:00"],
    );
    assert_times(
        "0 0 0 L * *",
        "2027-12-31T12:00:00+01:00",
        &[
            "2028-01-31T00:00:00+01:00",
            "2028-02-29T00:00:00+01:00",
            "2028-03-31T00:00:00+02:00",
        ],
    );
    // 31 January and 28 February 2026 are Saturdays, wherefore the 30th and the 27th.
    assert_times(
        "0 0 0 LW * *",
        "2026-01-01T00:00:00+01:00",
        &[
            "2026-01-30T00:00:00+01:00",
            "2026-02-27T00:00:00+01:00",
            "2026-03-31T00:00:00+02:00",
            "2026-04-30T00:00:00+02:00",
            "2026-05-29T00:00:00+02:00",
        ],
    );
    assert_times(
        "0 0 0 L-3 * *",
        "2026-01-28T00:00:00+01:00",
        &[
            "2026-02-25T00:00:00+01:00",
            "2026-03-28T00:00:00+01:00",
            "2026-04-27T00:00:00+02:00",
        ],
    );
    assert_times(
        "0 0 0 L-30 * *",
        "2026-01-01T00:00:00+01:00",
        &["2026-03-01T00:00:00+01:00", "2026-05-01T00:00:00+02:00"],
    );
    // 15 August 2026 is a Saturday, 15 November a Sunday.
    assert_times(
        "0 0 0 15W 8-11 *",
        "2026-08-01T00:00:00+02:00",
        &[
            "2026-08-14T00:00:00+02:00",
            "2026-09-15T00:00:00+02:00",
            "2026-10-15T00:00:00+02:00",
            "2026-11-16T00:00:00+01:00",
        ],
    );
    // 1 August 2026 is a Saturday: not back into July.
    assert_times(
        "0 0 0 1W 8 *",
        "2026-01-01T00:00:00+01:00",
        &["2026-08-03T00:00:00+02:00"],
    );
    assert_times(
        "0 0 0 1,L-1,L,LW 5 *",
        "2026-05-01T00:00:00+02:00",
        &[
            "2026-05-29T00:00:00+02:00",
            "2026-05-30T00:00:00+02:00",
            "2026-05-31T00:00:00+02:00",
            "2027-05-01T00:00:00+02:00",
        ],
    );
}

#[test]
fn weekdays_of_months() {
    for second_friday in ["5#2", "FRI#2", "fri#2"] {
        assert_times(
            &format!("0 0 0 ? * {second_friday}"),
            "2026-01-01T00:00:00+01:00",
            &["2026-01-09T00:00:00+01:00", "2026-02-13T00:00:00+01:00"],
        );
    }
    for last_thursday in ["THUL", "4L", "thul"] {
        assert_times(
            &format!("0 0 0 * * {last_thursday}"),
            "2026-01-01T00:00:00+01:00",
            &["2026-01-29T00:00:00+01:00", "2026-02-26T00:00:00+01:00"],
        );
    }
    for last_sunday in ["0L", "7L", "SUNL"] {
        assert_times(
            &format!("0 0 0 * * {last_sunday}"),
            "2026-01-26T00:00:00+01:00",
            &["2026-02-22T00:00:00+01:00"],
        );
    }
    assert_times(
        "0 0 0 ? * MON#1,5L",
        "2026-01-01T00:00:00+01:00",
        &[
            "2026-01-05T00:00:00+01:00",
            "2026-01-30T00:00:00+01:00",
            "2026-02-02T00:00:00+01:00",
        ],
    );
    // The month's last days which are Mondays.
    assert_times(
        "0 0 0 L * MON",
        "2026-01-01T00:00:00+01:00",
        &["2026-08-31T00:00:00+02:00"],
    );
}

#[test]
fn leap_years() {
    assert_times(
        "0 0 0 29 2 ?",
        "2026-01-01T00:00:00+01:00",
        &["2028-02-29T00:00:00+01:00", "2032-02-29T00:00:00+01:00"],
    );
    assert_times(
        "0 0 0 29 2 ?",
        "2096-03-01T00:00:00+01:00",
        &["2104-02-29T00:00:00+01:00"],
    );
    assert_times(
        "0 0 0 29 2 MON",
        "2026-01-01T00:00:00+01:00",
        &["2044-02-29T00:00:00+01:00"],
    );
}

#[test]
fn macros() {
    for (name, expected) in [
        ("@yearly", "2027-01-01T00:00:00+01:00"),
        ("@annually", "2027-01-01T00:00:00+01:00"),
        ("@monthly", "2026-08-01T00:00:00+02:00"),
        ("@weekly", "2026-07-05T00:00:00+02:00"),
        ("@daily", "2026-07-02T00:00:00+02:00"),
        ("@midnight", "2026-07-02T00:00:00+02:00"),
        (" @Hourly ", "2026-07-01T11:00:00+02:00"),
    ] {
        assert_times(name, "2026-07-01T10:30:00+02:00", &[expected]);
    }
}

#[test]
fn the_end_of_a_quartz_expression() {
    let cron = Cron::quartz("0 0 0 1 1 ? 2027,2099").expect("valid");
    let last = time("2099-01-01T00:00:00+01:00");
    assert_eq!(
        cron.next_after(&time("2027-01-01T00:00:00+01:00")),
        Some(last.clone())
    );
    assert_eq!(cron.next_after(&last), None);
}

#[test]
fn quartz_skips_the_first_of_two_equal_hours_wherever_it_starts() {
    let cron = Cron::quartz("0 10 2 * * ?").expect("valid");
    for start in ["2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"] {
        let next = cron.next_after(&time(start)).expect("a next time");
        assert_eq!(shown(&next), "2026-10-25T02:10:00+01:00");
    }
}

#[test]
fn clock_changes_by_springs_rules_for_every_second() {
    assert_times(
        "0/5 * * * * ?",
        "2026-03-29T01:59:55+01:00",
        &["2026-03-29T03:00:00+02:00"],
    );
    assert_times(
        "0/5 * * * * ?",
        "2026-10-25T02:59:55+02:00",
        &["2026-10-25T02:00:00+01:00", "2026-10-25T02:00:05+01:00"],
    );
}

#[test]
fn every_second_of_both_clock_changes_comes_once() {
    let cron = Cron::spring("* * * * * *").expect("valid");
    for start in ["2026-03-29T01:59:00+01:00", "2026-10-25T02:59:00+02:00"] {
        let mut last = time(start);
        for _ in 0..120 {
            let next = cron.next_after(&last).expect("a next time");
            assert_eq!(
                last.duration_until(&next),
                jiff::SignedDuration::from_secs(1),
                "{next}"
            );
            last = next;
        }
    }
}

#[test]
fn the_end_of_the_calendar() {
    let cron = Cron::spring("0 0 0 1 1 *").expect("valid");
    let late = Date::constant(9999, 6, 1)
        .at(0, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .expect("a time");
    assert_eq!(cron.next_after(&late), None);
}

#[test]
fn it_is_shown_as_it_was_given() {
    for expression in ["0/5 * * * * ?", "@daily", "0 0 0 ? * MON#1"] {
        let cron: Cron = expression.parse().expect("valid");
        assert_eq!(cron.to_string(), expression);
    }
}
