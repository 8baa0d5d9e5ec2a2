//! Extractors, each given an event.

use bytes::Bytes;
use campanile_hub::{Cause, Ending};
use http::HeaderMap;
use serde::Deserialize;
use std::sync::Arc;

use super::*;
use crate::context::Event;
use crate::context::tests::Stage;
use crate::error::HandlerError;
use crate::handshake::KEPT_HEADERS;

fn from<E: FromEvent>(event: Event) -> Result<E, Rejection> {
    E::from_event(&mut Stage::new().context(event))
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn binary(bytes: &'static [u8]) -> Event {
    Event::Binary(Bytes::from_static(bytes))
}

#[test]
fn s193_parts_pongs_and_drops_carry_what_they_say() {
    let part: TextPart = from(Event::TextPart {
        text: "half".into(),
        is_last: false,
    })
    .expect("a part");
    assert_eq!((&*part.text, part.is_last), ("half", false));
    let part: BinaryPart = from(Event::BinaryPart {
        bytes: Bytes::from_static(b"whole"),
        is_last: true,
    })
    .expect("a part");
    assert_eq!((&*part.bytes, part.is_last), (&b"whole"[..], true));
    let pong: Pong = from(Event::Pong(Bytes::from_static(b"ping"))).expect("a pong");
    assert_eq!(pong.0, "ping");
    assert_eq!(
        from::<Dropped>(Event::Dropped(3)).expect("some"),
        Dropped(3)
    );
    let ending = Ending {
        code: 1000,
        reason: "bye".into(),
        cause: Cause::Peer,
    };
    assert_eq!(
        from::<Closed>(Event::Closed(ending)).expect("it").0.code,
        1000
    );
    let failed = Event::Failed(Some(std::fmt::Error.into()));
    let failure: Failure = from(failed).expect("a failure");
    assert!(failure.0.downcast_ref::<std::fmt::Error>().is_some());
}

#[test]
fn s193_no_event_is_another_one() {
    let wrong = |rejection| matches!(rejection, Rejection::WrongEvent { .. });
    assert!(wrong(from::<TextPart>(text("whole")).expect_err("no part")));
    assert!(wrong(from::<BinaryPart>(binary(b"")).expect_err("no part")));
    assert!(wrong(from::<Text>(binary(b"")).expect_err("no text")));
    assert!(wrong(from::<Binary>(text("")).expect_err("not binary")));
    assert!(wrong(from::<Pong>(binary(b"")).expect_err("no pong")));
    assert!(wrong(from::<Dropped>(text("1")).expect_err("no drops")));
    assert!(wrong(from::<Closed>(text("1")).expect_err("no end")));
    assert!(wrong(from::<Failure>(text("1")).expect_err("no failure")));
    let json = from::<Json<u8>>(Event::Pong(Bytes::from_static(b"1")));
    assert!(wrong(json.expect_err("a pong is no message")));
}

#[test]
fn s196_a_payload_is_taken_once_and_said_to_be() {
    let stage = Stage::new();
    let mut context = stage.context(text("1"));
    Text::from_event(&mut context).expect("a text");
    for again in [
        Text::from_event(&mut context).map(drop),
        Json::<u8>::from_event(&mut context).map(drop),
    ] {
        let message = again.expect_err("taken").to_string();
        assert!(message.contains("another argument has taken"), "{message}");
    }
    let mut context = stage.context(Event::Failed(Some(std::fmt::Error.into())));
    Failure::from_event(&mut context).expect("a failure");
    Failure::from_event(&mut context).expect_err("taken");
}

#[test]
fn s196_an_extractor_that_fails_leaves_the_payload_for_the_next() {
    type Number = Either<Json<u8>, Text>;
    assert_eq!(
        from::<Number>(text("7")).expect("it"),
        Either::First(Json(7))
    );
    let words = from::<Number>(text("seven")).expect("it");
    assert_eq!(words, Either::Second(Text("seven".into())));
    let three: Either<Binary, Number> = from(text("x")).expect("it");
    assert_eq!(three, Either::Second(Either::Second(Text("x".into()))));
    let neither = from::<Either<Json<u8>, Json<bool>>>(text("x")).expect_err("neither");
    assert!(matches!(neither, Rejection::Neither(_)));

    let mut context = Stage::new().context(text("x"));
    assert!(Option::<Json<u8>>::from_event(&mut context).is_ok_and(|it| it.is_none()));
    let result = Result::<Json<u8>, Rejection>::from_event(&mut context).expect("always");
    assert!(matches!(result, Err(Rejection::Json(_))));
    let text = Option::<Text>::from_event(&mut context).expect("always");
    assert_eq!(text, Some(Text("x".into())));
}

#[test]
fn s196_what_may_be_missing_is_not_required_at_start() {
    assert!(<State<u8> as FromEvent>::required_state().is_some());
    assert!(SessionState::<u8>::required_state().is_some());
    assert!(Option::<State<u8>>::required_state().is_none());
    assert!(Result::<State<u8>, Rejection>::required_state().is_none());
    assert!(from::<Option<State<u8>>>(Event::Opened).is_ok_and(|it| it.is_none()));
    assert!(from::<Option<State<u32>>>(Event::Opened).is_ok_and(|it| it.is_some()));
}

/// Numbers in the base of eight.
struct Octal;

impl PayloadFormat for Octal {
    const NAME: &'static str = "octal number";

    fn decode<T: serde::de::DeserializeOwned>(
        payload: &[u8],
    ) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
        let number = u64::from_str_radix(std::str::from_utf8(payload)?, 8)?;
        Ok(serde_json::from_value(number.into())?)
    }

    fn encode<T: serde::Serialize>(
        value: &T,
    ) -> Result<campanile_hub::Message, Box<dyn std::error::Error + Send + Sync>> {
        let number = serde_json::to_value(value)?;
        let number = number.as_u64().ok_or("no number")?;
        Ok(campanile_hub::Message::text(format!("{number:o}")))
    }
}

#[test]
fn s196_a_format_of_the_users_goes_both_ways() {
    for event in [text("17"), binary(b"17")] {
        let number: Encoded<Octal, u8> = from(event).expect("a number");
        assert_eq!(number.value, 15);
        let message = number.to_message().expect("a message");
        assert_eq!(message.content.bytes(), &"17");
    }
    let refused: Result<Encoded<Octal, u8>, _> = from(text("18"));
    let refused = HandlerError::from(refused.expect_err("no octal digit"));
    let (code, reason) = refused.close();
    assert_eq!(code.get(), 1007);
    assert!(reason.contains("octal number"), "{reason}");
    assert!(Encoded::<Octal, _>::new("x").to_message().is_err());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Wanted {
    symbol: String,
    depth: Option<u8>,
}

#[test]
fn s190_the_query_is_read_as_axum_does() {
    let wanted = |uri: &str| {
        let stage = Stage::of(|new| new.uri = uri.into());
        Query::<Wanted>::from_event(&mut stage.context(Event::Opened))
    };
    let full = wanted("/it/7?symbol=%E4%BD%A0+b&depth=5&other=1").expect("it fits");
    let symbol = "你 b".to_owned();
    let depth = Some(5);
    assert_eq!(full.0, Wanted { symbol, depth });
    assert_eq!(wanted("/it/7?symbol=a").expect("it fits").0.depth, None);
    let refused = wanted("/it/7?symbol=a&depth=300").expect_err("too deep");
    assert!(refused.to_string().contains("depth"), "{refused}");
    assert!(matches!(wanted("/it/7"), Err(Rejection::Query(_))));
}

#[test]
fn s190_headers_are_those_that_were_kept() {
    let stage = Stage::new();
    let Headers(none) = Headers::from_event(&mut stage.context(Event::Opened)).expect("always");
    assert!(none.is_empty());
    let mut headers = HeaderMap::new();
    headers.insert("accept-language", "zh".parse().expect("a value"));
    let stage = Stage::of(|new| new.attributes.set(KEPT_HEADERS, Arc::new(headers)));
    let Headers(kept) = Headers::from_event(&mut stage.context(text("x"))).expect("always");
    assert_eq!(kept["accept-language"], "zh");
}

#[test]
fn s190_a_user_is_known_or_the_argument_is_rejected() {
    assert!(matches!(
        from::<User>(Event::Opened),
        Err(Rejection::Anonymous)
    ));
    let stage = Stage::of(|new| new.principal = Some("ada".into()));
    let user = User::from_event(&mut stage.context(Event::Opened)).expect("known");
    assert_eq!(user, User("ada".into()));
}

#[test]
fn s187_path_parameters_have_types() {
    assert_eq!(from::<Path<u8>>(Event::Opened).expect("a seat").0, 7);
    assert!(matches!(
        from::<Path<bool>>(Event::Opened),
        Err(Rejection::Path(_))
    ));
}

#[test]
fn s22_a_sessions_state_is_there_once_and_goes_with_the_session() {
    struct Kept(Arc<()>);
    let (stage, alive) = (Stage::new(), Arc::new(()));
    let kept = Arc::clone(&alive);
    let maker = StateMaker::new(move |session| {
        session.attributes().set("made", true);
        Kept(Arc::clone(&kept))
    });
    let take = || SessionState::<Kept>::from_event(&mut stage.context(Event::Opened));
    assert!(matches!(take(), Err(Rejection::NoSessionState(_))));
    maker.make(&stage.session).expect("made");
    assert!(stage.session.attributes().get::<bool>("made").is_some());
    let first = take().expect("there");
    assert!(matches!(take(), Err(Rejection::SessionStateInUse(_))));
    drop(first);
    let mut again = take().expect("put back");
    assert_eq!(Arc::strong_count(&again.0), 3);
    again.0 = Arc::clone(&alive);
    drop(again);
    maker.unmake(&stage.session);
    // The maker has one, this test the other.
    assert_eq!(Arc::strong_count(&alive), 2);
    assert!(matches!(take(), Err(Rejection::NoSessionState(_))));
    let panics = StateMaker::new(|_| -> u8 { panic!("no state for you") });
    let error = panics.make(&stage.session).expect_err("it panics");
    assert!(error.to_string().contains("no state for you"));
}
