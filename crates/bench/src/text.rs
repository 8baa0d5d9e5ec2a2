//! A report for people: an aligned table, what was wrong, and what limits the figures.

use std::fmt::Write;

use crate::{
    limit::limit,
    report::Report,
    units::{bytes, count, given, joined, number, time},
};

/// Characters in a line of prose.
const WIDTH: usize = 90;

/// A line of the table.
struct Row {
    label: &'static str,
    value: String,
    unit: String,
    remark: String,
}

/// The report as a text of some lines, the last one without an end of line.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", title(report));
    let _ = writeln!(out, "{}\n", conditions(report));
    let rows = rows(report);
    let width = |of: fn(&Row) -> &String| rows.iter().map(|row| of(row).chars().count()).max();
    let values = width(|row| &row.value).unwrap_or(0);
    let units = width(|row| &row.unit).unwrap_or(0);
    for row in &rows {
        let Row {
            label,
            value,
            unit,
            remark,
        } = row;
        let line = format!("  {label:<18}{value:>values$} {unit:<units$}   {remark}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
    for sentence in faults(report) {
        wrap(&mut out, &sentence);
    }
    wrap(&mut out, &limit(report));
    for (what, why) in &report.not_measured {
        wrap(
            &mut out,
            &format!("Not measured: {}, because {why}.", what.replace('_', " ")),
        );
    }
    out.truncate(out.trim_end().len());
    out
}

fn title(report: &Report) -> String {
    let label = report.label.as_ref();
    let label = label.map_or_else(String::new, |label| format!("{label}  "));
    format!("{label}{}  {}", report.shape, report.url)
}

fn conditions(report: &Report) -> String {
    let mut parts = vec![format!("{} sessions", count(report.sessions as u64))];
    if let Some(queue) = &report.queue {
        parts.clear();
        for (number, what) in [
            (queue.producers, "producers"),
            (queue.queues, "queues"),
            (queue.consumers, "consumers"),
        ] {
            parts.push(format!("{} {what}", count(number as u64)));
        }
        parts.push(format!("ack {}", queue.ack.name()));
        parts.push(format!("prefetch {}", queue.prefetch));
    }
    if let Some(rooms) = report.rooms {
        parts.push(format!("{} rooms", count(rooms as u64)));
    }
    if report.shape != "connect" {
        parts.push(format!(
            "messages of {} bytes",
            count(report.payload_bytes as u64)
        ));
    }
    if let Some(window) = report.window {
        let whose = match report.shape {
            "echo" => " for each",
            "queue" => " for each producer",
            _ => "",
        };
        parts.push(format!("{} outstanding{whose}", count(window as u64)));
    }
    if let Some(rate) = report.rate {
        parts.push(format!("{} published a second", given(rate)));
    }
    if report.deflate {
        parts.push("compressed".to_owned());
    }
    if report.dialect != "raw" {
        parts.push(format!("in {}", report.dialect));
    }
    let verb = if report.shape == "idle" {
        "quiet"
    } else {
        "measured"
    };
    parts.push(format!("{verb} for {} s", number(report.seconds)));
    parts.join(", ")
}

fn rows(report: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |label, (value, unit): (String, &str), remark: String| {
        let unit = unit.to_owned();
        rows.push(Row {
            label,
            value,
            unit,
            remark,
        });
    };
    if let Some(rate) = report.deliveries_per_second {
        let remark = format!(
            "{} published, {} delivered",
            count(report.published),
            count(report.delivered)
        );
        row("deliveries", (number(rate), "/s"), remark);
    }
    if let Some(rate) = report.connections_per_second {
        row("connections", (number(rate), "/s"), String::new());
    }
    if let Some(micros) = report.cpu_micros_per_connection {
        row(
            "CPU a connection",
            time(micros),
            "of the server's process".to_owned(),
        );
    }
    if let Some(latency) = report.latency_micros {
        let opens = matches!(report.shape, "idle" | "connect");
        let what = if opens {
            "from the first packet to the open session"
        } else {
            ""
        };
        row("latency  p50", time(latency.p50), what.to_owned());
        row("         p90", time(latency.p90), String::new());
        row("         p99", time(latency.p99), String::new());
        row("         p99.9", time(latency.p999), String::new());
        row("         max", time(latency.max), String::new());
    }
    if let Some(micros) = report.cpu_micros_per_delivery {
        let user = report
            .user_micros_per_delivery
            .map_or_else(String::new, |micros| {
                format!("{} of it outside the kernel", joined(time(micros)))
            });
        row("CPU a delivery", time(micros), user);
    }
    if let Some(cores) = report.server_cores {
        let own = report.generator_cores.map_or_else(String::new, |own| {
            format!("of a processor; the generator: {own:.2}")
        });
        row("server's load", (format!("{cores:.2}"), ""), own);
    }
    if let Some(loaded) = report.rss_bytes_loaded {
        let mut remark = Vec::new();
        if let Some(start) = report.rss_bytes_start {
            remark.push(format!("{} before", joined(bytes(start as f64))));
        }
        if let Some(left) = report.rss_bytes_left {
            remark.push(format!("{} after all had left", joined(bytes(left as f64))));
        }
        row("server's memory", bytes(loaded as f64), remark.join(", "));
    }
    if let Some(each) = report.rss_bytes_per_session {
        row("memory a session", bytes(each), String::new());
    }
    if let Some(reconnects) = report.reconnects {
        let failures = report.connection_failures.filter(|failures| *failures > 0);
        let remark = failures.map_or_else(String::new, |failures| {
            format!(
                "{} connections failed and were tried again",
                count(failures)
            )
        });
        row("reconnects", (count(reconnects), ""), remark);
    }
    if let (Some(slow), Some(closed)) = (report.slow_sessions, report.slow_closed) {
        let remark = format!("{} of them were closed by the server", count(closed as u64));
        row("slow sessions", (count(slow as u64), ""), remark);
    }
    rows
}

/// Whether the server did what it should.
fn faults(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    if report.published > 0 {
        if report.is_correct() {
            let delivered = count(report.delivered);
            sentences.push(format!(
                "Correct: all {delivered} deliveries came, once and in order."
            ));
        } else {
            let wrong = [
                (report.missing, "never came"),
                (report.duplicated, "came twice"),
                (report.out_of_order, "came out of order"),
                (
                    report.misdelivered,
                    "came to a session that they were not for",
                ),
            ];
            let wrong = wrong.iter().filter(|(times, _)| *times > 0);
            let wrong: Vec<String> = wrong
                .map(|(times, how)| format!("{} {how}", count(*times)))
                .collect();
            let expected = count(report.expected);
            let wrong = wrong.join(", ");
            sentences.push(format!("WRONG: {expected} deliveries were due; {wrong}."));
        }
    }
    if report.closed_by_server > 0 {
        let reasons = report.close_reasons.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, times)| format!("{} with \"{reason}\"", count(*times)))
            .collect();
        sentences.push(format!(
            "The server closed sessions: {}.",
            reasons.join("; ")
        ));
    }
    sentences
}

/// Appends a sentence, broken into lines.
fn wrap(out: &mut String, sentence: &str) {
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Plan, Shape},
        report::Latency,
    };

    fn report() -> Report {
        let mut plan = Plan::new(Shape::FanoutMax, "ws://127.0.0.1:8080/chat");
        plan.pid = Some(1);
        let mut report = Report::of(&plan);
        report.window = Some(16);
        report.seconds = 3.0;
        report.published = 3_316;
        report.delivered = 3_316_000;
        report.expected = 3_316_000;
        report.deliveries_per_second = Some(1_105_333.0);
        report.cpu_micros_per_delivery = Some(0.455);
        report.user_micros_per_delivery = Some(0.039);
        report.latency_micros = Some(Latency {
            p50: 904.0,
            p90: 16_515.0,
            p99: 24_117.0,
            p999: 32_767.0,
            max: 1_034_203.0,
        });
        report.rss_bytes_start = Some(6_520_832);
        report.rss_bytes_loaded = Some(10_633_216);
        report.rss_bytes_left = Some(9_000_000);
        report.rss_bytes_per_session = Some(4112.0);
        report
    }

    #[test]
    fn values_stand_under_each_other_and_lines_are_short() {
        let text = text(&report());
        let units = [
            "1,105,333 /s ",
            " 904 µs",
            "16.5 ms",
            "1.03 s",
            "10.1 MiB",
            "4.02 KiB",
        ];
        let columns: Vec<usize> = units
            .iter()
            .map(|unit| {
                let line = text.lines().find(|line| line.contains(unit)).expect(unit);
                let at =
                    line.find(unit).expect("found") + unit.trim_end().rfind(' ').expect("a unit");
                line[..at].chars().count()
            })
            .collect();
        assert!(
            columns.iter().all(|column| *column == columns[0]),
            "{columns:?}\n{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert!(text.contains("Correct: all 3,316,000 deliveries came, once and in order."));
        assert!(text.contains("Not measured: user instructions per delivery, because"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_numbers() {
        let mut report = report();
        report.missing = 12_345;
        report.duplicated = 6;
        report
            .close_reasons
            .insert("1008 slow-consumer: late".to_owned(), 50);
        report.closed_by_server = 50;
        let text = text(&report).replace('\n', " ");
        assert!(text.contains("3,316,000 deliveries were due; 12,345 never came, 6 came twice."));
        assert!(text.contains("The server closed sessions: 50 with \"1008 slow-consumer: late\"."));
    }
}
