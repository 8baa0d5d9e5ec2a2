//! Replays the fuzzers' corpus on the stable compiler.
//!
//! A file's name may start with what its input must come to: `ok-` or a close code for the
//! decoder and the inflater; a status for the server's side of the handshake; `client-ok-`, `client-more-` or
//! `client-bad-` for the client's. Files that a fuzzer has named only must not break an invariant.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::fuzzed;

/// The names and contents of the corpus of `target`, of which there must be some.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read the corpus {}: {error}", folder.display()));
    let files: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .expect("a file name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("a readable file"))
        })
        .collect();
    assert!(
        files.len() >= 20,
        "the corpus {} has only {} files",
        folder.display(),
        files.len()
    );
    files
}

#[test]
fn websocket_decoder() {
    for (name, data) in corpus("websocket_decoder") {
        let code = fuzzed::decode_input(&data).map(|error| error.close_code().get());
        let expected = name.split('-').next().unwrap_or_default();
        match (expected, expected.parse::<u16>()) {
            ("ok", _) => assert_eq!(code, None, "{name}"),
            (_, Ok(expected)) if expected < 5000 => assert_eq!(code, Some(expected), "{name}"),
            _ => {}
        }
    }
}

#[test]
fn websocket_inflater() {
    for (name, data) in corpus("websocket_inflater") {
        let code = fuzzed::inflater_input(&data).map(|error| error.close_code().get());
        let expected = name.split('-').next().unwrap_or_default();
        match (expected, expected.parse::<u16>()) {
            ("ok", _) => assert_eq!(code, None, "{name}"),
            (_, Ok(expected)) if expected < 5000 => assert_eq!(code, Some(expected), "{name}"),
            _ => {}
        }
    }
}

#[test]
fn websocket_handshake() {
    for (name, data) in corpus("websocket_handshake") {
        let outcome = fuzzed::handshake_input(&data);
        let status = outcome
            .server
            .map_or_else(|error| error.status().as_u16(), |()| 101);
        let parts: Vec<&str> = name.split('-').collect();
        match parts.as_slice() {
            ["client", "ok", ..] => assert!(matches!(outcome.client, Ok(Some(_))), "{name}"),
            ["client", "more", ..] => assert_eq!(outcome.client, Ok(None), "{name}"),
            ["client", "bad", ..] => assert!(outcome.client.is_err(), "{name}"),
            [expected @ ("101" | "400" | "405" | "426"), ..] => {
                assert_eq!(
                    status.to_string(),
                    *expected,
                    "{name}: {:?}",
                    outcome.server
                );
            }
            _ => {}
        }
    }
}
