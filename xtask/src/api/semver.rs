//! Whether what a library promised at the baseline still holds.
//!
//! The baseline is a commit. Its JSON is made from its own files, here, by the compiler that also
//! makes today's: so both are of one format, and nothing large has to be kept in the repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::rustdoc;
use crate::{
    place::Place,
    run::{Failure, during, output, run},
    tool::Tool,
};

/// The commit that is compared with, below the top of the checkout.
const BASELINE: &str = "docs/api/baseline";

/// What knows which changes break a user's code.
const CARGO_SEMVER_CHECKS: Tool = Tool {
    name: "cargo-semver-checks",
    version: "0.51.0",
};

/// Compares each of `crates`, whose JSON is in the folder `current`, with the baseline.
///
/// # Errors
/// When something has broken and the version does not say so.
pub(super) fn check(place: &Place, crates: &[&str], current: &Path) -> Result<(), Failure> {
    let path = place.root.join(BASELINE);
    let text = fs::read_to_string(&path).map_err(during(path.display()))?;
    let commit = parse(&text).map_err(during(BASELINE))?;
    if !is_here(place, commit) && !has_whole_history(place) {
        println!(
            "    not compared with commit {commit:.10}: this checkout has no whole history \
             (`git fetch --unshallow` brings it)"
        );
        return Ok(());
    }
    let baseline = baseline(place, crates, commit)?;
    for name in crates {
        println!("    {name}, beside commit {:.10}:", commit);
        let mut command = CARGO_SEMVER_CHECKS.command(place)?;
        command
            .args(["semver-checks", "--baseline-rustdoc"])
            .arg(baseline.join(rustdoc::file_name(name)))
            .arg("--current-rustdoc")
            .arg(current.join(rustdoc::file_name(name)));
        run(&mut command).map_err(during(format!(
            "{name} has changed so that its users' code may break. Either change it so that it \
             does not; or raise the version in Cargo.toml (before 1.0 the middle number); or, if \
             no user has that version yet, run `cargo xtask api --baseline` and say so in the commit"
        )))?;
    }
    Ok(())
}

/// Whether the files of `commit` can be had.
fn is_here(place: &Place, commit: &str) -> bool {
    let mut git = Command::new("git");
    git.args(["cat-file", "-e", &format!("{commit}^{{commit}}")]);
    output(git.current_dir(&place.root)).is_ok()
}

/// Whether git knows all commits: not in a shallow clone, nor in files without a repository.
fn has_whole_history(place: &Place) -> bool {
    let mut git = Command::new("git");
    git.args(["rev-parse", "--is-shallow-repository"]);
    output(git.current_dir(&place.root)).is_ok_and(|answer| answer.trim() == "false")
}

/// Makes the last commit the baseline.
///
/// # Errors
/// When git or the file system fails.
pub(super) fn renew_baseline(place: &Place) -> Result<(), Failure> {
    let mut git = Command::new("git");
    let commit = output(git.args(["rev-parse", "HEAD"]).current_dir(&place.root))?;
    let path = place.root.join(BASELINE);
    fs::write(&path, &commit).map_err(during(path.display()))?;
    println!("    the baseline is now {}", commit.trim());
    Ok(())
}

/// The commit in the text of the baseline's file.
fn parse(text: &str) -> Result<&str, Failure> {
    let commit = text.trim();
    if commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(commit)
    } else {
        Err(Failure::new(format!(
            "{commit:?} is no commit: write its 40 digits, or run `cargo xtask api --baseline`"
        )))
    }
}

/// The folder with the JSON of the libraries as they were at `commit`; made unless it is there.
fn baseline(place: &Place, crates: &[&str], commit: &str) -> Result<PathBuf, Failure> {
    let compiler = output(Command::new("rustc").arg("--version"))?;
    let folder = place.target.join("api/baseline");
    let json = folder.join("json");
    // Written last, so that a run which was broken off leaves nothing half made.
    let stamp_path = folder.join("stamp");
    let stamp = format!("{commit}\n{compiler}{}\n", crates.join(" "));
    if fs::read_to_string(&stamp_path).is_ok_and(|found| found == stamp) {
        return Ok(json);
    }
    println!("    the baseline is commit {commit}: reading it, once");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(during(folder.display()))?;
    }
    let checkout = folder.join("checkout");
    fs::create_dir_all(&checkout).map_err(during(checkout.display()))?;
    let archive = folder.join("checkout.tar");
    let mut git = Command::new("git");
    git.args(["archive", "--output"])
        .arg(&archive)
        .arg(commit)
        .current_dir(&place.root);
    run(&mut git).map_err(during(format!(
        "{BASELINE} names a commit that is not in this repository"
    )))?;
    run(Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(&checkout))?;
    rustdoc::write_json(place, &checkout, crates, &json)?;
    fs::write(&stamp_path, stamp).map_err(during(stamp_path.display()))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_a_whole_commit_id() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(parse(&format!("{commit}\n")).unwrap(), commit);
        for text in ["", "main", "0123456", &"g".repeat(40), &"0".repeat(41)] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
    }
}
