//! Feeds arbitrary octets to `selector_input`, which a test in crates/stomp replays too.
#![no_main]

#[allow(dead_code)] // each target and test uses its part
#[path = "../../crates/stomp/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::fuzzed::selector_input(data);
});
