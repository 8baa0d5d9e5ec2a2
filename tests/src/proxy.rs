//! HAProxy and nginx in front of a server, as child processes, with the configurations of
//! `docs/proxies.md`: what a user copies is what is tested.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// Where the configurations are written down, each in a block of its own.
const DOCUMENT: &str = include_str!("../../docs/proxies.md");
/// The server in those configurations.
const DOCUMENTED_SERVER: &str = "127.0.0.1:8080";
/// How long a proxy may take to end before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Lines of a proxy's log that are kept for a failed test's output.
const LOG_LINES_MAX: usize = 200;

/// How clients come to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Without a proxy.
    Directly,
    /// By HAProxy.
    Haproxy,
    /// By nginx.
    Nginx,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Directly, Self::Haproxy, Self::Nginx];
    /// Those with a proxy.
    pub const PROXIES: [Self; 2] = [Self::Haproxy, Self::Nginx];

    /// Whether a proxy is on it.
    pub fn is_behind_a_proxy(self) -> bool {
        self != Self::Directly
    }
}

/// What a proxy needs to speak TLS, in files.
#[derive(Debug)]
pub struct Certificate {
    folder: Folder,
}

impl Certificate {
    /// Makes a certificate for `localhost` that signs itself.
    ///
    /// # Panics
    /// When openssl is not installed, or fails.
    pub fn make() -> Self {
        let folder = Folder::make("certificate");
        let program = installed("/usr/bin/openssl", "openssl");
        let output = Command::new(program)
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-keyout",
                "key.pem",
                "-out",
                "certificate.pem",
            ])
            .current_dir(&folder.0)
            .output()
            .expect("openssl runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no certificate: {said}");
        let this = Self { folder };
        // HAProxy wants both in one file.
        let both = [this.read("certificate.pem"), this.read("key.pem")].concat();
        fs::write(this.path("both.pem"), both).expect("the certificate is written");
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("what openssl has written")
    }
}

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    way: Way,
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    /// Nothing is ever sent: it ends when all of the proxy's processes have.
    ended: Mutex<mpsc::Receiver<()>>,
    _folder: Folder,
}

impl Proxy {
    /// Starts the proxy of this way, if it has one, in front of `server`, on 127.0.0.1 and a port
    /// that the kernel chooses. With a certificate it speaks TLS.
    ///
    /// # Panics
    /// When it is not installed or cannot be started.
    pub fn start(way: Way, server: SocketAddr, tls: Option<&Certificate>) -> Option<Self> {
        // A proxy cannot tell which port it was given: so it gets a socket that listens already,
        // as its standard input. Clients wait in the kernel until the proxy accepts.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let folder = Folder::make("proxy");
        let mut command = match way {
            Way::Directly => return None,
            Way::Haproxy => haproxy(&folder.0, server, tls),
            Way::Nginx => nginx(&folder.0, address, server, tls),
        };
        let mut child = command
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the proxy starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let (end, ended) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let _end = end;
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let mut kept = kept.lock().expect("the log");
                if kept.len() < LOG_LINES_MAX {
                    kept.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        });
        Some(Self {
            way,
            child,
            address,
            log,
            ended: Mutex::new(ended),
            _folder: folder,
        })
    }

    /// Which one it is.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Killed at once, nginx would leave its worker behind.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        if let Ok(ended) = self.ended.lock() {
            let _ = ended.recv_timeout(END_PATIENCE);
        }
        let _ = self.child.kill();
        let status = self.child.wait();
        if thread::panicking() {
            let log = self.log.lock().map(|log| log.join("\n"));
            let said = log.unwrap_or_default();
            eprintln!("{:?} ended with {status:?}; it wrote:\n{said}", self.way);
        }
    }
}

/// HAProxy, in one process in the foreground.
fn haproxy(folder: &Path, server: SocketAddr, tls: Option<&Certificate>) -> Command {
    let door = match tls {
        None => "bind fd@0".to_owned(),
        Some(it) => format!("bind fd@0 ssl crt {}", it.path("both.pem").display()),
    };
    let text = replaced(&documented("haproxy"), "bind :80", &door);
    let text = replaced(&text, DOCUMENTED_SERVER, &server.to_string());
    let path = folder.join("haproxy.cfg");
    fs::write(&path, text).expect("the configuration is written");
    let mut command = Command::new(installed("/usr/sbin/haproxy", "haproxy"));
    command.args(["-db", "-f"]).arg(path);
    command
}

/// nginx in the foreground, all of whose files are in `folder`.
fn nginx(
    folder: &Path,
    address: SocketAddr,
    server: SocketAddr,
    tls: Option<&Certificate>,
) -> Command {
    let door = match tls {
        None => format!("listen {address};"),
        Some(it) => format!(
            "listen {address} ssl; ssl_certificate {}; ssl_certificate_key {};",
            it.path("certificate.pem").display(),
            it.path("key.pem").display()
        ),
    };
    let text = replaced(&documented("nginx"), "listen 80;", &door);
    let text = replaced(&text, DOCUMENTED_SERVER, &server.to_string());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    // Nobody else may read the folder. Whoever is not root is told that the name does not matter.
    let text = format!(
        "daemon off;\nuser root;\nworker_processes 2;\npid {}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\n{temporary}{text}}}\n",
        folder.display()
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, text).expect("the configuration is written");
    let mut command = Command::new(installed("/usr/sbin/nginx", "nginx-light"));
    command.arg("-p").arg(folder).args(["-e", "stderr", "-c"]);
    // Sockets that listen already, as nginx hands them on when it replaces itself.
    command.arg(path).env("NGINX", "0;");
    command
}

/// The block of the document that is in this language.
fn documented(language: &str) -> String {
    let begin = format!("\n```{language}\n");
    let (_, rest) = DOCUMENT.split_once(&begin).expect("a configuration");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    block.to_owned()
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the configuration has no {old:?}");
    text.replace(old, new)
}

/// Where a program is, if it is installed.
fn installed(path: &'static str, package: &str) -> &'static str {
    assert!(
        Path::new(path).is_file(),
        "{path} is missing; install it with: apt-get install --yes --no-install-recommends {package}"
    );
    path
}

/// A folder for temporary files. Dropping it removes it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make(purpose: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("campanile-{purpose}-{}-{number}", std::process::id());
        // <target>/<profile>/deps/<test>
        let test = env::current_exe().expect("the path of this test");
        let target = test.ancestors().nth(3).expect("the target directory");
        let path = target.join("tmp").join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
