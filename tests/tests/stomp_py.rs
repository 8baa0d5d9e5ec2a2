//! stomp.py, the STOMP client of Python programs, over TCP and TLS.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use campanile_tests::Server;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/stomp_py.py");

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
    let server = Server::start(arguments);
    let output = Command::new("python3")
        .args([SCRIPT, scenario, &server.stomp_address().port().to_string()])
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
