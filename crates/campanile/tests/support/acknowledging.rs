//! Queues, as the tests of STOMP's three texts use them.

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{Broker, Campanile};

use super::conform::{receipt, subscribe, texts};
use super::stomp::{Received, connect, send, start_with};

/// The queue of these tests.
pub(crate) const QUEUE: &str = "/queue/a";

/// All versions of STOMP.
pub(crate) const VERSIONS: [&str; 3] = ["1.0", "1.1", "1.2"];

/// Longer than what was rejected rests, unless a queue's limits say otherwise.
pub(crate) const REST: Duration = Duration::from_secs(2);

/// An application whose clients may send to topics and queues.
pub(crate) fn queueing() -> TestApplication {
    let broker = Broker::new()
        .clients_may_send("/topic/**")
        .clients_may_send("/queue/**");
    start_with(Campanile::builder().broker(broker))
}

/// A connection whose subscription `0` to the queue has this mode, and these headers, each with its
/// line end.
#[track_caller]
pub(crate) fn consumer(
    test: &mut TestApplication,
    version: &str,
    mode: &str,
    headers: &str,
) -> TestClient {
    let mut client = connect(test, "/stomp", version);
    consume(&mut client, "0", mode, headers);
    client
}

/// Subscribes one more time to the queue.
#[track_caller]
pub(crate) fn consume(client: &mut TestClient, id: &str, mode: &str, headers: &str) {
    let head = format!("SUBSCRIBE\nid:{id}\ndestination:{QUEUE}\nack:{mode}\n{headers}");
    send(client, &format!("{head}receipt:consumes\n\n"));
    assert_eq!(receipt(client), "consumes");
}

/// Somebody else puts messages with these bodies into the queue.
#[track_caller]
pub(crate) fn put(test: &mut TestApplication, bodies: &[&str]) {
    for body in bodies {
        put_with(test, "", body);
    }
}

/// The same with header lines, each with its line end.
#[track_caller]
pub(crate) fn put_with(test: &mut TestApplication, headers: &str, body: &str) {
    let mut producer = connect(test, "/stomp", "1.2");
    let head = format!("SEND\ndestination:{QUEUE}\n{headers}");
    send(&mut producer, &format!("{head}receipt:sent\n\n{body}"));
    assert_eq!(receipt(&mut producer), "sent");
    producer.disconnect();
}

/// The MESSAGEs that have come; nothing else may have.
#[track_caller]
pub(crate) fn messages(client: &mut TestClient) -> Vec<Received> {
    let frames: Vec<Received> = texts(client).into_iter().map(Received).collect();
    for frame in &frames {
        assert_eq!(frame.command(), "MESSAGE", "{}", frame.0);
    }
    frames
}

/// The bodies of the MESSAGEs that have come.
#[track_caller]
pub(crate) fn bodies(client: &mut TestClient) -> Vec<String> {
    let messages = messages(client);
    messages.iter().map(|one| one.body().to_owned()).collect()
}

/// What nobody has acknowledged: what a newcomer gets of the queue, now or when it has rested.
#[track_caller]
pub(crate) fn left(test: &mut TestApplication) -> Vec<String> {
    let mut newcomer = consumer(test, "1.2", "auto", "");
    test.advance(REST);
    let left = bodies(&mut newcomer);
    newcomer.disconnect();
    left
}

/// ACK or NACK of a message, as each version names it, with further header lines.
pub(crate) fn settling(version: &str, command: &str, message: &Received, headers: &str) -> String {
    let of = |name: &str| {
        let value = message.header(name);
        value.unwrap_or_else(|| panic!("{name} in {}", message.0))
    };
    let names = match version {
        "1.0" => format!("message-id:{}", of("message-id")),
        "1.1" => format!(
            "message-id:{}\nsubscription:{}",
            of("message-id"),
            of("subscription")
        ),
        _ => format!("id:{}", of("ack")),
    };
    format!("{command}\n{names}\n{headers}")
}

/// Acknowledges a message or rejects it, and waits for the receipt.
#[track_caller]
pub(crate) fn settle(client: &mut TestClient, version: &str, command: &str, message: &Received) {
    let frame = settling(version, command, message, "receipt:settled\n\n");
    send(client, &frame);
    assert_eq!(receipt(client), "settled");
}

/// BEGIN, COMMIT or ABORT, done.
#[track_caller]
pub(crate) fn transaction(client: &mut TestClient, command: &str, name: &str) {
    let frame = format!("{command}\ntransaction:{name}\nreceipt:{command}\n\n");
    send(client, &frame);
    assert_eq!(receipt(client), command);
}

/// A SEND in a transaction, done.
#[track_caller]
pub(crate) fn send_in(client: &mut TestClient, name: &str, destination: &str, body: &str) {
    let head = format!("SEND\ndestination:{destination}\ntransaction:{name}\n");
    send(client, &format!("{head}receipt:sent\n\n{body}"));
    assert_eq!(receipt(client), "sent");
}

/// An ACK or NACK in a transaction, done.
#[track_caller]
pub(crate) fn settle_in(
    client: &mut TestClient,
    name: &str,
    version: &str,
    command: &str,
    of: &Received,
) {
    let headers = format!("transaction:{name}\nreceipt:settled\n\n");
    send(client, &settling(version, command, of, &headers));
    assert_eq!(receipt(client), "settled");
}

/// Somebody who hears a topic.
#[track_caller]
pub(crate) fn witness(test: &mut TestApplication) -> TestClient {
    let mut client = connect(test, "/stomp", "1.2");
    subscribe(&mut client, "w", "/topic/a");
    client
}
