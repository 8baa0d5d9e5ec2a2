//! Endpoints for known users, over TLS only, and logins that expire.

mod raw;
mod support;

use std::time::{Duration, SystemTime};

use campanile::{Campanile, Endpoint, Handshake, Refused};

use raw::shake;
use support::House;

async fn named(handshake: &mut Handshake) -> Result<(), Refused> {
    if let Some(name) = handshake.query("name") {
        handshake.set_user(name);
    }
    Ok(())
}

#[tokio::test]
async fn s207_only_users_that_are_known_are_let_in() {
    let endpoint = Endpoint::new().authenticated().before_handshake(named);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .endpoint("/nobody", Endpoint::new().authenticated())
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    assert_eq!(shake(house.address, "/it?name=ada", &[]).await.status, 101);
    for target in ["/it", "/nobody?name=ada"] {
        let refused = shake(house.address, target, &[]).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("www-authenticate"), None);
        assert_eq!(
            refused.header("content-type"),
            Some("application/problem+json")
        );
        assert!(refused.body.contains("log in"), "{}", refused.body);
    }
}

#[tokio::test]
async fn s207_only_secure_clients_are_let_in() {
    let endpoint = || Endpoint::new().secure_only().before_handshake(named);
    let behind = |proxies: Vec<&str>| {
        let builder = Campanile::builder().trusted_proxies(proxies);
        builder.endpoint("/it", endpoint()).build().expect("valid")
    };
    let https = [("X-Forwarded-Proto", "https")];
    let trusting = House::serve(behind(vec!["127.0.0.1"])).await;
    assert_eq!(shake(trusting.address, "/it", &https).await.status, 101);
    let http = [("X-Forwarded-Proto", "http")];
    for headers in [&http[..], &[]] {
        let refused = shake(trusting.address, "/it", headers).await;
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains("wss://"), "{}", refused.body);
    }
    let wary = House::serve(behind(Vec::new())).await;
    assert_eq!(shake(wary.address, "/it", &https).await.status, 403);
}

#[tokio::test]
async fn s207_a_login_that_has_expired_opens_nothing() {
    let expires = async |handshake: &mut Handshake| {
        let now = SystemTime::now();
        match handshake.query("left").as_deref() {
            Some("none") => handshake.expires_in(Duration::ZERO),
            Some("past") => handshake.expires_at(now - Duration::from_secs(1)),
            Some("ancient") => handshake.expires_at(SystemTime::UNIX_EPOCH),
            Some("future") => handshake.expires_at(now + Duration::from_secs(3_600)),
            Some("hour") => handshake.expires_in(Duration::from_secs(3_600)),
            _ => {}
        }
        Ok(())
    };
    let endpoint = Endpoint::new().before_handshake(expires);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for (target, status) in [
        ("/it", 101),
        ("/it?left=hour", 101),
        ("/it?left=future", 101),
        ("/it?left=none", 401),
        ("/it?left=past", 401),
        ("/it?left=ancient", 401),
    ] {
        assert_eq!(
            shake(house.address, target, &[]).await.status,
            status,
            "{target}"
        );
    }
}
