//! Replays the fuzzers' corpus on the stable compiler.
//!
//! A file's name may start with what its input must come to: `ok-` or the word of the error for the
//! decoder; `selected-`, `not-selected-` or `bad-selector-` for selectors. Files that a fuzzer has
//! named only must not break an invariant.

#[expect(dead_code, reason = "each test uses its part")]
mod common;

use std::{fs, path::Path};

use common::fuzzed;

/// The names and contents of the corpus of `target`, of which there must be some.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read the corpus {}: {error}", folder.display()));
    let files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("a readable folder");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a readable file"))
        })
        .collect();
    assert!(
        files.len() >= 20,
        "{} has only {} files",
        folder.display(),
        files.len()
    );
    files
}

#[test]
fn stomp_decoder() {
    const WORDS: [&str; 9] = [
        "ok",
        "unknown-command",
        "bad-header",
        "bad-escape",
        "bad-text",
        "bad-content-length",
        "bad-body",
        "malformed-frame",
        "too-big",
    ];
    for (name, data) in corpus("stomp_decoder") {
        let word = fuzzed::decode_input(&data).map_or("ok", |error| error.word());
        let says = |it: &&str| {
            name.strip_prefix(*it)
                .is_some_and(|rest| rest.starts_with('-'))
        };
        if let Some(expected) = WORDS.into_iter().find(says) {
            assert_eq!(word, expected, "{name}");
        }
    }
}

#[test]
fn stomp_selector() {
    for (name, data) in corpus("stomp_selector") {
        let outcome = fuzzed::selector_input(&data);
        if name.starts_with("selected-") {
            assert_eq!(outcome, Some(Ok(true)), "{name}");
        } else if name.starts_with("not-selected-") {
            assert_eq!(outcome, Some(Ok(false)), "{name}");
        } else if name.starts_with("bad-selector-") {
            assert!(matches!(outcome, Some(Err(_))), "{name}");
        }
    }
}
