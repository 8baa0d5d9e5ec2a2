//! Who may come in, and with what.

mod support;

use campanile::{
    Campanile, Endpoint, Handshake, HandshakeInterceptor, Intercepting, OriginPolicy, Refused,
    Session, http::StatusCode,
};
use campanile_client::Client;

use support::{House, next_text, within};

/// Lets in those who say who they are.
struct NameWanted;

impl HandshakeInterceptor for NameWanted {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            let Some(name) = handshake.query("name") else {
                return Err(Refused::new(
                    StatusCode::UNAUTHORIZED,
                    "say your name: ?name=…",
                ));
            };
            handshake
                .attributes()
                .set("greeting", format!("hello, {name}"));
            handshake.set_user(name);
            Ok(())
        })
    }
}

#[tokio::test]
async fn s7_an_interceptor_may_refuse_and_add_attributes_and_name_the_user() {
    let greet = async |session: Session| {
        let greeting = session.attributes().text("greeting").map(str::to_owned);
        format!(
            "{} ({})",
            greeting.unwrap_or_default(),
            session.user().unwrap_or("nobody")
        )
    };
    let endpoint = Endpoint::new().intercept(NameWanted).on_open(greet);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    assert_eq!(house.refused("/it", None).await, 401);
    let mut client = house.open("/it?name=%E5%B0%8F+%E6%98%8E").await;
    assert_eq!(next_text(&mut client).await, "hello, 小 明 (小 明)");
    assert_eq!(house.handle.count_of_user("小 明"), 1);
    house
        .handle
        .send_to_user("小 明", "for you")
        .expect("accepted");
    assert_eq!(next_text(&mut client).await, "for you");
}

#[tokio::test]
async fn item_08_origins_that_are_not_on_the_list_get_403_before_any_session() {
    let list = OriginPolicy::list(["https://good.com", "http://other.org:8080"]).expect("valid");
    let app = Campanile::builder()
        .endpoint("/list", Endpoint::new().origins(list))
        .endpoint("/same", Endpoint::new())
        .endpoint("/any", Endpoint::new().origins(OriginPolicy::Any))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for good in [
        "https://good.com",
        "HTTPS://GOOD.com",
        "http://other.org:8080",
    ] {
        assert_eq!(house.refused("/list", Some(good)).await, 101, "{good}");
    }
    let foreign = [
        "null",
        "https://good.com.evil.com",
        "https://evilgood.com",
        "https://good.com:444",
        "http://good.com",
        "https://user@good.com",
        "http://other.org",
    ];
    for bad in foreign {
        assert_eq!(house.refused("/list", Some(bad)).await, 403, "{bad}");
        assert_eq!(house.refused("/same", Some(bad)).await, 403, "{bad}");
        assert_eq!(house.refused("/any", Some(bad)).await, 101, "{bad}");
    }
    // A program that is not a browser sends no Origin and is let in (S10).
    for path in ["/list", "/same", "/any"] {
        assert_eq!(house.refused(path, None).await, 101, "{path}");
    }
    let own = format!("http://{}", house.address);
    assert_eq!(house.refused("/same", Some(&own)).await, 101);
    assert_eq!(house.refused("/list", Some(&own)).await, 403);
}

#[tokio::test]
async fn item_09_a_cookie_alone_opens_nothing_where_an_interceptor_wants_more() {
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .intercept(NameWanted);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let asked = Client::builder(&house.url("/it"))
        .origin("https://evil.example")
        .header("Cookie", "session=0123456789")
        .connect();
    assert!(
        within(asked).await.is_err(),
        "the cookie was taken for a proof"
    );
    assert_eq!(house.handle.sessions(), 0);
}

#[tokio::test]
async fn s5_the_first_protocol_that_the_client_lists_is_chosen() {
    let tell = async |session: Session| session.protocol().unwrap_or("none").to_owned();
    let endpoint = Endpoint::new()
        .protocols(["chat", "superchat"])
        .on_open(tell);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for (offered, chosen) in [
        (vec!["superchat", "chat"], "superchat"),
        (vec!["mqtt", "CHAT"], "CHAT"),
        (vec!["mqtt"], "none"),
        (vec![], "none"),
    ] {
        let asked = Client::builder(&house.url("/it"))
            .protocols(offered)
            .connect();
        let mut client = within(asked).await.expect("a session");
        assert_eq!(client.protocol().unwrap_or("none"), chosen);
        assert_eq!(next_text(&mut client).await, chosen);
    }
}

#[tokio::test]
async fn s186_the_best_template_wins() {
    let named = |name: &'static str| Endpoint::new().on_open(move || async move { name });
    let app = Campanile::builder()
        .endpoint("/rooms/{room}", named("variable"))
        .endpoint("/rooms/lobby", named("exact"))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    assert_eq!(
        next_text(&mut house.open("/rooms/lobby").await).await,
        "exact"
    );
    assert_eq!(
        next_text(&mut house.open("/rooms/a%2Fb").await).await,
        "variable"
    );
    assert_eq!(house.refused("/rooms", None).await, 404);
    assert_eq!(house.refused("/rooms/", None).await, 404);
}

#[test]
fn s1_a_handshake_is_answered_with_101_and_a_wrong_one_with_400_405_or_426() {
    let mut test = support::kit::start(support::kit::echo());
    assert_eq!(
        test.connect("/e").answer()["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    let refused = |handshake: campanile::testing::TestHandshake<'_>| {
        let refusal = handshake.connect().expect_err("a refusal");
        (refusal.status.as_u16(), refusal.headers, refusal.body)
    };
    for missing in ["upgrade", "connection", "sec-websocket-key"] {
        let (status, _, body) = refused(test.handshake("/e").without(missing));
        assert!(matches!(status, 400 | 426), "{missing}: {status} {body}");
    }
    for version in ["12", "8", "13, 8"] {
        let handshake = test
            .handshake("/e")
            .header("sec-websocket-version", version);
        let (status, headers, _) = refused(handshake);
        assert_eq!(
            (status, &headers["sec-websocket-version"]),
            (426, &"13".parse().expect("a value"))
        );
    }
    let (status, _, _) = refused(test.handshake("/e").header("sec-websocket-key", "short"));
    assert_eq!(status, 400);
    let post = http::Request::post("/e")
        .header("host", "localhost")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .body(axum::body::Body::empty());
    let answer = test.request(post.expect("a request"));
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["allow"]),
        (405, &"GET".parse().expect("a value"))
    );
}
