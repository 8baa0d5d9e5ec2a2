//! Code around the handshake: order, answers, functions, what a host application hands over.

mod raw;
mod support;

use std::sync::{Arc, Mutex};

use campanile::{
    Campanile, CopyExtension, Endpoint, Handshake, HandshakeInterceptor, Intercepting, Refused,
    Session,
    http::{HeaderValue, StatusCode, header},
};
use tokio::net::TcpListener;

use raw::shake;
use support::{House, next_text};

/// Notes when it is asked and what it is told.
struct Noted(&'static str, Arc<Mutex<Vec<String>>>);

impl Noted {
    fn note(&self, what: &str) {
        self.1
            .lock()
            .expect("fine")
            .push(format!("{} {what}", self.0));
    }
}

impl HandshakeInterceptor for Noted {
    fn before<'a>(&'a self, _: &'a mut Handshake) -> Intercepting<'a> {
        self.note("before");
        Box::pin(std::future::ready(Ok(())))
    }

    fn after(&self, handshake: &Handshake, outcome: Result<(), &Refused>) {
        let status = outcome.map_or_else(|refused| refused.status.as_u16(), |()| 101);
        let protocol = handshake.protocol().unwrap_or("-");
        self.note(&format!("after {status} {protocol}"));
    }
}

#[tokio::test]
async fn s7_the_applications_interceptors_come_before_the_endpoints() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noted = |name| Noted(name, Arc::clone(&notes));
    let endpoint = Endpoint::new()
        .protocols(["chat"])
        .intercept(noted("endpoint"))
        .authenticated();
    let user = async |handshake: &mut Handshake| {
        if let Some(name) = handshake.query("user") {
            handshake.set_user(name);
        }
        Ok(())
    };
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .intercept(noted("first"))
        .before_handshake(user)
        .intercept(noted("second"))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let protocol = [("Sec-WebSocket-Protocol", "chat")];
    let befores = ["first before", "second before", "endpoint before"];
    // They hear also of refusals that come after them all.
    for (target, outcome) in [("/it?user=ada", "101 chat"), ("/it", "401 -")] {
        shake(house.address, target, &protocol).await;
        let afters = ["endpoint", "second", "first"].map(|name| format!("{name} after {outcome}"));
        let heard = std::mem::take(&mut *notes.lock().expect("fine"));
        assert_eq!(heard[..3], befores);
        assert_eq!(heard[3..], afters);
    }
    // Nobody is asked about what is no handshake, or comes from a foreign page.
    let foreign = [("Origin", "https://evil.com")];
    assert_eq!(shake(house.address, "/it", &foreign).await.status, 403);
    assert_eq!(*notes.lock().expect("fine"), Vec::<String>::new());
}

/// An interceptor that is a named function, which waits for something.
async fn only_ada(handshake: &mut Handshake) -> Result<(), Refused> {
    tokio::task::yield_now().await;
    match handshake.query("name") {
        Some(name) if name == "ada" => {
            handshake.set_user(name);
            Ok(())
        }
        _ => Err(Refused::new(StatusCode::FORBIDDEN, "only for Ada")),
    }
}

#[tokio::test]
async fn s8_functions_determine_the_user() {
    let endpoint = Endpoint::new()
        .before_handshake(only_ada)
        .on_open(|session: Session| async move { session.user().unwrap_or("nobody").to_owned() });
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let mut ada = house.open("/it?name=ada").await;
    assert_eq!(next_text(&mut ada).await, "ada");
    let refused = shake(house.address, "/it?name=bob", &[]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("only for Ada"), "{}", refused.body);
    assert_eq!(house.handle.count_of_user("ada"), 1);
}

#[tokio::test]
async fn s189_an_interceptor_adds_headers_to_the_answer_and_cannot_break_it() {
    let add = async |handshake: &mut Handshake| {
        let refuse = handshake.query("refuse").is_some();
        let headers = handshake.answer_headers_mut();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("a=1"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
        for name in [
            header::UPGRADE,
            header::CONNECTION,
            header::SEC_WEBSOCKET_ACCEPT,
            header::SEC_WEBSOCKET_PROTOCOL,
            header::SEC_WEBSOCKET_EXTENSIONS,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::CONTENT_TYPE,
        ] {
            headers.insert(name, HeaderValue::from_static("evil"));
        }
        if refuse {
            let challenge = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "bring a token"));
        }
        Ok(())
    };
    let endpoint = Endpoint::new()
        .before_handshake(add)
        .on_open(async || "hello");
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect("valid");
    let house = House::serve(app).await;

    let mut answer = shake(house.address, "/it", &[]).await;
    assert_eq!(answer.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.all("upgrade").collect::<Vec<_>>(), ["websocket"]);
    assert_eq!(answer.all("connection").collect::<Vec<_>>(), ["Upgrade"]);
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert_eq!(
        answer.all("sec-websocket-accept").collect::<Vec<_>>(),
        [accept]
    );
    for name in [
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "content-length",
        "transfer-encoding",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.next_text().await, "hello");

    let refused = shake(house.address, "/it?refuse=1", &[]).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_eq!(refused.all("set-cookie").count(), 2);
    let kinds: Vec<_> = refused.all("content-type").collect();
    assert_eq!(kinds, ["application/problem+json"]);
    assert_eq!(refused.all("connection").collect::<Vec<_>>(), ["close"]);
    assert!(refused.body.contains("bring a token"), "{}", refused.body);
}

/// A web session, as the middleware of a host application attaches it to requests.
#[derive(Clone)]
struct WebSession(&'static str);

#[tokio::test]
async fn s9_what_the_hosts_middleware_attached_is_copied_into_the_session() {
    let tell = |session: Session| async move {
        let attributes = session.attributes();
        let web = attributes
            .get::<WebSession>("web")
            .map_or("none", |web| web.0);
        let names: Vec<&str> = attributes.names().collect();
        format!("{web} {names:?}")
    };
    let endpoint = Endpoint::new()
        .intercept(CopyExtension::<WebSession>::named("web"))
        .intercept(CopyExtension::<String>::named("absent"))
        .on_open(tell);
    let make = || {
        let builder = Campanile::builder().endpoint("/it", endpoint.clone());
        builder
            .build()
            .expect("valid")
            .into_router()
            .expect("threads")
    };
    let host = make().layer(axum::Extension(WebSession("session 7")));
    for (router, expected) in [(host, "session 7 [\"web\"]"), (make(), "none []")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(axum::serve(listener, router).into_future());
        assert_eq!(shake(address, "/it", &[]).await.next_text().await, expected);
        serving.abort();
    }
}
