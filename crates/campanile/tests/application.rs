//! The application as a whole: what is checked when it is built, publishing from outside,
//! schedules, mounting into another application, leaving.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use campanile::{
    BuildError, Campanile, Endpoint, Handle, OutboxPolicy, Overflow, Refusal, Session, State, Text,
    Trigger,
};
use campanile_client::Client;
use campanile_client::CloseCode;

use support::{House, next_close, next_text, within};

fn echo() -> Endpoint {
    Endpoint::new().on_text(async |Text(text): Text| text)
}

#[test]
fn s186_equivalent_templates_are_refused_at_build() {
    let error = Campanile::builder()
        .endpoint("/ws/{sid}", echo())
        .endpoint("/ws/{id}", echo())
        .build()
        .expect_err("the same URLs");
    assert!(matches!(error, BuildError::Path { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("/ws/{sid}") && text.contains("/ws/{id}"),
        "{text}"
    );
}

#[test]
fn state_that_a_callback_needs_is_missed_at_build() {
    let endpoint = Endpoint::new().on_open(async |State(_): State<u64>| ());
    let error = Campanile::builder()
        .endpoint("/it", endpoint)
        .build()
        .expect_err("no state");
    let text = error.to_string();
    assert!(
        text.contains("/it") && text.contains("u64") && text.contains(".state("),
        "{text}"
    );
}

#[test]
fn a_schedule_that_is_not_understood_is_refused_at_build() {
    let error = Campanile::builder()
        .schedule("every now and then", async || ())
        .build()
        .expect_err("no cron expression");
    assert!(matches!(error, BuildError::Schedule(_)), "{error}");
}

#[tokio::test]
async fn publishing_from_anywhere_reaches_all_some_or_one() {
    let name = async |session: Session| {
        let name = session
            .path_parameters()
            .get("name")
            .unwrap_or_default()
            .to_owned();
        session.attributes().set("name", name);
    };
    let app = Campanile::builder().endpoint("/rooms/{name}", Endpoint::new().on_open(name));
    let house = House::serve(app.build().expect("valid")).await;
    let (mut ada, mut bob) = (
        house.open("/rooms/ada").await,
        house.open("/rooms/bob").await,
    );
    // A session is there as soon as its handshake is answered.
    assert_eq!(house.handle.count("/rooms/{name}"), 2);
    let handle = house.handle.clone();
    let accepted = handle.broadcast("/rooms/{name}", "all").expect("accepted");
    assert_eq!(accepted.subscriptions, 2);
    assert_eq!(
        (next_text(&mut ada).await, next_text(&mut bob).await),
        ("all".into(), "all".into())
    );
    let picks = |one: &Session| one.attributes().text("name") == Some("bob");
    handle
        .broadcast_to("/rooms/{name}", "bob only", picks)
        .expect("accepted");
    let panics = |_: &Session| panic!("in user code");
    handle
        .broadcast_to("/rooms/{name}", "nobody", panics)
        .expect("accepted");
    let later = handle.broadcast("/rooms/{name}", "over").expect("accepted");
    assert!(later.id.position > accepted.id.position);
    assert_eq!(next_text(&mut ada).await, "over");
    assert_eq!(next_text(&mut bob).await, "bob only");
    assert_eq!(next_text(&mut bob).await, "over");
    // A name that nobody has mounted is a mistake, and said to be one.
    assert_eq!(handle.broadcast("/nowhere", "x"), Err(Refusal::NoEndpoint));
}

#[tokio::test]
async fn a_scheduled_function_publishes() {
    async fn tick(handle: Handle) -> Result<(), Refusal> {
        handle.broadcast("/clock", "tick").map(drop)
    }
    let app = Campanile::builder()
        .endpoint("/clock", Endpoint::new())
        .schedule(Trigger::FixedRate(Duration::from_millis(20)), tick);
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/clock").await;
    for _ in 0..3 {
        assert_eq!(next_text(&mut client).await, "tick");
    }
}

#[tokio::test]
async fn it_can_be_mounted_into_an_axum_application() {
    let app = Campanile::builder()
        .endpoint("/echo", echo())
        .build()
        .expect("valid");
    let handle = app.handle();
    let hello = axum::routing::get(async || "hello");
    let router = app.into_router().expect("threads").route("/hello", hello);
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    let host = tokio::spawn(axum::serve(listener, router).into_future());
    let mut client = within(Client::connect(&format!("ws://{address}/echo")))
        .await
        .expect("a session");
    client.send_text("through axum").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "through axum");
    assert_eq!(handle.count("/echo"), 1);
    host.abort();
}

#[tokio::test]
async fn leaving_closes_every_session_with_1001_and_ends() {
    let app = Campanile::builder()
        .endpoint("/echo", echo())
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(house.open("/echo").await);
    }
    let watch = tokio::spawn(async move {
        let mut closes = Vec::new();
        for mut client in clients {
            closes.push(next_close(&mut client).await);
        }
        closes
    });
    house.leave().await;
    for (code, reason) in watch.await.expect("no panic") {
        assert_eq!(code, 1001);
        assert!(reason.starts_with("leaving:"), "{reason}");
    }
}

#[tokio::test]
async fn s33_a_session_can_be_closed_from_the_server() {
    let close = async |session: Session| {
        session.send("last words")?;
        session.close(CloseCode::POLICY, "enough: come back tomorrow")
    };
    let app = Campanile::builder().endpoint("/it", Endpoint::new().on_text(close));
    let house = House::serve(app.build().expect("valid")).await;
    let mut client = house.open("/it").await;
    client.send_text("hello").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "last words");
    assert_eq!(
        next_close(&mut client).await,
        (1008, "enough: come back tomorrow".to_owned())
    );
}

#[tokio::test]
async fn s30_a_session_that_does_not_read_is_closed_and_others_are_not() {
    let policy = OutboxPolicy {
        bytes_max: 64 << 10,
        ..OutboxPolicy::default()
    };
    assert_eq!(policy.overflow, Overflow::Close);
    let app = Campanile::builder().endpoint("/it", Endpoint::new().outbox(policy));
    let house = House::serve(app.build().expect("valid")).await;
    let idle = house.open("/it").await;
    let mut reader = house.open("/it").await;
    let text = "x".repeat(16 << 10);
    // The kernel's buffers take some of it; then the outbox of the one that does not read fills.
    let mut published = 0;
    while house.handle.count("/it") == 2 {
        house
            .handle
            .broadcast("/it", text.as_str())
            .expect("accepted");
        published += 1;
        assert!(published < 10_000, "its outbox has no bound");
        assert_eq!(next_text(&mut reader).await.len(), text.len());
    }
    assert_eq!(house.handle.count("/it"), 1);
    drop(idle);
}
