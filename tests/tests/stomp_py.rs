//! stomp.py, the STOMP client of Python programs, over TCP and TLS.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use campanile_tests::Server;

/// Where the scripts are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// Where `cargo xtask test` has installed it.
fn packages() -> PathBuf {
    // <target>/<profile>/deps/<test>
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("the target directory");
    let folder = target.join("python");
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/python/requirements.txt");
    assert!(
        folder.join("stomp").is_dir(),
        "no stomp.py; cargo xtask test installs it, or: python3 -m pip install --no-deps \
         --require-hashes --requirement {requirements} --target {}",
        folder.display()
    );
    folder
}

/// Lets stomp.py do what a function of the script says.
fn run(scenario: &str, arguments: &[&str]) {
    run_of("stomp_py.py", scenario, arguments);
}

/// The same at queues.
fn run_at_queues(scenario: &str) {
    run_of("stomp_py_queues.py", scenario, &[]);
}

fn run_of(script: &str, scenario: &str, arguments: &[&str]) {
    let server = Server::start(arguments);
    let script = format!("{FOLDER}/{script}");
    let port = server.stomp_address().port().to_string();
    let output = Command::new("python3")
        .args([&*script, scenario, &port])
        .env("PYTHONPATH", packages())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {said}");
}

#[test]
fn s59_s60_s68_s69_stomp_py_talks_in_every_version() {
    run("versions", &[]);
}

#[test]
fn s3_s68_stomp_py_talks_under_tls() {
    run("tls", &["--dev-tls"]);
}

#[test]
fn s62_s79_stomp_py_sends_strange_headers() {
    run("headers", &[]);
}

#[test]
fn s65_stomp_py_sends_all_octets() {
    run("binary", &[]);
}

#[test]
fn s66_s67_stomp_py_hears_our_heart_beats_and_sends_its_own() {
    run("heart_beats", &[]);
}

#[test]
fn s73_stomp_py_is_told_what_was_wrong() {
    run("errors", &[]);
}

#[test]
fn s91_stomp_py_shares_a_queue_with_another() {
    run_at_queues("sharing");
}

#[test]
fn s71_stomp_py_gets_what_another_had_when_it_was_cut() {
    run_at_queues("cut");
}

#[test]
fn s71_stomp_py_acknowledges_one_message_or_all_before_it() {
    run_at_queues("modes");
}

#[test]
fn s71_stomp_py_gets_what_another_has_rejected() {
    run_at_queues("rejecting");
}

#[test]
fn s72_stomp_py_commits_and_aborts() {
    run_at_queues("transactions");
}

#[test]
fn s73_stomp_py_is_told_what_it_cannot_acknowledge_or_commit() {
    run_at_queues("errors");
}
