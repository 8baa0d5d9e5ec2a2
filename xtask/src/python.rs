//! The Python packages that the tests need.

use std::{fs, process::Command};

use crate::{
    place::Place,
    run::{Failure, during, run},
};

/// What is installed, with hashes: below the top of the checkout.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// Where it goes: below cargo's folder, where the tests look for it.
const FOLDER: &str = "python";

/// What is left there when all is installed.
const STAMP: &str = ".installed-requirements.txt";

/// Installs the packages that the tests' clients in Python import, unless they are there already.
///
/// # Errors
/// When pip fails, also because a package is not the one whose hash is written down.
pub(crate) fn packages(place: &Place) -> Result<(), Failure> {
    let list = place.root.join(REQUIREMENTS);
    let wanted = fs::read_to_string(&list).map_err(during(list.display()))?;
    let folder = place.target.join(FOLDER);
    let stamp = folder.join(STAMP);
    let names: Vec<&str> = names(&wanted).collect();
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        println!("    all there: {}", names.join(", "));
        return Ok(());
    }
    println!("    installing {}", names.join(", "));
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(during(folder.display()))?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
    pip.args(["--no-deps", "--only-binary=:all:", "--require-hashes"]);
    pip.arg("--requirement").arg(&list);
    run(pip.arg("--target").arg(&folder))?;
    fs::write(&stamp, wanted).map_err(during(stamp.display()))
}

/// `NAME==VERSION` of each package in a list.
fn names(list: &str) -> impl Iterator<Item = &str> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_listed_without_hashes() {
        let list = "# Clients.\na==1.2 --hash=sha256:00\n\nb==3.4 --hash=sha256:11\n";
        assert_eq!(names(list).collect::<Vec<_>>(), ["a==1.2", "b==3.4"]);
    }
}
