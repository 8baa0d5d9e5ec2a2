//! Fetches the STOMP library that the pages `/demo/greetings` and `/demo/recovery` run, while the
//! program is built.
//!
//! Other people's code is not in this repository. So npm fetches one exact package, with its
//! licence, into this build's own folder, and `src/pages.rs` puts both files into the binary. npm is
//! given a lock file with the package's SHA-512 and refuses anything else before it unpacks it; no
//! script of the package is run. This happens once for each target folder and profile: later builds
//! find the files there.
//!
//! Without npm or network the program is built all the same, with a warning here and an explanation
//! in place of the script. The next build tries again if this file was touched, or if
//! `CAMPANILE_STOMPJS` has changed: that names a folder with the package unpacked, for builds that
//! must not use the network. What is in such a folder is taken as it is.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "@stomp/stompjs";
const VERSION: &str = "7.5.0";

/// The SHA-512 of that version's archive, as npm writes it.
const INTEGRITY: &str = "sha512-\
    xh3sdzEYH8M+krQGBOgj+U0BLBHd7ccTj8YM3mVxaULMTW/wx2QBWf448pilRiWZKjglhDmNILxM3W+j/Ch9uw==";

/// What is wanted of the package, and what `src/pages.rs` calls it.
const FILES: [(&str, &str); 2] = [
    ("bundles/stomp.umd.min.js", "stomp.umd.min.js"),
    ("LICENSE", "stomp.LICENSE.txt"),
];

/// Names a folder with the package.
const FOLDER_VARIABLE: &str = "CAMPANILE_STOMPJS";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={FOLDER_VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let texts = match texts(&out) {
        Ok(texts) => texts,
        Err(why) => {
            println!(
                "cargo:warning=the pages /demo/greetings and /demo/recovery will lack their STOMP \
                 library, {PACKAGE} {VERSION}: {why}. Install npm, or name a folder with the \
                 package in {FOLDER_VARIABLE}; then touch crates/server/build.rs and build again."
            );
            // An empty file says that there is none.
            [Vec::new(), Vec::new()]
        }
    };
    for ((_, name), text) in FILES.iter().zip(texts) {
        fs::write(out.join(name), text)?;
    }
    Ok(())
}

/// The contents of `FILES`, from the folder that is named, from an earlier build or from npm.
fn texts(out: &Path) -> Result<[Vec<u8>; 2], String> {
    if let Some(named) = env::var_os(FOLDER_VARIABLE) {
        return read(&PathBuf::from(named));
    }
    let folder = out.join("npm");
    let package = folder.join("node_modules").join(PACKAGE);
    read(&package).or_else(|_| {
        fetch(&folder)?;
        read(&package)
    })
}

fn read(package: &Path) -> Result<[Vec<u8>; 2], String> {
    let text = |path: &str| {
        let path = package.join(path);
        match fs::read(&path) {
            Ok(text) if text.is_empty() => Err(format!("{} is empty", path.display())),
            Ok(text) => Ok(text),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    };
    let [(script, _), (licence, _)] = FILES;
    Ok([text(script)?, text(licence)?])
}

/// Has npm fetch the package into `folder`, in a time that is bounded.
fn fetch(folder: &Path) -> Result<(), String> {
    let manifest = format!(r#"{{"private":true,"dependencies":{{"{PACKAGE}":"{VERSION}"}}}}"#);
    let lock = format!(
        r#"{{"lockfileVersion":3,"packages":{{
            "":{{"dependencies":{{"{PACKAGE}":"{VERSION}"}}}},
            "node_modules/{PACKAGE}":{{"version":"{VERSION}","integrity":"{INTEGRITY}"}}}}}}"#
    );
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("package.json"), manifest))
        .and_then(|()| fs::write(folder.join("package-lock.json"), lock));
    written.map_err(|error| format!("{}: {error}", folder.display()))?;
    let arguments = "ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error \
                     --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=30000";
    let npm = Command::new("npm")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    if npm.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&npm.stderr);
    let first = words
        .lines()
        .find(|line| line.contains("error"))
        .unwrap_or_default();
    Err(format!("npm failed, {}: {first}", npm.status))
}
