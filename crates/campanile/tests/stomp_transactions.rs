//! Transactions: all of one takes effect at COMMIT, or nothing of it.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Broker, Campanile, HandlerError, InboundFrame, Passage, QueueLimits, Session, StompEndpoint,
    TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_FRAMES_MAX, TRANSACTIONS_MAX, Text,
};

use support::conform::{assert_fatal, receipt, subscribe, texts};
use support::kit::Notes;
use support::stomp::{Received, connect, refusal, send};

struct House {
    test: TestApplication,
    notes: Notes,
}

fn no_secrets(_: &Session, frame: &mut InboundFrame) -> Passage {
    match frame.header("secret") {
        Some(_) => Passage::refuse("no-secrets", "say it openly"),
        None => Passage::Pass,
    }
}

/// Clients may send to topics and queues, of which `/queue/small` holds two messages; `/app/note`
/// takes a while and notes what it was sent, `/app/fail` fails.
fn house() -> House {
    let small = QueueLimits {
        messages_max: 2,
        ..QueueLimits::default()
    };
    let broker = Broker::new()
        .clients_may_send("/topic/**")
        .clients_may_send("/queue/**")
        .clients_may_send("/user/**")
        .queue_limits("/queue/small", small);
    let notes = Notes::default();
    let noting = notes.clone();
    let note = move |Text(text): Text| {
        let notes = noting.clone();
        async move {
            // The first takes the longest.
            tokio::time::sleep(Duration::from_secs(10 - text.len() as u64)).await;
            notes.lock().expect("not poisoned").push(text);
        }
    };
    let fail = async || {
        Err::<(), HandlerError>(HandlerError::closing(
            campanile::CloseCode::POLICY,
            "no-way: this never works",
        ))
    };
    let app = Campanile::builder()
        .broker(broker)
        .inbound(no_secrets)
        .stomp("/stomp", StompEndpoint::new())
        .message("/note", note)
        .concurrent(8)
        .message("/fail", fail);
    let test = TestApplication::start(app.build().expect("an application"));
    House { test, notes }
}

impl House {
    fn client(&mut self) -> TestClient {
        connect(&mut self.test, "/stomp", "1.2")
    }

    /// One whose session survives refusals.
    fn stubborn(&mut self) -> TestClient {
        let mut client = self.test.connect("/stomp");
        send(
            &mut client,
            "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n",
        );
        assert_eq!(Received::next(&mut client).command(), "CONNECTED");
        client
    }

    /// A client that gets what is sent to these.
    fn witness(&mut self, destinations: &[&str]) -> TestClient {
        let mut client = self.client();
        for name in destinations {
            subscribe(&mut client, name, name);
        }
        client
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("not poisoned").clone()
    }

    fn waiting(&self, queue: &str) -> usize {
        self.test
            .handle()
            .queue(queue)
            .map_or(0, |queue| queue.waiting + queue.delivered)
    }
}

fn part(client: &mut TestClient, transaction: &str, destination: &str, body: &str) {
    let head = format!("SEND\ndestination:{destination}\ntransaction:{transaction}\n");
    send(client, &format!("{head}\n{body}"));
}

fn tell(client: &mut TestClient, command: &str, transaction: &str) {
    let frame = format!("{command}\ntransaction:{transaction}\nreceipt:{command}\n\n");
    send(client, &frame);
}

fn done(client: &mut TestClient, command: &str, transaction: &str) {
    tell(client, command, transaction);
    assert_eq!(receipt(client), command);
}

/// The ERROR that a client that goes on is sent, and the receipt that it names.
fn error(client: &mut TestClient) -> (String, Option<String>) {
    let frame = Received::next(client);
    assert_eq!(frame.command(), "ERROR", "{}", frame.0);
    let word = frame.header("message").unwrap_or_default().to_owned();
    (word, frame.header("receipt-id").map(str::to_owned))
}

/// Destination and body of what has come.
fn messages(client: &mut TestClient) -> Vec<(String, String)> {
    let frames = texts(client).into_iter().map(Received);
    frames
        .map(|frame| {
            let destination = frame.header("destination").unwrap_or_default();
            (destination.to_owned(), frame.body().to_owned())
        })
        .collect()
}

#[test]
fn s72_what_is_sent_in_a_transaction_is_published_at_commit_and_without_gaps() {
    let mut house = house();
    let mut witness = house.witness(&["/topic/a", "/topic/b", "/queue/q"]);
    let mut client = house.client();
    done(&mut client, "BEGIN", "t");
    for (number, name) in ["/topic/a", "/queue/q", "/topic/b"].iter().enumerate() {
        part(&mut client, "t", name, &number.to_string());
    }
    send(&mut client, "SEND\ndestination:/topic/a\n\nbetween");
    assert_eq!(messages(&mut witness).len(), 1, "what is not a part of it");
    done(&mut client, "COMMIT", "t");
    let frames: Vec<Received> = texts(&mut witness).into_iter().map(Received).collect();
    let mut positions: Vec<(u64, String)> = frames
        .iter()
        .map(|frame| {
            assert_eq!(frame.header("transaction"), None);
            let id = frame.header("message-id").expect("an id");
            let (_, position) = id.split_once('-').expect("a position");
            (position.parse().expect("a number"), frame.body().to_owned())
        })
        .collect();
    positions.sort();
    let bodies: Vec<&str> = positions.iter().map(|(_, body)| &**body).collect();
    assert_eq!(bodies, ["0", "1", "2"]);
    assert_eq!(positions[2].0 - positions[0].0, 2, "nothing in between");
    // Its name is free again.
    done(&mut client, "BEGIN", "t");
}

#[test]
fn s72_what_is_aborted_or_left_open_at_the_end_has_never_been() {
    let mut house = house();
    let mut witness = house.witness(&["/topic/a"]);
    let mut client = house.client();
    done(&mut client, "BEGIN", "t");
    part(&mut client, "t", "/topic/a", "x");
    done(&mut client, "ABORT", "t");
    done(&mut client, "BEGIN", "t");
    part(&mut client, "t", "/topic/a", "y");
    send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
    assert_eq!(receipt(&mut client), "bye");
    let mut lost = house.client();
    done(&mut lost, "BEGIN", "t");
    part(&mut lost, "t", "/topic/a", "z");
    drop(lost);
    house.test.settle();
    assert_eq!(messages(&mut witness), []);
}

#[test]
fn s72_one_part_that_is_refused_at_commit_refuses_all() {
    for (destination, word) in [
        ("/secret/a", "unknown-destination"),
        ("/app/nothing", "no-handler"),
        ("/user/", "bad-destination"),
        ("/queue/small", "queue-full"),
    ] {
        let mut house = house();
        let mut witness = house.witness(&["/topic/a"]);
        let mut client = house.stubborn();
        for _ in 0..2 {
            send(&mut client, "SEND\ndestination:/queue/small\n\nx");
        }
        done(&mut client, "BEGIN", "t");
        part(&mut client, "t", "/topic/a", "1");
        part(&mut client, "t", "/app/note", "noted");
        part(&mut client, "t", "/queue/other", "2");
        // Not before COMMIT.
        part(&mut client, "t", destination, "3");
        tell(&mut client, "COMMIT", "t");
        let refused = error(&mut client);
        assert_eq!(refused, (word.into(), Some("COMMIT".into())));
        house.test.advance(Duration::from_secs(20));
        assert_eq!(texts(&mut client), [""; 0], "one ERROR and nothing else");
        assert_eq!(messages(&mut witness), [], "{destination}");
        assert_eq!(house.notes(), [""; 0]);
        assert_eq!(house.waiting("/queue/other"), 0);
        // It is over, and so are the others without the header.
        tell(&mut client, "COMMIT", "t");
        assert_eq!(error(&mut client).0, "unknown-transaction");
    }
}

#[test]
fn s72_handlers_run_at_commit_in_order_and_the_receipt_comes_after_the_last() {
    let mut house = house();
    let mut witness = house.witness(&["/topic/a", "/topic/note"]);
    let mut client = house.client();
    done(&mut client, "BEGIN", "t");
    part(&mut client, "t", "/app/note", "1");
    part(&mut client, "t", "/app/note", "12");
    part(&mut client, "t", "/topic/a", "x");
    part(&mut client, "t", "/app/note", "123");
    house.test.advance(Duration::from_secs(20));
    assert_eq!(house.notes(), [""; 0], "not before COMMIT");
    tell(&mut client, "COMMIT", "t");
    assert_eq!(messages(&mut witness), [("/topic/a".into(), "x".into())]);
    house.test.advance(Duration::from_secs(20));
    assert_eq!(house.notes(), ["1", "12"], "one after the other");
    assert_eq!(texts(&mut client), [""; 0]);
    house.test.advance(Duration::from_secs(10));
    assert_eq!(house.notes(), ["1", "12", "123"]);
    assert_eq!(receipt(&mut client), "COMMIT");
}

#[test]
fn s72_a_handler_that_fails_is_one_error_in_place_of_the_receipt() {
    let mut house = house();
    let mut client = house.stubborn();
    done(&mut client, "BEGIN", "t");
    for name in ["/app/fail", "/app/note"] {
        part(&mut client, "t", name, "x");
    }
    tell(&mut client, "COMMIT", "t");
    let refused = error(&mut client);
    assert_eq!(refused, ("no-way".into(), Some("COMMIT".into())));
    house.test.advance(Duration::from_secs(20));
    assert_eq!(house.notes(), ["x"], "each is a message of its own by now");
    assert_eq!(texts(&mut client), [""; 0], "no receipt after an ERROR");
}

#[test]
fn s72_a_part_that_is_refused_at_once_spoils_its_transaction() {
    let mut house = house();
    let mut client = house.stubborn();
    for (bad, word) in [
        ("SEND\ntransaction:t\n\n", "missing-header"),
        ("ACK\ntransaction:t\n\n", "missing-header"),
        (
            "SEND\ndestination:/topic/a\nsecret:1\ntransaction:t\n\n",
            "no-secrets",
        ),
    ] {
        done(&mut client, "BEGIN", "t");
        send(&mut client, bad);
        assert_eq!(error(&mut client).0, word);
        tell(&mut client, "COMMIT", "t");
        assert_eq!(error(&mut client).0, "unknown-transaction", "{bad}");
    }
}

#[test]
fn s72_names_are_known_or_not() {
    let mut house = house();
    for (frames, word) in [
        (
            &["BEGIN\ntransaction:t\n\n", "BEGIN\ntransaction:t\n\n"][..],
            "transaction-known",
        ),
        (&["COMMIT\ntransaction:t\n\n"], "unknown-transaction"),
        (&["ABORT\ntransaction:t\n\n"], "unknown-transaction"),
        (
            &["SEND\ndestination:/topic/a\ntransaction:t\n\n"],
            "unknown-transaction",
        ),
        (&["ACK\nid:1,1\ntransaction:t\n\n"], "unknown-transaction"),
        (&["NACK\nid:1,1\ntransaction:t\n\n"], "unknown-transaction"),
    ] {
        let mut client = house.client();
        for frame in frames {
            send(&mut client, frame);
        }
        assert_fatal(&mut client, word, 1008);
    }
}

#[test]
fn s72_how_many_and_how_much_of_them_is_bounded() {
    let mut house = house();
    let mut client = house.stubborn();
    for number in 0..TRANSACTIONS_MAX {
        done(&mut client, "BEGIN", &number.to_string());
    }
    tell(&mut client, "BEGIN", "more");
    assert_eq!(error(&mut client).0, "too-many-transactions");
    for _ in 0..TRANSACTION_FRAMES_MAX {
        part(&mut client, "0", "/queue/a", "");
    }
    part(&mut client, "1", "/queue/a", "");
    assert_eq!(error(&mut client).0, "transaction-too-big");
    // That one is gone, and the other one is whole.
    tell(&mut client, "COMMIT", "1");
    assert_eq!(error(&mut client).0, "unknown-transaction");
    done(&mut client, "COMMIT", "0");
    assert_eq!(house.waiting("/queue/a"), TRANSACTION_FRAMES_MAX);
    let body = "x".repeat(60_000);
    for _ in 0..TRANSACTION_BYTES_MAX / 60_100 {
        part(&mut client, "2", "/queue/b", &body);
    }
    assert_eq!(texts(&mut client), [""; 0]);
    part(&mut client, "3", "/queue/b", &body);
    assert_eq!(error(&mut client).0, "transaction-too-big");
    let mut plain = house.client();
    done(&mut plain, "BEGIN", "t");
    for _ in 0..=TRANSACTION_BYTES_MAX / 60_000 {
        part(&mut plain, "t", "/queue/b", &body);
    }
    assert_eq!(refusal(&mut plain).0, "transaction-too-big");
}

#[test]
fn s72_a_transaction_that_is_open_for_too_long_is_aborted_without_another_frame() {
    let mut house = house();
    let mut witness = house.witness(&["/topic/a"]);
    let mut plain = house.client();
    let mut stubborn = house.stubborn();
    for client in [&mut plain, &mut stubborn] {
        done(client, "BEGIN", "old");
        part(client, "old", "/topic/a", "x");
    }
    house.test.advance(Duration::from_secs(30));
    done(&mut stubborn, "BEGIN", "young");
    part(&mut stubborn, "young", "/topic/a", "young");
    house
        .test
        .advance(TRANSACTION_AGE_MAX - Duration::from_secs(31));
    assert_eq!(texts(&mut stubborn), [""; 0]);
    house.test.advance(Duration::from_secs(2));
    assert_fatal(&mut plain, "transaction-expired", 1008);
    assert_eq!(error(&mut stubborn), ("transaction-expired".into(), None));
    done(&mut stubborn, "COMMIT", "young");
    let published = messages(&mut witness);
    assert_eq!(published, [("/topic/a".into(), "young".into())]);
    // The next one has a time of its own.
    done(&mut stubborn, "BEGIN", "third");
    house
        .test
        .advance(TRANSACTION_AGE_MAX + Duration::from_secs(1));
    assert_eq!(error(&mut stubborn).0, "transaction-expired");
}

#[test]
fn s71_s72_an_acknowledgement_takes_effect_with_its_transaction() {
    let mut house = house();
    let mut client = house.stubborn();
    send(
        &mut client,
        "SUBSCRIBE\nid:q\ndestination:/queue/q\nack:client-individual\n\n",
    );
    for body in ["1", "2"] {
        send(
            &mut client,
            &format!("SEND\ndestination:/queue/q\n\n{body}"),
        );
    }
    let frames: Vec<Received> = texts(&mut client).into_iter().map(Received).collect();
    let acks: Vec<&str> = frames.iter().filter_map(|one| one.header("ack")).collect();
    assert_eq!(acks.len(), 2);
    let ack = |client: &mut TestClient, id: &str| {
        send(
            client,
            &format!("ACK\nid:{id}\ntransaction:t\nreceipt:a\n\n"),
        );
        assert_eq!(receipt(client), "a");
    };
    done(&mut client, "BEGIN", "t");
    ack(&mut client, acks[0]);
    assert_eq!(house.waiting("/queue/q"), 2, "not before COMMIT");
    done(&mut client, "ABORT", "t");
    // One invented acknowledgement refuses the other one, too.
    done(&mut client, "BEGIN", "t");
    ack(&mut client, acks[0]);
    ack(&mut client, "1-99,q");
    part(&mut client, "t", "/queue/r", "x");
    tell(&mut client, "COMMIT", "t");
    assert_eq!(error(&mut client).0, "not-delivered");
    assert_eq!(house.waiting("/queue/q"), 2);
    done(&mut client, "BEGIN", "t");
    ack(&mut client, acks[0]);
    ack(&mut client, acks[1]);
    part(&mut client, "t", "/queue/r", "x");
    done(&mut client, "COMMIT", "t");
    assert_eq!(house.waiting("/queue/q"), 0);
    assert_eq!(house.waiting("/queue/r"), 1);
}
