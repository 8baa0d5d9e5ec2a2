//! Who comes in by TLS and who does not: client certificates, new certificates, hostile handshakes
//! (S3).
#![cfg(feature = "tls")]

#[path = "support/secure.rs"]
mod secure;
mod support;

use std::path::PathBuf;

use axum::extract::Request;
use axum::routing::get;
use campanile::{Campanile, ClientCertificates, Endpoint, PeerCertificates, Text, Tls, TlsError};
use campanile_client::{Client, ClientError};
use campanile_websocket::{ClientHandshake, Opcode, append_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::secure::certificates::Key;
use crate::secure::{Authority, Issued, SecureHouse};
use crate::support::{next_text, within};

fn app() -> Campanile {
    Campanile::builder()
        .endpoint(
            "/echo",
            Endpoint::new().on_text(async |Text(text): Text| text),
        )
        .routes(axum::Router::new().route("/who", get(who)))
        .build()
        .expect("valid")
}

/// The client's own certificate in hexadecimal digits.
async fn who(request: Request) -> String {
    let shown = request.extensions().get::<PeerCertificates>();
    shown.map_or_else(|| "nobody".to_owned(), |shown| hexadecimal(shown.own()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn house_asking(asked: ClientCertificates, roots: &Authority) -> SecureHouse {
    let authority = Authority::new("authority");
    let issued = authority.server();
    let tls = Tls::from_pem(issued.certificate, issued.key)
        .and_then(|tls| tls.client_certificates(asked, &roots.pem))
        .expect("usable");
    SecureHouse::serve_with(app(), authority, tls).await
}

fn showing(house: &SecureHouse, shown: &Issued) -> campanile_client::Tls {
    house
        .authority
        .trust()
        .client_certificate(&shown.certificate, &shown.key)
        .expect("a pair")
}

async fn connect(house: &SecureHouse, tls: campanile_client::Tls) -> Result<Client, ClientError> {
    let url = house.url("/echo");
    within(Client::builder(&url).tls(tls).connect()).await
}

/// What `/who` answers to a client with this certificate.
async fn seen(house: &SecureHouse, shown: Option<&Issued>) -> String {
    let mut stream = house.authority.connect_showing(house.secure, shown).await;
    let request = b"GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    stream.flush().await.expect("sent");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer))
        .await
        .expect("an answer and a clean end");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    body.to_owned()
}

#[tokio::test]
async fn s3_client_certificates_are_seen_when_they_are_asked_for() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let (alice, mallory) = (ours.issue("alice", &[]), others.issue("mallory", &[]));
    let house = house_asking(ClientCertificates::Requested, &ours).await;
    assert_eq!(seen(&house, Some(&alice)).await, hexadecimal(&alice.der));
    assert_eq!(seen(&house, None).await, "nobody");
    assert!(connect(&house, house.authority.trust()).await.is_ok());
    let refused = connect(&house, showing(&house, &mallory)).await;
    let refused = refused.expect_err("another authority's").to_string();
    assert!(refused.contains("certificate"), "{refused}");
    house.leave().await;
}

#[tokio::test]
async fn s3_client_certificates_can_be_required() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let (alice, mallory) = (ours.issue("alice", &[]), others.issue("mallory", &[]));
    let house = house_asking(ClientCertificates::Required, &ours).await;
    let mut welcome = connect(&house, showing(&house, &alice)).await.expect("in");
    welcome.send_text("here").await.expect("sent");
    assert_eq!(next_text(&mut welcome).await, "here");
    assert_eq!(seen(&house, Some(&alice)).await, hexadecimal(&alice.der));
    for tls in [house.authority.trust(), showing(&house, &mallory)] {
        let refused = connect(&house, tls).await.expect_err("not welcome");
        let refused = refused.to_string();
        assert!(refused.contains("client_certificate"), "{refused}");
    }
    drop(welcome);
    house.leave().await;
}

#[tokio::test]
async fn s3_clients_that_are_not_asked_show_nothing() {
    let ours = Authority::new("ours");
    let alice = ours.issue("alice", &[]);
    let house = SecureHouse::serve(app()).await;
    assert_eq!(seen(&house, Some(&alice)).await, "nobody");
    house.leave().await;
}

/// A folder of its own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn s3_a_new_certificate_is_taken_without_a_restart() {
    let folder = Folder::new("reload");
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let (old, new) = (first.server(), second.server());
    let certificate = folder.put("chain.pem", &old.certificate);
    let key = folder.put("key.pem", &old.key);
    let tls = Tls::from_files(&certificate, &key).expect("a pair");
    let before = tls.fingerprint();
    let house = SecureHouse::serve_with(app(), first, tls.clone()).await;
    let mut session = house.open("/echo").await;

    // Half of a pair cannot be used: the one before stays.
    folder.put("chain.pem", &new.certificate);
    assert!(matches!(tls.reload(), Err(TlsError::Mismatch { .. })));
    let half = &new.key[..new.key.len() / 2];
    folder.put("key.pem", half);
    let error = tls.reload().expect_err("half a key").to_string();
    assert!(
        error.contains("key.pem") && error.contains("half written"),
        "{error}"
    );
    std::fs::remove_file(&key).expect("it was there");
    let error = tls.reload().expect_err("no key").to_string();
    assert!(error.contains("key.pem"), "{error}");
    assert_eq!(tls.fingerprint(), before);
    assert!(connect(&house, house.authority.trust()).await.is_ok());

    // The server sees by itself that the pair is whole again.
    folder.put("key.pem", &new.key);
    within(async {
        while tls.fingerprint() == before {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(connect(&house, second.trust()).await.is_ok());
    assert!(connect(&house, house.authority.trust()).await.is_err());
    session.send_text("still here").await.expect("sent");
    assert_eq!(next_text(&mut session).await, "still here");

    // At once, when it is asked for.
    let third = second.server();
    folder.put("chain.pem", &third.certificate);
    folder.put("key.pem", &third.key);
    let second_print = tls.fingerprint();
    tls.reload().expect("a pair");
    assert_ne!(tls.fingerprint(), second_print);
    assert!(connect(&house, second.trust()).await.is_ok());
    drop(session);
    house.leave().await;
}

#[test]
fn s3_what_is_wrong_with_a_pair_is_said() {
    let authority = Authority::new("authority");
    let issued = authority.server();
    let said = |certificate: &str, key: &str| match Tls::from_pem(certificate, key) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    };
    let none = said("", &issued.key);
    assert!(none.contains("no certificate"), "{none}");
    let none = said(&issued.certificate, "");
    assert!(none.contains("no private key"), "{none}");
    let other = said(&issued.certificate, &Key::new().pem());
    assert!(other.contains("does not belong"), "{other}");
    let encrypted = issued.key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let encrypted = said(&issued.certificate, &encrypted);
    assert!(encrypted.contains("openssl pkey"), "{encrypted}");
    let damaged = issued.key.replace("MIG", "AAA");
    let damaged = said(&issued.certificate, &damaged);
    assert!(damaged.contains("damaged"), "{damaged}");
    let file = Tls::from_files("/no/such/chain.pem", "/no/such/key.pem");
    let file = file.expect_err("no file").to_string();
    assert!(file.contains("/no/such/chain.pem"), "{file}");
    let roots = Tls::from_pem(&issued.certificate, &issued.key)
        .and_then(|tls| tls.client_certificates(ClientCertificates::Required, ""));
    assert!(matches!(roots, Err(TlsError::Roots { .. })));
}

/// What the server sends until it closes, an alert in most cases.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    within(async {
        // A reset is an end, too.
        while let Ok(1..) = stream.read_buf(&mut all).await {}
    })
    .await;
    all
}

/// The first bytes of a TLS connection.
async fn client_hello() -> Vec<u8> {
    let listener = campanile::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let (accepted, _) = tokio::join!(listener.accept(), async {
        let url = format!("wss://{address}/");
        let builder = Client::builder(&url).open_timeout(std::time::Duration::from_millis(500));
        builder.connect().await.expect_err("nobody answers")
    });
    let mut hello = Vec::new();
    let (mut stream, _) = accepted.expect("a connection");
    within(stream.read_to_end(&mut hello))
        .await
        .expect("a hello");
    hello
}

#[tokio::test]
async fn s3_hostile_handshakes_end_and_harm_nobody() {
    const CROWD: usize = 200;
    let house = SecureHouse::serve(app()).await;
    let mut bystander = house.open("/echo").await;
    let hello = client_hello().await;
    assert_eq!(hello.first(), Some(&22));

    let mut attackers = Vec::new();
    for number in 0..CROWD {
        let mut stream = TcpStream::connect(house.secure).await.expect("connected");
        let sent: &[u8] = match number % 5 {
            // Garbage, a record that claims too much, SSLv2, one of an unknown version.
            0 => b"\x00\x01\x02\x03 this is not TLS at all",
            1 => b"\x16\x03\x01\xff\xff\x01\x00\xff\xfb",
            2 => b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
            3 => b"\x16\x09\x09\x00\x05hello",
            // Half a ClientHello, and silence.
            _ => &hello[..hello.len() / 2],
        };
        stream.write_all(sent).await.expect("sent");
        attackers.push(stream);
    }
    // TLS is done, and then silence; or nothing at all.
    let mut quiet = house.raw().await;
    let mut mute = TcpStream::connect(house.secure).await.expect("connected");
    for number in 0..100 {
        let text = number.to_string();
        bystander.send_text(&text).await.expect("sent");
        assert_eq!(next_text(&mut bystander).await, text);
    }
    for attacker in &mut attackers {
        read_to_end(attacker).await;
    }
    read_to_end(&mut mute).await;
    let mut rest = Vec::new();
    // However it ends: it does.
    let _ = within(quiet.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
    bystander.send_text("still here").await.expect("sent");
    assert_eq!(next_text(&mut bystander).await, "still here");
    assert!(connect(&house, house.authority.trust()).await.is_ok());
    drop(bystander);
    house.leave().await;
}

/// The frame of a short text, as a client sends it and as it comes back.
fn echo_frames(text: &str) -> [Vec<u8>; 2] {
    [Some([9, 8, 7, 6]), None].map(|mask| {
        let mut frame = Vec::new();
        append_frame(&mut frame, true, Opcode::Text, text.as_bytes(), mask);
        frame
    })
}

#[tokio::test]
async fn s3_new_keys_are_followed_and_garbage_ends_a_session_alone() {
    let house = SecureHouse::serve(app()).await;
    let mut bystander = house.open("/echo").await;
    let mut stream = house.raw().await;
    let request = ClientHandshake::new("localhost", "/echo", [7; 16]).request_bytes();
    stream.write_all(&request).await.expect("sent");
    stream.flush().await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("a head"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    for number in 0..20 {
        // RFC 8446 4.6.3: the server must answer with new keys of its own.
        let session = stream.get_mut().1;
        session.refresh_traffic_keys().expect("TLS 1.3");
        let [sent, expected] = echo_frames(&number.to_string());
        stream.write_all(&sent).await.expect("sent");
        stream.flush().await.expect("sent");
        let mut received = vec![0; expected.len()];
        let read = within(stream.read_exact(&mut received)).await;
        read.expect("an echo");
        assert_eq!(received, expected);
    }
    let socket = stream.get_mut().0;
    socket.write_all(&[23, 3, 3, 0, 32]).await.expect("sent");
    socket.write_all(&[0; 64]).await.expect("sent");
    let mut rest = Vec::new();
    let end = within(stream.read_to_end(&mut rest)).await;
    let end = end.expect_err("an alert").to_string();
    assert!(end.contains("alert") || end.contains("reset"), "{end}");
    assert!(rest.is_empty());
    bystander.send_text("still here").await.expect("sent");
    assert_eq!(next_text(&mut bystander).await, "still here");
    drop(bystander);
    house.leave().await;
}
