//! What the tests need from outside: Debian's packages and npm's packages.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    place::Place,
    run::{Failure, during, output, run},
};

/// Where the manifest of the npm packages is, below the top of the checkout.
const NPM_FOLDER: &str = "tests/js";

/// A package of Debian's, and the sign that what it brings is there.
struct SystemPackage {
    name: &'static str,
    sign: Sign,
}

/// How it is seen that something is installed, whoever installed it.
enum Sign {
    /// A file that the package brings.
    File(&'static str),
    /// A program in the search path.
    Program(&'static str),
}

const SYSTEM_PACKAGES: [SystemPackage; 17] = [
    SystemPackage {
        name: "chromium",
        sign: Sign::File("/usr/bin/chromium"),
    },
    SystemPackage {
        name: "fonts-noto-cjk",
        sign: Sign::File("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    },
    SystemPackage {
        name: "git",
        sign: Sign::Program("git"),
    },
    SystemPackage {
        name: "haproxy",
        sign: Sign::File("/usr/sbin/haproxy"),
    },
    SystemPackage {
        name: "nginx-light",
        sign: Sign::File("/usr/sbin/nginx"),
    },
    SystemPackage {
        name: "nodejs",
        sign: Sign::Program("node"),
    },
    SystemPackage {
        name: "npm",
        sign: Sign::Program("npm"),
    },
    SystemPackage {
        name: "openssl",
        sign: Sign::File("/usr/bin/openssl"),
    },
    SystemPackage {
        name: "php8.2-cli",
        sign: Sign::File("/usr/bin/php8.2"),
    },
    SystemPackage {
        name: "php8.2-stomp",
        sign: Sign::File("/usr/lib/php/20220829/stomp.so"),
    },
    SystemPackage {
        name: "python3",
        sign: Sign::Program("python3"),
    },
    SystemPackage {
        name: "python3-pip",
        sign: Sign::Program("pip3"),
    },
    SystemPackage {
        name: "ruby",
        sign: Sign::File("/usr/bin/ruby"),
    },
    SystemPackage {
        name: "ruby-stomp",
        sign: Sign::File("/usr/lib/ruby/vendor_ruby/stomp.rb"),
    },
    SystemPackage {
        name: "syslog-ng-core",
        sign: Sign::File("/usr/sbin/syslog-ng"),
    },
    SystemPackage {
        name: "syslog-ng-mod-stomp",
        sign: Sign::File("/usr/share/doc/syslog-ng-mod-stomp/copyright"),
    },
    SystemPackage {
        name: "util-linux",
        sign: Sign::Program("setpriv"),
    },
];

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::File(path) => Path::new(path).exists(),
            Self::Program(name) => in_search_path(name),
        }
    }
}

fn in_search_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Installs the missing ones of Debian's packages that the tests need.
///
/// # Errors
/// When one is missing and cannot be installed by this user, with the command that would.
pub(crate) fn system_packages() -> Result<(), Failure> {
    install(missing(&SYSTEM_PACKAGES))?;
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if !in_search_path(program) {
            return Err(Failure::new(format!(
                "{program} is missing. Install it with: rustup component add {component}"
            )));
        }
    }
    Ok(())
}

fn missing(packages: &[SystemPackage]) -> Vec<&'static str> {
    packages
        .iter()
        .filter(|package| !package.sign.is_there())
        .map(|package| package.name)
        .collect()
}

fn install(names: Vec<&'static str>) -> Result<(), Failure> {
    if names.is_empty() {
        println!("    all there");
        return Ok(());
    }
    let wanted = names.join(" ");
    let by_hand = format!("apt-get install --yes --no-install-recommends {wanted}");
    if !in_search_path("apt-get") {
        return Err(Failure::new(format!(
            "missing: {wanted} (names of Debian's packages). Install them with this system's \
             package manager"
        )));
    }
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(Failure::new(format!(
            "missing: {wanted}. Install with: sudo apt-get update && sudo {by_hand}"
        )));
    }
    println!("    installing {wanted}");
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // Options of `-q` kind keep a log readable; the front end asks nothing.
        run(command
            .args(["-qq", "--yes"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(names);
    apt_get(&arguments)
}

/// Installs the npm packages that the JavaScript tests name, unless they are there already.
///
/// # Errors
/// When a version is not exact, or npm fails.
pub(crate) fn npm_packages(place: &Place) -> Result<(), Failure> {
    let folder = place.root.join(NPM_FOLDER);
    let manifest_path = folder.join("package.json");
    let manifest = fs::read_to_string(&manifest_path).map_err(during(manifest_path.display()))?;
    let wanted = exact_versions(&manifest)?;
    let stamp_path = folder.join("node_modules/.installed-package.json");
    if fs::read_to_string(&stamp_path).is_ok_and(|stamp| stamp == manifest) {
        println!("    all there: {}", wanted.join(", "));
        return Ok(());
    }
    println!("    installing {}", wanted.join(", "));
    let arguments = [
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
    ];
    run(Command::new("npm").args(arguments).current_dir(&folder))?;
    fs::write(&stamp_path, manifest).map_err(during(stamp_path.display()))
}

/// `NAME VERSION` of each package in a manifest; all must be exact, so that a run can be repeated.
fn exact_versions(manifest: &str) -> Result<Vec<String>, Failure> {
    let manifest: serde_json::Value =
        serde_json::from_str(manifest).map_err(during("tests/js/package.json"))?;
    let mut wanted = Vec::new();
    for section in ["dependencies", "devDependencies"] {
        let Some(packages) = manifest[section].as_object() else {
            continue;
        };
        for (name, version) in packages {
            let version = version.as_str().unwrap_or_default();
            if !version.starts_with(|c: char| c.is_ascii_digit())
                || version.split('.').count() != 3
                || version.contains([' ', '*', 'x', '|'])
            {
                return Err(Failure::new(format!(
                    "tests/js/package.json asks for {name} {version:?}: write one exact version"
                )));
            }
            wanted.push(format!("{name} {version}"));
        }
    }
    Ok(wanted)
}

/// Runs every `tests/js/*.test.mjs` with Node's own test runner, with `CAMPANILE_BIN` set to
/// `program`.
///
/// # Errors
/// When there is no test, or one fails.
pub(crate) fn node_tests(place: &Place, program: &Path) -> Result<(), Failure> {
    let folder = place.root.join(NPM_FOLDER);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect()
        })
        .map_err(during(folder.display()))?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!(
            "no *.test.mjs in {}",
            folder.display()
        )));
    }
    let names = files
        .iter()
        .filter_map(|file| file.file_name())
        .map(OsStr::to_owned);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(names);
    run(node.current_dir(&folder).env("CAMPANILE_BIN", program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_missing() {
        let packages = [
            SystemPackage {
                name: "dash",
                sign: Sign::Program("sh"),
            },
            SystemPackage {
                name: "bells",
                sign: Sign::Program("no-such-program-here"),
            },
            SystemPackage {
                name: "towers",
                sign: Sign::File("/no/such/file"),
            },
        ];
        assert_eq!(missing(&packages), ["bells", "towers"]);
    }

    #[test]
    fn only_exact_versions_are_taken() {
        let manifest = r#"{"dependencies":{"ws":"8.23.0"},"devDependencies":{"a":"1.0.35"}}"#;
        assert_eq!(exact_versions(manifest).unwrap(), ["ws 8.23.0", "a 1.0.35"]);
        for version in [
            "^8.23.0", "~8.23.0", "8", "8.x.0", "8.*.0", "latest", ">=1.2.3", "",
        ] {
            let manifest = format!(r#"{{"dependencies":{{"ws":"{version}"}}}}"#);
            assert!(exact_versions(&manifest).is_err(), "{version} was taken");
        }
    }
}
