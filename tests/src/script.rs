//! Other people's clients, which scripts in their languages drive.

use std::process::{Command, Stdio};

/// Runs a program that drives a client, and waits for its end. The script bounds each of its waits.
///
/// # Panics
/// With what it wrote, when it does not end with status 0; when it is not there, with the names of
/// Debian's `packages` that bring it.
pub fn run_client(program: &str, packages: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{program}: {error}; install it: apt-get install --no-install-recommends {packages}"
            )
        });
    let (said, wrote) = (&output.stderr, &output.stdout);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(said),
        String::from_utf8_lossy(wrote)
    );
}
