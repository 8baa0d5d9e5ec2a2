//! A report as a picture: lines over time, in SVG, legible on light and dark paper.

use std::fmt::Write;

use crate::{
    report::{Interval, Report},
    scale::Scale,
    units::{count, joined, number, time},
};

/// Measures of a panel, in pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 96.0;
const PANEL: f64 = 236.0;
const HEAD: f64 = 62.0;
const TITLE: f64 = 34.0;
const FOOT: f64 = 36.0;

/// Octets in the unit of memory, in which ticks are round.
const MEBIBYTE: f64 = 1048576.0;

/// Labels at the ends of lines are at least so far from each other.
const LABEL_STEP: f64 = 15.0;

/// Colours that can be told apart by those who do not see red and green as others do.
const STYLE: &str = "\
    svg{color:#1f2328;background:#fff;font:13px system-ui,sans-serif}\
    text{fill:currentColor}.quiet{opacity:.65;font-size:12px}.title{font-weight:600}\
    .grid{stroke:currentColor;stroke-opacity:.14}.axis{stroke:currentColor;stroke-opacity:.5}\
    .line{fill:none;stroke-width:2;stroke-linejoin:round}\
    .s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#6e7781}\
    .l0{fill:#0969da}.l1{fill:#bc4c00}.l2{fill:#6e7781}\
    @media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}\
    .s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#9ea7b3}\
    .l0{fill:#58a6ff}.l1{fill:#f0883e}.l2{fill:#9ea7b3}}";

/// One line of a panel.
struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// One diagram.
struct Panel {
    title: &'static str,
    is_logarithmic: bool,
    write: fn(f64) -> String,
    series: Vec<Series>,
}

/// The report's course over time as an SVG document.
pub fn plot(report: &Report) -> String {
    let panels = panels(report);
    let height = HEAD + PANEL * panels.len().max(1) as f64;
    let mut svg = String::new();
    let title = format!(
        "{}{}",
        report
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!("{label}: ")),
        report.shape
    );
    let about = format!("{} sessions, {}", count(report.sessions as u64), report.url);
    let (title, about) = (escape(&title), escape(&about));
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{title}, {about}</title>\n<style>{STYLE}</style>\n\
         <text x=\"16\" y=\"26\" class=\"title\" font-size=\"17\">{title}</text>\n\
         <text x=\"16\" y=\"46\" class=\"quiet\">{about}</text>\n"
    );
    let end = report.series.last().map_or(1.0, |last| last.at_seconds);
    for (place, panel) in panels.iter().enumerate() {
        draw(&mut svg, panel, HEAD + PANEL * place as f64, end);
    }
    if panels.is_empty() {
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{}\">Nothing was measured over time.</text>",
            HEAD + 20.0
        );
    }
    svg + "</svg>\n"
}

fn panels(report: &Report) -> Vec<Panel> {
    let take = |name, of: &dyn Fn(&Interval) -> Option<f64>| {
        let intervals = report.series.iter();
        let points = intervals.filter_map(|one| of(one).map(|value| (one.at_seconds, value)));
        Series {
            name,
            points: points.collect(),
        }
    };
    let is_idle = report.shape == "idle";
    let rate_title = if report.shape == "connect" {
        "connections a second"
    } else {
        "deliveries a second"
    };
    let all = [
        Panel {
            title: rate_title,
            is_logarithmic: false,
            write: number,
            series: vec![take("", &|one| (!is_idle).then_some(one.per_second))],
        },
        Panel {
            title: "latency",
            is_logarithmic: true,
            write: |micros| joined(time(micros)),
            series: vec![
                take("max", &|one| one.max_micros),
                take("p99", &|one| one.p99_micros),
                take("p50", &|one| one.p50_micros),
            ],
        },
        Panel {
            title: "resident memory of the server",
            is_logarithmic: false,
            write: |mebibytes| format!("{} MiB", number(mebibytes)),
            series: vec![take("", &|one| {
                one.rss_bytes.map(|octets| octets as f64 / MEBIBYTE)
            })],
        },
    ];
    let has_points = |panel: &Panel| panel.series.iter().any(|series| !series.points.is_empty());
    all.into_iter().filter(has_points).collect()
}

fn draw(svg: &mut String, panel: &Panel, top: f64, end: f64) {
    let (upper, lower) = (top + TITLE, top + PANEL - FOOT);
    let values = || {
        panel
            .series
            .iter()
            .flat_map(|series| &series.points)
            .map(|point| point.1)
    };
    let highest = values().fold(0.0, f64::max);
    let y = if panel.is_logarithmic {
        Scale::logarithmic(
            values().fold(f64::INFINITY, f64::min),
            highest,
            lower,
            upper,
        )
    } else {
        Scale::linear(highest, lower, upper)
    };
    let x = Scale::exact(end, LEFT, WIDTH - RIGHT);
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"{}\" class=\"title\">{}</text>",
        top + 18.0,
        panel.title
    );
    for tick in y.ticks() {
        let at = y.place(*tick);
        let text = (panel.write)(*tick);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/>\
             <text class=\"quiet\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {lower}H{}\"/>",
        WIDTH - RIGHT
    );
    for tick in x.ticks() {
        let text = if *tick == 0.0 {
            "0 s".to_owned()
        } else {
            format!("{tick} s")
        };
        let _ = writeln!(
            svg,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            x.place(*tick),
            lower + 18.0
        );
    }
    let mut label_at = f64::NEG_INFINITY;
    for (colour, series) in panel.series.iter().enumerate() {
        // The last colour is the quiet one; the line that matters most has the first.
        let colour = panel.series.len() - 1 - colour;
        let Some(last) = series.points.last() else {
            continue;
        };
        let mut path = String::new();
        for (at, value) in &series.points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", x.place(*at), y.place(*value));
        }
        let _ = writeln!(svg, "<path class=\"line s{colour}\" d=\"{path}\"/>");
        // Lines come from the highest to the lowest, so labels only need to be pushed down.
        label_at = (y.place(last.1) + 4.0).max(label_at + LABEL_STEP);
        let text = format!("{} {}", series.name, (panel.write)(last.1));
        let _ = writeln!(
            svg,
            "<text class=\"l{colour}\" x=\"{}\" y=\"{label_at:.1}\">{}</text>",
            WIDTH - RIGHT + 6.0,
            text.trim()
        );
    }
}

/// Text that may stand in a document.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Shape};

    fn interval(at: u32) -> Interval {
        Interval {
            at_seconds: f64::from(at),
            per_second: 1e6,
            p50_micros: Some(900.0),
            p99_micros: Some(5_000.0),
            max_micros: Some(70_000.0),
            rss_bytes: Some(10 << 20),
        }
    }

    #[test]
    fn each_figure_has_a_panel_and_each_line_its_label() {
        let mut report = Report::of(&Plan::new(Shape::Fanout, "ws://localhost/?a=<b>&c"));
        report.label = Some("A & B".to_owned());
        report.series = (1..=20).map(interval).collect();
        let svg = plot(&report);
        assert_eq!(svg.matches("class=\"line").count(), 5);
        for text in [
            "A &amp; B",
            "?a=&lt;b&gt;&amp;c",
            "p50 900 µs",
            "max 70.0 ms",
            "10.0 MiB",
        ] {
            assert!(svg.contains(text), "{text}\n{svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        let mut report = Report::of(&Plan::new(Shape::Idle, "ws://localhost/"));
        assert!(plot(&report).contains("Nothing was measured"));
        let nothing = Interval {
            per_second: 0.0,
            p50_micros: None,
            p99_micros: None,
            max_micros: None,
            rss_bytes: None,
            ..interval(0)
        };
        report.shape = "fanout";
        report.series = vec![nothing];
        let svg = plot(&report);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
