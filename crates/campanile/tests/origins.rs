//! Which pages may connect: patterns and functions.

mod raw;
mod support;

use campanile::{Campanile, Endpoint, OriginPolicy};

use raw::shake;
use support::House;

#[tokio::test]
async fn s10_patterns_admit_subdomains_and_ports_and_no_lookalikes() {
    let patterns = ["https://*.example.com", "http://localhost:*"];
    let policy = OriginPolicy::patterns(patterns).expect("valid patterns");
    let app = Campanile::builder()
        .endpoint("/it", Endpoint::new().origins(policy))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for good in [
        "https://chat.example.com",
        "HTTPS://A.B.EXAMPLE.COM:443",
        "http://localhost:5173",
    ] {
        assert_eq!(house.refused("/it", Some(good)).await, 101, "{good}");
    }
    for bad in [
        "https://example.com",
        "https://evil-example.com",
        "https://a.example.com.evil.com",
        "https://user@a.example.com",
        "http://a.example.com",
        "https://localhost:5173",
        "null",
    ] {
        assert_eq!(house.refused("/it", Some(bad)).await, 403, "{bad}");
    }
    assert_eq!(house.refused("/it", None).await, 101);
    let twice = [
        ("Origin", "http://localhost"),
        ("Origin", "http://localhost"),
    ];
    assert_eq!(shake(house.address, "/it", &twice).await.status, 403);
}

#[tokio::test]
async fn s8_a_function_may_decide_about_origins() {
    let policy = OriginPolicy::custom(|handshake| {
        let tenant = handshake
            .path_parameters()
            .get("tenant")
            .unwrap_or_default();
        handshake.origin() == Some(&*format!("https://{tenant}.example"))
    });
    let app = Campanile::builder()
        .endpoint("/{tenant}", Endpoint::new().origins(policy))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    assert_eq!(
        house.refused("/ada", Some("https://ada.example")).await,
        101
    );
    assert_eq!(
        house.refused("/bob", Some("https://ada.example")).await,
        403
    );
    // Nothing is let in that the function does not let in.
    assert_eq!(house.refused("/ada", None).await, 403);
    let twice = [("Origin", "https://ada.example"); 2];
    assert_eq!(shake(house.address, "/ada", &twice).await.status, 403);
}
