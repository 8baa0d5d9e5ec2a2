//! What the tests of STOMP's three texts have in common: whole streams, octet by octet.

use campanile::testing::{TestApplication, TestClient, TestMessage};

use super::stomp::{Received, connect, refusal, start};

/// A client that is connected, in an application of its own, whose clients may send to topics.
pub(crate) fn session(version: &str) -> (TestApplication, TestClient) {
    let mut test = start();
    let client = connect(&mut test, "/stomp", version);
    (test, client)
}

/// Sends octets after CONNECTED, NULs included, and expects an ERROR with this word, a close with
/// this code, and the end of the connection.
#[track_caller]
pub(crate) fn fatal(version: &str, stream: impl AsRef<[u8]>, word: &str, code: u16) {
    let (_test, mut client) = session(version);
    client.send_binary(stream.as_ref());
    assert_fatal(&mut client, word, code);
}

/// The same for what comes before CONNECTED.
#[track_caller]
pub(crate) fn fatal_at_first(stream: impl AsRef<[u8]>, word: &str, code: u16) {
    let mut test = start();
    let mut client = test.connect("/stomp");
    client.send_binary(stream.as_ref());
    assert_fatal(&mut client, word, code);
}

/// Expects an ERROR with this word, a close with this code, and the end.
#[track_caller]
pub(crate) fn assert_fatal(client: &mut TestClient, word: &str, code: u16) {
    assert_eq!(refusal(client), (word.to_owned(), code));
    assert_eq!(client.received(), [TestMessage::End]);
}

/// Subscribes `id` to `destination` and waits for the receipt.
#[track_caller]
pub(crate) fn subscribe(client: &mut TestClient, id: &str, destination: &str) {
    let frame = format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\nreceipt:ready\n\n\0");
    client.send_text(&frame);
    assert_eq!(receipt(client), "ready");
}

/// The next frame, which is a RECEIPT, and what it is for.
#[track_caller]
pub(crate) fn receipt(client: &mut TestClient) -> String {
    let frame = Received::next(client);
    assert_eq!(frame.command(), "RECEIPT", "{}", frame.0);
    frame.header("receipt-id").expect("an id").to_owned()
}

/// What the application answers to a stream as the first of a connection, without the NULs.
#[track_caller]
pub(crate) fn answers(stream: &str) -> Vec<String> {
    let mut test = start();
    let mut client = test.connect("/stomp");
    client.send_text(stream);
    texts(&mut client)
}

/// All text messages that have come, without the NULs.
pub(crate) fn texts(client: &mut TestClient) -> Vec<String> {
    let received = client.received().into_iter();
    let texts = received.filter_map(|one| match one {
        TestMessage::Text(text) => Some(text.trim_end_matches('\0').to_owned()),
        _ => None,
    });
    texts.collect()
}

/// How often a header's name begins a line of a frame's head.
pub(crate) fn count(frame: &Received, name: &str) -> usize {
    let head = frame.0.split("\n\n").next().unwrap_or_default();
    let is = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    head.lines().filter(is).count()
}
