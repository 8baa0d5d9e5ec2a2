//! What the compiler says about callbacks that cannot be: it must name the one thing that is
//! missing and tell what to write instead.
//!
//! Each program in `tests/ui` must not compile, and rustc's text about it must be the one beside
//! it, as rustc 1.95 has it; other versions must give the same errors and the same advice. After a
//! change that is meant, `CAMPANILE_BLESS=1 cargo test --test advice` writes the texts anew.
//!
//! The programs are checked against the library that was built for this test, so nothing is
//! compiled for them a second time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The version whose words are kept.
const VERSION: &str = "rustc 1.95.";

fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// The folder with all crates that this test was linked from.
fn dependencies() -> PathBuf {
    let this = env::current_exe().expect("a test is a file");
    this.parent().expect("in a folder").to_owned()
}

/// The library as it was built last. An older build of it may lie beside it.
fn library(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("cargo's folder").flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("libcampanile-") && name.ends_with(".rlib")
        })
        .max_by_key(|entry| entry.metadata().and_then(|it| it.modified()).ok())
        .expect("the library was built for this test")
        .path()
}

/// What the compiler says about a program, without this machine's folders.
fn complaint(program: &Path, folder: &Path, library: &Path) -> String {
    let name = program.file_name().expect("a file");
    let output = rustc()
        .current_dir(program.parent().expect("in a folder"))
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "bin",
            "--emit",
            "metadata",
        ])
        .args(["--color", "never", "--diagnostic-width", "100", "-o"])
        .arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/advice"))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("--extern")
        .arg(format!("campanile={}", library.display()))
        .arg(name)
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success(), "{program:?} compiles");
    assert!(!text.contains("E0460") && !text.contains("E0463"), "{text}");
    tidied(&text)
}

/// How rustc begins to list other types, whose number changes with the library.
const LIST: &str = "the following other types implement";

/// What else it adds of its own: what is known already, and places in the library.
const ASIDES: [&str; 6] = [
    "the trait ",
    "required by a bound",
    "required for ",
    "the full name for the type",
    "the full type name",
    "consider using `--verbose`",
];

/// What of the text is left out.
#[derive(PartialEq)]
enum Skipped {
    Nothing,
    /// Until the next note, or until the block ends.
    Aside,
    /// Until the block ends: its members look like notes.
    List,
}

/// Leaves out what is not about the program.
fn tidied(text: &str) -> String {
    let mut kept = String::new();
    let mut skipped = Skipped::Nothing;
    for line in text.lines() {
        let note = ["note: ", "help: "].iter().find_map(|kind| {
            line.trim_start()
                .trim_start_matches("= ")
                .strip_prefix(kind)
        });
        let begins_block = line.is_empty() || line.starts_with(|first: char| first.is_lowercase());
        if begins_block || note.is_some() && skipped != Skipped::List {
            skipped = match note {
                Some(note) if note.starts_with(LIST) => Skipped::List,
                Some(note) if ASIDES.iter().any(|it| note.starts_with(it)) => Skipped::Aside,
                _ => Skipped::Nothing,
            };
        }
        let is_count = line.starts_with("error: aborting") || line.starts_with("For more info");
        if skipped == Skipped::Nothing && !is_count {
            kept.push_str(line.trim_end());
            kept.push('\n');
        }
    }
    kept.truncate(kept.trim_end().len());
    kept + "\n"
}

/// The lines that must be there whatever the version: what is wrong, and what to do.
fn advice(text: &str) -> BTreeSet<&str> {
    text.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("error") || line.starts_with("= note: "))
        .collect()
}

#[test]
fn s192_the_compiler_says_what_is_missing_and_what_to_do() {
    let version = rustc()
        .arg("--version")
        .output()
        .expect("rustc runs")
        .stdout;
    let is_same = String::from_utf8_lossy(&version).starts_with(VERSION);
    let folder = dependencies();
    let library = library(&folder);
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for entry in fs::read_dir(programs).expect("the programs").flatten() {
        let program = entry.path();
        if program.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        checked += 1;
        let said = complaint(&program, &folder, &library);
        let beside = program.with_extension("stderr");
        if env::var_os("CAMPANILE_BLESS").is_some() {
            fs::write(&beside, &said).expect("it can be written");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        let fits = match is_same {
            true => said == expected,
            false => advice(&said).is_superset(&advice(&expected)),
        };
        if !fits {
            wrong.push(format!(
                "{program:?}\n--- expected\n{expected}\n--- said\n{said}"
            ));
        }
    }
    assert!(checked >= 10, "the programs are missing");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
