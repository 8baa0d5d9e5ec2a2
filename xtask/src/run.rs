//! Commands, steps and child processes: how a chore runs something and says what failed.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a child may take to end after SIGTERM before it is killed.
const TERM_PATIENCE: Duration = Duration::from_secs(10);
/// How often a child that is waited for is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Lines of a child's output that are read before its announcement is given up.
const ANNOUNCEMENT_LINES_MAX: usize = 1000;

/// Why a chore did not succeed, and what to do about it: a text for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure that says `what`.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Turns an error of the standard library into a failure that says during what it happened.
pub(crate) fn during<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure(format!("{what}: {error}"))
}

/// What to type to run `command` by hand, with the variables that were set for it.
pub(crate) fn typed(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!(
                "{}={}",
                name.display(),
                quoted(&value.to_string_lossy())
            ));
        }
    }
    words.push(quoted(&command.get_program().to_string_lossy()));
    words.extend(
        command
            .get_args()
            .map(|argument| quoted(&argument.to_string_lossy())),
    );
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs `command` to its end without input; its output goes where this program's goes.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(during(format!("cannot start `{}`", typed(command))))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("`{}` ended with {status}", typed(command))))
    }
}

/// Runs `command` to its end without input and returns what it wrote on standard output.
///
/// # Errors
/// When it cannot be started or does not end with status 0; the failure holds its error output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(during(format!("cannot start `{}`", typed(command))))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        Err(Failure(format!(
            "`{}` ended with {status}:\n{}",
            typed(command),
            said.trim_end()
        )))
    }
}

/// A child process that does not outlive this value: dropping it sends SIGTERM to its id, waits a
/// bounded time, and then kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts `command` without input. The kernel sends it SIGTERM should this program die
    /// without dropping the value. Of the command only the program, the arguments, the variables
    /// and the folder count.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(command: &Command, stdout: Stdio) -> Result<Self, Failure> {
        Self::spawn(command, stdout, Stdio::inherit())
    }

    /// Starts `command` like [`Running::start`] and waits until it writes a line on standard
    /// error that holds `announcement`; returns the rest of that line. Its standard error is
    /// read to the end and given to `log`, line by line, on a thread of its own.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not write that line within `patience`.
    pub(crate) fn start_announced(
        command: &Command,
        announcement: &'static str,
        patience: Duration,
        log: impl FnMut(&str) + Send + 'static,
    ) -> Result<(Self, String), Failure> {
        let mut running = Self::spawn(command, Stdio::inherit(), Stdio::piped())?;
        let Some(stderr) = running.child.stderr.take() else {
            return Err(Failure(format!("{} has no standard error", running.name)));
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::spawn(move || watch(stderr, announcement, &sender, log));
        match receiver.recv_timeout(patience) {
            Ok(rest) => Ok((running, rest)),
            Err(_) => Err(Failure(format!(
                "`{}` did not write a line with {announcement:?} on standard error",
                typed(command)
            ))),
        }
    }

    fn spawn(command: &Command, stdout: Stdio, stderr: Stdio) -> Result<Self, Failure> {
        // `setpriv` replaces itself with the command, so the child's id is the command's.
        let mut wrapped = Command::new("setpriv");
        wrapped
            .args(["--pdeathsig", "TERM"])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                wrapped.env(name, value);
            }
        }
        if let Some(directory) = command.get_current_dir() {
            wrapped.current_dir(directory);
        }
        let child = wrapped
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(during(format!("cannot start `{}`", typed(&wrapped))))?;
        Ok(Self {
            child,
            name: typed(command),
        })
    }

    /// Whether the child has ended.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(crate) fn has_ended(&mut self) -> Result<bool, Failure> {
        Ok(self.child.try_wait().map_err(during(&self.name))?.is_some())
    }

    /// Waits until the child ends by itself.
    ///
    /// # Errors
    /// When it has not ended after `patience`.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<ExitStatus, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().map_err(during(&self.name))? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                let seconds = patience.as_secs();
                return Err(Failure(format!(
                    "`{}` has not ended after {seconds} s",
                    self.name
                )));
            }
            pause();
        }
    }

    /// Asks the child to end with SIGTERM and waits for it.
    ///
    /// # Errors
    /// When it does not end within ten seconds.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus, Failure> {
        if let Some(status) = self.child.try_wait().map_err(during(&self.name))? {
            return Ok(status);
        }
        run(Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string()))?;
        self.wait(TERM_PATIENCE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.terminate().is_err() {
            // Both fail only when the child has ended meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits a moment between two looks at something that another process does.
#[expect(clippy::disallowed_methods, reason = "a chore has no runtime")]
pub(crate) fn pause() {
    thread::sleep(POLL_INTERVAL);
}

/// Reads `stderr` to its end, so that the child never blocks on a full pipe.
fn watch(
    stderr: impl Read,
    announcement: &str,
    sender: &mpsc::SyncSender<String>,
    mut log: impl FnMut(&str),
) {
    let mut sought = ANNOUNCEMENT_LINES_MAX;
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if sought > 0 {
            sought -= 1;
            if let Some((_, rest)) = line.split_once(announcement) {
                sought = 0;
                // Fails only when nobody waits any more.
                let _ = sender.try_send(rest.to_owned());
            }
        }
        log(&line);
    }
}

/// The steps of a chore: a header each, the time each took, and a summary.
#[derive(Debug)]
pub(crate) struct Steps {
    chore: &'static str,
    started: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// The steps of the chore called `chore`, starting now.
    pub(crate) fn new(chore: &'static str) -> Self {
        Self {
            chore,
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one step between a header and a line with its time.
    ///
    /// # Errors
    /// The step's own failure, with the step's name in front.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        body: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        println!("\n==> {}: {name}", self.chore);
        let started = Instant::now();
        body().map_err(|failure| Failure(format!("step '{name}' failed: {failure}")))?;
        let took = started.elapsed();
        println!("    {name}: done in {:.1} s", took.as_secs_f64());
        self.done.push((name, took));
        Ok(())
    }

    /// Prints how long each step took.
    pub(crate) fn summary(&self) {
        println!("\n{}:", self.chore);
        for (name, took) in &self.done {
            println!("{:>8.1} s  {name}", took.as_secs_f64());
        }
        println!(
            "{}: all {} steps succeeded in {:.1} s",
            self.chore,
            self.done.len(),
            self.started.elapsed().as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("cargo");
        command
            .args(["doc", "it's"])
            .env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            typed(&command),
            r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s'"
        );
    }

    #[test]
    fn a_failing_command_is_named() {
        let failure = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("`sh -c 'exit 3'` ended with"),
            "{failure}"
        );
        let failure = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("cannot start `no-such-program-here`")
        );
    }

    #[test]
    fn a_failing_command_s_error_output_is_kept() {
        let failure = output(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err();
        assert!(failure.to_string().ends_with("why"), "{failure}");
    }

    #[test]
    fn a_child_is_ended_with_sigterm_when_it_is_dropped() {
        let script =
            "trap 'echo ended >&2; exit' TERM; echo ready: 7 >&2; while :; do sleep 0.1; done";
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let (lines, logged) = mpsc::sync_channel(10);
        let (running, rest) =
            Running::start_announced(&command, "ready: ", Duration::from_secs(60), move |line| {
                lines.send(line.to_owned()).unwrap();
            })
            .unwrap();
        assert_eq!(rest, "7");
        drop(running);
        assert_eq!(logged.iter().collect::<Vec<_>>(), ["ready: 7", "ended"]);
    }

    #[test]
    fn a_child_that_ends_without_its_announcement_is_a_failure() {
        let command = Command::new("true");
        let result = Running::start_announced(&command, "ready", Duration::from_secs(60), |_| ());
        assert!(
            result
                .unwrap_err()
                .to_string()
                .contains("did not write a line with \"ready\"")
        );
    }

    #[test]
    fn a_step_s_name_stands_before_its_failure() {
        let mut steps = Steps::new("test");
        let failure = steps.step("one", || Err(Failure::new("why"))).unwrap_err();
        assert_eq!(failure.to_string(), "step 'one' failed: why");
    }
}
