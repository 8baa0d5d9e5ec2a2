//! SockJS over plain HTTP: who may ask for what.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use campanile::http::StatusCode;
use campanile::testing::TestApplication;
use campanile::{
    Builder, Campanile, Endpoint, Handshake, OriginPolicy, Path, Refused, SockJs, SockJsTransport,
    StompEndpoint, Text,
};

use support::kit::echo;
use support::sockjs::{answer, ask, poll, post, send};
use support::stomp::UserFromQuery;

fn built(builder: Builder) -> TestApplication {
    TestApplication::start(builder.build().expect("an application"))
}

fn start(endpoint: Endpoint, options: SockJs) -> TestApplication {
    built(Campanile::builder().endpoint("/e", endpoint.sockjs(options)))
}

fn status(test: &mut TestApplication, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(test, method, path, headers, "[\"x\"]")
        .status()
        .as_u16()
}

#[test]
fn s53_a_session_without_a_user_belongs_to_an_address_as_trusted_proxies_tell_it() {
    let app = || Campanile::builder().trusted_proxies(["127.0.0.1"]);
    let mut test = built(app().endpoint("/e", echo().with_sockjs()));
    let [ada, again, eve] = ["203.0.113.9", "6.6.6.6, 203.0.113.9", "203.0.113.10"]
        .map(|address| [("x-forwarded-for", address)]);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &ada), 200);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &eve), 404);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &eve), 404);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &again), 204);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &ada), 200);

    let loose = echo().sockjs(SockJs::new().bind_sessions(false));
    let mut test = built(app().endpoint("/e", loose));
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &ada), 200);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &eve), 204);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &eve), 200);
}

#[test]
fn s53_a_session_of_a_user_belongs_to_that_user_from_wherever() {
    let app = Campanile::builder().trusted_proxies(["127.0.0.1"]);
    let endpoint = echo().intercept(UserFromQuery).with_sockjs();
    let mut test = built(app.endpoint("/e", endpoint));
    let [home, train] = ["203.0.113.9", "203.0.113.10"].map(|at| [("x-forwarded-for", at)]);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr?user=ada", &home), 200);
    for path in [
        "/e/0/s/xhr_send?user=eve",
        "/e/0/s/xhr_send",
        "/e/0/s/xhr?user=eve",
    ] {
        assert_eq!(status(&mut test, "POST", path, &home), 404, "{path}");
    }
    assert_eq!(
        status(&mut test, "POST", "/e/0/s/xhr_send?user=ada", &train),
        204
    );
    assert_eq!(
        status(&mut test, "POST", "/e/0/s/xhr?user=ada", &train),
        200
    );
}

#[test]
fn s53_requests_of_another_transport_are_not_the_sessions() {
    let mut test = start(echo(), SockJs::new().jsonp(true));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    assert_eq!(status(&mut test, "GET", "/e/0/s/eventsource", &[]), 404);
    assert_eq!(status(&mut test, "GET", "/e/0/s/jsonp?c=f", &[]), 404);
    assert_eq!(status(&mut test, "POST", "/e/0/s/jsonp_send", &[]), 404);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &[]), 204);
}

#[test]
fn s54_ids_with_dots_and_path_parameters_are_refused_before_the_applications_own_routes() {
    let routes = Router::new().fallback(async || "everything");
    let app = Campanile::builder().endpoint("/e", echo().with_sockjs());
    let mut test = built(app.routes(routes));
    for path in [
        "/e/0.1/s/xhr",
        "/e/0/s.html/xhr",
        "/e/0/s%2Ehtml/xhr",
        "/e/0//xhr",
        "/e//s/xhr",
        "/e/0/s/xhr;a=.bat",
        "/e/0/s/xhr_send;a",
    ] {
        assert_eq!(status(&mut test, "POST", path, &[]), 404, "{path}");
    }
    for path in ["/e/history", "/e/0/s/other", "/e/0/xhr", "/e/info/x"] {
        assert_eq!(
            test.get(path),
            (StatusCode::OK, "everything".to_owned()),
            "{path}"
        );
    }
    assert_eq!(test.get("/e").1, "Welcome to SockJS!\n");
    assert_eq!(test.get("/e/").1, "Welcome to SockJS!\n");
}

#[test]
fn s34_s35_the_paths_of_templates_have_sockjs_below_them() {
    let told = Endpoint::new()
        .on_open(async |Path(room): Path<String>| room)
        .with_sockjs();
    let mut test = built(Campanile::builder().endpoint("/rooms/{room}", told));
    assert_eq!(test.get("/rooms/blue").1, "Welcome to SockJS!\n");
    assert!(
        test.get("/rooms/blue/info")
            .1
            .contains("\"websocket\":true")
    );
    assert_eq!(poll(&mut test, "/rooms/blue/0/s/xhr"), "o\n");
    assert_eq!(poll(&mut test, "/rooms/blue/0/s/xhr"), "a[\"blue\"]\n");
    // Another room's session, although it has the same id.
    assert_eq!(poll(&mut test, "/rooms/red/0/s/xhr"), "o\n");
    assert_eq!(poll(&mut test, "/rooms/red/1/s/xhr"), "a[\"red\"]\n");
}

#[test]
fn s50_answers_can_be_without_headers_of_cors() {
    let origin = [
        ("origin", "http://a.example"),
        ("access-control-request-headers", "x-a"),
    ];
    for suppress in [false, true] {
        let endpoint = echo().origins(OriginPolicy::Any);
        let mut test = start(endpoint, SockJs::new().suppress_cors(suppress));
        for (method, path) in [
            ("GET", "/e/info"),
            ("OPTIONS", "/e/info"),
            ("OPTIONS", "/e/0/s/xhr_send"),
            ("POST", "/e/0/s/xhr"),
            ("POST", "/e/0/s/xhr_send"),
        ] {
            let response = ask(&mut test, method, path, &origin, "[\"x\"]");
            let names = response.headers().keys();
            let cors = names.filter(|name| name.as_str().starts_with("access-control-"));
            let count = cors.count();
            let expected = match (suppress, method) {
                (true, _) => 0,
                (false, "OPTIONS") => 5,
                (false, _) => 3,
            };
            assert_eq!(count, expected, "{method} {path}");
        }
    }
}

#[test]
fn s56_transports_that_were_taken_away_are_not_there() {
    let options = SockJs::new().transports([SockJsTransport::Xhr]);
    let mut test = start(echo(), options);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(status(&mut test, "POST", "/e/0/t/xhr_streaming", &[]), 404);
    for path in [
        "/e/0/t/eventsource",
        "/e/0/t/htmlfile?c=f",
        "/e/0/t/jsonp?c=f",
        "/e/websocket",
    ] {
        assert_eq!(status(&mut test, "GET", path, &[]), 404, "{path}");
    }
    let refused = test.handshake("/e/websocket").connect().expect_err("none");
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let mut jsonp = start(echo(), SockJs::new().transports([SockJsTransport::Jsonp]));
    assert_eq!(status(&mut jsonp, "GET", "/e/0/t/jsonp?c=f", &[]), 200);
    assert_eq!(status(&mut jsonp, "POST", "/e/0/t/xhr_send", &[]), 404);
}

#[test]
fn s10_s44_restricted_origins_hold_on_every_path() {
    let policy = OriginPolicy::list(["https://good.example"]).expect("an origin");
    let mut test = start(echo().origins(policy), SockJs::new().jsonp(true));
    let good = [("origin", "https://good.example")];
    let bad = [("origin", "https://bad.example")];
    for (method, path) in [
        ("GET", "/e"),
        ("GET", "/e/info"),
        ("OPTIONS", "/e/info"),
        ("GET", "/e/iframe.html"),
        ("POST", "/e/0/s/xhr"),
        ("POST", "/e/0/s/xhr_streaming"),
        ("OPTIONS", "/e/0/s/xhr"),
        ("GET", "/e/0/s/eventsource"),
        ("GET", "/e/0/s/htmlfile?c=f"),
        ("GET", "/e/0/s/jsonp?c=f"),
        ("POST", "/e/0/s/xhr_send"),
    ] {
        assert_eq!(
            status(&mut test, method, path, &bad),
            403,
            "{method} {path}"
        );
    }
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr", &good), 200);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &bad), 403);
    assert_eq!(status(&mut test, "POST", "/e/0/s/xhr_send", &good), 204);
    // Whoever could frame the page would speak as this server's own origin.
    assert_eq!(status(&mut test, "GET", "/e/iframe.html", &[]), 404);
}

#[test]
fn s44_s45_the_iframes_page_names_the_library_and_who_may_frame_it() {
    let options = || SockJs::new().client_library_url("/js/sockjs.js");
    for (policy, framing) in [
        (OriginPolicy::Any, None),
        (OriginPolicy::SameOrigin, Some("SAMEORIGIN")),
    ] {
        let mut test = start(echo().origins(policy), options());
        let page = ask(&mut test, "GET", "/e/iframe-1.6.1.html", &[], "");
        let told = page.headers().get("x-frame-options");
        assert_eq!(told.map(|value| value.to_str().expect("text")), framing);
        let tag = page.headers()["etag"].to_str().expect("text").to_owned();
        let body = String::from_utf8(page.into_body()).expect("text");
        assert!(body.contains("src=\"/js/sockjs.js\""), "{body}");
        let known = ask(
            &mut test,
            "GET",
            "/e/iframe.html",
            &[("if-none-match", &tag)],
            "",
        );
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert!(known.body().is_empty() && !known.headers().contains_key("content-type"));
    }
}

#[test]
fn s7_s56_interceptors_are_asked_once_a_session_and_may_refuse() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let ask_first = move |handshake: &mut Handshake| {
        counter.fetch_add(1, Ordering::Relaxed);
        let refused = handshake.query("no").is_some();
        handshake
            .answer_headers_mut()
            .insert("x-met", "yes".parse().expect("a value"));
        async move {
            match refused {
                true => Err(Refused::new(StatusCode::PAYMENT_REQUIRED, "pay first")),
                false => Ok(()),
            }
        }
    };
    let mut test = start(intercepted(ask_first), SockJs::new());
    let refused = ask(&mut test, "POST", "/e/0/s/xhr?no=1", &[], "");
    assert_eq!(refused.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.headers()["x-met"], "yes");
    assert_eq!(asked.swap(0, Ordering::Relaxed), 1);
    // Nothing is left of it.
    assert_eq!(post(&mut test, "/e/0/s/xhr_send", "[\"x\"]").status, 404);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"x\"]\n");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let info = answer(ask(&mut test, "GET", "/e/info", &[], ""));
    assert_eq!((info.status, asked.load(Ordering::Relaxed)), (200, 1));
}

/// An echo with an interceptor that answers at once.
fn intercepted<F, R>(before: F) -> Endpoint
where
    F: Fn(&mut Handshake) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Refused>> + Send + 'static,
{
    struct Before<F>(F);
    impl<F, R> campanile::HandshakeInterceptor for Before<F>
    where
        F: Fn(&mut Handshake) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Refused>> + Send + 'static,
    {
        fn before<'a>(&'a self, handshake: &'a mut Handshake) -> campanile::Intercepting<'a> {
            Box::pin((self.0)(handshake))
        }
    }
    echo().intercept(Before(before))
}

#[test]
fn s37_s38_the_websockets_below_an_endpoint_want_an_upgrade() {
    let mut test = start(echo(), SockJs::new());
    for path in ["/e/websocket", "/e/0/s/websocket"] {
        assert_eq!(status(&mut test, "GET", path, &[]), 400, "{path}");
        let refused = ask(&mut test, "POST", path, &[], "");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "GET");
        assert!(refused.body().is_empty() && !refused.headers().contains_key("content-type"));
    }
    let mut raw = test.connect("/e/websocket");
    raw.send_text("hello");
    assert_eq!(raw.next_text(), "hello");
}

#[test]
fn s34_s35_s51_pages_have_heads_and_name_their_methods() {
    let mut test = start(echo().origins(OriginPolicy::Any), SockJs::new());
    for (path, allow) in [
        ("/e", "GET, HEAD"),
        ("/e/", "GET, HEAD"),
        ("/e/iframe.html", "GET, HEAD"),
        ("/e/info", "OPTIONS, GET, HEAD"),
    ] {
        assert_eq!(status(&mut test, "HEAD", path, &[]), 200, "{path}");
        let refused = ask(&mut test, "PUT", path, &[], "");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], allow, "{path}");
    }
}

#[test]
fn s41_s46_stomp_goes_over_requests_and_its_heart_beats_take_the_place_of_sockjss() {
    async fn shout(Text(text): Text) -> String {
        text.to_uppercase()
    }
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new().with_sockjs())
        .message("/shout", shout);
    let mut test = built(app);
    assert_eq!(poll(&mut test, "/stomp/0/s/xhr"), "o\n");
    let path = "/stomp/0/s/xhr_send";
    send(
        &mut test,
        path,
        "[\"CONNECT\\naccept-version:1.2\\nhost:x\\n\\n\\u0000\"]",
    );
    let connected = poll(&mut test, "/stomp/0/s/xhr");
    assert!(
        connected.starts_with("a[\"CONNECTED\\nversion:1.2\\n"),
        "{connected}"
    );
    send(
        &mut test,
        path,
        "[\"SUBSCRIBE\\nid:1\\ndestination:/topic/shout\\n\\n\\u0000\",\
          \"SEND\\ndestination:/app/shout\\n\\nhello\\u0000\"]",
    );
    let message = poll(&mut test, "/stomp/0/s/xhr");
    assert!(message.starts_with("a[\"MESSAGE\\n"), "{message}");
    assert!(message.ends_with("\\n\\nHELLO\\u0000\"]\n"), "{message}");
    assert_eq!(poll(&mut test, "/stomp/0/s/xhr"), "a[\"\\n\"]\n");
}
