//! The program under TLS: `--dev-tls`, `--tls-cert` and `--tls-key` (S3).

#[path = "../../crates/campanile/tests/support/certificates.rs"]
mod certificates;

use std::path::PathBuf;
use std::time::Duration;

use campanile_client::{Client, Tls};
use campanile_tests::{Server, clients, run_to_end, within};

use self::certificates::Authority;

/// What an idle session may cost under TLS, in bytes of resident memory: its own share, and what
/// rustls keeps.
const SESSION_BYTES_MAX: usize = 14 << 10;

/// A client that trusts the certificate that the program has made for itself.
async fn open(server: &Server, path: &str) -> Client {
    let tls = Tls::new().danger_accept_any_certificate();
    open_with(server, path, tls).await
}

async fn open_with(server: &Server, path: &str, tls: Tls) -> Client {
    let builder = Client::builder(&server.secure_url(path)).tls(tls);
    within("a connection", builder.limits(clients::LIMITS).connect())
        .await
        .expect("connected")
}

#[tokio::test]
async fn s3_the_program_speaks_tls_with_a_certificate_of_its_own() {
    let mut server = Server::start(&["--dev-tls"]);
    let mut client = open(&server, "/echo").await;
    client.send_text("hello").await.expect("sent");
    assert_eq!(clients::next_text(&mut client).await, "hello");
    let untrusting = Client::connect(&server.secure_url("/echo")).await;
    let error = untrusting.expect_err("nobody has signed it").to_string();
    assert!(error.contains("not trusted"), "{error}");

    let url = server.secure_url("/echo");
    let listened = tokio::task::spawn_blocking(move || run_to_end(&["listen", &url]));
    let listened = within("its end", listened).await.expect("no panic");
    assert_eq!(listened.status.code(), Some(1));
    let said = String::from_utf8_lossy(&listened.stderr).into_owned();
    assert!(said.contains("--insecure"), "{said}");

    let ending = tokio::spawn(async move { server.terminate().await });
    assert_eq!(clients::next_close(&mut client).await.0, 1001);
    assert_eq!(ending.await.expect("no panic").code(), Some(0));
}

#[test]
fn s3_files_that_cannot_be_used_are_named() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/no-such-file.pem");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for wrong in [certificate, manifest] {
        let ended = run_to_end(&["--tls-cert", wrong, "--tls-key", wrong]);
        assert_eq!(ended.status.code(), Some(2));
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(wrong), "{said}");
    }
}

#[tokio::test]
async fn s3_files_are_read_anew_when_they_change_and_on_sighup() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let [certificate, key] = ["chain", "key"].map(|name| {
        let name = format!("{name}-{}.pem", std::process::id());
        folder.join(name).display().to_string()
    });
    let put = |path: &str, text: &str| std::fs::write(path, text).expect("written");
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let (old, new) = (first.server(), second.server());
    put(&certificate, &old.certificate);
    put(&key, &old.key);
    let server = Server::start(&["--tls-cert", &certificate, "--tls-key", &key]);
    let trusting = |authority: &Authority| Tls::new().add_root_pem(&authority.pem).expect("PEM");
    let mut session = open_with(&server, "/echo", trusting(&first)).await;

    put(&key, "not a key");
    within("a complaint", async {
        while !server.has_said("SIGHUP: the certificate before stays in use") {
            server.signal("HUP");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    drop(open_with(&server, "/echo", trusting(&first)).await);

    put(&certificate, &new.certificate);
    put(&key, &new.key);
    within("the new certificate", async {
        let url = server.secure_url("/echo");
        while Client::builder(&url)
            .tls(trusting(&second))
            .connect()
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    session.send_text("still here").await.expect("sent");
    assert_eq!(clients::next_text(&mut session).await, "still here");
    for path in [certificate, key] {
        std::fs::remove_file(path).expect("it was there");
    }
}

/// Waits until resident memory stays the same.
async fn settled(server: &Server) -> usize {
    within("memory that stays the same", async {
        let (mut last, mut same) = (0, 0);
        while same < 4 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = server.rss_bytes();
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    })
    .await
}

async fn crowd(server: &Server, sessions: usize) -> Vec<Client> {
    let tls = Tls::new().danger_accept_any_certificate();
    let text = format!("@nobody {}", "x".repeat(192));
    let mut opened = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        let mut client = open_with(server, "/chat", tls.clone()).await;
        client.send_text(&text).await.expect("sent");
        assert_eq!(clients::next_text(&mut client).await, text);
        opened.push(client);
    }
    opened
}

#[tokio::test]
async fn s3_an_idle_session_costs_what_rustls_keeps() {
    const SESSIONS: usize = 2_000;
    let server = Server::start(&["--dev-tls"]);
    // What runs for the first time is not what sessions cost.
    drop(crowd(&server, SESSIONS / 10).await);
    let before = settled(&server).await;
    let sessions = crowd(&server, SESSIONS).await;
    let each = settled(&server).await.saturating_sub(before) / SESSIONS;
    println!("{each} bytes of resident memory for each of {SESSIONS} sessions under TLS");
    assert!(each <= SESSION_BYTES_MAX, "a session costs {each} bytes");
    drop(sessions);
}
