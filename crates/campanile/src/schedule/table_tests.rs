//! Next times of both dialects against tables that the Java libraries computed.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Cron, CronError};

/// The zones by their rules of 2026, so that the tests need no time zone database.
fn zone(name: &str) -> TimeZone {
    let rule = match name {
        "Europe/Berlin" => "CET-1CEST,M3.5.0,M10.5.0/3",
        "America/New_York" => "EST5EDT,M3.2.0,M11.1.0",
        "America/Santiago" => "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        "Australia/Lord_Howe" => "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "Asia/Kolkata" => "IST-5:30",
        "Asia/Shanghai" => "CST-8",
        "UTC" => "UTC0",
        other => panic!("no rule for {other}"),
    };
    TimeZone::posix(rule).expect("a POSIX time zone")
}

fn shown(time: Option<&Zoned>) -> String {
    time.map_or_else(
        || "none".to_owned(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

fn assert_table(table: &str, read: fn(&str) -> Result<Cron, CronError>) {
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(rows.len(), 40);
    for row in rows {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_source, expression, zone_name, start, expected] = columns[..] else {
            panic!("a row of five columns: {row}");
        };
        let cron = read(expression).expect(expression);
        let start: Timestamp = start.parse().expect("a time with an offset");
        let start = start.to_zoned(zone(zone_name));
        let first = cron.next_after(&start);
        let second = first.as_ref().and_then(|first| cron.next_after(first));
        let found = format!("{} {}", shown(first.as_ref()), shown(second.as_ref()));
        assert_eq!(found, expected, "{row}");
        // The same with a zone of its own, wherever the question comes from.
        let cron = cron.in_time_zone(zone(zone_name));
        let elsewhere = start.with_time_zone(TimeZone::UTC);
        assert_eq!(
            shown(cron.next_after(&elsewhere).as_ref()),
            shown(first.as_ref())
        );
    }
}

#[test]
fn springs_dialect_by_its_table() {
    assert_table(include_str!("tables/spring.txt"), Cron::spring);
}

#[test]
fn quartzs_dialect_by_its_table() {
    assert_table(include_str!("tables/quartz.txt"), Cron::quartz);
}
