//! What STOMP sessions try with queues and transactions at others' cost, in virtual time: rejecting
//! for ever, holding transactions open, coming and going. Others notice nothing.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{Broker, Campanile, QueueLimits};

use support::acknowledging::{
    QUEUE, REST, bodies, consume, consumer, left, messages, put, queueing, send_in, settling,
    transaction,
};
use support::conform::receipt;
use support::stomp::{Received, connect, refusal, send, start_with};

const SECOND: Duration = Duration::from_secs(1);
const DEAD: &str = "/queue/dead";

/// Rejects whatever has come; how many that were.
fn reject_all(client: &mut TestClient) -> usize {
    let got = messages(client);
    for message in &got {
        send(client, &settling("1.2", "NACK", message, "\n"));
    }
    got.len()
}

/// An application whose queue gives up after three rejections.
fn giving_up() -> TestApplication {
    let limits = QueueLimits {
        rejections_max: 3,
        dead_letters: Some(DEAD.into()),
        ..QueueLimits::default()
    };
    let broker = Broker::new()
        .clients_may_send("/queue/**")
        .queue_limits(QUEUE, limits);
    start_with(Campanile::builder().broker(broker))
}

#[test]
fn s71_whoever_rejects_for_ever_gets_each_message_once_in_its_rest() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1", "2", "3"]);
    let mut deliveries = 0;
    for _ in 0..120 {
        deliveries += reject_all(&mut client);
        test.advance(SECOND);
    }
    // The first at once, and then each after its second.
    assert!((3 * 50..=3 * 121).contains(&deliveries), "{deliveries}");
    client.disconnect();
    assert_eq!(left(&mut test), ["1", "2", "3"]);
}

#[test]
fn s71_two_who_reject_for_ever_do_not_play_ball_without_a_rest() {
    let mut test = queueing();
    let mut clients = [0, 1].map(|_| consumer(&mut test, "1.2", "client-individual", ""));
    put(&mut test, &["1"]);
    let mut deliveries = 0;
    for _ in 0..60 {
        // As often as they like in a moment.
        for _ in 0..5 {
            for client in &mut clients {
                deliveries += reject_all(client);
            }
        }
        test.advance(SECOND);
    }
    assert!((25..=61).contains(&deliveries), "{deliveries}");
}

#[test]
fn s71_what_is_rejected_too_often_is_a_dead_letter_and_no_more_work() {
    let mut test = giving_up();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1", "2"]);
    let mut deliveries = 0;
    for _ in 0..60 {
        deliveries += reject_all(&mut client);
        test.advance(REST);
    }
    assert_eq!(deliveries, 6, "three times each");
    let mut collector = connect(&mut test, "/stomp", "1.2");
    let head = format!("SUBSCRIBE\nid:d\ndestination:{DEAD}\nack:client\n");
    send(&mut collector, &format!("{head}receipt:r\n\n"));
    assert_eq!(receipt(&mut collector), "r");
    for message in messages(&mut collector) {
        assert_eq!(message.header("dead-letter-reason"), Some("rejected"));
        assert_eq!(message.header("dead-letter-queue"), Some(QUEUE));
        // Dead letters that are rejected stay where they are.
        send(&mut collector, &settling("1.2", "NACK", &message, "\n"));
    }
    let mut again = 0;
    for _ in 0..10 {
        test.advance(REST);
        again += reject_all(&mut collector);
    }
    assert_eq!(again, 20, "twice each of ten times");
}

#[test]
fn s71_sessions_that_come_and_go_do_not_make_dead_letters() {
    let mut test = giving_up();
    put(&mut test, &["1"]);
    for time in 1..=20 {
        let mut client = consumer(&mut test, "1.2", "client", "");
        let got = messages(&mut client);
        let count = (time > 1).then(|| time.to_string());
        assert_eq!(got[0].header("delivery-count"), count.as_deref());
        client.disconnect();
    }
    assert_eq!(left(&mut test), ["1"]);
}

#[test]
fn s72_transactions_that_are_never_ended_are_after_a_minute_without_a_word() {
    let mut test = queueing();
    let mut bystander = consumer(&mut test, "1.2", "auto", "");
    let mut silent: Vec<TestClient> = (0..20)
        .map(|_| connect(&mut test, "/stomp", "1.2"))
        .collect();
    for (number, client) in silent.iter_mut().enumerate() {
        transaction(client, "BEGIN", "t");
        // Some send into it now and then, which does not make it younger.
        if number % 2 == 0 {
            send_in(client, "t", QUEUE, "never");
        }
    }
    for second in 0..62 {
        test.advance(SECOND);
        put(&mut test, &["x"]);
        assert_eq!(bodies(&mut bystander), ["x"], "{second}");
        if second == 30 {
            for client in silent.iter_mut().step_by(2) {
                send_in(client, "t", QUEUE, "never");
            }
        }
    }
    for client in &mut silent {
        assert_eq!(refusal(client), ("transaction-expired".to_owned(), 1008));
    }
    assert_eq!(test.handle().sessions(), 1);
}

#[test]
fn s72_who_goes_on_after_errors_has_no_more_transactions_than_others() {
    let mut test = queueing();
    let mut client = test.connect("/stomp");
    let connect = "CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n";
    send(&mut client, connect);
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    for number in 0..16 {
        transaction(&mut client, "BEGIN", &number.to_string());
    }
    for number in 16..100 {
        send(&mut client, &format!("BEGIN\ntransaction:{number}\n\n"));
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some("too-many-transactions"));
    }
    // What did not fit is gone as a whole, and what is sent into it later is refused.
    let filler = "x".repeat(60_000);
    let part = format!("SEND\ndestination:{QUEUE}\ntransaction:0\n\n{filler}");
    let mut words = Vec::new();
    for _ in 0..20 {
        send(&mut client, &part);
        let error = client.received().into_iter().next();
        words.extend(error.map(|error| format!("{error:?}")));
    }
    assert!(words[0].contains("transaction-too-big"), "{words:?}");
    assert!(
        words[1..]
            .iter()
            .all(|one| one.contains("unknown-transaction"))
    );
    send(&mut client, "COMMIT\ntransaction:0\n\n");
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("unknown-transaction"));
    transaction(&mut client, "COMMIT", "1");
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_s91_a_consumer_cannot_have_more_than_it_may_by_ending_and_beginning() {
    let mut test = queueing();
    let numbers: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let all: Vec<&str> = numbers.iter().map(String::as_str).collect();
    put(&mut test, &all);
    let mut client = connect(&mut test, "/stomp", "1.2");
    for time in 1..=5 {
        consume(&mut client, "0", "client", "prefetch-count:3\n");
        let got = messages(&mut client);
        let bodies: Vec<&str> = got.iter().map(Received::body).collect();
        assert_eq!(bodies, ["0", "1", "2"], "{time}");
        send(&mut client, "UNSUBSCRIBE\nid:0\nreceipt:u\n\n");
        assert_eq!(receipt(&mut client), "u");
        // What it had is not its own any more, also under the same name.
        consume(&mut client, "0", "client", "selector:none = 1\n");
        let mut witness = connect(&mut test, "/stomp", "1.2");
        send(&mut witness, &settling("1.2", "ACK", &got[0], "\n"));
        assert_eq!(refusal(&mut witness).0, "not-delivered");
        send(&mut client, "UNSUBSCRIBE\nid:0\nreceipt:u\n\n");
        assert_eq!(receipt(&mut client), "u");
    }
    assert_eq!(left(&mut test), all);
}
