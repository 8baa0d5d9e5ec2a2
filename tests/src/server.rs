//! The program under test, as a child process.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{PATIENCE, Proxy, Way};

/// How long the program may take until it says that it listens.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// The words in front of the address on the program's standard error.
const ANNOUNCEMENT: &str = "listening on http";
/// Lines of standard error that are kept for a failed test's output.
const LOG_LINES_MAX: usize = 500;

/// A running program, perhaps behind a proxy. Dropping it kills both.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where clients connect: the proxy's address, if there is one.
    address: SocketAddr,
    proxy: Option<Proxy>,
    /// It was started with a certificate.
    is_secure: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the program, and in front of it the proxy that clients come by on this way. Its
    /// address is then the proxy's.
    ///
    /// # Panics
    /// As [`start`](Self::start); also when the proxy is not installed.
    pub fn start_behind(way: Way) -> Self {
        let mut server = Self::start(&[]);
        server.proxy = Proxy::start(way, server.address, None);
        if let Some(proxy) = &server.proxy {
            server.address = proxy.address();
        }
        server
    }

    /// Starts the program on 127.0.0.1 and a free port, with `arguments` behind `--listen`.
    ///
    /// # Panics
    /// With what the program wrote, when it cannot be built or does not listen within 10 s.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--listen", "127.0.0.1:0", "--stomp-listen", "127.0.0.1:0"])
            .args(arguments)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (announce, announced) = mpsc::sync_channel(1);
        let kept = Arc::clone(&log);
        // Read to the end, so that the program never blocks on a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if let Some(address) = announced_address(&line) {
                    // Only the first one is waited for.
                    let _ = announce.try_send(address);
                }
                let mut kept = kept.lock().expect("the log");
                if kept.len() < LOG_LINES_MAX {
                    kept.push(line);
                }
            }
        });
        match announced.recv_timeout(START_PATIENCE) {
            Ok(address) => Self {
                child,
                address,
                proxy: None,
                is_secure: arguments.iter().any(|one| one.contains("-tls")),
                log,
            },
            Err(_) => {
                let _ = child.kill();
                let status = child.wait();
                let said = log.lock().expect("the log").join("\n");
                panic!("the program does not listen (it ended with {status:?}); it wrote:\n{said}");
            }
        }
    }

    /// How clients come to it.
    pub fn way(&self) -> Way {
        self.proxy.as_ref().map_or(Way::Directly, Proxy::way)
    }

    /// The address that the program listens on, or the proxy in front of it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The WebSocket address of `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The same under TLS, for a program that was started with a certificate.
    pub fn secure_url(&self, path: &str) -> String {
        format!("wss://{}{path}", self.address)
    }

    /// Where STOMP clients come over TCP: directly, whatever is in front of the program.
    ///
    /// # Panics
    /// When the program has not said so.
    pub fn stomp_address(&self) -> SocketAddr {
        let log = self.log.lock().expect("the log");
        let mut addresses = log.iter().filter_map(|line| stomp_address(line));
        addresses.next().expect("the program listens for STOMP")
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory of the process, in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn rss_bytes(&self) -> usize {
        self.status_bytes("VmRSS:")
    }

    /// The highest resident memory that the process has had so far, in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn peak_rss_bytes(&self) -> usize {
        self.status_bytes("VmHWM:")
    }

    /// How many descriptors the process has open: connections above all.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        let open = std::fs::read_dir(path).expect("the descriptors of the program");
        open.count()
    }

    /// Fails when the process has had more than `growth_max` bytes above `before` at any time.
    ///
    /// # Panics
    /// When it had, or is gone.
    pub fn assert_memory_within(&self, before: usize, growth_max: usize) {
        let growth = self.peak_rss_bytes().saturating_sub(before);
        assert!(
            growth <= growth_max,
            "memory grew by {growth} bytes, more than {growth_max}"
        );
    }

    /// Sends a signal, such as `HUP`.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "kill -s {name} {id} gave {sent}");
    }

    /// Whether these words stand in a line of its log.
    ///
    /// # Panics
    /// When the thread that reads the log has.
    pub fn has_said(&self, words: &str) -> bool {
        let log = self.log.lock().expect("the log");
        log.iter().any(|line| line.contains(words))
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When the process does not end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child's status") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the program does not end after SIGTERM"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn status_bytes(&self, field: &str) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the status of the program");
        let kilobytes: usize = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.trim().parse().ok())
            .expect("the memory of the program");
        kilobytes * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the program has ended by itself.
        let _ = self.child.kill();
        let status = self.child.wait();
        if thread::panicking() {
            let said = self
                .log
                .lock()
                .map(|log| log.join("\n"))
                .unwrap_or_default();
            eprintln!("the program ended with {status:?}; it wrote:\n{said}");
        }
    }
}

/// The address in an announcement, up to its port.
fn announced_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(ANNOUNCEMENT)?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && !"[].:".contains(c));
    rest[..end.unwrap_or(rest.len())]
        .trim_end_matches('.')
        .parse()
        .ok()
}

/// The same of the listener for STOMP, which is announced before.
fn stomp_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on stomp")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    rest.trim_end().parse().ok()
}

/// What the program does with these arguments, when it ends by itself.
///
/// # Panics
/// When it cannot be started.
pub fn run_to_end(arguments: &[&str]) -> std::process::Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// The program, built once for each process of tests with the profile of the tests.
///
/// # Panics
/// When it cannot be built.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // <target>/<profile>/deps/<test>
        let test = env::current_exe().expect("the path of this test");
        let profile_directory = test.ancestors().nth(2).expect("the profile's directory");
        let target_directory = profile_directory.parent().expect("the target directory");
        let profile = match profile_directory.file_name().and_then(|name| name.to_str()) {
            // The dependencies of the tests are built with `test`: nothing is built twice.
            Some("debug") => "test",
            Some(profile) => profile,
            None => panic!(
                "the directory {} names no profile",
                profile_directory.display()
            ),
        };
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build",
                "--package",
                "campanile-server",
                "--bin",
                "campanile",
            ])
            .args(["--profile", profile, "--target-dir"])
            .arg(target_directory)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the program cannot be built:\n{said}"
        );
        profile_directory.join(format!("campanile{}", env::consts::EXE_SUFFIX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_found_in_a_line_of_log() {
        let line = " INFO campanile: listening on http://127.0.0.1:41234/ (development mode)";
        assert_eq!(
            announced_address(line),
            Some(([127, 0, 0, 1], 41234).into())
        );
        let line = "listening on http://127.0.0.1:8080.";
        assert_eq!(announced_address(line), Some(([127, 0, 0, 1], 8080).into()));
        let line = "listening on https://[::1]:8443";
        assert_eq!(announced_address(line), "[::1]:8443".parse().ok());
        assert_eq!(announced_address("listening on nothing"), None);
    }
}
