//! The list of features, as `docs/parity.txt` holds it: one row a line.

use crate::run::Failure;

/// The number of the last row.
pub(super) const LAST: u16 = 211;

/// One feature that is in scope.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) number: u16,
    pub(super) kind: Kind,
    pub(super) status: Status,
    /// What it is, in few words.
    pub(super) title: String,
}

/// How a feature relates to what the Java stack has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Same,
    Better,
    Optional,
    Beyond,
}

impl Kind {
    /// The letter that stands for it in the list and on the page.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Same => "P",
            Self::Better => "X",
            Self::Optional => "O",
            Self::Beyond => "B",
        }
    }

    fn parse(letter: &str) -> Option<Self> {
        [Self::Same, Self::Better, Self::Optional, Self::Beyond]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }
}

/// Whether a feature is there.
#[derive(Debug, PartialEq)]
pub(super) enum Status {
    Done,
    /// Not yet; holds what it waits for.
    Later(String),
}

/// Rows that follow each other and are not in scope yet.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) waits_for: String,
    pub(super) title: String,
}

/// The whole list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) rows: Vec<Row>,
    pub(super) groups: Vec<Group>,
}

impl List {
    /// Reads the list's text.
    ///
    /// # Errors
    /// When a line is not a row, or the rows are not all numbers from 1 on, each once, in order.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut list = Self {
            rows: Vec::new(),
            groups: Vec::new(),
        };
        let mut next = 1;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let refuse = |what: String| Failure::new(format!("line {}: {what}", index + 1));
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let (first, last) = match fields.as_slice() {
                [number, kind, status, title] => {
                    let row = row(number, kind, status, title).map_err(refuse)?;
                    let number = row.number;
                    list.rows.push(row);
                    (number, number)
                }
                [numbers, status, title] => {
                    let group = group(numbers, status, title).map_err(refuse)?;
                    let range = (group.first, group.last);
                    list.groups.push(group);
                    range
                }
                _ => return Err(refuse("neither a row nor many rows: count the `|`".into())),
            };
            if first != next || last < first {
                return Err(refuse(format!("expected S{next} here")));
            }
            next = last + 1;
        }
        if next != LAST + 1 {
            let what = if next > LAST {
                "is too much"
            } else {
                "is missing"
            };
            return Err(Failure::new(format!("S{} {what}", next.min(LAST + 1))));
        }
        Ok(list)
    }
}

fn row(numbered: &str, kind: &str, status: &str, title: &str) -> Result<Row, String> {
    Ok(Row {
        number: number(numbered)?,
        kind: Kind::parse(kind).ok_or_else(|| format!("kind {kind:?}: write P, X, O or B"))?,
        status: if status == "done" {
            Status::Done
        } else {
            Status::Later(waits_for(status)?)
        },
        title: title.to_owned(),
    })
}

fn group(numbers: &str, status: &str, title: &str) -> Result<Group, String> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Ok(Group {
        first: number(first)?,
        last: number(last)?,
        waits_for: waits_for(status)?,
        title: title.to_owned(),
    })
}

fn number(text: &str) -> Result<u16, String> {
    text.strip_prefix('S')
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("{text:?} is no number of a row: write S1 to S{LAST}"))
}

fn waits_for(status: &str) -> Result<String, String> {
    match status.strip_prefix("later: ").map(str::trim) {
        Some(what) if !what.is_empty() => Ok(what.to_owned()),
        _ => Err(format!(
            "status {status:?}: write `later: ` and what it waits for (or `done`, for one row)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        List::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn rows_and_groups_are_read() {
        let text = "# a comment\n\nS1 | X | done | Bells\nS2 | B | later: towers | Chimes\n\
                    S3-S211 | later: ropes | The rest\n";
        let list = List::parse(text).unwrap();
        assert_eq!(
            list.rows[0],
            Row {
                number: 1,
                kind: Kind::Better,
                status: Status::Done,
                title: "Bells".into()
            }
        );
        assert_eq!(list.rows[1].status, Status::Later("towers".into()));
        assert_eq!((list.groups[0].first, list.groups[0].last), (3, 211));
        assert_eq!(list.groups[0].waits_for, "ropes");
    }

    #[test]
    fn every_number_stands_once_and_in_order() {
        assert_eq!(refusal("S2 | P | done | Two"), "line 1: expected S1 here");
        assert_eq!(
            refusal("S1 | P | done | One\nS1 | P | done | One"),
            "line 2: expected S2 here"
        );
        assert_eq!(
            refusal("S1-S210 | later: ropes | Nearly all"),
            "S211 is missing"
        );
        assert_eq!(
            refusal("S1-S300 | later: ropes | Too many"),
            "S212 is too much"
        );
    }

    #[test]
    fn what_is_not_a_row_is_named() {
        assert!(refusal("S1 | P | done").contains("later: "));
        assert!(refusal("S1 | Q | done | One").contains("kind \"Q\""));
        assert!(refusal("1 | P | done | One").contains("\"1\" is no number"));
        assert!(refusal("S1 | P | later: | One").contains("what it waits for"));
        assert!(refusal("S1").contains("count the `|`"));
    }
}
