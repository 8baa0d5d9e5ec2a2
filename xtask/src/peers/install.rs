//! Peers are built from a copy of their folder below the target folder: the checkout stays as it
//! is, and nothing is built twice.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    apt,
    peers::{
        figures::Shape,
        process::Process,
        roster::{Kit, Peer},
    },
    place::Place,
    run::{Failure, during, typed},
};

/// A file that tells that what is in its folder was built.
const STAMP: &str = ".built";
/// How long a peer may take to be fetched and built.
const BUILD_PATIENCE: Duration = Duration::from_secs(1_800);

/// A peer that is ready to be started.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Its name and version, for reports.
    pub(crate) title: String,
    /// How it is started, but for a port.
    command: Command,
    kit: Kit,
}

/// How a server is started, and where it will listen if it does not say so itself.
#[derive(Debug)]
pub(crate) struct Start {
    /// The server.
    pub(crate) command: Command,
    /// Its address, if it was chosen for it.
    pub(crate) address: Option<SocketAddr>,
}

impl Installed {
    /// How to start it now.
    ///
    /// # Errors
    /// When it must be given a port, and none is free.
    pub(crate) fn start(&self, shape: Shape, is_deflated: bool) -> Result<Start, Failure> {
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args());
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        let mut address = None;
        match self.kit {
            Kit::Node | Kit::Bun => {
                command.env("NODE_ENV", "production");
                if is_deflated {
                    command.arg("--deflate");
                }
            }
            Kit::Go(..) => {
                address = free_addresses(1)?.first().copied();
                let port = address.map_or(0, |address| address.port());
                command.env("CENTRIFUGO_HTTP_SERVER_PORT", port.to_string());
                command.env("CENTRIFUGO_WEBSOCKET_COMPRESSION", is_deflated.to_string());
            }
            Kit::Debian(..) => {
                // For STOMP over TCP and over WebSocket, and two for a server's own purposes.
                let free = free_addresses(4)?;
                command.args(free.iter().map(|address| address.port().to_string()));
                let ours = if shape == Shape::Queue { 0 } else { 1 };
                address = free.get(ours).copied();
            }
            Kit::Own => {
                command.env("NO_COLOR", "1");
            }
            // Tomcat compresses for whoever offers it.
            Kit::Cargo | Kit::Maven => {}
        }
        Ok(Start { command, address })
    }
}

/// Fetches and builds a peer, unless that was done before.
///
/// # Errors
/// When something is missing or refused; the text is one line, for a report.
pub(crate) fn install(place: &Place, peer: &Peer) -> Result<Installed, Failure> {
    let folder = place.target.join("peers").join(peer.name);
    if peer.kit != Kit::Own {
        prepare(place, peer, &folder)?;
    }
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(during(path.display()))
    };
    let (version, command) = match peer.kit {
        Kit::Node => {
            let mut command = Command::new("node");
            command.arg(folder.join("server.mjs"));
            (npm_version(&read("package.json")?, peer.name), command)
        }
        Kit::Bun => {
            let mut command = Command::new(bun_program(&folder)?);
            command.arg(folder.join("server.ts"));
            (npm_version(&read("package.json")?, peer.name), command)
        }
        Kit::Cargo => {
            let program = folder.join(format!("target/release/peer-{}", peer.name));
            let version = locked_version(&read("Cargo.lock")?, peer.name);
            (version, Command::new(program))
        }
        Kit::Go(_, version) => {
            let mut command = Command::new(folder.join("bin/centrifugo"));
            command.arg("--config").arg(folder.join("config.json"));
            (Some(version.trim_start_matches('v').to_owned()), command)
        }
        Kit::Maven => {
            let mut command = Command::new("java");
            command
                .arg("-jar")
                .arg(folder.join(format!("target/peer-{}.jar", peer.name)));
            command.arg("--server.port=0");
            (parent_version(&read("pom.xml")?), command)
        }
        Kit::Debian(_, packages) => {
            let mut command = Command::new("sh");
            command.arg(folder.join("server.sh"));
            // The first one is the server itself.
            let package = packages.first().copied().unwrap_or_default();
            let version = fs::read_dir(folder.join("debs"))
                .map_err(during(folder.display()))?
                .flatten()
                .find_map(|entry| debian_version(&entry.file_name().to_string_lossy(), package));
            (version, command)
        }
        Kit::Own => {
            let mut command = Command::new(place.program("release"));
            command.args(["--dev", "--stomp-listen", "off", "--listen", "127.0.0.1:0"]);
            (None, command)
        }
    };
    let title = match version {
        Some(version) => format!("{} {version}", peer.title),
        None => peer.title.to_owned(),
    };
    Ok(Installed {
        title,
        command,
        kit: peer.kit,
    })
}

/// Copies a peer into `folder` and builds it there, unless that was done before.
fn prepare(place: &Place, peer: &Peer, folder: &Path) -> Result<(), Failure> {
    let source = place.root.join("peers").join(peer.name);
    let stamp = folder.join(STAMP);
    let mut is_changed = copy(&source, folder)?;
    if peer.kit == Kit::Cargo {
        // What it shares with Campanile, it has in the same version.
        is_changed |= copy_file(&place.root.join("Cargo.lock"), &folder.join("shared.lock"))?;
    }
    if is_changed || !stamp.exists() {
        if stamp.exists() {
            fs::remove_file(&stamp).map_err(during(stamp.display()))?;
        }
        build(peer, folder)?;
        fs::write(&stamp, "").map_err(during(stamp.display()))?;
    }
    Ok(())
}

fn build(peer: &Peer, folder: &Path) -> Result<(), Failure> {
    let mut command = match peer.kit {
        Kit::Own => return Ok(()),
        Kit::Debian(release, packages) => {
            return apt::unpack(folder, release, packages).map(drop);
        }
        Kit::Node | Kit::Bun => {
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]);
            npm.args(["--no-save", "--ignore-scripts", "--loglevel=error"]);
            npm
        }
        Kit::Cargo => {
            let lock = folder.join("Cargo.lock");
            fs::copy(folder.join("shared.lock"), &lock).map_err(during(lock.display()))?;
            let mut cargo = Command::new("cargo");
            cargo.args(["build", "--release", "--quiet", "--target-dir"]);
            cargo.arg(folder.join("target"));
            cargo
        }
        Kit::Go(path, version) => {
            let mut go = Command::new("go");
            go.arg("install").arg(format!("{path}@{version}"));
            go.env("GOBIN", folder.join("bin"));
            go
        }
        Kit::Maven => {
            let mut maven = Command::new("mvn");
            maven.args(["--quiet", "--batch-mode", "package"]);
            maven
        }
    };
    println!("    building {}: {}", peer.name, typed(&command));
    let log = folder.join("build.log");
    let mut process = Process::start(command.current_dir(folder), None, &log)?;
    let status = process.wait(BUILD_PATIENCE)?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read(&log).map_err(during(log.display()))?;
    Err(Failure::new(format!(
        "`{}` failed: {}",
        command.get_program().display(),
        reason(&String::from_utf8_lossy(&said))
    )))
}

/// Copies what is in one folder into another, and says whether anything was not there as it is.
fn copy(from: &Path, to: &Path) -> Result<bool, Failure> {
    fs::create_dir_all(to).map_err(during(to.display()))?;
    let mut is_changed = false;
    for entry in fs::read_dir(from).map_err(during(from.display()))? {
        let path = entry.map_err(during(from.display()))?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        is_changed |= if path.is_dir() {
            copy(&path, &to.join(name))?
        } else {
            copy_file(&path, &to.join(name))?
        };
    }
    Ok(is_changed)
}

fn copy_file(from: &Path, to: &Path) -> Result<bool, Failure> {
    let bytes = fs::read(from).map_err(during(from.display()))?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    fs::write(to, bytes).map_err(during(to.display()))?;
    Ok(true)
}

/// Addresses that nobody has at the moment.
fn free_addresses(count: usize) -> Result<Vec<SocketAddr>, Failure> {
    // All are held until all are known, or they could be the same.
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<_, _>>()
        .map_err(during("127.0.0.1"))?;
    let addresses = listeners.iter().map(TcpListener::local_addr);
    addresses
        .collect::<Result<_, _>>()
        .map_err(during("127.0.0.1"))
}

/// The program that the npm package `bun` has brought for this machine.
fn bun_program(folder: &Path) -> Result<PathBuf, Failure> {
    let brought = folder.join("node_modules/@oven");
    let mut programs: Vec<PathBuf> = fs::read_dir(&brought)
        .map_err(during(brought.display()))?
        .flatten()
        .map(|entry| entry.path().join("bin/bun"))
        .filter(|program| program.is_file())
        .collect();
    // The plain one first: `-baseline` is for processors without AVX2.
    programs.sort();
    programs
        .into_iter()
        .next()
        .ok_or_else(|| Failure::new("the npm package bun has no program for this machine"))
}

/// The version of a package in npm's manifest.
fn npm_version(manifest: &str, package: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    Some(manifest["dependencies"][package].as_str()?.to_owned())
}

/// The version of a package in cargo's lock file.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The version of the parent in Maven's manifest.
fn parent_version(manifest: &str) -> Option<String> {
    let (parent, _) = manifest.split_once("</parent>")?;
    let (_, rest) = parent.split_once("<version>")?;
    Some(rest.split_once("</version>")?.0.to_owned())
}

/// The version of a package in the name of its archive, without Debian's own part.
fn debian_version(archive: &str, package: &str) -> Option<String> {
    let rest = archive.strip_prefix(package)?.strip_prefix('_')?;
    let version = rest.split('_').next()?;
    Some(version.split(['-', '+']).next()?.to_owned())
}

/// One line that tells why a build failed, without addresses: those are a machine's own.
fn reason(said: &str) -> String {
    const CHARS_MAX: usize = 200;
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        ["error", "forbidden", "not found", "no such", "cannot"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(tells).or_else(|| lines().next_back());
    let words: Vec<&str> = line
        .unwrap_or("it said nothing")
        .split_whitespace()
        .map(|word| {
            if word.contains("://") {
                "the registry:"
            } else {
                word
            }
        })
        .collect();
    words.join(" ").chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_each_kit_writes() {
        let npm = r#"{"dependencies":{"socket.io":"4.8.4"}}"#;
        assert_eq!(npm_version(npm, "socket.io").as_deref(), Some("4.8.4"));
        assert_eq!(npm_version(npm, "ws"), None);
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n\
                    [[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(locked_version(lock, "axum").as_deref(), Some("0.8.9"));
        assert_eq!(locked_version(lock, "floor"), None);
        let pom = "<project><parent><version>3.5.16</version></parent><version>0</version>";
        assert_eq!(parent_version(pom).as_deref(), Some("3.5.16"));
        let archive = "rabbitmq-server_3.10.8-1.1+deb12u1_all.deb";
        assert_eq!(
            debian_version(archive, "rabbitmq-server").as_deref(),
            Some("3.10.8")
        );
        let archive = "libactivemq-java_5.17.2+dfsg-2+deb12u1_all.deb";
        let version = debian_version(archive, "libactivemq-java");
        assert_eq!(version.as_deref(), Some("5.17.2"));
        assert_eq!(debian_version("erlang-base_25.deb", "erlang"), None);
    }

    #[test]
    fn a_build_s_reason_is_one_line_without_addresses() {
        let said = "go: downloading example.test/a v1.2.3\n\
                    go: example.test/a@v1.2.3: reading https://registry.test/a/list: 403 Forbidden\n\
                    \tserver response: not here\n";
        assert_eq!(
            reason(said),
            "go: example.test/a@v1.2.3: reading the registry: 403 Forbidden"
        );
        assert_eq!(reason("one\ntwo\n\n"), "two");
        assert_eq!(reason(""), "it said nothing");
    }

    #[test]
    fn only_what_differs_is_copied() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/peers-copy");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("inner/a"), "1").unwrap();
        assert!(copy(&from, &to).unwrap());
        assert_eq!(fs::read_to_string(to.join("inner/a")).unwrap(), "1");
        assert!(!copy(&from, &to).unwrap());
        fs::write(from.join("inner/a"), "2").unwrap();
        assert!(copy(&from, &to).unwrap());
    }
}
