//! Feeds arbitrary octets to `input`, which a test in crates/sockjs replays too.
#![no_main]

#[path = "../../crates/sockjs/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = common::fuzzed::input(data);
});
