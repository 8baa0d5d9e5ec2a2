//! The Autobahn test suite: its set-up and a run.
//!
//! The suite runs on Python 2 only. PyPy 2 comes from Debian 11, unpacked into the cache; the
//! suite and what it imports come from PyPI, each pinned by version and checksum.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    apt,
    place::Place,
    run::{Failure, Running, during, run},
    verdict::judge,
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
/// All cases, in shares of which each is one run of the suite: framing and its limits; the payloads
/// of permessage-deflate; its parameters.
const SHARES: [&[&str]; 3] = [
    &[
        "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*",
    ],
    &["12.*"],
    &["13.*"],
];
/// The cases of the first share, which are those that say nothing of compression.
const PLAIN_SHARE_CASES: usize = 301;
/// How many cases there are. Fewer in the reports means that some did not run.
const CASES: usize = 517;
/// What the suite calls the server in its reports.
const AGENT: &str = "campanile";
/// A share takes up to a quarter of an hour; one that hangs is ended after this.
const SHARE_PATIENCE: Duration = Duration::from_secs(3_600);

/// A server to run the suite against.
#[derive(Debug)]
pub(crate) struct Target {
    /// What it is called: one word.
    pub(crate) name: &'static str,
    /// The address of its echo.
    pub(crate) url: String,
}

/// How much of the suite is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All cases.
    Full,
    /// Those about compression are left out: seconds instead of a quarter of an hour.
    WithoutCompression,
}

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

    /// Runs the cases against all `targets` at once and judges what the suite reports.
    ///
    /// # Errors
    /// When the suite does not end, or any case has another outcome than it must have; all such
    /// cases are listed.
    pub(crate) fn run(&self, targets: &[Target], extent: Extent) -> Result<(), Failure> {
        let reports = self.folder.join("reports");
        if reports.exists() {
            fs::remove_dir_all(&reports).map_err(during(reports.display()))?;
        }
        fs::create_dir_all(&reports).map_err(during(reports.display()))?;
        let (shares, case_count) = match extent {
            Extent::Full => (SHARES.as_slice(), CASES),
            Extent::WithoutCompression => (&SHARES[..1], PLAIN_SHARE_CASES),
        };
        let mut found: Vec<Map<String, Value>> = vec![Map::new(); targets.len()];
        for (number, share) in shares.iter().enumerate() {
            println!("    cases {}", share.join(" "));
            let mut clients = Vec::new();
            for target in targets {
                let folder = reports.join(format!("{}-{}", target.name, number + 1));
                clients.push((self.start(target, share, &folder)?, folder));
            }
            for ((mut client, folder), found) in clients.into_iter().zip(&mut found) {
                let status = client.wait(SHARE_PATIENCE)?;
                if !status.success() {
                    return Err(Failure::new(format!(
                        "the fuzzing client ended with {status}; see {}.log",
                        folder.display()
                    )));
                }
                found.append(&mut cases_of(&folder)?);
            }
        }
        let mut wrong = Vec::new();
        for (target, cases) in targets.iter().zip(&found) {
            let verdict = judge(cases, case_count);
            println!(
                "autobahn, {}: {} OK, {} informational, {} wrong",
                target.name,
                verdict.right,
                verdict.informational,
                verdict.wrong.len()
            );
            let name = target.name;
            wrong.extend(verdict.wrong.iter().map(|case| format!("{name}: {case}")));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "not as it must be:\n  {}\nsee {}",
            wrong.join("\n  "),
            reports.display()
        )))
    }

    /// Starts the suite's client with some cases; its report goes into `folder`.
    fn start(&self, target: &Target, cases: &[&str], folder: &Path) -> Result<Running, Failure> {
        let spec = json!({
            "outdir": folder,
            "servers": [{ "agent": AGENT, "url": target.url }],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        });
        let spec_path = folder.with_extension("json");
        fs::write(&spec_path, spec.to_string()).map_err(during(spec_path.display()))?;
        let spec_name = spec_path.to_string_lossy();
        let client = self.wstest(&["--mode", "fuzzingclient", "--spec", &spec_name]);
        // The suite names every case that it runs: too much for a log that people read.
        let log_path = folder.with_extension("log");
        let log = fs::File::create(&log_path).map_err(during(log_path.display()))?;
        Running::start(&client, log.into())
    }
}

/// The cases in the report that is in `folder`.
fn cases_of(folder: &Path) -> Result<Map<String, Value>, Failure> {
    let index = folder.join("index.json");
    let text = fs::read_to_string(&index).map_err(during(index.display()))?;
    let report: Value = serde_json::from_str(&text).map_err(during(index.display()))?;
    match report[AGENT].as_object() {
        Some(cases) => Ok(cases.clone()),
        None => Err(Failure::new(
            "the report names no case: was there no server to talk to?",
        )),
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
