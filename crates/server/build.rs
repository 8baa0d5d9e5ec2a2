//! Fetches the libraries that browsers use, while the program is built: the STOMP library that the
//! pages `/demo/greetings` and `/demo/recovery` run, and the one of SockJS.
//!
//! Other people's code is not in this repository. So npm fetches exact packages, with their
//! licences, into this build's own folder, and `src/pages.rs` puts the files into the binary. For
//! each package npm is given a lock file with its SHA-512, of which that package is the only one,
//! and refuses anything else before it unpacks it; what the package would have for Node is not
//! installed, no script of the package is run. This happens once for each target folder and
//! profile: later builds find the files there.
//!
//! Without npm or network the program is built all the same, with a warning here and an explanation
//! in place of the script. The next build tries again if this file was touched, or if the library's
//! variable has changed: that names a folder with the package unpacked, for builds that must not
//! use the network. What is in such a folder is taken as it is.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One library: a script that browsers load, and its licence.
struct Library {
    package: &'static str,
    version: &'static str,
    /// The SHA-512 of that version's archive, as npm writes it.
    integrity: &'static str,
    /// What is wanted of the package, and what `src/pages.rs` calls it.
    files: [(&'static str, &'static str); 2],
    /// The variable that names a folder with the package.
    folder_variable: &'static str,
    /// The folder in this build's own one that npm works in.
    folder: &'static str,
    /// What the program cannot do without it.
    purpose: &'static str,
}

const LIBRARIES: [Library; 2] = [
    Library {
        package: "@stomp/stompjs",
        version: "7.5.0",
        integrity: "sha512-\
            xh3sdzEYH8M+krQGBOgj+U0BLBHd7ccTj8YM3mVxaULMTW/wx2QBWf448pilRiWZKjglhDmNILxM3W+j/Ch9uw==",
        files: [
            ("bundles/stomp.umd.min.js", "stomp.umd.min.js"),
            ("LICENSE", "stomp.LICENSE.txt"),
        ],
        folder_variable: "CAMPANILE_STOMPJS",
        folder: "npm",
        purpose: "the pages /demo/greetings and /demo/recovery will lack their STOMP library",
    },
    Library {
        package: "sockjs-client",
        version: "1.6.1",
        integrity: "sha512-\
            2g0tjOR+fRs0amxENLi/q5TiJTqY+WXFOzb5UwXndlK6TO3U/mirZznpx6w34HVMoc3g7cY24yC/ZMIYnDlfkw==",
        files: [
            ("dist/sockjs.min.js", "sockjs.min.js"),
            ("LICENSE", "sockjs.LICENSE.txt"),
        ],
        folder_variable: "CAMPANILE_SOCKJS",
        folder: "npm-sockjs",
        purpose: "the page /demo/greetings and SockJS's iframe page will lack their client",
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    for library in &LIBRARIES {
        println!("cargo:rerun-if-env-changed={}", library.folder_variable);
        let texts = library.texts(&out).unwrap_or_else(|why| {
            println!(
                "cargo:warning={}, {} {}: {why}. Install npm, or name a folder with the package \
                 in {}; then touch crates/server/build.rs and build again.",
                library.purpose, library.package, library.version, library.folder_variable
            );
            // An empty file says that there is none.
            [Vec::new(), Vec::new()]
        });
        for ((_, name), text) in library.files.iter().zip(texts) {
            fs::write(out.join(name), text)?;
        }
    }
    Ok(())
}

impl Library {
    /// The contents of `files`, from the folder that is named, from an earlier build or from npm.
    fn texts(&self, out: &Path) -> Result<[Vec<u8>; 2], String> {
        if let Some(named) = env::var_os(self.folder_variable) {
            return self.read(&PathBuf::from(named));
        }
        let folder = out.join(self.folder);
        let package = folder.join("node_modules").join(self.package);
        self.read(&package).or_else(|_| {
            self.fetch(&folder)?;
            self.read(&package)
        })
    }

    fn read(&self, package: &Path) -> Result<[Vec<u8>; 2], String> {
        let text = |path: &str| {
            let path = package.join(path);
            match fs::read(&path) {
                Ok(text) if text.is_empty() => Err(format!("{} is empty", path.display())),
                Ok(text) => Ok(text),
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        };
        let [(script, _), (licence, _)] = self.files;
        Ok([text(script)?, text(licence)?])
    }

    /// Has npm fetch the package into `folder`, in a time that is bounded.
    fn fetch(&self, folder: &Path) -> Result<(), String> {
        let Self {
            package,
            version,
            integrity,
            ..
        } = self;
        let manifest = format!(r#"{{"private":true,"dependencies":{{"{package}":"{version}"}}}}"#);
        let lock = format!(
            r#"{{"lockfileVersion":3,"packages":{{
                "":{{"dependencies":{{"{package}":"{version}"}}}},
                "node_modules/{package}":{{"version":"{version}","integrity":"{integrity}"}}}}}}"#
        );
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(folder.join("package.json"), manifest))
            .and_then(|()| fs::write(folder.join("package-lock.json"), lock));
        written.map_err(|error| format!("{}: {error}", folder.display()))?;
        let arguments = "ci --ignore-scripts --no-audit --no-fund --prefer-offline \
                         --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000 \
                         --fetch-timeout=30000";
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
}
