//! The Autobahn test suite: its set-up, a run, and the verdict.
//!
//! The suite runs on Python 2 only. PyPy 2 comes from Debian 11, unpacked into the cache; the
//! suite and what it imports come from PyPI, each pinned by version and checksum.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    apt,
    place::Place,
    run::{Failure, Running, during, run},
};

/// The last release of Debian with PyPy 2, and with a pip that runs on it.
const RELEASE: &str = "bullseye";
/// PyPy with its headers (one module of Twisted's is compiled), the libraries that it is linked
/// to and that a later release may have under another name, and pip.
const PACKAGES: [&str; 10] = [
    "libbz2-1.0",
    "libexpat1",
    "libffi7",
    "libssl1.1",
    "libtinfo6",
    "pypy",
    "pypy-dev",
    "pypy-lib",
    "python-pip-whl",
    "zlib1g",
];
/// Which cases are run: all but 12 and 13, which are about compression.
const CASES: [&str; 9] = [
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*",
];
/// What the suite calls the server in its reports.
const AGENT: &str = "campanile";
/// How many of these cases there are. Fewer in a report means that some did not run.
const CASE_COUNT: usize = 301;
/// The cases that have no right outcome: the suite only writes down what happened.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];
/// A run takes about 20 s; one that hangs is ended after this.
const RUN_PATIENCE: Duration = Duration::from_secs(300);

/// The suite, ready to run.
#[derive(Debug)]
pub(crate) struct Suite {
    folder: PathBuf,
    launcher: PathBuf,
    pypy: PathBuf,
    library_path: String,
}

impl Suite {
    /// Brings the suite into the cache, unless it is there already.
    ///
    /// # Errors
    /// When something cannot be fetched or unpacked.
    pub(crate) fn set_up(place: &Place) -> Result<Self, Failure> {
        let support = place.root.join("tests/autobahn");
        let folder = place.cache.join("autobahn");
        let root = folder.join("root");
        let suite = |library_path| Self {
            launcher: support.join("wstest.py"),
            pypy: root.join("usr/bin/pypy"),
            folder: folder.clone(),
            library_path,
        };
        let tools = support.join("requirements-build.txt");
        let packages = support.join("requirements.txt");
        let mut recipe = format!("{RELEASE} {}\n", PACKAGES.join(" "));
        for list in [&tools, &packages] {
            recipe += &fs::read_to_string(list).map_err(during(list.display()))?;
        }
        let stamp = folder.join("recipe");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == recipe) {
            println!("    there already: {}", folder.display());
            return Ok(suite(library_path(&root)?));
        }

        apt::unpack(&folder, RELEASE, &PACKAGES)?;
        let suite = suite(library_path(&root)?);
        let pip = wheels(&root.join("usr/share/python-wheels"))?;
        suite.install(&tools, "build", &pip)?;
        // The packages' own set-up programs import from the first folder.
        let mut path = vec![folder.join("build")];
        path.extend(pip);
        suite.install(&packages, "site", &path)?;
        fs::write(&stamp, recipe).map_err(during(stamp.display()))?;
        Ok(suite)
    }

    /// Installs the packages that `list` names into the folder called `name`; `path` is where pip
    /// and the packages' set-up programs are imported from.
    fn install(&self, list: &Path, name: &str, path: &[PathBuf]) -> Result<(), Failure> {
        let target = self.folder.join(name);
        if target.exists() {
            fs::remove_dir_all(&target).map_err(during(target.display()))?;
        }
        let python_path = env::join_paths(path).map_err(during("PYTHONPATH"))?;
        let mut pip = self.pypy();
        pip.env("PYTHONPATH", python_path)
            .args(["-m", "pip", "install"]);
        pip.args([
            "--quiet",
            "--no-python-version-warning",
            "--disable-pip-version-check",
        ]);
        pip.args(["--no-cache-dir", "--no-compile", "--no-build-isolation"]);
        pip.args(["--no-deps", "--require-hashes", "--target"]);
        run(pip.arg(&target).arg("--requirement").arg(list))
    }

    fn pypy(&self) -> Command {
        let mut command = Command::new(&self.pypy);
        command.env("LD_LIBRARY_PATH", &self.library_path);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn wstest(&self, arguments: &[&str]) -> Command {
        let site = self.folder.join("site");
        let mut command = self.pypy();
        command
            .env("PYTHONPATH", &site)
            .arg(&self.launcher)
            .arg(site)
            .args(arguments);
        command
    }

    /// The suite's own server, which is known to pass, at `url`.
    pub(crate) fn testee(&self, url: &str) -> Command {
        self.wstest(&["--mode", "testeeserver", "--wsuri", url])
    }

    /// Runs the cases against the echo at `url` and judges what the suite reports.
    ///
    /// # Errors
    /// When the suite does not end, or any case has another outcome than it must have; all such
    /// cases are listed.
    pub(crate) fn run(&self, url: &str) -> Result<(), Failure> {
        let reports = self.folder.join("reports");
        if reports.exists() {
            fs::remove_dir_all(&reports).map_err(during(reports.display()))?;
        }
        let spec = json!({
            "outdir": reports,
            "servers": [{ "agent": AGENT, "url": url }],
            "cases": CASES,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        });
        let spec_path = self.folder.join("spec.json");
        fs::write(&spec_path, spec.to_string()).map_err(during(spec_path.display()))?;
        let spec_name = spec_path.to_string_lossy();
        // The suite names every case that it runs: too much for a log that people read.
        let client = self.wstest(&["--mode", "fuzzingclient", "--spec", &spec_name]);
        let log = fs::File::create(self.folder.join("fuzzingclient.log"))
            .map_err(during("fuzzingclient.log"))?;
        let status = Running::start(&client, log.into())?.wait(RUN_PATIENCE)?;
        if !status.success() {
            return Err(Failure::new(format!(
                "the fuzzing client ended with {status}"
            )));
        }
        let index = reports.join("index.json");
        let text = fs::read_to_string(&index).map_err(during(index.display()))?;
        let report: Value = serde_json::from_str(&text).map_err(during(index.display()))?;
        let verdict = judge(&report)?;
        let wrong = verdict.wrong.len();
        println!("autobahn: {} passed, {wrong} failed", verdict.right);
        if wrong == 0 {
            return Ok(());
        }
        let list = verdict.wrong.join("\n  ");
        Err(Failure::new(format!(
            "{wrong} cases failed:\n  {list}\nsee {}",
            reports.display()
        )))
    }
}

/// The folders of shared libraries below `root`.
fn library_path(root: &Path) -> Result<String, Failure> {
    let mut folders = Vec::new();
    for parent in [root.join("lib"), root.join("usr/lib")] {
        let Ok(entries) = fs::read_dir(&parent) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().ends_with("-linux-gnu") {
                folders.push(entry.path());
            }
        }
    }
    let joined = env::join_paths(folders).map_err(during("LD_LIBRARY_PATH"))?;
    Ok(joined.to_string_lossy().into_owned())
}

/// The wheels in `folder`: pip and what it imports.
fn wheels(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(during(folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// What the reports say.
#[derive(Debug)]
struct Verdict {
    /// How many cases had the outcome that they must have.
    right: usize,
    /// The other ones, with their outcomes.
    wrong: Vec<String>,
}

/// Judges the suite's index. Of a case both the behaviour and the way it closed must be right;
/// a case that is not in the index is wrong.
fn judge(report: &Value) -> Result<Verdict, Failure> {
    let Some(cases) = report[AGENT].as_object() else {
        return Err(Failure::new(
            "the report names no case: was there no server to talk to?",
        ));
    };
    let mut verdict = Verdict {
        right: 0,
        wrong: Vec::new(),
    };
    for (case, outcome) in cases {
        let behavior = outcome["behavior"].as_str().unwrap_or("absent");
        let close = outcome["behaviorClose"].as_str().unwrap_or("absent");
        let expected = if INFORMATIONAL.contains(&case.as_str()) {
            "INFORMATIONAL"
        } else {
            "OK"
        };
        if behavior == expected && close == expected {
            verdict.right += 1;
        } else {
            verdict
                .wrong
                .push(format!("{case}: {behavior}, close {close}"));
        }
    }
    if cases.len() != CASE_COUNT {
        verdict.wrong.push(format!(
            "{} cases were run instead of {CASE_COUNT}",
            cases.len()
        ));
    }
    for case in INFORMATIONAL {
        if !cases.contains_key(case) {
            verdict.wrong.push(format!("{case}: not run"));
        }
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report in which every case has the outcome that it must have.
    fn perfect() -> Value {
        let mut cases = serde_json::Map::new();
        for case in INFORMATIONAL {
            let outcome = json!({"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"});
            cases.insert(case.to_owned(), outcome);
        }
        for number in 0..CASE_COUNT - INFORMATIONAL.len() {
            let outcome = json!({"behavior": "OK", "behaviorClose": "OK"});
            cases.insert(format!("1.{number}"), outcome);
        }
        json!({ AGENT: cases })
    }

    #[test]
    fn a_perfect_report_passes() {
        let verdict = judge(&perfect()).unwrap();
        assert_eq!((verdict.right, verdict.wrong.len()), (301, 0));
    }

    #[test]
    fn every_other_outcome_fails() {
        let outcomes = [
            "NON-STRICT",
            "UNIMPLEMENTED",
            "UNCLEAN",
            "WRONG CODE",
            "FAILED",
            "FAILED BY CLIENT",
            "INFORMATIONAL",
        ];
        for outcome in outcomes {
            for field in ["behavior", "behaviorClose"] {
                let mut report = perfect();
                report[AGENT]["1.7"][field] = outcome.into();
                let verdict = judge(&report).unwrap();
                assert_eq!((verdict.right, verdict.wrong.len()), (300, 1), "{outcome}");
                assert!(verdict.wrong[0].starts_with("1.7: "), "{:?}", verdict.wrong);
            }
        }
    }

    #[test]
    fn a_case_that_did_not_run_fails() {
        let mut report = perfect();
        report[AGENT].as_object_mut().unwrap().remove("1.7");
        assert_eq!(
            judge(&report).unwrap().wrong,
            ["300 cases were run instead of 301"]
        );
        let mut report = perfect();
        report[AGENT].as_object_mut().unwrap().remove("7.1.6");
        assert_eq!(judge(&report).unwrap().wrong.len(), 2);
        assert!(judge(&json!({})).is_err());
    }
}
