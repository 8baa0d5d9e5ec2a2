//! Extensions: what is offered, what is accepted, what the session tells of it.

mod raw;
mod support;

use campanile::{
    Campanile, Compression, EXTENSION_OFFERS_MAX, Endpoint, ExtensionChoice, ExtensionOffer,
};

use raw::shake;
use support::House;

const DEFLATE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

async fn house(endpoint: Endpoint) -> House {
    let app = Campanile::builder().endpoint("/it", endpoint).build();
    House::serve(app.expect("valid")).await
}

/// What is answered to the offers, as one list.
async fn answered(house: &House, target: &str, offers: &[&str]) -> String {
    let headers: Vec<_> = offers
        .iter()
        .map(|offer| ("Sec-WebSocket-Extensions", *offer))
        .collect();
    let mut answer = shake(house.address, target, &headers).await;
    assert_eq!(answer.status, 101, "{}", answer.body);
    let all: Vec<&str> = answer.all("sec-websocket-extensions").collect();
    let all = all.join(", ");
    // The session knows the same.
    let expected = (!all.is_empty()).then(|| all.clone());
    house
        .handle
        .broadcast_to("/it", "you", move |session| {
            session.extensions() == expected.as_deref()
        })
        .expect("accepted");
    assert_eq!(answer.next_text().await, "you");
    all
}

/// Accepts `x-…` with its first parameter, declines `d-…`, leaves the rest.
fn choose(offer: &ExtensionOffer) -> ExtensionChoice {
    if offer.name.starts_with("x-") {
        let parameters = offer.parameters.iter().take(1).cloned().collect();
        let name = offer.name.clone();
        return ExtensionChoice::Accept(ExtensionOffer { name, parameters });
    }
    if offer.name.starts_with("d-") {
        return ExtensionChoice::Decline;
    }
    ExtensionChoice::BuiltIn
}

#[tokio::test]
async fn s4_a_function_accepts_extensions_in_the_requested_order() {
    let house = house(Endpoint::new().extensions(|_, offer| choose(offer))).await;
    let table = [
        (&["x-b, x-a; p=1; q, d-c, unknown"][..], "x-b, x-a; p=1"),
        (
            &["x-a", "permessage-deflate", "x-b"],
            &format!("x-a, {DEFLATE}, x-b"),
        ),
        (&["permessage-deflate; nonsense, x-a"], "x-a"),
        (&["x-a; p=1, x-a; p=2"], "x-a; p=1"),
        (&["d-c"], ""),
        (&[], ""),
    ];
    for (offers, expected) in table {
        assert_eq!(
            answered(&house, "/it", offers).await,
            expected,
            "{offers:?}"
        );
    }
}

#[tokio::test]
async fn s4_only_the_first_offers_are_looked_at() {
    let house = house(Endpoint::new().extensions(|_, offer| choose(offer))).await;
    let offers: Vec<String> = (0..3 * EXTENSION_OFFERS_MAX)
        .map(|number| format!("x-{number}"))
        .collect();
    let accepted = answered(&house, "/it", &[&offers.join(", ")]).await;
    assert_eq!(accepted, offers[..EXTENSION_OFFERS_MAX].join(", "));
}

#[tokio::test]
async fn s188_without_a_function_only_compression_is_known_and_shown() {
    let deflating = house(Endpoint::new()).await;
    assert_eq!(
        answered(&deflating, "/it", &["x-a, permessage-deflate"]).await,
        DEFLATE
    );
    assert_eq!(
        answered(
            &deflating,
            "/it",
            &["permessage-deflate; server_max_window_bits=10"]
        )
        .await,
        format!("{DEFLATE}; server_max_window_bits=10")
    );
    assert_eq!(answered(&deflating, "/it", &["x-a"]).await, "");
    let plain = house(Endpoint::new().compression(Compression::Off)).await;
    assert_eq!(answered(&plain, "/it", &["permessage-deflate"]).await, "");
}

#[tokio::test]
async fn s8_a_function_may_filter_compression() {
    let endpoint = Endpoint::new().extensions(|handshake, offer| {
        // Compression's parameters are not its to answer: this is the same as leaving it.
        match handshake.query("plain") {
            Some(_) => ExtensionChoice::Decline,
            None => ExtensionChoice::Accept(offer.clone()),
        }
    });
    let house = house(endpoint).await;
    assert_eq!(
        answered(&house, "/it?plain", &["permessage-deflate"]).await,
        ""
    );
    assert_eq!(
        answered(&house, "/it", &["permessage-deflate"]).await,
        DEFLATE
    );
}

#[tokio::test]
async fn s189_answers_that_were_not_offered_or_cannot_be_written_are_left_out() {
    let endpoint = Endpoint::new().extensions(|_, offer| {
        let named = |name: &str, value: &str| {
            ExtensionChoice::Accept(ExtensionOffer {
                name: name.to_owned(),
                parameters: vec![("p".to_owned(), Some(value.to_owned()))],
            })
        };
        match offer.name.as_str() {
            "x-other" => named("x-another", "1"),
            "x-broken" => named("x-broken", "1, x-evil"),
            "x-line" => named("x-line", "1\r\nSet-Cookie: evil"),
            _ => named(&offer.name, "fine"),
        }
    });
    let house = house(endpoint).await;
    let offers = ["x-other, x-broken, x-line, x-good"];
    assert_eq!(answered(&house, "/it", &offers).await, "x-good; p=fine");
}
