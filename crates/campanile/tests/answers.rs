//! What becomes of what callbacks return and fail with, and of the code around them.

mod support;

use std::sync::{Arc, Mutex};

use campanile::{
    Bytes, Campanile, Close, CloseCode, Closed, Context, Endpoint, EventKind, Failure, Handle,
    HandlerError, HandlerPanicked, IntoReply, Message, Next, Refusal, Rejection, Reply, Session,
    SessionState, State, Text,
};
use tokio::sync::mpsc;

use support::{House, next, next_close, next_text, within};

async fn serve(endpoint: Endpoint) -> House {
    let app = Campanile::builder().endpoint("/it", endpoint);
    House::serve(app.build().expect("valid")).await
}

#[tokio::test]
async fn s195_several_replies_come_in_order() {
    let endpoint =
        Endpoint::new()
            .on_open(async || vec!["1", "2"])
            .on_text(async |Text(text): Text| {
                Reply::nothing()
                    .and(text)
                    .and(Message::binary(Bytes::from_static(b"and more")))
            });
    let house = serve(endpoint).await;
    let mut client = house.open("/it").await;
    client.send_text("3").await.expect("sent");
    for expected in ["1", "2", "3"] {
        assert_eq!(next_text(&mut client).await, expected);
    }
    let binary = campanile_client::Message::Binary(Bytes::from_static(b"and more"));
    assert_eq!(next(&mut client).await, binary);
}

#[tokio::test]
async fn s195_a_close_comes_after_everything_that_was_sent() {
    async fn leave(
        session: Session,
        handle: Handle,
        Text(text): Text,
    ) -> Result<(String, Close), Refusal> {
        session.send("sent")?;
        handle.broadcast("/it", "broadcast")?;
        if text == "later" {
            tokio::task::yield_now().await;
        }
        Ok((text, Close::new(CloseCode::NORMAL, "bye: come again")))
    }
    let house = serve(Endpoint::new().on_text(leave)).await;
    for text in ["now", "later"] {
        let mut client = house.open("/it").await;
        client.send_text(text).await.expect("sent");
        for expected in ["sent", "broadcast", text] {
            assert_eq!(next_text(&mut client).await, expected);
        }
        let close = (1000, "bye: come again".to_owned());
        assert_eq!(next_close(&mut client).await, close);
    }
}

#[tokio::test]
async fn s192_a_failure_closes_after_everything_that_was_sent() {
    async fn fail(session: Session) -> Result<(), HandlerError> {
        session.send("what is wrong, at length")?;
        Err(HandlerError::closing(CloseCode::POLICY, "rude: no"))
    }
    let house = serve(Endpoint::new().on_text(fail)).await;
    let mut client = house.open("/it").await;
    client.send_text("!").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "what is wrong, at length");
    assert_eq!(next_close(&mut client).await.0, 1008);
}

#[tokio::test]
async fn s192_errors_go_to_the_endpoint_then_to_the_application() {
    async fn fails(Text(text): Text) -> Result<(), HandlerError> {
        match text.as_str() {
            "panic" => panic!("oh no"),
            _ => Err(std::io::Error::other(text).into()),
        }
    }
    async fn by_application(
        Failure(error): Failure,
        State(name): State<&'static str>,
    ) -> Result<String, HandlerError> {
        match error.source().downcast_ref::<HandlerPanicked>() {
            Some(_) => Err(error.and_close(CloseCode::TRY_AGAIN_LATER, "broken: come later")),
            None => Ok(format!("{name}: {error}")),
        }
    }
    let by_endpoint = async |Failure(error): Failure| format!("endpoint: {error}");
    let app = Campanile::builder()
        .state("application")
        .on_error(by_application)
        .endpoint("/own", Endpoint::new().on_text(fails).on_error(by_endpoint))
        .endpoint("/none", Endpoint::new().on_text(fails));
    let house = House::serve(app.build().expect("valid")).await;
    for (path, expected) in [("/own", "endpoint: it"), ("/none", "application: it")] {
        let mut client = house.open(path).await;
        client.send_text("it").await.expect("sent");
        assert_eq!(next_text(&mut client).await, expected);
    }
    let mut client = house.open("/none").await;
    client.send_text("panic").await.expect("sent");
    let close = (1013, "broken: come later".to_owned());
    assert_eq!(next_close(&mut client).await, close);
}

#[test]
fn s192_what_the_applications_error_callback_asks_for_is_checked_at_start() {
    let asks = async |State(_): State<u64>| ();
    let app = || Campanile::builder().endpoint("/it", Endpoint::new());
    assert!(app().on_error(asks).build().is_err());
    app().on_error(asks).state(1_u64).build().expect("given");
    let asks = async |_: SessionState<u64>| ();
    assert!(app().on_error(asks).build().is_err());
}

#[tokio::test]
async fn s192_a_failing_close_callback_is_heard_of_too() {
    let (notes, mut noted) = mpsc::channel::<String>(16);
    async fn closed(Closed(ending): Closed) -> Result<(), std::io::Error> {
        if ending.code == 4000 {
            tokio::task::yield_now().await;
        }
        Err(std::io::Error::other(format!("code {}", ending.code)))
    }
    async fn failed(
        Failure(error): Failure,
        session: Session,
        State(notes): State<mpsc::Sender<String>>,
    ) {
        notes
            .try_send(format!("{error}, open: {}", session.is_open()))
            .expect("room");
    }
    let app = Campanile::builder()
        .state(notes)
        .on_error(failed)
        .endpoint("/it", Endpoint::new().on_close(closed));
    let house = House::serve(app.build().expect("valid")).await;
    for code in [1000, 4000] {
        let mut client = house.open("/it").await;
        let code = CloseCode::new(code).expect("a code");
        within(client.close(code, "")).await.expect("closed");
        let note = within(noted.recv()).await;
        let expected = format!("code {code}, open: false");
        assert_eq!(note.as_deref(), Some(&*expected));
    }
}

type Notes = Arc<Mutex<Vec<String>>>;

fn note(notes: &Notes, text: impl Into<String>) {
    notes.lock().expect("not poisoned").push(text.into());
}

/// Notes what goes in and what comes out.
fn noting(
    name: &'static str,
    notes: &Notes,
) -> impl Fn(
    Context,
    Next,
) -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, HandlerError>> + Send>>
+ Send
+ Sync
+ 'static {
    let notes = Arc::clone(notes);
    move |context, next| {
        let notes = Arc::clone(&notes);
        Box::pin(async move {
            let kind = context.kind();
            note(&notes, format!("{name} {kind}"));
            let result = next.run(context).await;
            note(&notes, format!("{name} {}", result.is_ok()));
            result
        })
    }
}

#[tokio::test]
async fn s20_each_thing_that_happens_has_its_callback() {
    let notes = Notes::default();
    let noted = |text: &'static str| {
        let notes = Arc::clone(&notes);
        move || {
            note(&notes, text);
            std::future::ready(())
        }
    };
    let failures = Arc::clone(&notes);
    let endpoint = Endpoint::new()
        .on_open(noted("open"))
        .on_binary(noted("binary"))
        .on_text(async |Text(text): Text| text.parse::<u32>().map(drop))
        .on_error(move |Failure(error): Failure| {
            note(&failures, error.to_string());
            std::future::ready("error")
        })
        .on_close(noted("close"));
    let house = serve(endpoint).await;
    let mut client = house.open("/it").await;
    client.send_text("7").await.expect("sent");
    client.send_binary(b"7").await.expect("sent");
    client.send_text("seven").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "error");
    within(client.close(CloseCode::NORMAL, ""))
        .await
        .expect("closed");
    house.leave().await;
    let expected = ["open", "binary", "invalid digit found in string", "close"];
    assert_eq!(*notes.lock().expect("not poisoned"), expected);
}

#[tokio::test]
async fn s23_decorators_nest_in_the_order_added() {
    let notes = Notes::default();
    let endpoint = Endpoint::new()
        .around(noting("first", &notes))
        .around(noting("second", &notes))
        .on_text(async |Text(text): Text| {
            tokio::task::yield_now().await;
            text
        });
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .around(noting("app", &notes));
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    client.send_text("hi").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "hi");
    within(client.close(CloseCode::NORMAL, ""))
        .await
        .expect("closed");
    house.leave().await;
    let mut expected = Vec::new();
    for kind in [EventKind::Opened, EventKind::Text, EventKind::Closed] {
        expected.extend(["app", "first", "second"].map(|name| format!("{name} {kind}")));
        expected.extend(["second", "first", "app"].map(|name| format!("{name} true")));
    }
    assert_eq!(*notes.lock().expect("not poisoned"), expected);
}

#[tokio::test]
async fn s23_a_decorator_sees_failures_and_may_answer_instead() {
    async fn guard(context: Context, next: Next) -> Result<Reply, HandlerError> {
        if context.payload() == Some(b"secret") {
            return "not for you".into_reply();
        }
        let limit = context.application().state::<usize>().copied();
        if context.payload().map(<[u8]>::len) > limit {
            return Err(Rejection::refuse(CloseCode::POLICY, "too-long: be brief").into());
        }
        match next.run(context).await {
            Err(error) if error.downcast_ref::<HandlerPanicked>().is_some() => {
                Ok(Reply::from(format!("caught: {error}")))
            }
            other => other.map(|reply| reply.and("decorated")),
        }
    }
    let endpoint = Endpoint::new()
        .around(guard)
        .on_text(async |Text(text): Text| {
            assert_ne!(text, "panic", "oh no");
            text
        });
    let app = Campanile::builder()
        .state(6_usize)
        .endpoint("/it", endpoint);
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    assert_eq!(next_text(&mut client).await, "decorated");
    for text in ["secret", "panic", "hi", "too long"] {
        client.send_text(text).await.expect("sent");
    }
    assert_eq!(next_text(&mut client).await, "not for you");
    assert!(
        next_text(&mut client)
            .await
            .starts_with("caught: the handler panicked")
    );
    assert_eq!(next_text(&mut client).await, "hi");
    assert_eq!(next_text(&mut client).await, "decorated");
    let close = (1008, "too-long: be brief".to_owned());
    assert_eq!(next_close(&mut client).await, close);
}

/// It panics where nothing can be returned: before there is a future.
struct Exploding;

impl campanile::FromEvent for Exploding {
    fn from_event(_: &mut Context) -> Result<Self, Rejection> {
        panic!("a secret of the house")
    }
}

#[tokio::test]
async fn s23_a_panic_in_an_extractor_closes_with_1011_and_the_thread_goes_on() {
    let endpoint = Endpoint::new().on_text(async |_: Exploding| ());
    let app = Campanile::builder().shards(1).endpoint("/it", endpoint);
    let house = House::serve(app.build().expect("valid")).await;
    for _ in 0..2 {
        let mut client = house.open("/it").await;
        client.send_text("x").await.expect("sent");
        let (code, reason) = next_close(&mut client).await;
        assert!(code == 1011 && !reason.contains("secret"), "{reason}");
    }
}
