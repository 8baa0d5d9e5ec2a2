//! The project's own chores, as `cargo xtask CHORE`.
#![forbid(unsafe_code)]

mod api;
mod apt;
mod autobahn;
mod haproxy;
mod interop;
mod parity;
mod peers;
mod place;
mod python;
mod run;
mod setup;
mod test;
mod tidy;
mod tool;
mod tour;
mod verdict;

use std::{env, process::ExitCode};

use autobahn::Extent;
use place::Place;
use run::Failure;

/// Something to do in the checkout.
type Chore<'a> = Box<dyn Fn(&Place) -> Result<(), Failure> + 'a>;

const HELP: &str = "\
The project's own chores.

Usage: cargo xtask CHORE

  test      everything that a change must pass; installs or names what is missing, never skips
  interop   the suites that others wrote and that take long: Autobahn, also through HAProxy
            if that is installed: a quarter of an hour and more
            (--quick: without the cases about compression, in a minute;
            --own-testee: run it against the suite's own server, to prove the set-up)
  peers     Campanile beside other servers, in one run (--help: its options)
  tidy      only the check of style (a part of test)
  parity    writes docs/parity.md: the features of Java's stack, and the tests that prove each
            (--check: only say what is wrong)
  api       checks the libraries' public items against docs/api and against the baseline commit
            there (--bless: write them anew; --baseline: make the last commit the baseline)
  tour      what the README tells a newcomer to do: builds its program alone, starts it, chats

CAMPANILE_CACHE names the folder that keeps what was fetched (default: target/interop).";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let chore: Chore<'_> = match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["test"] => Box::new(test::run_all),
        ["tidy"] => Box::new(tidy::check),
        ["parity"] => Box::new(parity::write),
        ["parity", "--check"] => Box::new(parity::check),
        ["api"] => Box::new(api::check),
        ["api", "--bless"] => Box::new(api::bless),
        ["api", "--baseline"] => Box::new(api::renew_baseline),
        ["tour"] => Box::new(tour::run_all),
        ["interop"] => Box::new(|place| interop::run_all(place, Extent::Full)),
        ["interop", "--quick"] => {
            Box::new(|place| interop::run_all(place, Extent::WithoutCompression))
        }
        ["interop", "--own-testee"] => Box::new(interop::prove),
        ["peers", options @ ..] => Box::new(|place| peers::run_all(place, options)),
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
