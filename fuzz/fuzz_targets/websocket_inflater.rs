//! Feeds arbitrary octets to `inflater_input`, which a test in crates/websocket replays too.
#![no_main]

#[allow(dead_code)] // each target and test uses its part
#[path = "../../crates/websocket/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::fuzzed::inflater_input(data);
});
