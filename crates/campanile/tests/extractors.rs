//! Arguments of callbacks over real sockets: session state, users, queries, and what becomes of
//! those that cannot be made.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile::{
    BuildError, Campanile, CloseCode, Closed, Context, Either, Endpoint, Failure, FromEvent,
    Handshake, HandshakeInterceptor, Headers, Intercepting, Json, Path, Query, Rejection, Session,
    SessionState, State, Text, User,
};
use serde::Deserialize;
use tokio::sync::mpsc;

use support::{House, next_close, next_text, within};

async fn serve(path: &str, endpoint: Endpoint) -> House {
    let app = Campanile::builder().endpoint(path, endpoint);
    House::serve(app.build().expect("valid")).await
}

#[tokio::test]
async fn s187_a_path_value_that_does_not_fit_goes_to_the_error_callback() {
    let endpoint = Endpoint::new().on_text(async |Path(seat): Path<u8>| format!("seat {seat}"));
    let told = endpoint.clone().on_error(async |Failure(error): Failure| {
        match error.downcast_ref::<Rejection>() {
            Some(Rejection::Path(error)) => Ok(error.to_string()),
            _ => Err(error),
        }
    });
    let app = Campanile::builder()
        .endpoint("/plain/{seat}", endpoint)
        .endpoint("/told/{seat}", told);
    let house = House::serve(app.build().expect("valid")).await;

    let mut client = house.open("/plain/7").await;
    client.send_text("?").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "seat 7");

    let mut client = house.open("/told/far").await;
    client.send_text("?").await.expect("sent");
    let told = next_text(&mut client).await;
    assert!(told.contains("`seat` is \"far\""), "{told}");

    let mut client = house.open("/plain/far").await;
    client.send_text("?").await.expect("sent");
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(
        (code, reason.split(':').next()),
        (1008, Some("invalid-path"))
    );
}

#[tokio::test]
async fn s187_a_bad_payload_closes_with_1007_and_says_where() {
    let endpoint = Endpoint::new().on_text(async |Json(_): Json<Vec<u8>>| ());
    let house = serve("/it", endpoint).await;
    let mut client = house.open("/it").await;
    client.send_text("[1,\n2,]").await.expect("sent");
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(code, 1007);
    assert!(
        reason.starts_with("invalid-payload: ") && reason.contains("line 2, column 3"),
        "{reason}"
    );
}

#[derive(Default)]
struct Game {
    guesses: Vec<String>,
}

/// Tells when the state is dropped.
struct Noted<T>(T, mpsc::Sender<String>);

impl<T> Drop for Noted<T> {
    fn drop(&mut self) {
        // The test may have ended already.
        let _ = self.1.try_send("dropped".into());
    }
}

#[tokio::test]
async fn s22_each_session_has_a_state_of_its_own_from_open_to_close() {
    let (notes, mut noted) = mpsc::channel(16);
    let made = Arc::new(AtomicUsize::new(0));
    async fn guess(mut game: SessionState<Noted<Game>>, Text(text): Text) -> String {
        game.0.guesses.push(text);
        // It stays with this callback across an await.
        tokio::task::yield_now().await;
        game.0.guesses.join(",")
    }
    async fn closed(game: SessionState<Noted<Game>>, Closed(_): Closed) {
        tokio::task::yield_now().await;
        let note = format!("closed after {}", game.0.guesses.len());
        game.1.try_send(note).expect("room");
    }
    let count = Arc::clone(&made);
    let endpoint = Endpoint::new()
        .session_state_with(move |session| {
            count.fetch_add(1, Ordering::Relaxed);
            session.attributes().set("made", true);
            Noted(Game::default(), notes.clone())
        })
        .on_text(guess)
        .on_close(closed);
    let house = serve("/it", endpoint).await;
    let (mut ada, mut bob) = (house.open("/it").await, house.open("/it").await);
    ada.send_text("1").await.expect("sent");
    bob.send_text("2").await.expect("sent");
    ada.send_text("3").await.expect("sent");
    assert_eq!(next_text(&mut ada).await, "1");
    assert_eq!(next_text(&mut ada).await, "1,3");
    assert_eq!(next_text(&mut bob).await, "2");
    assert_eq!(made.load(Ordering::Relaxed), 2);
    within(ada.close(CloseCode::NORMAL, ""))
        .await
        .expect("closed");
    for note in ["closed after 2", "dropped"] {
        assert_eq!(within(noted.recv()).await.as_deref(), Some(note));
    }
    drop(bob);
    for note in ["closed after 1", "dropped"] {
        assert_eq!(within(noted.recv()).await.as_deref(), Some(note));
    }
}

#[tokio::test]
async fn s22_a_state_is_made_and_dropped_also_without_callbacks_for_that() {
    let (notes, mut noted) = mpsc::channel(16);
    let endpoint = Endpoint::new().session_state(move || {
        notes.try_send("made".into()).expect("room");
        Noted((), notes.clone())
    });
    let house = serve("/it", endpoint).await;
    let client = house.open("/it").await;
    assert_eq!(within(noted.recv()).await.as_deref(), Some("made"));
    drop(client);
    assert_eq!(within(noted.recv()).await.as_deref(), Some("dropped"));
}

#[tokio::test]
async fn s22_a_state_that_cannot_be_made_closes_with_1011() {
    let endpoint = Endpoint::new()
        .session_state(|| -> u8 { panic!("a secret of the house") })
        .on_text(async |Text(text): Text| text);
    let house = serve("/it", endpoint).await;
    let (code, reason) = next_close(&mut house.open("/it").await).await;
    assert!(
        code == 1011 && !reason.contains("secret"),
        "{code} {reason}"
    );
    // The thread goes on.
    house.open("/it").await;
}

#[test]
fn s22_a_state_that_no_endpoint_makes_is_found_at_start() {
    let ask = async |_: SessionState<Game>| ();
    let build = |endpoint| Campanile::builder().endpoint("/it", endpoint).build();
    let missing = build(Endpoint::new().on_open(ask)).expect_err("nobody makes it");
    assert!(matches!(missing, BuildError::NoSessionState { .. }));
    let message = missing.to_string();
    assert!(
        message.contains("/it") && message.contains(".session_state("),
        "{message}"
    );
    let other = Endpoint::new().session_state(|| 1_u8).on_open(ask);
    assert!(build(other).is_err());
    build(Endpoint::new().session_state(Game::default).on_open(ask)).expect("it is made");
}

#[test]
fn s193_whole_messages_and_parts_together_are_found_at_start() {
    let endpoint = Endpoint::new()
        .on_text_part(async || ())
        .on_binary(async || ());
    let mixed = Campanile::builder().endpoint("/it", endpoint).build();
    let message = mixed.expect_err("a mixture").to_string();
    assert!(
        message.contains("endpoint /it: it has `on_binary` and `on_text_part`"),
        "{message}"
    );
}

struct ByQuery;

impl HandshakeInterceptor for ByQuery {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        if let Some(name) = handshake.query("name") {
            handshake.set_user(name);
        }
        let headers = Arc::new(handshake.headers().clone());
        handshake.attributes().set("handshake.headers", headers);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Deserialize)]
struct Asked {
    name: Option<String>,
    #[serde(default)]
    times: u8,
}

#[tokio::test]
async fn s192_what_the_handshake_told_can_be_asked_for() {
    async fn opened(
        user: Option<User>,
        Query(asked): Query<Asked>,
        Headers(headers): Headers,
    ) -> String {
        assert_eq!(user.clone().map(|user| user.0), asked.name);
        assert!(headers.contains_key("sec-websocket-key"));
        let name = user.map_or_else(|| "stranger".into(), |User(name)| name);
        name.repeat(asked.times.into())
    }
    let endpoint = Endpoint::new()
        .intercept(ByQuery)
        .on_open(opened)
        .on_text(async |User(name): User| format!("again {name}"));
    let house = serve("/it", endpoint).await;
    let mut ada = house.open("/it?name=Ada&times=2").await;
    assert_eq!(next_text(&mut ada).await, "AdaAda");
    ada.send_text("?").await.expect("sent");
    assert_eq!(next_text(&mut ada).await, "again Ada");

    let mut stranger = house.open("/it?times=1").await;
    assert_eq!(next_text(&mut stranger).await, "stranger");
    stranger.send_text("?").await.expect("sent");
    let (code, reason) = next_close(&mut stranger).await;
    assert_eq!((code, reason.split(':').next()), (1008, Some("anonymous")));

    let mut wrong = house.open("/it?times=many").await;
    let (code, reason) = next_close(&mut wrong).await;
    assert_eq!(
        (code, reason.split(':').next()),
        (1008, Some("invalid-query"))
    );
}

/// An extractor of the user's: a command, and who gave it.
struct Command(String);

impl FromEvent for Command {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let payload = context
            .payload()
            .ok_or_else(|| context.lacks("a command"))?;
        let seats = context.application().state::<usize>().copied().unwrap_or(0);
        match payload.strip_prefix(b"/") {
            Some(name) if name.len() < seats => {
                let id = context.session().id();
                Ok(Self(format!("{} {id}", String::from_utf8_lossy(name))))
            }
            _ => Err(Rejection::refuse(
                CloseCode::POLICY,
                "no-command: send /NAME",
            )),
        }
    }
}

#[tokio::test]
async fn s196_decoders_are_tried_in_order_and_the_first_that_fits_counts() {
    async fn said(
        session: Session,
        it: Either<Command, Either<Json<u32>, Text>>,
        State(seats): State<usize>,
    ) -> String {
        match it {
            Either::First(Command(command)) => {
                assert!(command.ends_with(&session.id().to_string()));
                "command".to_owned()
            }
            Either::Second(Either::First(Json(number))) => format!("{}", number as usize + seats),
            Either::Second(Either::Second(Text(text))) => text,
        }
    }
    let app = Campanile::builder()
        .state(10_usize)
        .endpoint("/it", Endpoint::new().on_text(said))
        .endpoint("/strict", Endpoint::new().on_text(async |_: Command| ()));
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    for (text, answer) in [("/sit", "command"), ("5", "15"), ("hello", "hello")] {
        client.send_text(text).await.expect("sent");
        assert_eq!(next_text(&mut client).await, answer);
    }
    let mut client = house.open("/strict").await;
    client.send_text("hello").await.expect("sent");
    let refused = (1008, "no-command: send /NAME".to_owned());
    assert_eq!(next_close(&mut client).await, refused);
}
