//! Where things are: the checkout, what cargo builds, and what was fetched.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{Failure, output};

/// The folders that the chores work in.
#[derive(Debug)]
pub(crate) struct Place {
    /// The top of the checkout.
    pub(crate) root: PathBuf,
    /// Cargo's folder for what it builds.
    pub(crate) target: PathBuf,
    /// What was fetched or built for the tests, kept between runs.
    pub(crate) cache: PathBuf,
}

impl Place {
    /// Reads the folders from the environment.
    ///
    /// # Errors
    /// When this program was not built inside the checkout, or no folder can be current.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .filter(|root| root.join("Cargo.toml").is_file())
            .ok_or_else(|| Failure::new("the checkout has moved: run it as `cargo xtask`"))?;
        let current = env::current_dir()
            .map_err(|error| Failure::new(format!("no current folder: {error}")))?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) if !folder.is_empty() => current.join(folder),
            _ => root.join("target"),
        };
        let cache = match env::var_os("CAMPANILE_CACHE") {
            Some(folder) if !folder.is_empty() => current.join(folder),
            _ => target.join("interop"),
        };
        Ok(Self {
            root: root.to_owned(),
            target,
            cache,
        })
    }

    /// `cargo` with the given arguments, at the top of the checkout.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// The files that git tracks, or would add: their names from the top of the checkout. With
    /// patterns, such as `*.rs`, those that match one.
    ///
    /// # Errors
    /// When git fails.
    pub(crate) fn files(&self, patterns: &[&str]) -> Result<Vec<String>, Failure> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others"])
            .arg("--exclude-standard")
            .args(patterns)
            .current_dir(&self.root);
        let listed = output(&mut git)?;
        // A file that was removed from the folder is still listed until that is committed.
        let files = listed
            .split_terminator('\0')
            .filter(|name| self.root.join(name).is_file());
        Ok(files.map(str::to_owned).collect())
    }

    /// The program, as built with the profile whose files are in `folder` of the target folder.
    pub(crate) fn program(&self, folder: &str) -> PathBuf {
        self.target
            .join(folder)
            .join(format!("campanile{}", env::consts::EXE_SUFFIX))
    }
}
