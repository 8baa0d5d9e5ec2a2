//! Packages of a release of Debian, this machine's or an older one, fetched and unpacked into a
//! folder: nothing is installed.
//!
//! apt is run with a source list, list folder and package cache of its own, so the system's stay
//! as they are. The mirror is the one that this machine's own sources name.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{Failure, during, output, run};

/// The keys that Debian's archives are signed with, where Debian keeps them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Fetches `packages` of the release called `release` into `folder`/debs, unless they are there,
/// and unpacks them into `folder`/root.
///
/// # Errors
/// When this is no Debian, its sources name no mirror, or the mirror has the release no more.
pub(crate) fn unpack(folder: &Path, release: &str, packages: &[&str]) -> Result<PathBuf, Failure> {
    let archives = folder.join("debs");
    fs::create_dir_all(&archives).map_err(during(archives.display()))?;
    let absent: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !matches!(deb_of(&archives, package), Ok(Some(_))))
        .collect();
    if !absent.is_empty() {
        println!("    fetching {} from Debian's {release}", absent.join(" "));
        fetch(folder, &archives, release, &absent)?;
    }
    let root = folder.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(during(root.display()))?;
    }
    for package in packages {
        let Some(deb) = deb_of(&archives, package)? else {
            return Err(Failure::new(format!("apt-get downloaded no {package}")));
        };
        run(Command::new("dpkg").arg("--extract").arg(deb).arg(&root))?;
    }
    Ok(root)
}

/// The archive of `package`, whose file is named NAME_VERSION_ARCHITECTURE.deb.
fn deb_of(archives: &Path, package: &str) -> Result<Option<PathBuf>, Failure> {
    let prefix = format!("{package}_");
    for entry in fs::read_dir(archives).map_err(during(archives.display()))? {
        let path = entry.map_err(during(archives.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(".deb") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn fetch(folder: &Path, archives: &Path, release: &str, packages: &[&str]) -> Result<(), Failure> {
    let mirror = mirror_of_this_machine()?;
    let state = folder.join("apt");
    for name in ["lists/partial", "cache/archives/partial"] {
        let path = state.join(name);
        fs::create_dir_all(&path).map_err(during(path.display()))?;
    }
    let sources = state.join("sources.list");
    let signed_by = if Path::new(KEYRING).exists() {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    fs::write(
        &sources,
        format!("deb {signed_by}{mirror} {release} main\n"),
    )
    .map_err(during(sources.display()))?;

    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq");
        for (option, value) in [
            ("Dir::Etc::sourcelist", sources.as_path()),
            ("Dir::Etc::sourceparts", Path::new("/dev/null")),
            ("Dir::State::lists", &state.join("lists")),
            ("Dir::State::status", Path::new("/dev/null")),
            ("Dir::Cache", &state.join("cache")),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", value.display()));
        }
        // Descriptions, translations and icons are not needed; the folder may be private.
        for option in [
            "Acquire::Languages=none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "APT::Sandbox::User=root",
        ] {
            command.args(["-o", option]);
        }
        run(command.args(arguments).current_dir(archives))
    };
    let hint = |failure: Failure| {
        Failure::new(format!(
            "{failure}\nIf {mirror} has {release} no more, put the archives (*.deb) of these \
             packages into {} by hand: {}",
            archives.display(),
            packages.join(" ")
        ))
    };
    apt_get(&["update"]).map_err(hint)?;
    let mut arguments = vec!["download"];
    arguments.extend(packages);
    apt_get(&arguments).map_err(hint)
}

/// The address of the mirror that this machine's sources name for its own release.
fn mirror_of_this_machine() -> Result<String, Failure> {
    let release =
        output(Command::new("sh").args(["-c", ". /etc/os-release && echo $VERSION_CODENAME"]))?;
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    for file in files {
        // A machine has one of the two formats, or both; what cannot be read names no mirror.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if let Some(mirror) = mirror_in(&text, release.trim()) {
            return Ok(mirror);
        }
    }
    Err(Failure::new(format!(
        "no file of /etc/apt names a mirror for {:?}: this chore needs a Debian with apt sources",
        release.trim()
    )))
}

/// The address in apt sources of either format, one-line or deb822, whose suites hold `release`.
fn mirror_in(text: &str, release: &str) -> Option<String> {
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace();
        if let (Some(address), Some(suite)) = (words.next(), words.next())
            && suite == release
        {
            return Some(address.to_owned());
        }
    }
    for paragraph in text.split("\n\n") {
        let field = |name: &str| {
            paragraph
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
        };
        if field("Suites").contains(&release)
            && let Some(address) = field("URIs").first()
        {
            return Some((*address).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_read_from_one_line_sources() {
        let text = "# comment\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://other.example stable main\n\
                    deb-src http://mirror.example/debian bookworm main\n\
                    deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n";
        assert_eq!(
            mirror_in(text, "bookworm").as_deref(),
            Some("http://mirror.example/debian")
        );
        assert_eq!(mirror_in(text, "trixie"), None);
    }

    #[test]
    fn a_mirror_is_read_from_deb822_sources() {
        let text = "Types: deb\n# a comment\nURIs: http://mirror.example/security\n\
                    Suites: bookworm-security\nComponents: main\n\n\
                    Types: deb\nURIs: http://mirror.example/debian http://second.example\n\
                    Suites: bookworm bookworm-updates\nComponents: main\n";
        assert_eq!(
            mirror_in(text, "bookworm").as_deref(),
            Some("http://mirror.example/debian")
        );
        assert_eq!(mirror_in(text, "bullseye"), None);
    }
}
