//! `cargo xtask test`: everything that a change must pass.

use crate::{
    api, parity,
    place::Place,
    python,
    run::{Failure, Steps, run},
    setup, tidy,
    tool::CARGO_DENY,
    tour,
};

/// Runs all steps, stopping at the first that fails.
///
/// # Errors
/// The first failure, naming the command.
pub(crate) fn run_all(place: &Place) -> Result<(), Failure> {
    let mut steps = Steps::new("test");
    steps.step("system packages", setup::system_packages)?;
    steps.step("npm packages", || setup::npm_packages(place))?;
    steps.step("Python packages", || python::packages(place))?;
    steps.step("tidy", || tidy::check(place))?;
    steps.step("parity", || parity::check(place))?;
    steps.step("format", || {
        run(&mut place.cargo(&["fmt", "--all", "--check"]))
    })?;
    steps.step("clippy", || {
        let clippy = |selection: &[&str]| {
            let mut clippy = place.cargo(&["clippy"]);
            run(clippy.args(selection).args(["--", "-D", "warnings"]))
        };
        clippy(&["--workspace", "--all-targets"])?;
        // Tests switch on every part of the library; users build it with fewer.
        clippy(&["-p", "campanile", "--lib"])?;
        clippy(&["-p", "campanile", "--lib", "--no-default-features"])
    })?;
    steps.step("documentation", || {
        let mut doc = place.cargo(&["doc", "--workspace", "--no-deps"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    steps.step("public API", || api::check(place))?;
    steps.step("dependencies", || {
        let mut deny = CARGO_DENY.command(place)?;
        // Advisories would need a database from a host that a closed network does not reach.
        let arguments = [
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ];
        run(deny.args(arguments).current_dir(&place.root))
    })?;
    // The profile of the tests, so that no dependency is compiled once more for the program.
    steps.step("build", || {
        run(&mut place.cargo(&["build", "--workspace", "--all-targets", "--profile", "test"]))
    })?;
    let program = place.program("debug");
    steps.step("Rust tests", || {
        run(place
            .cargo(&["test", "--workspace"])
            .env("CAMPANILE_BIN", &program))
    })?;
    steps.step("JavaScript tests", || setup::node_tests(place, &program))?;
    steps.step("developer's tour", || tour::run_all(place))?;
    steps.summary();
    Ok(())
}
