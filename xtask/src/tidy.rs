//! `cargo xtask tidy`: the house's style, as a check that fails.

use std::{fs, path::Path};

use crate::{
    place::Place,
    run::{Failure, during},
};

/// Characters in a line of Rust.
const LINE_CHARS_MAX: usize = 120;
/// Lines in a file of code.
const FILE_LINES_MAX: usize = 450;
/// The kinds of file that have a limit on their lines.
const CODE: [&str; 6] = ["rs", "js", "mjs", "css", "html", "py"];

// Each word below is cut in two, so that this file does not hold what it forbids.

/// Work that was left for later, and tests that do not run.
const UNFINISHED: [&str; 8] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[", "ignore"),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("test.", "skip("),
    concat!("it.", "skip("),
    concat!("describe.", "skip("),
];
/// Names of hosts that packages come from: a checkout must work with any mirror.
const REGISTRIES: [&str; 12] = [
    concat!("crates", ".io"),
    concat!("deb.debian", ".org"),
    concat!("ftp.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("snapshot.debian", ".org"),
    concat!("archive.debian", ".org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("proxy.go", "lang.org"),
    concat!("repo.maven", ".apache.org"),
    concat!("repo1.maven", ".org"),
];
/// Folders of one person's machine.
const MACHINE_FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/wo", "rk`")];
/// A folder that only a test may name.
const TEMPORARY_FOLDER: &str = concat!("/t", "mp/");
/// A folder that is not part of the checkout.
const OUTSIDE: &str = concat!("..", "/shared");

/// Checks every text file that git tracks, or would add.
///
/// # Errors
/// When a rule is broken; every place is listed.
pub(crate) fn check(place: &Place) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let mut checked = 0;
    for name in place.files(&[])? {
        if is_fuzzer_input(&name) {
            continue;
        }
        let path = place.root.join(&name);
        let bytes = fs::read(&path).map_err(during(path.display()))?;
        if bytes.contains(&0) {
            continue;
        }
        // What is not text, such as a picture, has no style.
        if let Ok(text) = str::from_utf8(&bytes) {
            checked += 1;
            problems.extend(problems_in(&name, text));
        }
    }
    let read = |name: &str| fs::read_to_string(place.root.join(name)).unwrap_or_default();
    problems.extend(unmapped_crates(
        &read("Cargo.toml"),
        &read("ARCHITECTURE.md"),
    ));
    if problems.is_empty() {
        println!("    {checked} files are tidy");
        return Ok(());
    }
    let count = problems.len();
    Err(Failure::new(format!(
        "{count} places are not tidy:\n  {}",
        problems.join("\n  ")
    )))
}

/// Every breach of the rules in one file, as `NAME:LINE: what, and what to do`.
fn problems_in(name: &str, text: &str) -> Vec<String> {
    let path = Path::new(name);
    let kind = path
        .extension()
        .and_then(|kind| kind.to_str())
        .unwrap_or_default();
    let mut problems = Vec::new();
    let mut report = |line: usize, what: &str| problems.push(format!("{name}:{line}: {what}"));

    let lines = text.lines().count();
    if CODE.contains(&kind) && lines > FILE_LINES_MAX {
        report(
            lines,
            &format!("{lines} lines, more than {FILE_LINES_MAX}: divide the file"),
        );
    }
    if kind == "rs" && !text.starts_with("//!") {
        report(1, "does not begin with `//!`: say what the file is for");
    }
    // A lock file is written by cargo.
    if path.file_name().is_some_and(|name| name == "Cargo.lock") {
        return problems;
    }
    let mut in_tests = is_test(path);
    for (index, line) in text.lines().enumerate() {
        let mut report = |what: &str| problems.push(format!("{name}:{}: {what}", index + 1));
        in_tests |= kind == "rs" && line.contains("#[cfg(test)]");
        let chars = line.chars().count();
        if kind == "rs" && chars > LINE_CHARS_MAX {
            report(&format!(
                "{chars} characters, more than {LINE_CHARS_MAX}: break the line"
            ));
        }
        if line.contains('\t') {
            report("a tab: use spaces");
        }
        if line.ends_with(' ') {
            report("a space at the end");
        }
        for word in UNFINISHED {
            if line.contains(word) {
                report(&format!("`{word}`: finish it, or leave it out"));
            }
        }
        for host in REGISTRIES {
            if line.contains(host) {
                report(&format!(
                    "`{host}`: name the kind of registry, not its host"
                ));
            }
        }
        for folder in MACHINE_FOLDERS {
            if names_folder(line, folder) {
                report(&format!("`{folder}` is a folder of one machine"));
            }
        }
        if !in_tests && names_folder(line, TEMPORARY_FOLDER) {
            report(&format!(
                "`{TEMPORARY_FOLDER}` is for tests only: let the user say where"
            ));
        }
        if line.contains(OUTSIDE) {
            report(&format!("`{OUTSIDE}` is outside the checkout"));
        }
    }
    problems
}

/// Whether a file is what a fuzzer found or starts from: its bytes are as they must be.
fn is_fuzzer_input(name: &str) -> bool {
    name.split('/').any(|part| part == "corpus")
}

/// Whether a whole file holds tests.
fn is_test(path: &Path) -> bool {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    stem == "tests"
        || stem.ends_with("_tests")
        || stem.ends_with(".test")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// Whether `line` names `folder` from the root of the file system: not as a part of a longer path
/// or address.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~}/".contains(c))
    })
}

/// Members of the workspace that the map does not mention.
fn unmapped_crates(manifest: &str, map: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for member in members(manifest) {
        let last = format!("{}/", member.rsplit('/').next().unwrap_or(member));
        let is_mapped = map.lines().any(|line| {
            let starts_word = |at: usize| {
                line[..at]
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric() && c != '-')
            };
            line.contains(member) && member.contains('/')
                || line.match_indices(&last).any(|(at, _)| starts_word(at))
        });
        if !is_mapped {
            problems.push(format!(
                "ARCHITECTURE.md: no line about {member}: say what is in it"
            ));
        }
    }
    problems
}

/// The members that the workspace's manifest lists, one a line.
fn members(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| !line.starts_with("members = ["))
        .skip(1)
        .take_while(|line| !line.starts_with(']'))
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(line: &str) -> Vec<String> {
        problems_in("crates/hub/src/a.rs", &format!("//! A.\n{line}\n"))
    }

    #[test]
    fn tidy_text_has_no_problem() {
        assert!(rust("fn bell() {}").is_empty());
        assert!(problems_in("a.md", "# A\r\n\r\ntext\r\n").is_empty());
        assert!(problems_in("empty.txt", "").is_empty());
    }

    #[test]
    fn a_problem_names_file_line_and_remedy() {
        assert_eq!(rust("a\tb"), ["crates/hub/src/a.rs:2: a tab: use spaces"]);
    }

    #[test]
    fn long_lines_are_found_in_rust_only_and_counted_in_characters() {
        let line = "钟".repeat(120);
        assert!(rust(&line).is_empty());
        assert_eq!(rust(&format!("{line}钟")).len(), 1);
        assert!(problems_in("a.md", &"x".repeat(500)).is_empty());
    }

    #[test]
    fn long_files_are_found() {
        let text = |lines: usize| format!("//! A.\n{}", "x\n".repeat(lines - 1));
        for name in ["a.rs", "a.js", "a.mjs", "a.css", "a.html", "a.py"] {
            assert!(problems_in(name, &text(450)).is_empty(), "{name}");
            assert_eq!(problems_in(name, &text(451)).len(), 1, "{name}");
        }
        assert!(problems_in("a.md", &text(451)).is_empty());
    }

    #[test]
    fn every_rust_file_says_what_it_is_for() {
        assert_eq!(problems_in("a.rs", "use std::fs;\n").len(), 1);
        assert_eq!(problems_in("a.rs", "").len(), 1);
    }

    #[test]
    fn white_space_at_the_end_is_found_everywhere() {
        assert_eq!(problems_in("a.md", "text \nmore\n").len(), 1);
        assert_eq!(problems_in("a.md", "text\t\n").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            assert_eq!(rust(&format!("    {word}")).len(), 1, "{word}");
        }
    }

    #[test]
    fn registries_are_found_except_in_a_lock_file() {
        for host in REGISTRIES {
            let line = format!("from https://{host}/a\n");
            assert_eq!(problems_in("a.md", &line).len(), 1, "{host}");
            assert!(problems_in("Cargo.lock", &line).is_empty());
            assert!(problems_in("fuzz/Cargo.lock", &line).is_empty());
        }
    }

    #[test]
    fn folders_of_a_machine_are_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(rust(&format!("see {folder}")).len(), 1);
            assert_eq!(problems_in("tests/a.md", &format!("see {folder}")).len(), 1);
        }
        assert_eq!(rust(&format!("{OUTSIDE}/x")).len(), 1);
        let address = format!("https://host.example{}a", MACHINE_FOLDERS[0]);
        assert!(rust(&address).is_empty());
    }

    #[test]
    fn only_tests_may_name_the_temporary_folder() {
        let line = format!("open(\"{TEMPORARY_FOLDER}a\")");
        assert_eq!(rust(&line).len(), 1);
        assert!(rust(&format!("#[cfg(test)]\n{line}")).is_empty());
        for name in [
            "tests/js/a.test.mjs",
            "a/src/log_tests.rs",
            "crates/a/tests/b.rs",
        ] {
            assert!(
                problems_in(name, &format!("//! A.\n{line}")).is_empty(),
                "{name}"
            );
        }
        assert_eq!(problems_in("a.md", &line).len(), 1);
    }

    #[test]
    fn what_a_fuzzer_starts_from_is_left_as_it_is() {
        assert!(is_fuzzer_input("fuzz/corpus/frames/400-empty-key"));
        assert!(!is_fuzzer_input("crates/hub/src/corpus.rs"));
    }

    #[test]
    fn every_crate_is_on_the_map() {
        let manifest =
            "[workspace]\nmembers = [\n    \"crates/hub\", # the hub\n    \"tests\",\n]\n";
        assert_eq!(
            members(manifest).collect::<Vec<_>>(),
            ["crates/hub", "tests"]
        );
        assert_eq!(unmapped_crates(manifest, "").len(), 2);
        assert!(unmapped_crates(manifest, "crates/\n  hub/  sessions\ntests/  all\n").is_empty());
        assert!(unmapped_crates(manifest, "`crates/hub`: sessions\n`tests/`: all\n").is_empty());
        assert_eq!(
            unmapped_crates(manifest, "github/ and sub-tests/\n").len(),
            2
        );
    }
}
