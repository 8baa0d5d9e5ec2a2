//! Who may listen over HTTP, what browsers are told, and what is refused.

mod listen;
mod support;

use campanile::{Campanile, EventsEndpoint, Handshake, HandshakeInterceptor, Intercepting};
use campanile::{OriginPolicy, Refused};
use http::StatusCode;
use listen::{EVENTS, LINES, ask, get};
use support::House;

const A: &str = "/events?destination=/topic/a";

struct NotForMallory;

impl HandshakeInterceptor for NotForMallory {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            handshake
                .answer_headers_mut()
                .insert("x-seen", http::HeaderValue::from_static("yes"));
            match handshake.query("user").as_deref() {
                Some("mallory") => Err(Refused::new(StatusCode::FORBIDDEN, "not you")),
                Some(user) => {
                    let user = user.to_owned();
                    handshake.set_user(user);
                    Ok(())
                }
                None => Ok(()),
            }
        })
    }
}

async fn serve(origins: OriginPolicy) -> House {
    let endpoint = EventsEndpoint::new()
        .origins(origins)
        .intercept(NotForMallory)
        .destinations_max(3);
    let app = Campanile::builder().events("/events", endpoint);
    House::serve(app.build().expect("an application")).await
}

#[tokio::test]
async fn events_refusals_say_what_to_do() {
    let house = serve(OriginPolicy::Any).await;
    for (target, status, hint) in [
        ("/events", 400, "?destination="),
        ("/events?wait=0", 400, "?destination="),
        ("/events?destination=", 400, "topics begin with /topic"),
        ("/events?destination=topic/a", 400, "write \"/topic/a\""),
        ("/events?destination=/queue/a", 400, "consume it with STOMP"),
        ("/events?destination=/app/a", 400, "listen to topics"),
        ("/events?destination=/topic/{a:.*}", 400, ""),
        ("/events?destination=/topic/a&wait=61", 400, "from 0 to 60"),
        ("/events?destination=/topic/a&wait=-1", 400, "from 0 to 60"),
        (
            "/events?destination=/topic/a&wait=%2B1",
            400,
            "from 0 to 60",
        ),
        ("/events?destination=/topic/a&wait=", 400, "from 0 to 60"),
        ("/events?destination=/topic/a&user=mallory", 403, "not you"),
        ("/events?destination=/user/a&user=a%252Fb", 400, "%2F"),
        (
            "/events?destination=/topic/a&destination=/topic/b&destination=/topic/c&destination=/topic/d",
            400,
            "more than 3 destinations",
        ),
    ] {
        for accept in [EVENTS, LINES, ("Accept", "*/*")] {
            let mut answer = get(house.address, target, &[accept]).await;
            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let detail = answer.problem().await;
            assert!(detail.contains(hint), "{target}: {detail}");
        }
        let upgraded = house.refused(target, None).await;
        if target.contains("wait=") && target.contains("/topic/a") || target.contains("%252F") {
            // A socket does not wait; whose it is, is known once it is open.
            assert_eq!(upgraded, 101, "{target}");
        } else {
            assert_eq!(upgraded, status, "{target}");
        }
    }
    house.leave().await;
}

#[tokio::test]
async fn events_other_methods_are_not_allowed() {
    let house = serve(OriginPolicy::Any).await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let mut answer = ask(house.address, method, A, &[]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        answer.problem().await;
    }
    house.leave().await;
}

#[tokio::test]
async fn events_head_is_get_without_a_body() {
    let house = serve(OriginPolicy::Any).await;
    for (accept, kind) in [
        (EVENTS, "text/event-stream"),
        (LINES, "application/x-ndjson"),
        (("Accept", "*/*"), "application/json"),
    ] {
        let answer = ask(house.address, "HEAD", A, &[accept]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(kind))
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-seen"), Some("yes"));
    }
    assert_eq!(ask(house.address, "HEAD", "/events", &[]).await.status, 400);
    house.leave().await;
}

#[tokio::test]
async fn events_every_origin_may_read_without_credentials() {
    let house = serve(OriginPolicy::Any).await;
    for origin in ["https://example.com", "null"] {
        let headers = [("Origin", origin), EVENTS];
        let answer = get(house.address, A, &headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("vary"), Some("Origin, Accept"));
        // Problems, too, so that a page can show them.
        let answer = get(house.address, "/events", &headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    let answer = get(house.address, A, &[EVENTS]).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), Some("Origin, Accept"));
    house.leave().await;
}

#[tokio::test]
async fn events_origins_that_are_named_may_send_credentials_and_others_nothing() {
    let list = OriginPolicy::list(["https://example.com"]).expect("origins");
    let house = serve(list).await;
    let ours = ("Origin", "https://example.com");
    let preflight = [
        ours,
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "last-event-id"),
    ];
    let answer = ask(house.address, "OPTIONS", A, &preflight).await;
    assert_eq!(answer.status, 204);
    let allowed = answer.header("access-control-allow-headers");
    assert!(allowed.is_some_and(|names| names.contains("Last-Event-ID")));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, HEAD, OPTIONS")
    );
    for method in ["GET", "OPTIONS"] {
        let answer = ask(house.address, method, A, &[ours, EVENTS]).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://example.com")
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        let other = [("Origin", "https://evil.example"), EVENTS];
        let mut answer = ask(house.address, method, A, &other).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("access-control-allow-origin"), None);
        answer.problem().await;
    }
    assert_eq!(house.refused(A, Some("https://evil.example")).await, 403);
    house.leave().await;
}
