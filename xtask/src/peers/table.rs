//! Tables: for a terminal and for Markdown, from the same cells. And how a number is written.

use std::fmt::Write;

/// Cells in rows, the first of which is the header. The first two columns are texts; the others
/// are numbers and stand to the right.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

/// Columns that stand to the left.
const TEXT_COLUMNS: usize = 2;

impl Table {
    /// A table with a header and no rows.
    pub(crate) fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()],
        }
    }

    /// Adds a row, which has as many cells as the header.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table with aligned columns, a rule under its header, and no line's end filled up.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            text += self.line(row, &widths, "  ").trim_end();
            text.push('\n');
            if index == 0 {
                let total: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
                text += &"─".repeat(total);
                text.push('\n');
            }
        }
        text
    }

    /// The table in Markdown, aligned as well.
    pub(crate) fn markdown(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} |", self.line(row, &widths, " | "));
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    text += &if column < TEXT_COLUMNS {
                        format!("|-{dashes}")
                    } else {
                        format!("|{dashes}:")
                    };
                }
                text += "|\n";
            }
        }
        text
    }

    fn line(&self, row: &[String], widths: &[usize], joint: &str) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if column < TEXT_COLUMNS {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        cells.join(joint)
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect()
    }
}

/// A number with about three digits that count, and commas between thousands.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 100.0 || size == 0.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        3
    };
    grouped(value, decimals)
}

/// A count or a setting: whole numbers have no decimals.
pub(crate) fn amount(value: f64) -> String {
    if value.fract() == 0.0 {
        grouped(value, 0)
    } else {
        number(value)
    }
}

/// A number with commas between thousands.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, format!(".{decimals}")),
        None => (text.as_str(), String::new()),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        for (value, text) in [
            (1_234_567.8, "1,234,568"),
            (1_000.0, "1,000"),
            (999.4, "999"),
            (45.678, "45.7"),
            (4.5678, "4.57"),
            (0.5, "0.500"),
            (0.0, "0"),
            (-12_345.0, "-12,345"),
        ] {
            assert_eq!(number(value), text);
        }
        for (value, text) in [(3.0, "3"), (0.5, "0.500"), (2_000.0, "2,000")] {
            assert_eq!(amount(value), text);
        }
    }

    #[test]
    fn columns_are_aligned_whatever_the_script() {
        let mut table = Table::new(&["peer", "figure", "ratio"]);
        table.push(vec!["a long name".into(), "µs".into(), "1.0".into()]);
        table.push(vec!["b".into(), "CPU".into(), "10.0".into()]);
        assert_eq!(
            table.text(),
            "peer         figure  ratio\n\
             ──────────────────────────\n\
             a long name  µs        1.0\n\
             b            CPU      10.0\n"
        );
        assert_eq!(
            table.markdown(),
            "| peer        | figure | ratio |\n\
             |-------------|--------|------:|\n\
             | a long name | µs     |   1.0 |\n\
             | b           | CPU    |  10.0 |\n"
        );
    }
}
