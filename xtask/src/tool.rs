//! Programs that cargo compiles for the chores: found, or compiled once into the cache.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    place::Place,
    run::{Failure, during, output, run},
};

/// A program of which one version counts, so that every machine has the same verdict.
pub(crate) struct Tool {
    /// The package, and the program in it.
    pub(crate) name: &'static str,
    /// The exact version.
    pub(crate) version: &'static str,
}

/// Which dependencies are allowed, by `deny.toml`.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};

impl Tool {
    /// A command without arguments that starts the program: from the search path or the cache, if
    /// its version is there, else compiled into the cache.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub(crate) fn command(&self, place: &Place) -> Result<Command, Failure> {
        let tools = place.cache.join("tools");
        let kept = tools.join("bin").join(self.name);
        for candidate in [PathBuf::from(self.name), kept.clone()] {
            let said = output(Command::new(&candidate).arg("--version"));
            if said.is_ok_and(|said| self.is_version(&said)) {
                return Ok(Command::new(candidate));
            }
        }
        println!("    compiling {} {}, once", self.name, self.version);
        let build = tools.join("build");
        let mut install = place.cargo(&["install", self.name, "--quiet", "--locked", "--force"]);
        install
            .args(["--version", self.version, "--root"])
            .arg(&tools);
        // Unoptimised it compiles in a third of the time, and still answers at once.
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        install.env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        install.env("CARGO_PROFILE_RELEASE_LTO", "off");
        run(install.env("CARGO_TARGET_DIR", &build))?;
        fs::remove_dir_all(&build).map_err(during(build.display()))?;
        Ok(Command::new(kept))
    }

    /// Whether the program's answer to `--version` is this one.
    fn is_version(&self, said: &str) -> bool {
        said.trim().ends_with(&format!(" {}", self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_version_counts() {
        let tool = Tool {
            name: "carillon",
            version: "0.5.1",
        };
        assert!(tool.is_version("carillon 0.5.1\n"));
        for said in [
            "carillon 0.5.10",
            "carillon 10.5.1",
            "carillon 0.5.1 (old)",
            "",
        ] {
            assert!(!tool.is_version(said), "{said}");
        }
    }
}
