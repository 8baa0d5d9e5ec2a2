//! What waits for sessions, and what becomes of those that do not read: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::{Message, OutboxPolicy, Overflow, Refusal};

use support::kit::{Notes, echo, noting, only, start};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn s27_what_many_threads_send_to_one_session_arrives_whole_and_in_each_ones_order() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let session = session.clone();
            scope.spawn(move || {
                for number in 0..500 {
                    let text = format!("{thread} {number}");
                    session.send(text).expect("an open session");
                }
            });
        }
    });
    let mut next = [0; 4];
    for _ in 0..2_000 {
        let text = client.next_text();
        let (thread, number) = text.split_once(' ').expect("two numbers");
        let thread: usize = thread.parse().expect("a number");
        assert_eq!(number, next[thread].to_string());
        next[thread] += 1;
    }
    assert_eq!(client.next_message(), None);
}

#[test]
fn s28_one_message_that_nobody_takes_is_enough_to_be_closed_for_its_age() {
    let policy = OutboxPolicy {
        age_max: 10 * SECOND,
        ..OutboxPolicy::default()
    };
    let notes = Notes::default();
    let mut test = start(noting(echo().outbox(policy), &notes));
    let mut client = test.connect("/e");
    client.stop_reading(10);
    only(&mut test)
        .send("x".repeat(100))
        .expect("an open session");
    test.advance(9 * SECOND);
    assert_eq!(test.handle().count("/e"), 1);
    test.advance(2 * SECOND);
    assert_eq!(test.handle().count("/e"), 0);
    test.advance(6 * SECOND);
    let notes = notes.lock().expect("not poisoned");
    assert!(
        notes[0].starts_with("1008 SlowConsumer slow-consumer: "),
        "{notes:?}"
    );
}

#[test]
fn s29_too_many_waiting_bytes_close_a_session_and_s31_tells_how_many_wait() {
    let policy = OutboxPolicy {
        bytes_max: 10_000,
        ..OutboxPolicy::default()
    };
    let mut test = start(echo().outbox(policy));
    let mut client = test.connect("/e");
    let session = only(&mut test);
    assert_eq!(session.outbox(), campanile::OutboxStatus::default());
    client.stop_reading(0);
    for _ in 0..5 {
        test.handle()
            .broadcast("/e", "x".repeat(1_000))
            .expect("room");
    }
    test.advance(3 * SECOND);
    let outbox = session.outbox();
    assert!((5_000..6_000).contains(&outbox.waiting_bytes), "{outbox:?}");
    assert!(
        (2 * SECOND..=3 * SECOND).contains(&outbox.waiting_for),
        "{outbox:?}"
    );
    for _ in 0..10 {
        test.handle()
            .broadcast("/e", "x".repeat(1_000))
            .expect("room");
        test.settle();
    }
    assert!(!session.is_open());
    client.go_on_reading();
    assert_eq!(client.next_close().0, 1008);
}

#[test]
fn s30_s31_a_policy_that_drops_is_set_for_one_session_and_counts_what_it_drops() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    let policy = OutboxPolicy {
        bytes_max: 1_000,
        overflow: Overflow::Conflate,
        ..OutboxPolicy::default()
    };
    session.set_outbox(policy).expect("an open session");
    test.settle();
    client.stop_reading(0);
    for price in 0..50 {
        let quote = Message::text(format!("{price}")).with_key("CAMP");
        test.handle().broadcast("/e", quote).expect("room");
    }
    test.settle();
    assert_eq!(session.outbox().dropped, 49);
    client.go_on_reading();
    assert_eq!(client.next_text(), "49");
    assert_eq!(client.next_message(), None);
    assert!(session.is_open());
}

#[test]
fn s201_s202_a_send_is_awaited_until_the_system_has_it_and_no_longer_than_one_likes() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    session.send("quick").expect("an open session");
    assert_eq!(test.block_on(session.flush()), Ok(()));
    client.stop_reading(0);
    session.send("slow").expect("an open session");
    let waited = test.block_on(async { tokio::time::timeout(SECOND, session.flush()).await });
    assert!(waited.is_err(), "nobody has taken it");
    // The outbox's own limit ends what nobody would have ended.
    assert_eq!(test.block_on(session.flush()), Err(Refusal::NoSession));
}
