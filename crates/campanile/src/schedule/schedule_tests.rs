//! Tests of what schedules can be made of.

use super::*;

fn time(text: &str) -> Zoned {
    let timestamp: jiff::Timestamp = text.parse().expect("a time with an offset");
    timestamp.to_zoned(jiff::tz::TimeZone::UTC)
}

#[test]
fn text_is_springs_dialect() {
    let schedule = "0/5 * * * * ?".into_schedule().expect("a schedule");
    assert!(matches!(schedule.trigger, Trigger::Cron(_)));
    assert_eq!(schedule.to_string(), "0/5 * * * * ?");
    assert!("@hourly".to_owned().into_schedule().is_ok());
    assert!("spring: @hourly".into_schedule().is_ok());
    let cron = Cron::spring("@daily").expect("a macro");
    assert!(cron.into_schedule().is_ok());
    let error = "* * *".into_schedule().expect_err("three fields");
    assert!(matches!(error, ScheduleError::Cron(_)), "{error}");
}

#[test]
fn text_with_a_prefix_is_quartzs_dialect() {
    let sunday = time("2026-07-05T00:00:00Z");
    for text in ["quartz:0 0 0 ? * 1", " Quartz: 0 0 0 ? * SUN 2026 "] {
        let schedule = text.into_schedule().expect(text);
        let before = time("2026-07-01T00:00:00Z");
        assert_eq!(schedule.next_fire(&before).as_ref(), Some(&sunday));
    }
    let schedule = Schedule::cron("quartz:0 0 0 ? * 1").expect("valid");
    assert_eq!(schedule.to_string(), "quartz:0 0 0 ? * 1");
    assert!("spring:0 0 0 ? * 1 2026".into_schedule().is_err());
}

#[test]
fn periods_have_to_pause() {
    let second = Duration::from_secs(1);
    assert!(Trigger::FixedRate(second).into_schedule().is_ok());
    assert!(Schedule::fixed_delay(second).into_schedule().is_ok());
    for schedule in [
        Schedule::fixed_rate(Duration::ZERO),
        Schedule::fixed_delay(Duration::ZERO),
        Schedule::fixed_delay(Duration::from_nanos(1)),
    ] {
        let error = schedule.into_schedule().err();
        assert_eq!(error, Some(ScheduleError::ZeroPeriod));
    }
    assert_eq!(Schedule::fixed_rate(second).to_string(), "every 1s");
    let delay = Schedule::fixed_delay(second);
    assert_eq!(delay.to_string(), "1s after the last run");
    assert_eq!(delay.named("cleaner").to_string(), "cleaner");
}

#[test]
fn a_schedule_in_a_zone() {
    let schedule = Schedule::cron("0 0 9 * * *")
        .and_then(|schedule| schedule.in_zone("Europe/Berlin"))
        .expect("a known zone");
    assert_eq!(schedule.to_string(), "0 0 9 * * * in Europe/Berlin");
    let next = schedule.next_fire(&time("2026-07-01T08:00:00Z"));
    let next = next.expect("a next time");
    assert_eq!(next.to_string(), "2026-07-02T09:00:00+02:00[Europe/Berlin]");
}

#[test]
fn zones_that_are_refused() {
    for zone in ["Europe/Atlantis", "", "CET-1CEST,M3.5.0,M10.5.0/3"] {
        let error = Schedule::cron("@daily")
            .and_then(|schedule| schedule.in_zone(zone))
            .expect_err(zone)
            .to_string();
        let start = format!("the time zone `{zone}` is unknown: write a name");
        assert!(error.starts_with(&start), "{error}");
    }
    let error = Schedule::fixed_rate(Duration::from_secs(1))
        .in_zone("UTC")
        .expect_err("a rate has no zone")
        .to_string();
    assert!(error.contains("goes by no clock"), "{error}");
}

#[test]
fn the_next_time_of_a_period() {
    let schedule = Schedule::fixed_rate(Duration::from_secs(90)).jitter(Duration::from_secs(9));
    let next = schedule.next_fire(&time("2026-07-01T08:00:00Z"));
    assert_eq!(next, Some(time("2026-07-01T08:01:30Z")));
    let never = Schedule::fixed_delay(Duration::MAX);
    assert_eq!(never.next_fire(&time("2026-07-01T08:00:00Z")), None);
}
