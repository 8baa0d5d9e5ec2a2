//! Replays the fuzzer's corpus on the stable compiler.
//!
//! A file's name may start with what its input must come to as a payload: `ok-`, `empty-`,
//! `broken-` or `too-many-`. Files that a fuzzer has named only must not break an invariant.

mod common;

use std::{fs, path::Path};

use campanile_sockjs::DecodeError;
use common::fuzzed;

#[test]
fn s51_s55_sockjs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sockjs");
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read the corpus {}: {error}", folder.display()));
    let mut files = 0;
    for entry in entries {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name().to_string_lossy().into_owned();
        let data = fs::read(entry.path()).expect("a readable file");
        let word = match fuzzed::input(&data) {
            Ok(_) => "ok-",
            Err(DecodeError::Empty) => "empty-",
            Err(DecodeError::TooMany) => "too-many-",
            Err(_) => "broken-",
        };
        let words = ["ok-", "empty-", "too-many-", "broken-"];
        if let Some(expected) = words.into_iter().find(|it| name.starts_with(it)) {
            assert_eq!(word, expected, "{name}");
        }
        files += 1;
    }
    assert!(files >= 20, "{} has only {files} files", folder.display());
}
