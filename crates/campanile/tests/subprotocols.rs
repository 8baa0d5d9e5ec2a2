//! Sub-protocols: who chooses, and which endpoint then speaks.

mod raw;
mod support;

use campanile::{
    BuildError, Campanile, Compression, Context, Endpoint, Next, OriginPolicy, RuleError, Session,
    SessionState, State, Text, http::StatusCode,
};
use campanile_client::Client;

use raw::shake;
use support::{House, next_close, next_text, within};

async fn house(endpoint: Endpoint) -> House {
    let app = Campanile::builder().endpoint("/it", endpoint).build();
    House::serve(app.expect("valid")).await
}

/// An endpoint that says its name and what was agreed on.
fn named(name: &'static str) -> Endpoint {
    Endpoint::new().on_open(move |session: Session| async move {
        format!("{name}: {}", session.protocol().unwrap_or("none"))
    })
}

async fn open(house: &House, protocols: &[&str]) -> Client {
    let asked = Client::builder(&house.url("/it"))
        .protocols(protocols.iter().copied())
        .connect();
    within(asked).await.expect("a session")
}

fn rule_error(endpoint: Endpoint) -> RuleError {
    let built = Campanile::builder().endpoint("/it", endpoint).build();
    match built.expect_err("a mistake") {
        BuildError::Rules { path, source } => {
            assert_eq!(path, "/it");
            source
        }
        other => panic!("another error: {other}"),
    }
}

#[tokio::test]
async fn s6_each_protocol_has_an_endpoint_of_its_own() {
    let plain = Endpoint::new().on_text(async |Text(text): Text| text);
    let loud = Endpoint::new().on_text(async |Text(text): Text| text.to_uppercase());
    let endpoint = Endpoint::new()
        .for_protocol("loud", loud)
        .for_protocol("plain", plain.message_bytes_max(8));
    let house = house(endpoint).await;
    // The client's order decides, and its spelling is kept.
    for (offered, chosen, answer) in [
        (&["loud", "plain"][..], "loud", "HELLO"),
        (&["mqtt", "PLAIN", "loud"], "PLAIN", "hello"),
    ] {
        let mut client = open(&house, offered).await;
        assert_eq!(client.protocol(), Some(chosen));
        let sent = client.send_text("hello");
        within(sent).await.expect("sent");
        assert_eq!(next_text(&mut client).await, answer);
    }
    // Limits are the routed endpoint's, too.
    let (mut long, mut short) = (
        open(&house, &["loud"]).await,
        open(&house, &["plain"]).await,
    );
    for client in [&mut long, &mut short] {
        let sent = client.send_text("123456789");
        within(sent).await.expect("sent");
    }
    assert_eq!(next_text(&mut long).await, "123456789");
    assert_eq!(next_close(&mut short).await.0, 1009);
}

#[tokio::test]
async fn s6_a_broadcast_reaches_the_sessions_of_all_protocols() {
    let endpoint = named("outer")
        .protocols(["own"])
        .for_protocol("a", named("a").compression(Compression::Off))
        .for_protocol("b", named("b"));
    let house = house(endpoint).await;
    let mut clients = Vec::new();
    for (offered, greeting) in [
        (&["a"][..], "a: a"),
        (&["b"], "b: b"),
        (&["own"], "outer: own"),
        (&["own", "a"], "outer: own"),
        (&[], "outer: none"),
    ] {
        let mut client = open(&house, offered).await;
        assert_eq!(next_text(&mut client).await, greeting);
        clients.push(client);
    }
    let accepted = house.handle.broadcast("/it", "to all").expect("accepted");
    assert_eq!(accepted.subscriptions, clients.len());
    for client in &mut clients {
        assert_eq!(next_text(client).await, "to all");
    }
}

#[tokio::test]
async fn s6_compression_is_the_routed_endpoints() {
    let endpoint = Endpoint::new()
        .for_protocol("off", named("off").compression(Compression::Off))
        .for_protocol("on", named("on"));
    let house = house(endpoint).await;
    for (protocol, compresses) in [("off", false), ("on", true)] {
        let offer = ("Sec-WebSocket-Extensions", "permessage-deflate");
        let headers = [offer, ("Sec-WebSocket-Protocol", protocol)];
        let answer = shake(house.address, "/it", &headers).await;
        assert_eq!(answer.header("sec-websocket-protocol"), Some(protocol));
        let answered = answer.header("sec-websocket-extensions");
        assert_eq!(answered.is_some(), compresses, "{answered:?}");
    }
}

#[tokio::test]
async fn s6_whoever_agrees_on_none_gets_the_outer_or_the_only_one_or_400() {
    let two = || {
        Endpoint::new()
            .for_protocol("a", named("a"))
            .for_protocol("b", named("b"))
    };
    let house_of_two = house(two()).await;
    for offered in [&[][..], &[("Sec-WebSocket-Protocol", "mqtt")]] {
        let answer = shake(house_of_two.address, "/it", offered).await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.body.contains("Sec-WebSocket-Protocol: a, b"),
            "{}",
            answer.body
        );
    }
    let with_callbacks = house(two().on_text(async |Text(text): Text| text)).await;
    assert_eq!(shake(with_callbacks.address, "/it", &[]).await.status, 101);
    // What the application has for all endpoints is no callback of this one.
    let app = Campanile::builder()
        .endpoint("/it", two())
        .on_error(async || "failed")
        .around(async |context: Context, next: Next| next.run(context).await);
    let common = House::serve(app.build().expect("valid")).await;
    assert_eq!(shake(common.address, "/it", &[]).await.status, 400);
    let only = house(Endpoint::new().for_protocol("a", named("a"))).await;
    let mut client = open(&only, &[]).await;
    assert_eq!(client.protocol(), None);
    assert_eq!(next_text(&mut client).await, "a: none");
}

#[tokio::test]
async fn s6_the_rules_of_the_handshake_are_the_outer_endpoints() {
    let refuse = async |_: &mut campanile::Handshake| {
        Err(campanile::Refused::new(StatusCode::PAYMENT_REQUIRED, "no"))
    };
    let endpoint = Endpoint::new()
        .for_protocol("a", named("a"))
        .before_handshake(refuse);
    let house = house(endpoint).await;
    let headers = [("Sec-WebSocket-Protocol", "a")];
    assert_eq!(shake(house.address, "/it", &headers).await.status, 402);
    // Rules that would not be asked are a mistake, since somebody relies on them.
    let routed = [
        named("a").origins(OriginPolicy::Any),
        named("a").before_handshake(refuse),
        named("a").authenticated(),
        named("a").secure_only(),
        named("a").protocols(["x"]),
        named("a").keep_headers(["cookie"]),
        named("a").for_protocol("x", named("x")),
    ];
    for endpoint in routed {
        let error = rule_error(Endpoint::new().for_protocol("a", endpoint));
        assert_eq!(error, RuleError::RoutedRules("a".into()));
    }
}

#[tokio::test]
async fn s6_state_that_a_routed_endpoint_needs_is_asked_for_when_the_application_is_built() {
    let counting = Endpoint::new().on_open(async |State(number): State<u32>| number.to_string());
    let endpoint = Endpoint::new().for_protocol("a", counting);
    let without = Campanile::builder()
        .endpoint("/it", endpoint.clone())
        .build();
    let error = without.expect_err("no state");
    assert!(matches!(error, BuildError::NoState { .. }), "{error}");
    let with = Campanile::builder().endpoint("/it", endpoint).state(7_u32);
    let house = House::serve(with.build().expect("valid")).await;
    assert_eq!(next_text(&mut open(&house, &["a"]).await).await, "7");
}

#[tokio::test]
async fn s6_a_routed_endpoint_may_have_a_session_state_of_its_own() {
    let counting =
        Endpoint::new()
            .session_state(|| 6_u32)
            .on_open(async |mut count: SessionState<u32>| {
                *count += 1;
                count.to_string()
            });
    let house = house(Endpoint::new().for_protocol("a", counting)).await;
    assert_eq!(next_text(&mut open(&house, &["a"]).await).await, "7");
}

#[test]
fn s188_names_that_no_client_could_offer_are_refused() {
    let spaced = Endpoint::new().protocols(["a b"]);
    assert_eq!(rule_error(spaced), RuleError::Protocol("a b".into()));
    let twice = Endpoint::new().protocols(["a", "A"]);
    assert_eq!(rule_error(twice), RuleError::ProtocolTwice("A".into()));
    let both = Endpoint::new()
        .protocols(["a"])
        .for_protocol("a", named("a"));
    assert_eq!(rule_error(both), RuleError::ProtocolTwice("a".into()));
}

#[tokio::test]
async fn s188_the_clients_order_decides_and_the_codecs_rules_stay() {
    let house = house(named("it").protocols(["v1", "v2", "v3"])).await;
    for (offered, status, chosen) in [
        ("v3, v1", 101, Some("v3")),
        ("x, V2", 101, Some("V2")),
        ("x", 101, None),
        ("v1, v1", 400, None),
        ("v 1", 400, None),
    ] {
        let headers = [("Sec-WebSocket-Protocol", offered)];
        let answer = shake(house.address, "/it", &headers).await;
        assert_eq!(answer.status, status, "{offered}");
        assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{offered}");
    }
}

#[tokio::test]
async fn s8_a_function_may_choose_the_protocol_among_what_is_offered() {
    let endpoint = named("it")
        .protocols(["v1", "v2"])
        .select_protocol(|handshake| {
            if handshake.query("lie").is_some() {
                return Some("v9");
            }
            let offered = handshake.offered_protocols().iter().map(String::as_str);
            offered.filter(|name| name.starts_with('v')).max()
        });
    let house = house(endpoint).await;
    for (target, offered, chosen) in [
        ("/it", "v1, v2", Some("v2")),
        ("/it", "v1, v7, x", Some("v7")),
        ("/it", "x", None),
        ("/it?lie=1", "v1", None),
        ("/it?lie=1", "V9", Some("V9")),
    ] {
        let headers = [("Sec-WebSocket-Protocol", offered)];
        let mut answer = shake(house.address, target, &headers).await;
        assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{offered}");
        let greeting = format!("it: {}", chosen.unwrap_or("none"));
        assert_eq!(answer.next_text().await, greeting);
    }
}

#[tokio::test]
async fn s189_a_chosen_protocol_leads_to_its_endpoint() {
    let endpoint = Endpoint::new()
        .for_protocol("a", named("a"))
        .for_protocol("b", named("b"))
        .select_protocol(|handshake| handshake.offered_protocols().last().map(String::as_str));
    let house = house(endpoint).await;
    assert_eq!(
        next_text(&mut open(&house, &["a", "b"]).await).await,
        "b: b"
    );
    assert_eq!(
        next_text(&mut open(&house, &["b", "a"]).await).await,
        "a: a"
    );
    let headers = [("Sec-WebSocket-Protocol", "a, c")];
    assert_eq!(shake(house.address, "/it", &headers).await.status, 400);
}
