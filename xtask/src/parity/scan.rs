//! Finding the tests that are named after rows, in Rust and in JavaScript.

use std::{collections::BTreeMap, fs};

use crate::{
    place::Place,
    run::{Failure, during},
};

/// Folders whose tests are not run by `cargo xtask test`.
const OUTSIDE: [&str; 2] = ["fuzz/", "peers/"];
/// What stands before the title of a JavaScript test, up to the quotation mark.
const JAVASCRIPT_TESTS: [&str; 2] = ["test(", "it("];

/// A test, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// From the top of the checkout.
    pub(super) file: String,
    pub(super) name: String,
}

/// The tests of each row, by the row's number; sorted, so that the page does not depend on the
/// order of the files.
pub(super) type Tests = BTreeMap<u16, Vec<Test>>;

/// Reads every file that git tracks, or would add.
///
/// # Errors
/// When git or the file system fails.
pub(super) fn tests(place: &Place) -> Result<Tests, Failure> {
    let mut tests = Tests::new();
    for file in place.files(&["*.rs", "*.mjs"])? {
        if OUTSIDE.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let path = place.root.join(&file);
        let text = fs::read_to_string(&path).map_err(during(path.display()))?;
        add(&mut tests, &file, &text);
    }
    for found in tests.values_mut() {
        found.sort();
        found.dedup();
    }
    Ok(tests)
}

fn add(tests: &mut Tests, file: &str, text: &str) {
    let names = if file.ends_with(".rs") {
        rust_names(text)
    } else {
        javascript_names(text)
    };
    for name in names {
        for number in numbers(&name) {
            tests.entry(number).or_default().push(Test {
                file: file.to_owned(),
                name: name.clone(),
            });
        }
    }
}

/// The functions that carry an attribute `test`, of whichever crate.
fn rust_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let path = attribute.split(['(', ']']).next().unwrap_or_default();
            is_test |= path.rsplit("::").next() == Some("test");
        } else if let Some((before, after)) = line.split_once("fn ")
            && (before.is_empty() || before.ends_with(' '))
            && !line.starts_with("//")
        {
            if is_test {
                names.push(word(after));
            }
            is_test = false;
        }
    }
    names
}

/// The first words of the titles of all tests: what could be a row's number.
fn javascript_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        for call in JAVASCRIPT_TESTS {
            let title = line
                .strip_prefix(call)
                .and_then(|rest| rest.strip_prefix(['\'', '"', '`']));
            if let Some(title) = title {
                names.push(word(title));
            }
        }
    }
    names
}

/// The letters, digits and underscores that `text` begins with.
fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

/// The numbers of the rows that a test's name begins with: 28 and 30 for `s28_s30_small_worlds`.
fn numbers(name: &str) -> Vec<u16> {
    let number = |part: &str| {
        let digits = part.strip_prefix('s')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A number that no row can have must be noticed, not passed over.
        Some(digits.parse().unwrap_or(u16::MAX))
    };
    name.split('_').map_while(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_rows_exactly() {
        assert_eq!(numbers("s13_plain_http"), [13]);
        assert_eq!(numbers("s130_variables"), [130]);
        assert_eq!(numbers("s12_s13_paths"), [12, 13]);
        assert_eq!(numbers("s28_s29_s30_worlds"), [28, 29, 30]);
        assert_eq!(numbers("s28_a_30_s31"), [28]);
        assert_eq!(numbers("s99999999_far"), [u16::MAX]);
        for name in ["seed_003_s13", "sessions", "s_13", "s13a_b", "S13_a", ""] {
            assert!(numbers(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn only_functions_with_an_attribute_test_are_rust_tests() {
        let text = [
            "#[test]",
            "fn s1_plain() {",
            "    #[tokio::test(flavor = \"current_thread\")]",
            "    #[should_panic(expected = \"bells\")]",
            "    async fn s2_async() {",
            "fn s3_helper() {}",
            "#[derive(Debug)]",
            "fn s4_other_attribute() {}",
            "#[test]",
            "// fn s5_comment() {}",
            "pub(crate) fn s6_after_a_comment() {}",
            "#[cfg(test)]",
            "fn s7_only_in_tests() {}",
        ];
        assert_eq!(
            rust_names(&text.join("\n")),
            ["s1_plain", "s2_async", "s6_after_a_comment"]
        );
    }

    #[test]
    fn titles_of_javascript_tests_are_read() {
        let text = "test('s1_one is heard', async () => {\n  it(\"s2_two\", f);\n\
                    test(`s3_${name}`, f);\nlatest('s4_no');\n// test('s5_no')\n";
        assert_eq!(javascript_names(text), ["s1_one", "s2_two", "s3_"]);
    }

    #[test]
    fn a_test_of_several_rows_is_listed_with_each() {
        let mut tests = Tests::new();
        add(&mut tests, "a.rs", "#[test]\nfn s1_s2_bells() {}\n");
        add(&mut tests, "b.test.mjs", "test('s2_ringing', f);\n");
        assert_eq!(tests[&1].len(), 1);
        let names: Vec<&str> = tests[&2].iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["s1_s2_bells", "s2_ringing"]);
    }
}
