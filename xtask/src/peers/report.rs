//! What the runs of one shape say: a table, lines for machines, and a picture.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};

use crate::peers::{
    figures::{Better, Figure, Shape, faults},
    options::PUBLISHED_PAIRS_MIN,
    plot::{Bar, Panel, svg},
    statistics::{Estimate, estimate, median},
    table::{Table, amount, number},
};

/// What two contenders reported when they took turns.
#[derive(Debug)]
pub(crate) struct Pair {
    /// Campanile's report.
    pub(crate) campanile: Value,
    /// The peer's.
    pub(crate) peer: Value,
}

/// All that is known about one peer in one shape.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The peer's name on the command line.
    pub(crate) name: &'static str,
    /// Its name and version.
    pub(crate) title: String,
    /// The pairs that were measured.
    pub(crate) pairs: Vec<Pair>,
    /// Why there are no more.
    pub(crate) not_measured: Option<String>,
}

/// Which of two is better, as far as the interval tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Campanile,
    Peer,
    Level,
    Unknown,
}

/// What the pairs of one peer say about one figure.
#[derive(Debug)]
struct Line<'a> {
    comparison: &'a Comparison,
    figure: &'static Figure,
    campanile: f64,
    peer: f64,
    ratio: Estimate,
    pairs: usize,
}

impl Comparison {
    fn lines(&self, shape: Shape) -> impl Iterator<Item = Line<'_>> {
        shape
            .figures()
            .iter()
            .filter_map(|figure| self.line(figure))
    }

    fn line(&self, figure: &'static Figure) -> Option<Line<'_>> {
        let values: Vec<(f64, f64)> = self
            .pairs
            .iter()
            .filter_map(|pair| Some((figure.of(&pair.campanile)?, figure.of(&pair.peer)?)))
            // Of nothing there is no ratio.
            .filter(|(_, peer)| *peer > 0.0)
            .collect();
        let column = |pick: fn(&(f64, f64)) -> f64| values.iter().map(pick).collect::<Vec<_>>();
        Some(Line {
            comparison: self,
            figure,
            campanile: median(&column(|pair| pair.0))?,
            peer: median(&column(|pair| pair.1))?,
            ratio: estimate(&column(|pair| pair.0 / pair.1))?,
            pairs: values.len(),
        })
    }
}

impl Line<'_> {
    fn verdict(&self) -> Verdict {
        let Some((low, high)) = self.ratio.interval else {
            return Verdict::Unknown;
        };
        match self.figure.better {
            _ if low <= 1.0 && high >= 1.0 => Verdict::Level,
            Better::Less if high < 1.0 => Verdict::Campanile,
            Better::More if low > 1.0 => Verdict::Campanile,
            _ => Verdict::Peer,
        }
    }

    fn cells(&self) -> Vec<String> {
        let interval = match self.ratio.interval {
            Some((low, high)) => format!("{} to {}", fraction(low), fraction(high)),
            None => "too few".to_owned(),
        };
        let verdict = match self.verdict() {
            Verdict::Campanile => "Campanile",
            Verdict::Peer => "peer",
            Verdict::Level => "level",
            Verdict::Unknown => "?",
        };
        vec![
            self.comparison.title.clone(),
            self.figure.name.to_owned(),
            number(self.campanile),
            number(self.peer),
            fraction(self.ratio.median),
            interval,
            verdict.to_owned(),
            self.pairs.to_string(),
        ]
    }
}

/// A ratio as people read it.
fn fraction(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.3}")
    } else {
        format!("{ratio:.2}")
    }
}

/// The table of a shape. Peers that were not measured have a row that says so.
fn table(comparisons: &[Comparison], shape: Shape) -> Table {
    let mut table = Table::new(&[
        "peer",
        "figure",
        "Campanile",
        "peer's",
        "ratio",
        "95 %",
        "better",
        "pairs",
    ]);
    for comparison in comparisons {
        let mut is_empty = true;
        for line in comparison.lines(shape) {
            is_empty = false;
            table.push(line.cells());
        }
        if is_empty {
            let none = || "–".to_owned();
            let mut row = vec![comparison.title.clone(), "not measured".to_owned()];
            row.extend([none(), none(), none(), none(), none(), "0".to_owned()]);
            table.push(row);
        }
    }
    table
}

/// What a reader must know beside the numbers, a sentence each.
fn remarks(comparisons: &[Comparison], shape: Shape) -> Vec<String> {
    let mut remarks = Vec::new();
    for comparison in comparisons {
        if let Some(reason) = &comparison.not_measured {
            let count = comparison.pairs.len();
            remarks.push(match count {
                0 => format!("{}: not measured: {reason}", comparison.title),
                _ => format!("{}: ended after {count} pairs: {reason}", comparison.title),
            });
        }
    }
    for comparison in comparisons {
        let own = comparison.pairs.iter().map(|pair| &pair.campanile);
        let theirs = comparison.pairs.iter().map(|pair| &pair.peer);
        remarks.extend(faults_of(
            &format!("Campanile beside {}", comparison.title),
            own,
        ));
        remarks.extend(faults_of(&comparison.title, theirs));
    }
    let fewest = comparisons
        .iter()
        .flat_map(|comparison| comparison.lines(shape))
        .map(|line| line.pairs)
        .min();
    if fewest.is_some_and(|pairs| pairs < PUBLISHED_PAIRS_MIN) {
        remarks.push(format!(
            "not for publication: a ratio needs at least {PUBLISHED_PAIRS_MIN} pairs"
        ));
    }
    remarks
}

/// The sum of what went wrong in one contender's runs, if anything did.
fn faults_of<'a>(title: &str, reports: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    let mut runs = 0;
    for report in reports {
        runs += 1;
        for (kind, count) in faults(report) {
            *sums.entry(kind).or_default() += count;
        }
    }
    if sums.is_empty() {
        return None;
    }
    let kinds: Vec<String> = sums
        .iter()
        .map(|(kind, count)| format!("{} {kind}", amount(*count as f64)))
        .collect();
    Some(format!("{title}: {} in {runs} runs", kinds.join(", ")))
}

/// What a run was like, as its own report tells.
fn setting(comparisons: &[Comparison]) -> String {
    let first = comparisons
        .iter()
        .find_map(|comparison| comparison.pairs.first());
    let Some(Pair { campanile, .. }) = first else {
        return "nothing was measured".to_owned();
    };
    let mut parts = Vec::new();
    for (key, unit) in [
        ("sessions", "sessions"),
        ("queue/producers", "producers"),
        ("queue/queues", "queues"),
        ("queue/consumers", "consumers"),
        ("queue/prefetch", "in advance"),
        ("rooms", "rooms"),
        ("payload_bytes", "bytes a message"),
        ("window", "outstanding"),
        ("rate", "messages a second"),
        ("seconds", "seconds a run"),
    ] {
        let found = campanile.pointer(&format!("/{key}"));
        if let Some(value) = found.and_then(Value::as_f64) {
            // A run ends with its last delivery: about when it was to.
            let value = (value * 10.0).round() / 10.0;
            parts.push(format!("{} {unit}", amount(value)));
        }
    }
    if let Some(mode) = campanile["queue"]["ack"].as_str() {
        parts.push(format!("ack {mode}"));
    }
    if campanile["deflate"] == true {
        parts.push("compressed".to_owned());
    }
    parts.join(", ")
}

/// The report for a terminal.
pub(crate) fn text(comparisons: &[Comparison], shape: Shape) -> String {
    let mut text = format!("{}: {}\n\n", shape.name(), setting(comparisons));
    text += &table(comparisons, shape).text();
    for remark in remarks(comparisons, shape) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{remark}");
    }
    text
}

/// The report as a section of a Markdown page.
pub(crate) fn markdown(comparisons: &[Comparison], shape: Shape) -> String {
    let mut text = format!("## {}\n\n{}.\n\n", shape.name(), setting(comparisons));
    text += &table(comparisons, shape).markdown();
    for (index, remark) in remarks(comparisons, shape).iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}- {remark}");
    }
    let name = shape.name();
    let _ = write!(text, "\n![Bars: {name}]({name}.svg)\n");
    text
}

/// The ratios as one JSON object a line.
pub(crate) fn json_lines(comparisons: &[Comparison], shape: Shape) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        if let Some(reason) = &comparison.not_measured {
            let line = json!({
                "shape": shape.name(),
                "peer": comparison.name,
                "title": comparison.title,
                "pairs": comparison.pairs.len(),
                "not_measured": reason,
            });
            let _ = writeln!(text, "{line}");
        }
        for line in comparison.lines(shape) {
            let line = json!({
                "shape": shape.name(),
                "peer": comparison.name,
                "title": comparison.title,
                "figure": line.figure.pointer.trim_start_matches('/').replace('/', "."),
                "campanile": line.campanile,
                "peer_value": line.peer,
                "ratio": line.ratio.median,
                "interval": line.ratio.interval.map(|(low, high)| [low, high]),
                "pairs": line.pairs,
            });
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The medians as bars: Campanile's over all its runs, and each peer's.
pub(crate) fn picture(comparisons: &[Comparison], shape: Shape) -> String {
    let mut panels = Vec::new();
    for figure in shape.figures().iter().filter(|figure| figure.is_plotted) {
        let own: Vec<f64> = comparisons
            .iter()
            .flat_map(|comparison| &comparison.pairs)
            .filter_map(|pair| figure.of(&pair.campanile))
            .collect();
        let Some(own) = median(&own) else {
            continue;
        };
        let mut bars = vec![Bar {
            name: "Campanile".to_owned(),
            value: own,
            is_own: true,
        }];
        for comparison in comparisons {
            if let Some(line) = comparison.line(figure) {
                bars.push(Bar {
                    name: comparison.title.clone(),
                    value: line.peer,
                    is_own: false,
                });
            }
        }
        let direction = match figure.better {
            Better::Less => "less is better",
            Better::More => "more is better",
        };
        panels.push(Panel {
            title: format!("{} ({direction})", figure.name),
            bars,
        });
    }
    svg(
        &format!("{}: {}", shape.name(), setting(comparisons)),
        &panels,
    )
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
