//! The page `docs/parity.md`, and what is wrong with the list.

use std::fmt::Write;

use super::{
    rows::{LAST, List, Row, Status},
    scan::Tests,
};

const HEAD: &str = "\
# What of Java's WebSocket stack is here

Spring and Jakarta offer what this list counts, S1 to S211. It is made by `cargo xtask parity` from
[parity.txt](parity.txt) and from the tests whose names begin with a row's number: what is *done*
has a test that would fail without it.

Kinds: **P** the same, **X** the same but stricter or safer, **O** old or optional, **B** more than
they have.

";

/// The whole page.
pub(super) fn page(list: &List, tests: &Tests) -> String {
    let mut page = HEAD.to_owned();
    let proved = |row: &&Row| row.status == Status::Done && tests.contains_key(&row.number);
    let done = list.rows.iter().filter(proved).count();
    let in_scope = list.rows.len();
    // Writing into a string cannot fail.
    let _ = writeln!(page, "Of {in_scope} rows in scope {done} are done.\n");
    page.push_str("| | kind | what | tests | status |\n|---|---|---|---|---|\n");
    for row in &list.rows {
        let links: Vec<String> = tests
            .get(&row.number)
            .into_iter()
            .flatten()
            .map(|test| format!("[{}](../{})", test.name, test.file))
            .collect();
        let status = match &row.status {
            Status::Done if links.is_empty() => "**without a test**",
            Status::Done => "done",
            Status::Later(what) => &format!("later: {what}"),
        };
        let _ = writeln!(
            page,
            "| S{} | {} | {} | {} | {status} |",
            row.number,
            row.kind.letter(),
            row.title,
            links.join("<br>"),
        );
    }
    page.push_str("\n## Later\n\n| rows | what | waits for |\n|---|---|---|\n");
    for group in &list.groups {
        let rows = if group.first == group.last {
            format!("S{}", group.first)
        } else {
            format!("S{} to S{}", group.first, group.last)
        };
        let _ = writeln!(page, "| {rows} | {} | {} |", group.title, group.waits_for);
    }
    page
}

/// Rows without proof, and tests without a row, each with what to do.
pub(super) fn problems(list: &List, tests: &Tests) -> Vec<String> {
    let mut problems = Vec::new();
    for row in &list.rows {
        if row.status == Status::Done && !tests.contains_key(&row.number) {
            problems.push(format!(
                "S{number} is done, but no test's name begins with `s{number}_` ({title})",
                number = row.number,
                title = row.title
            ));
        }
    }
    for (number, tests) in tests {
        if !(1..=LAST).contains(number) {
            for test in tests {
                problems.push(format!(
                    "{}: {} names a row that does not exist",
                    test.file, test.name
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{super::scan::Test, *};

    const LIST: &str = "S1 | P | done | Bells\nS2 | X | later: ropes | Chimes\n\
                        S3 | B | done | Towers\nS4 | later: HTTP/2 | Echoes\n\
                        S5-S211 | later: STOMP | The rest\n";

    fn test(file: &str, name: &str) -> Test {
        Test {
            file: file.into(),
            name: name.into(),
        }
    }

    fn list() -> List {
        List::parse(LIST).unwrap()
    }

    #[test]
    fn the_page_shows_each_row_with_its_tests() {
        let tests = Tests::from([(1, vec![test("a.rs", "s1_a"), test("tests/b.rs", "s1_b")])]);
        let page = page(&list(), &tests);
        assert!(page.starts_with("# "));
        for line in [
            "Of 3 rows in scope 1 are done.",
            "| S1 | P | Bells | [s1_a](../a.rs)<br>[s1_b](../tests/b.rs) | done |",
            "| S2 | X | Chimes |  | later: ropes |",
            "| S3 | B | Towers |  | **without a test** |",
            "| S4 | Echoes | HTTP/2 |",
            "| S5 to S211 | The rest | STOMP |",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }

    #[test]
    fn a_row_that_is_done_needs_a_test() {
        let tests = Tests::from([(1, vec![test("a.rs", "s1_a")])]);
        let problems = problems(&list(), &tests);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("S3 is done, but no test"));
    }

    #[test]
    fn a_test_needs_a_row() {
        let tests = Tests::from([
            (1, vec![test("a.rs", "s1_a")]),
            (3, vec![test("a.rs", "s3_a")]),
            // A row that waits may have tests already.
            (150, vec![test("a.rs", "s150_a")]),
            (212, vec![test("a.rs", "s212_a")]),
            (0, vec![test("b.rs", "s0_a")]),
        ]);
        assert_eq!(
            problems(&list(), &tests),
            [
                "b.rs: s0_a names a row that does not exist",
                "a.rs: s212_a names a row that does not exist"
            ]
        );
    }
}
