//! Clients that take messages from queues.

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{Broker, Campanile, QueueLimits, StompEndpoint, Text};

use super::conform::{receipt, texts};
use super::stomp::{Received, UserFromQuery, send};

pub(crate) const DELAY: Duration = Duration::from_secs(1);

pub(crate) fn limits() -> QueueLimits {
    QueueLimits {
        rejections_max: 3,
        redelivery_delay: DELAY,
        dead_letters: Some("/queue/dead".into()),
        ..QueueLimits::default()
    }
}

pub(crate) fn broker() -> Broker {
    let small = QueueLimits {
        messages_max: 3,
        ..limits()
    };
    Broker::new()
        .clients_may_send("/topic/**")
        .clients_may_send("/queue/**")
        .queue_limits("/queue/small", small)
        .queue_limits("/queue/work/**", limits())
}

pub(crate) fn start() -> TestApplication {
    start_with(broker())
}

pub(crate) fn start_with(broker: Broker) -> TestApplication {
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery))
        .message("/order", async |Text(text): Text| text)
        .send_to("/queue/work/orders");
    TestApplication::start(app.build().expect("an application"))
}

/// A client that goes on after refusals.
pub(crate) fn stubborn(test: &mut TestApplication, version: &str) -> TestClient {
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        &format!("CONNECT\naccept-version:{version}\nhost:h\nx-errors:keep\n\n"),
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    client
}

/// Takes messages from a queue; `more` are header lines.
pub(crate) fn consume(client: &mut TestClient, id: &str, queue: &str, more: &str) {
    let head = format!("SUBSCRIBE\nid:{id}\ndestination:{queue}\nreceipt:{id}\n");
    send(client, &format!("{head}{more}\n"));
    assert_eq!(receipt(client), id);
}

pub(crate) fn put(client: &mut TestClient, queue: &str, more: &str, body: &str) {
    send(
        client,
        &format!("SEND\ndestination:{queue}\n{more}\n{body}"),
    );
}

pub(crate) fn frames(client: &mut TestClient) -> Vec<Received> {
    texts(client).into_iter().map(Received).collect()
}

pub(crate) fn bodies(client: &mut TestClient) -> Vec<String> {
    let frames = frames(client).into_iter();
    frames.map(|frame| frame.body().to_owned()).collect()
}

/// The one MESSAGE that has come.
#[track_caller]
pub(crate) fn message(client: &mut TestClient) -> Received {
    let frame = Received::next(client);
    assert_eq!(frame.command(), "MESSAGE", "{}", frame.0);
    frame
}

/// Says something about a message that has come, as 1.2 does, and waits for the receipt.
#[track_caller]
pub(crate) fn settle(client: &mut TestClient, command: &str, message: &Received, more: &str) {
    let ack = message.header("ack").expect("what to name it by");
    send(client, &format!("{command}\nid:{ack}\nreceipt:s\n{more}\n"));
    assert_eq!(receipt(client), "s");
}

#[track_caller]
pub(crate) fn word(client: &mut TestClient) -> String {
    let frame = Received::next(client);
    assert_eq!(frame.command(), "ERROR", "{}", frame.0);
    frame.header("message").unwrap_or_default().to_owned()
}

/// Waiting, delivered, consumers.
pub(crate) fn state(test: &TestApplication, queue: &str) -> (usize, usize, usize) {
    let state = test.handle().queue(queue).unwrap_or_default();
    (state.waiting, state.delivered, state.consumers)
}
