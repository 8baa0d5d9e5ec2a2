//! Clients behind proxies.

mod raw;
mod support;

use std::net::SocketAddr;

use campanile::{
    BuildError, Builder, Campanile, Endpoint, Handshake, ProxyHeaders, Refused, Session,
};

use tokio::net::TcpListener;

use raw::shake;
use support::House;

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

async fn told(session: Session) -> String {
    let seen = session
        .attributes()
        .text("seen")
        .unwrap_or_default()
        .to_owned();
    format!("{seen}; {}", session.remote_address())
}

async fn house(builder: Builder) -> House {
    let endpoint = Endpoint::new().before_handshake(note).on_open(told);
    House::serve(builder.endpoint("/it", endpoint).build().expect("valid")).await
}

const BEHIND_NGINX: [(&str, &str); 3] = [
    ("X-Forwarded-For", "6.6.6.6, 203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "chat.example.com"),
];

#[tokio::test]
async fn s11_a_trusted_proxy_tells_address_scheme_and_host() {
    let house = house(Campanile::builder().trusted_proxies(["10.0.0.0/8", "127.0.0.1"])).await;
    let mut answer = shake(house.address, "/it", &BEHIND_NGINX).await;
    let expected = "203.0.113.9:0 true chat.example.com; 203.0.113.9:0";
    assert_eq!(answer.next_text().await, expected);
    house
        .handle
        .broadcast_to("/it", "for the secure", |session| session.is_secure())
        .expect("accepted");
    assert_eq!(answer.next_text().await, "for the secure");
}

#[tokio::test]
async fn s11_the_check_of_origins_uses_what_the_client_used() {
    let house = house(Campanile::builder().trusted_proxies(["127.0.0.1"])).await;
    for (origin, status) in [
        ("https://chat.example.com", 101),
        ("https://CHAT.example.com:443", 101),
        ("http://chat.example.com", 403),
        ("https://chat.example.com:8443", 403),
        ("https://evil.com", 403),
    ] {
        let mut headers = BEHIND_NGINX.to_vec();
        headers.push(("Origin", origin));
        let answer = shake(house.address, "/it", &headers).await;
        assert_eq!(answer.status, status, "{origin}");
        headers.push(("X-Forwarded-Port", "8443"));
        let answer = shake(house.address, "/it", &headers).await;
        let expected = if origin.ends_with("8443") { 101 } else { 403 };
        assert_eq!(answer.status, expected, "{origin} at port 8443");
    }
    // Our own origin is what the proxy says, not what it asked us for.
    let mut headers = BEHIND_NGINX.to_vec();
    let own = format!("http://{}", house.address);
    headers.push(("Origin", &own));
    assert_eq!(shake(house.address, "/it", &headers).await.status, 403);
}

#[tokio::test]
async fn s11_nobody_is_trusted_unless_named() {
    for builder in [
        Campanile::builder(),
        Campanile::builder().trusted_proxies(["10.0.0.0/8", "::1"]),
        Campanile::builder()
            .trusted_proxies(["127.0.0.1"])
            .proxy_headers(ProxyHeaders::Forwarded),
    ] {
        let house = house(builder).await;
        let mut answer = shake(house.address, "/it", &BEHIND_NGINX).await;
        let text = answer.next_text().await;
        assert!(text.starts_with("127.0.0.1:"), "{text}");
        let told = format!(" false {};", house.address);
        assert!(text.contains(&told), "{text}");
        let mut headers = BEHIND_NGINX.to_vec();
        headers.push(("Origin", "https://chat.example.com"));
        assert_eq!(shake(house.address, "/it", &headers).await.status, 403);
    }
}

#[tokio::test]
async fn s11_the_forwarded_header_is_read_where_the_proxies_write_it() {
    let builder = Campanile::builder()
        .trusted_proxies(["127.0.0.0/8"])
        .proxy_headers(ProxyHeaders::Forwarded);
    let house = house(builder).await;
    let line = "for=6.6.6.6, for=\"[2001:db8::9]:4711\";proto=https;host=chat.example.com";
    let headers = [("Forwarded", line), ("Origin", "https://chat.example.com")];
    let mut answer = shake(house.address, "/it", &headers).await;
    let expected = "[2001:db8::9]:4711 true chat.example.com; [2001:db8::9]:4711";
    assert_eq!(answer.next_text().await, expected);
}

#[tokio::test]
async fn s11_within_a_host_application_its_word_on_the_peer_counts() {
    for tells_the_peer in [true, false] {
        let app = Campanile::builder()
            .trusted_proxies(["127.0.0.1"])
            .endpoint("/it", Endpoint::new().before_handshake(note).on_open(told))
            .build()
            .expect("valid");
        let router = app.into_router().expect("threads");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = if tells_the_peer {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            tokio::spawn(axum::serve(listener, service).into_future())
        } else {
            tokio::spawn(axum::serve(listener, router).into_future())
        };
        let text = shake(address, "/it", &BEHIND_NGINX).await.next_text().await;
        let expected = match tells_the_peer {
            true => "203.0.113.9:0 true chat.example.com; 203.0.113.9:0".to_owned(),
            // Whoever is not known is not trusted.
            false => format!("0.0.0.0:0 false {address}; 0.0.0.0:0"),
        };
        assert_eq!(text, expected);
        serving.abort();
    }
}

#[test]
fn s11_a_proxy_that_is_no_address_is_named_when_the_application_is_built() {
    let built = Campanile::builder()
        .trusted_proxies(["proxy.internal"])
        .build();
    let error = built.expect_err("no address");
    assert!(matches!(&error, BuildError::TrustedProxy(it) if it.entry() == "proxy.internal"));
    assert!(error.to_string().contains("no names"), "{error}");
}
