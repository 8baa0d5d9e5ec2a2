//! syslog-ng, which many machines have, writes its lines to a topic over TCP: in STOMP 1.0, with a
//! login, with headers that it does not escape, and with a receipt for each line.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use campanile_tests::{Server, Stomp};
use tokio::net::{TcpListener, TcpStream};

const PROGRAM: &str = "/usr/sbin/syslog-ng";
const LINES: usize = 1_000;

/// What a line may hold that has a meaning in STOMP, in a configuration or in a format.
const HARD: [&str; 12] = [
    "plain",
    "a:b:c :d",
    "tab\there",
    "C:\\new\\table\\x \\c \\n \\r \\t \\",
    "\"double\" and 'single' quotes",
    "100 % %s %d %n $HOST ${MESSAGE} @ORIGIN@",
    "grüezi 你好 🔔",
    "{\"json\":[1,2,{\"a\":null}]}",
    "<b>markup</b> & more; # no comment",
    "  blanks before and between   words",
    "MESSAGE\\n\\ncontent-length:3",
    "receipt:0",
];

/// syslog-ng in the foreground, in a folder of its own.
struct SyslogNg {
    child: Child,
    folder: PathBuf,
}

impl SyslogNg {
    fn start(folder: PathBuf, input: &Path, address: SocketAddr) -> Self {
        let configuration = folder.join("syslog-ng.conf");
        let (input, host, port) = (input.display(), address.ip(), address.port());
        let text = format!(
            "@version: 3.38\n\
             source lines {{ file(\"{input}\" flags(no-parse)); }};\n\
             destination topic {{ stomp(host(\"{host}\") port({port}) username(\"logger\")\n\
               password(\"secret\") destination(\"/topic/logs\") body(\"$MESSAGE\") ack(yes)); }};\n\
             log {{ source(lines); destination(topic); flags(flow-control); }};\n"
        );
        fs::write(&configuration, text).expect("a configuration");
        let child = Command::new(PROGRAM)
            .args(["--foreground", "--no-caps", "--stderr", "--cfgfile"])
            .arg(&configuration)
            .arg("--persist-file")
            .arg(folder.join("persist"))
            .arg("--control")
            .arg(folder.join("control"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{PROGRAM}: {error}; install it: apt-get install --no-install-recommends \
                     syslog-ng-core syslog-ng-mod-stomp"
                )
            });
        Self { child, folder }
    }
}

impl Drop for SyslogNg {
    fn drop(&mut self) {
        // Each fails only when there is nothing to be done any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Passes connections on to `target`, and counts them.
async fn counting(target: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(target).await {
                    // It ends with either side.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    (address, count)
}

fn lines() -> Vec<String> {
    let line = |number: usize| match number % 50 {
        49 => format!("{number} {}", "long ".repeat(1_400).trim_end()),
        _ => format!("{number} {}", HARD[number % HARD.len()]),
    };
    (0..LINES).map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s62_s68_s69_syslog_ng_publishes_a_thousand_hard_lines_over_one_connection() {
    let server = Server::start(&[]);
    let mut subscriber = Stomp::connect(server.stomp_address(), "1.2").await;
    subscriber.subscribe("/topic/logs").await;
    let (address, connections) = counting(server.stomp_address()).await;

    let folder = format!("syslog-ng-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    let input = folder.join("lines.log");
    let lines = lines();
    fs::write(&input, lines.join("\n") + "\n").expect("a file");
    let _syslog_ng = SyslogNg::start(folder, &input, address);

    for line in &lines {
        let message = subscriber.frame().await.expect("a MESSAGE");
        assert_eq!(message.command, "MESSAGE", "{message:?}");
        let body = String::from_utf8_lossy(&message.body);
        assert_eq!(&body, line, "every line, in order, as it was written");
        // What only the sender was to hear.
        assert_eq!(message.header("receipt"), None);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1, "one connection");
}
