//! Child processes that may start others: each leads a process group of its own, is ended by that
//! group's id, and writes into files, so that it never waits for a reader.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::run::{Failure, during, output, pause, typed};

/// How long a group may take to end after SIGTERM before it is killed.
const TERM_PATIENCE: Duration = Duration::from_secs(5);
/// What a server writes in front of its address when it is ready.
const ANNOUNCEMENT: &str = "listening on ";
/// Raises the limit of descriptors as far as this user may, and becomes the command.
const RAISE_LIMIT: &str = "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"";

/// A process group that does not outlive this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` without input, as a process group of its own. Its standard output goes to
    /// `stdout`, or with its standard error to `log`. The kernel sends it SIGTERM should this
    /// program die. Of the command only the program, the arguments, the variables and the folder
    /// count.
    ///
    /// # Errors
    /// When it cannot be started, or a file cannot be written.
    pub(crate) fn start(
        command: &Command,
        stdout: Option<&Path>,
        log: &Path,
    ) -> Result<Self, Failure> {
        let create = |path: &Path| File::create(path).map_err(during(path.display()));
        let errors = create(log)?;
        let output = match stdout {
            Some(path) => create(path)?,
            None => errors.try_clone().map_err(during(log.display()))?,
        };
        // Each of the wrappers becomes what it starts, so the child's id is the command's.
        let mut wrapped = Command::new("setpriv");
        wrapped
            .args(["--pdeathsig", "TERM", "sh", "-c", RAISE_LIMIT, "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        let child = wrapped
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(during(format!("cannot start `{}`", typed(&wrapped))))?;
        Ok(Self {
            child,
            name: typed(command),
            log: log.to_owned(),
        })
    }

    /// The process's id, which is its group's.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    /// When it has not ended after `patience`.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<ExitStatus, Failure> {
        self.until(patience, "ended", |process| process.ended())
    }

    /// Waits until the process has written where it listens.
    ///
    /// # Errors
    /// When it ends, or has not written that after `patience`.
    pub(crate) fn announced_address(&mut self, patience: Duration) -> Result<SocketAddr, Failure> {
        self.until(patience, "said where it listens", |process| {
            let text = fs::read(&process.log).map_err(during(process.log.display()))?;
            let address = address_in(&String::from_utf8_lossy(&text));
            process.unless_ended(address)
        })
    }

    /// Waits until the process accepts connections at `address`.
    ///
    /// # Errors
    /// When it ends, or accepts none after `patience`.
    pub(crate) fn wait_until_listening(
        &mut self,
        address: SocketAddr,
        patience: Duration,
    ) -> Result<(), Failure> {
        self.until(patience, "listened", |process| {
            process.unless_ended(TcpStream::connect(address).ok().map(drop))
        })
    }

    fn unless_ended<T>(&mut self, found: Option<T>) -> Result<Option<T>, Failure> {
        match self.ended()? {
            Some(status) if found.is_none() => Err(Failure::new(format!(
                "`{}` ended with {status}; see {}",
                self.name,
                self.log.display()
            ))),
            _ => Ok(found),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().map_err(during(&self.name))
    }

    fn until<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(Failure::new(format!(
                    "`{}` has not {what} after {} s; see {}",
                    self.name,
                    patience.as_secs(),
                    self.log.display()
                )));
            }
            pause();
        }
    }

    /// Sends a signal to the whole group.
    fn signal(&self, name: &str) -> Result<String, Failure> {
        let group = format!("-{}", self.child.id());
        output(Command::new("kill").args(["-s", name, "--", &group]))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both signals fail only when nobody of the group is left.
        let _ = self.signal("TERM");
        if self.wait(TERM_PATIENCE).is_err() {
            let _ = self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}

/// The address that the first announcement in `text` is followed by.
fn address_in(text: &str) -> Option<SocketAddr> {
    text.lines().find_map(|line| {
        let (_, rest) = line.split_once(ANNOUNCEMENT)?;
        let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
        let end = rest.find(|c: char| !c.is_ascii_hexdigit() && !"[].:".contains(c));
        rest[..end.unwrap_or(rest.len())]
            .trim_end_matches('.')
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn shell(script: &str, name: &str) -> (Process, PathBuf) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/peers-tests");
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join(name);
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (Process::start(&command, None, &log).unwrap(), log)
    }

    #[test]
    fn addresses_are_read_from_announcements() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 4321)));
        for text in [
            "listening on 127.0.0.1:4321",
            "starting\nINFO listening on http://127.0.0.1:4321/ (dev)\n",
            "listening on nothing yet\nlistening on 127.0.0.1:4321.",
        ] {
            assert_eq!(address_in(text), expected, "{text}");
        }
        assert_eq!(address_in("listening on "), None);
        assert_eq!(address_in("127.0.0.1:4321"), None);
    }

    #[test]
    fn a_server_s_address_is_waited_for() {
        let script = "echo listening on 127.0.0.1:77; while :; do sleep 0.1; done";
        let (mut process, _) = shell(script, "announced");
        let address = process.announced_address(PATIENCE).unwrap();
        assert_eq!(address.port(), 77);
    }

    #[test]
    fn a_server_that_ends_at_once_is_a_failure_that_names_the_log() {
        let (mut process, log) = shell("echo why >&2; exit 3", "ended");
        let failure = process.announced_address(PATIENCE).unwrap_err().to_string();
        assert!(failure.contains(&log.display().to_string()), "{failure}");
        assert_eq!(fs::read_to_string(log).unwrap(), "why\n");
    }

    #[test]
    fn connections_are_waited_for() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut process, _) = shell("while :; do sleep 0.1; done", "listening");
        process.wait_until_listening(address, PATIENCE).unwrap();
    }

    #[test]
    fn what_a_process_has_started_ends_with_it() {
        let script = "sh -c 'trap \"echo inner ended; exit\" TERM; echo listening on 127.0.0.1:7; \
                      while :; do sleep 0.1; done' & wait; wait";
        let (mut process, log) = shell(&format!("trap : TERM; {script}"), "group");
        process.announced_address(PATIENCE).unwrap();
        drop(process);
        assert!(fs::read_to_string(log).unwrap().contains("inner ended"));
    }
}
