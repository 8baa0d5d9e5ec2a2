//! Callbacks of an endpoint, over real sockets: what they are given, when they are called, what
//! becomes of their answers and failures.

mod support;

use std::sync::Arc;

use campanile::{
    Binary, Bytes, Campanile, CloseCode, Closed, Endpoint, Failure, Handle, HandlerError, Json,
    Path, Refusal, Session, State, Text,
};
use campanile_client::Message;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

use support::{House, next, next_close, next_text};

async fn serve(endpoint: Endpoint) -> House {
    House::serve(
        Campanile::builder()
            .endpoint("/it", endpoint)
            .build()
            .expect("valid"),
    )
    .await
}

#[tokio::test]
async fn s195_a_returned_value_is_the_reply() {
    let endpoint = Endpoint::new()
        .on_open(async || "welcome")
        .on_text(async |Text(text): Text| (text != "quiet").then_some(text))
        .on_binary(async |Binary(bytes): Binary| bytes);
    let house = serve(endpoint).await;
    let mut client = house.open("/it").await;
    assert_eq!(next_text(&mut client).await, "welcome");
    client.send_text("quiet").await.expect("sent");
    client.send_text("loud").await.expect("sent");
    client.send_binary(&[1, 2]).await.expect("sent");
    assert_eq!(next_text(&mut client).await, "loud");
    assert_eq!(
        next(&mut client).await,
        Message::Binary(Bytes::from_static(&[1, 2]))
    );
}

#[derive(Deserialize, Serialize)]
struct Order {
    symbol: String,
    amount: u32,
}

#[derive(Deserialize)]
struct Place {
    room: String,
    seat: u8,
}

#[tokio::test]
async fn s192_extractors_give_what_they_say() {
    async fn order(
        session: Session,
        Path(place): Path<Place>,
        State(factor): State<u32>,
        Json(order): Json<Order>,
    ) -> Json<Order> {
        assert_eq!(session.path_parameters().get("room"), Some("lobby"));
        assert!(session.remote_address().ip().is_loopback());
        assert!(session.uri().starts_with("/rooms/lobby/"));
        let symbol = format!("{}@{}/{}", order.symbol, place.room, place.seat);
        Json(Order {
            symbol,
            amount: order.amount * factor,
        })
    }
    let endpoint = Endpoint::new().on_text(order);
    let app = Campanile::builder()
        .endpoint("/rooms/{room}/{seat}", endpoint)
        .state(3_u32);
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/rooms/lobby/7?x=1").await;
    client
        .send_text(r#"{"symbol":"ABC","amount":5}"#)
        .await
        .expect("sent");
    assert_eq!(
        next_text(&mut client).await,
        r#"{"symbol":"ABC@lobby/7","amount":15}"#
    );
    client.send_text("not JSON").await.expect("sent");
    assert_eq!(next_close(&mut client).await.0, 1007);
}

#[tokio::test]
async fn s21_a_kind_without_a_callback_closes_with_1003() {
    let house = serve(Endpoint::new().on_binary(async || ())).await;
    let mut client = house.open("/it").await;
    client.send_text("text").await.expect("sent");
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(
        (code, reason.split(':').next()),
        (1003, Some("unsupported"))
    );
}

#[tokio::test]
async fn s23_a_failure_and_a_panic_close_with_1011_and_tell_no_internals() {
    async fn fails(Text(text): Text) -> Result<(), HandlerError> {
        assert_ne!(text, "panic", "a secret of the house");
        Err(std::io::Error::other("another secret").into())
    }
    let house = serve(Endpoint::new().on_text(fails)).await;
    for text in ["panic", "fail"] {
        let mut client = house.open("/it").await;
        client.send_text(text).await.expect("sent");
        let (code, reason) = next_close(&mut client).await;
        assert_eq!(code, 1011, "{text}");
        assert!(
            reason.starts_with("handler-failed") && !reason.contains("secret"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_failure_may_say_how_to_close() {
    let refuse = async || -> Result<(), HandlerError> {
        Err(HandlerError::closing(
            CloseCode::POLICY,
            "rude: mind your words",
        ))
    };
    let house = serve(Endpoint::new().on_text(refuse)).await;
    let mut client = house.open("/it").await;
    client.send_text("!").await.expect("sent");
    assert_eq!(
        next_close(&mut client).await,
        (1008, "rude: mind your words".to_owned())
    );
}

#[tokio::test]
async fn s192_an_error_callback_may_reply_and_keeps_the_session() {
    let endpoint = Endpoint::new()
        .on_text(async |Text(text): Text| {
            text.parse::<u32>().map(|number| (number + 1).to_string())
        })
        .on_error(async |Failure(error): Failure| format!("sorry: {error}"));
    let house = serve(endpoint).await;
    let mut client = house.open("/it").await;
    client.send_text("x").await.expect("sent");
    client.send_text("41").await.expect("sent");
    assert!(
        next_text(&mut client)
            .await
            .starts_with("sorry: invalid digit")
    );
    assert_eq!(next_text(&mut client).await, "42");
}

#[tokio::test]
async fn s197_callbacks_of_a_session_run_one_at_a_time_in_order() {
    let gate = Arc::new(Semaphore::new(0));
    async fn slow(Text(text): Text, State(gate): State<Arc<Semaphore>>) -> String {
        // Every other message must wait, and none may overtake it.
        if text.ends_with(['0', '2', '4', '6', '8']) {
            gate.acquire().await.expect("open").forget();
        }
        text
    }
    let endpoint = Endpoint::new().on_text(slow);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .state(Arc::clone(&gate));
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    let mut other = house.open("/it").await;
    // More than may wait: reading pauses meanwhile, and nothing is lost.
    const MESSAGES: usize = campanile::WAITING_MESSAGES_MAX * 3;
    for number in 0..MESSAGES {
        client.send_text(&number.to_string()).await.expect("sent");
    }
    // Another session is not held up.
    other.send_text("1").await.expect("sent");
    assert_eq!(next_text(&mut other).await, "1");
    gate.add_permits(MESSAGES);
    for number in 0..MESSAGES {
        assert_eq!(next_text(&mut client).await, number.to_string());
    }
}

#[tokio::test]
async fn s192_the_close_callback_comes_once_and_last() {
    let (notes, mut noted) = mpsc::channel::<String>(16);
    let gate = Arc::new(Semaphore::new(0));
    async fn opened(session: Session, State(notes): State<mpsc::Sender<String>>) {
        session.attributes().set("name", "Ada".to_owned());
        notes.send("opened".into()).await.expect("room");
    }
    async fn said(
        Text(text): Text,
        State(notes): State<mpsc::Sender<String>>,
        State(gate): State<Arc<Semaphore>>,
    ) {
        gate.acquire().await.expect("open").forget();
        notes.send(text).await.expect("room");
    }
    async fn closed(
        session: Session,
        Closed(ending): Closed,
        State(notes): State<mpsc::Sender<String>>,
    ) {
        assert!(!session.is_open());
        assert_eq!(session.send("too late"), Err(Refusal::NoSession));
        let name = session
            .attributes()
            .text("name")
            .unwrap_or_default()
            .to_owned();
        notes
            .send(format!("{name} closed {} {}", ending.code, ending.reason))
            .await
            .expect("room");
    }
    let endpoint = Endpoint::new()
        .on_open(opened)
        .on_text(said)
        .on_close(closed);
    let app = Campanile::builder()
        .endpoint("/it", endpoint)
        .state(notes)
        .state(Arc::clone(&gate));
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    client.send_text("first").await.expect("sent");
    client.send_text("second").await.expect("sent");
    support::within(client.close(CloseCode::NORMAL, "bye"))
        .await
        .expect("closed");
    gate.add_permits(2);
    for expected in ["opened", "first", "second", "Ada closed 1000 bye"] {
        assert_eq!(
            support::within(noted.recv()).await.as_deref(),
            Some(expected)
        );
    }
    house.leave().await;
    assert!(
        noted.try_recv().is_err(),
        "nothing comes after the close callback"
    );
}

#[tokio::test]
async fn s27_what_a_handler_sends_comes_before_what_it_returns() {
    async fn both(session: Session, handle: Handle) -> Result<&'static str, Refusal> {
        session.send("sent")?;
        handle.broadcast("/it", "broadcast")?;
        Ok("returned")
    }
    let house = serve(Endpoint::new().on_text(both)).await;
    let mut client = house.open("/it").await;
    client.send_text("go").await.expect("sent");
    for expected in ["sent", "broadcast", "returned"] {
        assert_eq!(next_text(&mut client).await, expected);
    }
}
