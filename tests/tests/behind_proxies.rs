//! A library's application behind HAProxy and nginx, set up as `docs/proxies.md` says: it knows its
//! clients' addresses, schemes and hosts, believes no client about them, and checks origins by them.

use std::{
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
};

use campanile::{Campanile, Endpoint, Handshake, Refused, Session};
use campanile_tests::{
    Certificate, PATIENCE, Proxy, Raw, Request, Response, Way, frames::close, within,
};
use tokio::net::TcpSocket;

/// What clients ask for.
const HOST: &str = "chat.example.com";
/// Where clients come from: not where the proxies do.
const CLIENT: [u8; 4] = [127, 0, 0, 2];

/// Serves an application that trusts the proxies of this machine, and starts one before it. Its
/// endpoint has the library's own rule for origins: only those of its own pages.
async fn house(way: Way, tls: Option<&Certificate>) -> Proxy {
    let endpoint = Endpoint::new().before_handshake(note).on_open(tell);
    let app = Campanile::builder()
        .trusted_proxies(["127.0.0.1"])
        .endpoint("/it", endpoint)
        .build()
        .expect("an application");
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(campanile::serve(listener, app).into_future());
    Proxy::start(way, address, tls).expect("a proxy")
}

/// Says what the handshake knows of the client.
async fn note(handshake: &mut Handshake) -> Result<(), Refused> {
    let seen = format!(
        "{} {} {}",
        handshake.remote_address(),
        handshake.is_secure(),
        handshake.host().unwrap_or("?")
    );
    handshake.attributes().set("seen", seen);
    Ok(())
}

async fn tell(session: Session) -> String {
    let attributes = session.attributes();
    let seen = attributes.text("seen").unwrap_or_default();
    format!(
        "{seen}; {} {}",
        session.remote_address(),
        session.is_secure()
    )
}

fn handshake() -> Request {
    Request::upgrade("/it").replaced("Host", HOST)
}

/// Sends a handshake from the client's address.
async fn shake(proxy: &Proxy, request: &Request) -> (Response, Raw) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = SocketAddr::from((CLIENT, 0));
    socket.bind(from).expect("another address of this machine");
    let stream = within("a connection", socket.connect(proxy.address())).await;
    let mut raw = Raw::over(stream.expect("the proxy accepts"));
    raw.send(&request.bytes()).await;
    (raw.response().await, raw)
}

#[tokio::test]
async fn s11_address_scheme_and_host_come_through_the_proxies() {
    for way in Way::PROXIES {
        println!("{way:?}");
        let proxy = house(way, None).await;
        let (response, mut raw) = shake(&proxy, &handshake()).await;
        assert_eq!(response.status, 101, "{response:?}");
        let told = raw.frame().await.expect("a text").payload;
        let expected = format!("127.0.0.2:0 false {HOST}; 127.0.0.2:0 false");
        assert_eq!(String::from_utf8_lossy(&told), expected);
    }
}

#[tokio::test]
async fn s11_what_clients_say_of_themselves_does_not_come_through() {
    for way in Way::PROXIES {
        println!("{way:?}");
        let proxy = house(way, None).await;
        let forged = handshake()
            .with("X-Forwarded-For", "6.6.6.6")
            .with("X-Forwarded-Proto", "https")
            .with("X-Forwarded-Host", "evil.example")
            .with("X-Forwarded-Port", "444")
            .with("X-Real-IP", "6.6.6.6")
            .with("Forwarded", "for=6.6.6.6;proto=https;host=evil.example");
        let (response, mut raw) = shake(&proxy, &forged).await;
        assert_eq!(response.status, 101, "{response:?}");
        let told = raw.frame().await.expect("a text").payload;
        let expected = format!("127.0.0.2:0 false {HOST}; 127.0.0.2:0 false");
        assert_eq!(String::from_utf8_lossy(&told), expected);
        let crossing = forged.with("Origin", "https://evil.example");
        assert_eq!(shake(&proxy, &crossing).await.0.status, 403);
    }
}

#[tokio::test]
async fn item_08_s11_origins_are_checked_behind_the_proxies() {
    for way in Way::PROXIES {
        println!("{way:?}");
        let proxy = house(way, None).await;
        for (origin, status) in [
            ("http://chat.example.com", 101),
            ("http://chat.example.com:80", 101),
            ("https://chat.example.com", 403),
            ("http://chat.example.com:8080", 403),
            ("http://chat.example.com.evil.com", 403),
            ("http://evil-chat.example.com", 403),
            ("http://chat.example.com@evil.com", 403),
            ("http://127.0.0.1:8080", 403),
            ("http://evil.com", 403),
            ("null", 403),
        ] {
            let request = handshake().with("Origin", origin);
            let (response, _) = shake(&proxy, &request).await;
            assert_eq!(response.status, status, "{origin}");
        }
    }
}

/// What the client is told over TLS, by openssl's client, which sends `bytes` and prints all.
async fn told_over_tls(address: SocketAddr, bytes: Vec<u8>) -> String {
    let talking = tokio::task::spawn_blocking(move || {
        let mut client = Command::new("timeout")
            .arg(PATIENCE.as_secs().to_string())
            .args(["openssl", "s_client", "-quiet", "-bind", "127.0.0.2:0"])
            .args(["-connect", &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut input = client.stdin.take().expect("standard input is piped");
        input.write_all(&bytes).expect("sent");
        // It goes on to read until the server closes.
        drop(input);
        client
            .wait_with_output()
            .expect("the end of openssl")
            .stdout
    });
    String::from_utf8_lossy(&talking.await.expect("an answer")).into_owned()
}

#[tokio::test]
async fn s11_tls_of_the_proxies_makes_a_client_secure() {
    let certificate = Certificate::make();
    for way in Way::PROXIES {
        println!("{way:?}");
        let proxy = house(way, Some(&certificate)).await;
        for (origin, status) in [
            ("https://chat.example.com", 101),
            ("http://chat.example.com", 403),
        ] {
            let mut bytes = handshake().with("Origin", origin).bytes();
            bytes.extend(close(1000, b"seen enough"));
            let told = told_over_tls(proxy.address(), bytes).await;
            assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
            let expected = format!("127.0.0.2:0 true {HOST}; 127.0.0.2:0 true");
            assert_eq!(told.contains(&expected), status == 101, "{told}");
        }
    }
}
