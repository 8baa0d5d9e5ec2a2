//! The project's own chores, as `cargo xtask CHORE`.
#![forbid(unsafe_code)]

mod apt;
mod autobahn;
mod interop;
mod place;
mod run;
mod setup;
mod test;
mod tidy;

use std::{env, process::ExitCode};

use place::Place;
use run::Failure;

const HELP: &str = "\
The project's own chores.

Usage: cargo xtask CHORE

  test      everything that a change must pass; installs or names what is missing, never skips
  interop   the suites that others wrote and that take long: Autobahn
            (--own-testee: run it against the suite's own server, to prove the set-up)
  tidy      only the check of style (a part of test)

CAMPANILE_CACHE names the folder that keeps what was fetched (default: target/interop).";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let chore: fn(&Place) -> Result<(), Failure> = match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["test"] => test::run_all,
        ["tidy"] => tidy::check,
        ["interop"] => interop::run_all,
        ["interop", "--own-testee"] => interop::prove,
        _ => {
            eprintln!("xtask: no such chore: {}\n\n{HELP}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match Place::find().and_then(|place| chore(&place)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask {}: {failure}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}
