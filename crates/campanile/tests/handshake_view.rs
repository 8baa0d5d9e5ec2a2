//! What a handshake shows, and what the session keeps of it.

mod raw;
mod support;

use std::sync::{Arc, Mutex};

use campanile::{
    Attributes, BuildError, Campanile, Endpoint, ExtensionChoice, ExtensionOffer, Handshake,
    OriginPolicy, Refused, RuleError, Session, http,
};

use raw::{request, shake};
use support::{House, next_text};

async fn house(endpoint: Endpoint) -> House {
    let app = Campanile::builder()
        .endpoint("/rooms/{room}", endpoint)
        .build();
    House::serve(app.expect("valid")).await
}

#[tokio::test]
async fn s190_a_handshake_shows_all_of_the_request() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let seen = Arc::clone(&seen);
        move |handshake: &Handshake, _: &ExtensionOffer| {
            let all: Vec<String> = handshake.query_values("a").collect();
            let lines = [
                format!(
                    "{} {:?} {}",
                    handshake.method(),
                    handshake.version(),
                    handshake.uri()
                ),
                format!("{:?}", handshake.headers().get("x-mine")),
                format!("{:?}", handshake.path_parameters().get("room")),
                format!("{:?} {all:?}", handshake.query("a")),
                format!("{:?}", handshake.query("none")),
                format!("{}", handshake.remote_address().ip()),
                format!("{}", handshake.is_secure()),
                format!("{:?}", handshake.offered_protocols()),
                format!("{}", handshake.offered_extensions()[0]),
                format!("{:?} {:?}", handshake.locale(), handshake.origin()),
                format!(
                    "{:?} {:?}",
                    handshake.user(),
                    handshake.attribute::<u8>("level")
                ),
                format!("{:?}", handshake.extension::<String>()),
                format!("{:?} {}", handshake.host(), handshake.local_address()),
            ];
            *seen.lock().expect("fine") = lines.to_vec();
            ExtensionChoice::BuiltIn
        }
    };
    let user = async |handshake: &mut Handshake| -> Result<(), Refused> {
        handshake.set_user("ada");
        handshake.attributes().set("level", 3_u8);
        assert_eq!(handshake.attributes().get::<u8>("level"), Some(&3));
        Ok(())
    };
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .before_handshake(user)
        .extensions(note);
    let house = house(endpoint).await;
    let headers = [
        ("X-Mine", "yes"),
        ("Accept-Language", "de, en;q=0.5"),
        ("Origin", "https://page.example"),
        ("Sec-WebSocket-Protocol", "chat, v2"),
        ("Sec-WebSocket-Extensions", "x-a; b=1"),
    ];
    let answer = shake(house.address, "/rooms/a%2Fb?a=1&b=2&a=%C3%A9+", &headers).await;
    assert_eq!(answer.status, 101);
    let seen = seen.lock().expect("fine").clone();
    let expected = [
        "GET HTTP/1.1 /rooms/a%2Fb?a=1&b=2&a=%C3%A9+",
        "Some(\"yes\")",
        "Some(\"a/b\")",
        "Some(\"1\") [\"1\", \"é \"]",
        "None",
        "127.0.0.1",
        "false",
        "[\"chat\", \"v2\"]",
        "x-a; b=1",
        "Some(\"de, en;q=0.5\") Some(\"https://page.example\")",
        "Some(\"ada\") Some(3)",
        "None",
        &format!("Some(\"{0}\") {0}", house.address),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn s190_a_handshakes_debug_text_has_no_secrets() {
    let request = http::Request::get("https://own.com/chat?token=abc")
        .header("Authorization", "Bearer abc")
        .body(())
        .expect("a request");
    let handshake = Handshake::from_parts(request.into_parts().0);
    assert!(handshake.is_secure());
    let shown = format!("{handshake:?}");
    assert!(shown.contains("/chat") && !shown.contains("abc"), "{shown}");
}

#[tokio::test]
async fn s24_the_headers_that_are_named_are_kept_and_no_others() {
    let kept = |session: Session| async move {
        let attributes = session.attributes();
        let headers = attributes.get::<Arc<http::HeaderMap>>("handshake.headers");
        headers.map_or_else(String::new, |headers| {
            let cookies: Vec<_> = headers.get_all("cookie").iter().collect();
            format!(
                "{} {:?} {cookies:?}",
                headers.len(),
                headers.get("user-agent")
            )
        })
    };
    let endpoint = Endpoint::new()
        .keep_headers(["User-Agent", "cookie"])
        .on_open(kept);
    let house = house(endpoint).await;
    let headers = [
        ("User-Agent", "test/1"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("Authorization", "Bearer secret"),
    ];
    let mut answer = shake(house.address, "/rooms/1", &headers).await;
    assert_eq!(
        answer.next_text().await,
        "3 Some(\"test/1\") [\"a=1\", \"b=2\"]"
    );
    let mut answer = shake(house.address, "/rooms/1", &[]).await;
    assert_eq!(answer.next_text().await, "");
}

#[test]
fn s24_a_header_that_cannot_be_is_named_when_the_application_is_built() {
    let endpoint = Endpoint::new().keep_headers(["user agent"]);
    let error = Campanile::builder()
        .endpoint("/", endpoint)
        .build()
        .expect_err("no name");
    let BuildError::Rules { source, .. } = error else {
        panic!("another error: {error}");
    };
    assert_eq!(source, RuleError::HeaderName("user agent".into()));
}

#[tokio::test]
async fn s191_each_session_begins_with_the_endpoints_attributes() {
    let mut more = Attributes::default();
    more.set("tenant", "acme");
    let opened = |session: Session| async move {
        let mut attributes = session.attributes();
        let visits = attributes.get::<u32>("visits").copied().unwrap_or_default();
        attributes.set("visits", visits + 1);
        format!("{} {visits}", attributes.text("tenant").unwrap_or("none"))
    };
    let overrule = async |handshake: &mut Handshake| -> Result<(), Refused> {
        if let Some(tenant) = handshake.query("tenant") {
            assert_eq!(handshake.attribute::<u32>("visits"), Some(&7));
            handshake.attributes().set("tenant", tenant);
        }
        Ok(())
    };
    let endpoint = Endpoint::new()
        .attributes(more)
        .attribute("visits", 7_u32)
        .before_handshake(overrule)
        .on_open(opened);
    let house = house(endpoint).await;
    // What one session sets is its own.
    for (path, expected) in [
        ("/rooms/1", "acme 7"),
        ("/rooms/1?tenant=evil", "evil 7"),
        ("/rooms/1", "acme 7"),
    ] {
        assert_eq!(next_text(&mut house.open(path).await).await, expected);
    }
}

#[tokio::test]
async fn s12_an_endpoint_on_several_paths_sees_variables_and_query() {
    let tell = |session: Session| async move {
        let parameters = session.path_parameters().clone();
        format!("{:?} {}", parameters.get("room"), session.uri())
    };
    let app = Campanile::builder()
        .endpoints(["/a", "/b/{room}"], Endpoint::new().on_open(tell))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let mut a = house.open("/a?x=1").await;
    let mut b = house.open("/b/7?x=2").await;
    assert_eq!(next_text(&mut a).await, "None /a?x=1");
    assert_eq!(next_text(&mut b).await, "Some(\"7\") /b/7?x=2");
    // Each path is a destination of its own.
    for path in ["/a", "/b/{room}"] {
        let accepted = house.handle.broadcast(path, path).expect("accepted");
        assert_eq!(accepted.subscriptions, 1, "{path}");
    }
    let wrong = house.handle.broadcast("/b/7", "not its template");
    assert_eq!(wrong, Err(campanile::Refusal::NoEndpoint));
    assert_eq!(next_text(&mut b).await, "/b/{room}");
}

#[tokio::test]
async fn s13_the_same_url_serves_plain_http_if_that_is_wanted() {
    use axum::{Router, routing::get};
    let routes = Router::new()
        .route("/both", get(async || "a page").post(async || "thanks"))
        .route("/socket", get(async || "never seen"));
    let greet = || Endpoint::new().on_open(async || "a session");
    let app = Campanile::builder()
        .endpoint("/both", greet().plain_http_too())
        .endpoint("/only", greet().plain_http_too())
        .endpoint("/socket", greet())
        .routes(routes)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for (method, target, status, body) in [
        ("GET", "/both", 200, "a page"),
        ("POST", "/both", 200, "thanks"),
        ("GET", "/only", 404, ""),
        ("GET", "/socket", 400, "WebSocket endpoint"),
        ("POST", "/socket", 405, "send GET"),
    ] {
        let answer = request(house.address, method, target, &[]).await;
        assert_eq!(answer.status, status, "{method} {target}");
        assert!(answer.body.contains(body), "{}", answer.body);
    }
    for target in ["/both", "/only", "/socket"] {
        let mut answer = shake(house.address, target, &[]).await;
        assert_eq!(answer.next_text().await, "a session");
    }
    // What asks for an upgrade is a handshake, also a broken one.
    let broken = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
    let answer = request(house.address, "GET", "/both", &broken).await;
    assert_eq!(answer.status, 426);
}
