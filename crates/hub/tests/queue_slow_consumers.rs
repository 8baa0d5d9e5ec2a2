//! Consumers that read slowly, that never settle, that want little: they cost others nothing.

mod counter;
mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile_hub::{
    Consumer, Delivery, Destination, INBOX_ENTRIES_MAX, Message, NewSession, OutboxPolicy, Outcome,
    QueueLimits,
};

use counter::{ORDERS, automatic, consumer, selective};
use simulator::House;

const NOTHING: [&str; 0] = [];

#[test]
fn s29_s91_a_slow_consumer_gives_back_what_its_outbox_has_no_room_for() {
    for acknowledged in [false, true] {
        let mut house = House::new(1, 1);
        let new = NewSession {
            format: house.labelled,
            outbox: OutboxPolicy {
                bytes_max: 10_000,
                ..OutboxPolicy::default()
            },
            ..house.newcomer("/e")
        };
        let (slow, session) = house.open(0, new);
        house.peer(slow).room = Some(0);
        let takes = match acknowledged {
            true => consumer(ORDERS, "a", 1_000),
            false => automatic(ORDERS, "a", 1_000),
        };
        house.consume(slow, takes);
        let text = |number: usize| format!("{number:03}{}", "x".repeat(997));
        for number in 0..100 {
            house.put(text(number)).expect("room");
            house.pump();
            assert!(house.sides[0].shard.waiting_bytes(slow) <= 5_000 + 300);
        }
        let state = house.state(ORDERS);
        assert!(session.is_open() && state.delivered < 6, "{state:?}");
        assert_eq!(state.waiting + state.delivered, 100);
        // It reads on, a little at a time, and gets everything in order and as if for the first
        // time, since it had never seen it.
        let mut got = Vec::new();
        for _ in 0..400 {
            house.make_room(slow, Some(700));
            got.extend(house.got(slow));
        }
        house.make_room(slow, None);
        got.extend(house.got(slow));
        let expected: Vec<String> = (0..100)
            .map(|number| format!("a {}", text(number)))
            .collect();
        assert!(got == expected, "{} of 100", got.len());
        let delivered = house.state(ORDERS).delivered;
        assert_eq!(delivered, if acknowledged { 100 } else { 0 });
    }
}

#[test]
fn s29_s91_what_a_slow_consumer_gives_back_goes_to_others() {
    let mut house = House::new(1, 1);
    let new = NewSession {
        format: house.labelled,
        outbox: OutboxPolicy {
            bytes_max: 3_000,
            ..OutboxPolicy::default()
        },
        ..house.newcomer("/e")
    };
    let (slow, _) = house.open(0, new);
    house.peer(slow).room = Some(0);
    house.consume(slow, automatic(ORDERS, "s", 64));
    let fast = house.enter_at(0);
    house.consume(fast, automatic(ORDERS, "f", 64));
    for number in 0..40 {
        house
            .put(format!("{number}{}", "x".repeat(300)))
            .expect("room");
    }
    let got = house.got(fast).len();
    assert!(got >= 36, "{got}");
    assert_eq!(house.state(ORDERS).delivered, 40 - got);
    // Even one that is longer than its outbox reaches it, once that is empty.
    house.lose(fast);
    house.make_room(slow, None);
    assert_eq!(house.got(slow).len(), 40 - got);
    house.peer(slow).room = Some(0);
    house.put("y".repeat(5_000)).expect("room");
    house.pump();
    house.make_room(slow, None);
    assert_eq!(house.got(slow).len(), 1);
    assert_eq!(house.hub.queue(ORDERS).map(|one| one.bytes), Some(0));
}

#[test]
fn s91_a_full_inbox_makes_consumers_wait_and_loses_nothing() {
    let mut house = House::new(2, 1);
    let limits = QueueLimits {
        bytes_max: 1 << 30,
        ..QueueLimits::default()
    };
    house.limit(ORDERS, limits);
    let slot = house.enter_at(1);
    let takes = automatic(ORDERS, "a", u16::MAX);
    let outcome = house.sides[1].shard.consume(slot, takes);
    assert_eq!(outcome, Outcome::Done(()));
    let second = automatic(ORDERS, "b", u16::MAX);
    let outcome = house.sides[1].shard.consume(slot, second);
    assert_eq!(outcome, Outcome::Done(()));
    let all = INBOX_ENTRIES_MAX + 1_000;
    for _ in 0..all {
        house
            .put("x")
            .expect("the queue has room where the inbox has none");
    }
    let state = house.state(ORDERS);
    assert_eq!(state.delivered, INBOX_ENTRIES_MAX);
    assert_eq!(state.waiting, 1_000);
    let mut got = 0;
    for _ in 0..200 {
        got += house.got_at(1, slot).len();
    }
    assert_eq!(got, all);
    assert_eq!(house.state(ORDERS).bytes, 0);
}

#[test]
fn s91_a_million_messages_behind_one_that_never_settles_cost_others_nothing() {
    let mut house = House::new(1, 1);
    let limits = QueueLimits {
        messages_max: 1_000_000,
        bytes_max: 1 << 30,
        ..QueueLimits::default()
    };
    house.limit(ORDERS, limits);
    let lazy = house.taker("lazy", 2);
    let message = Message::text("x");
    let to = Destination::queue(ORDERS);
    for _ in 0..1_000_000 {
        let outcome = house.hub.publish(to.clone(), message.clone());
        outcome.finished().expect("room");
    }
    let refused = house.put("one more").expect_err("it is full");
    assert_eq!(refused, campanile_hub::Refusal::QueueFull);
    assert_eq!(house.got(lazy).len(), 2);
    // A consumer that wants none of it looks at a bounded number of them at a time.
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let picky = house.enter_at(0);
    house.consume(
        picky,
        Consumer {
            wants: Some(Arc::new(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                false
            })),
            ..consumer(ORDERS, "picky", 1)
        },
    );
    for turn in 1..=20 {
        let seen = looks.swap(0, Ordering::Relaxed);
        assert!((1..=1_024).contains(&seen), "{seen} in turn {turn}");
        // Meanwhile others get theirs.
        house.put_to("/queue/other", "y").expect("room");
        house.pump();
    }
    let other = house.enter_at(0);
    house.consume(other, consumer("/queue/other", "o", 20));
    assert_eq!(house.got(other).len(), 20);
    let quick = house.enter_at(0);
    house.consume(quick, consumer(ORDERS, "q", 3));
    assert_eq!(house.got(quick).len(), 3);
    // When the lazy one leaves, what it had is the first to go to the next.
    house.lose(picky);
    house.lose(lazy);
    house.lose(quick);
    let next = house.taker("n", 4);
    assert_eq!(house.got(next), ["n*2 x", "n*2 x", "n*2 x", "n*2 x"]);
    assert_eq!(house.state(ORDERS).waiting, 999_996);
}

#[test]
fn s91_what_a_selective_consumer_has_seen_in_vain_it_is_not_asked_about_again() {
    let mut house = House::new(1, 1);
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let picky = house.enter_at(0);
    house.consume(
        picky,
        Consumer {
            wants: Some(Arc::new(move |one| {
                counted.fetch_add(1, Ordering::Relaxed);
                assert!(
                    one.content().bytes().len() < 9,
                    "one that fails wants nothing"
                );
                one.content().bytes() == &b"wanted"[..]
            })),
            ..consumer(ORDERS, "p", 1)
        },
    );
    for number in 0..3_000 {
        house.put(format!("{number}")).expect("room");
    }
    house.pump();
    assert_eq!(looks.load(Ordering::Relaxed), 3_000);
    house.put("a message that makes it fail").expect("room");
    house.put("wanted").expect("room");
    assert_eq!(house.got(picky), ["p wanted"]);
    assert_eq!(looks.load(Ordering::Relaxed), 3_002);
    house.accept(picky, "p", 3_002);
    assert_eq!(house.got(picky), NOTHING);
    assert_eq!(looks.load(Ordering::Relaxed), 3_002);
}

#[test]
fn s91_a_filter_may_replace_or_drop_a_message_and_one_that_fails_loses_none() {
    let mut house = House::new(1, 1);
    let slot = house.enter_at(0);
    house.consume(
        slot,
        Consumer {
            filter: Some(Arc::new(|one| match &one.content().bytes()[..] {
                b"drop" => Delivery::Dropped,
                b"replace" => Delivery::Replaced(Message::text("replaced")),
                b"fail" => panic!("a filter that fails"),
                _ => Delivery::AsItIs,
            })),
            ..consumer(ORDERS, "f", 9)
        },
    );
    house.put_all(&["1", "drop", "replace", "fail"]);
    assert_eq!(house.got(slot), ["f 1", "f replaced"]);
    let state = house.state(ORDERS);
    assert_eq!((state.waiting, state.delivered), (1, 2));
    house.lose(slot);
    house.pass(std::time::Duration::from_secs(1));
    let next = house.taker("n", 9);
    house.pump();
    assert_eq!(house.got(next), ["n*2 1", "n*2 replace", "n*2 fail"]);
}

#[test]
fn s91_consumers_that_come_and_go_on_a_quiet_queue_leave_nothing_behind() {
    let mut house = House::new(1, 1);
    let slot = house.enter_at(0);
    house.put("x").expect("room");
    for round in 0..2_000 {
        let label = format!("{round}");
        house.consume(slot, selective(ORDERS, &label, "blue"));
        let shard = &mut house.sides[0].shard;
        assert_eq!(shard.stop_consuming(slot, &label), Outcome::Done(()));
    }
    assert_eq!(house.state(ORDERS).consumers, 0);
    let last = house.taker("a", 1);
    assert_eq!(house.got(last), ["a x"]);
}
