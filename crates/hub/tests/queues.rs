//! Queues: each message goes to one consumer, and stays until that has dealt with it.

mod counter;
mod simulator;

use std::sync::{Arc, Mutex};

use campanile_hub::{Destination, Message, Outcome, Refusal, Settlement, Verdict};

use counter::{ORDERS, automatic, consumer, selective};
use simulator::House;

const NOTHING: [&str; 0] = [];

#[test]
fn s91_consumers_compete_and_each_message_goes_to_one() {
    let mut house = House::new(2, 1);
    let first = house.taker("a", 10);
    let other = house.enter_at(1);
    let outcome = house.sides[1]
        .shard
        .consume(other, consumer(ORDERS, "b", 10));
    assert_eq!(outcome, Outcome::Done(()));
    for text in ["1", "2", "3", "4", "5"] {
        assert_eq!(house.put(text).expect("room").subscriptions, 2);
    }
    assert_eq!(house.got(first), ["a 1", "a 3", "a 5"]);
    assert_eq!(house.got_at(1, other), ["b 2", "b 4"]);
    let state = house.state(ORDERS);
    assert_eq!((state.waiting, state.delivered, state.consumers), (0, 5, 2));
}

#[test]
fn s91_what_is_sent_before_anybody_takes_waits_in_order() {
    let mut house = House::new(1, 1);
    house.put_all(&["1", "2", "3"]);
    assert_eq!(house.state(ORDERS).waiting, 3);
    let slot = house.taker("a", 10);
    house.put("4").expect("room");
    assert_eq!(house.got(slot), ["a 1", "a 2", "a 3", "a 4"]);
}

#[test]
fn s71_prefetch_bounds_what_a_consumer_has_until_it_settles() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 2);
    let at = house.put_all(&["1", "2", "3", "4", "5"]);
    assert_eq!(house.got(slot), ["a 1", "a 2"]);
    assert_eq!(house.got(slot), NOTHING);
    house.accept(slot, "a", at[1]);
    assert_eq!(house.got(slot), ["a 3"]);
    house.accept(slot, "a", at[0]);
    house.accept(slot, "a", at[2]);
    assert_eq!(house.got(slot), ["a 4", "a 5"]);
    house.accept(slot, "a", at[3]);
    house.accept(slot, "a", at[4]);
    let state = house.state(ORDERS);
    assert_eq!((state.waiting, state.delivered, state.bytes), (0, 0, 0));
}

#[test]
fn s71_a_cumulative_settlement_means_all_that_was_delivered_before() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 10);
    let at = house.put_all(&["1", "2", "3", "4"]);
    assert_eq!(house.got(slot).len(), 4);
    let third = Settlement {
        label: Some("a".into()),
        position: at[2],
        cumulative: true,
        verdict: Verdict::Accepted,
    };
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.settle(slot, &third), Outcome::Done(()));
    let again = shard.settle(slot, &third);
    assert_eq!(again, Outcome::Refused(Refusal::NotDelivered));
    assert_eq!(house.state(ORDERS).delivered, 1);
    // In STOMP 1.0 the consumer need not be named.
    let fourth = Settlement {
        label: None,
        position: at[3],
        ..third
    };
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.settle(slot, &fourth), Outcome::Done(()));
    assert_eq!(house.state(ORDERS).delivered, 0);
}

#[test]
fn s71_only_who_has_a_message_may_settle_it() {
    let mut house = House::new(1, 1);
    let owner = house.taker("a", 1);
    let other = house.taker("b", 1);
    let at = house.put_all(&["1", "2"]);
    assert_eq!(house.got(owner), ["a 1"]);
    assert_eq!(house.got(other), ["b 2"]);
    let refused = Outcome::Refused(Refusal::NotDelivered);
    for verdict in [Verdict::Accepted, Verdict::Rejected, Verdict::Discarded] {
        for (label, position) in [("b", at[0]), ("a", at[0]), ("b", 999), ("nobody", at[1])] {
            assert_eq!(house.settle(other, label, position, verdict), refused);
        }
    }
    house.accept(owner, "a", at[0]);
    assert_eq!(
        house.settle(owner, "a", at[0], Verdict::Accepted),
        refused,
        "it is settled already"
    );
    assert_eq!(house.state(ORDERS).delivered, 1);
}

#[test]
fn s71_under_auto_a_message_is_done_once_its_last_byte_is_with_the_socket() {
    let mut house = House::new(1, 1);
    let slot = house.enter_at(0);
    house.consume(slot, automatic(ORDERS, "a", 3));
    house.put_all(&["1", "2", "3", "4", "5"]);
    assert_eq!(house.got(slot), ["a 1", "a 2", "a 3", "a 4", "a 5"]);
    assert_eq!(house.state(ORDERS).bytes, 0);
    // One that is cut in two is not done, and goes back if the session ends there.
    house.peer(slot).room = Some(30);
    house.put_all(&["6", "7"]);
    assert_eq!(house.got(slot), ["a 6"]);
    assert_eq!(house.state(ORDERS).delivered, 1);
    house.lose(slot);
    assert_eq!(house.state(ORDERS).waiting, 1);
    let next = house.taker("b", 3);
    assert_eq!(house.got(next), ["b*2 7"]);
}

#[test]
fn s71_what_a_lost_session_had_comes_again_and_tells_so() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 2);
    let at = house.put_all(&["1", "2", "3"]);
    assert_eq!(house.got(slot), ["a 1", "a 2"]);
    house.accept(slot, "a", at[0]);
    assert_eq!(house.got(slot), ["a 3"]);
    house.lose(slot);
    assert_eq!(house.state(ORDERS).waiting, 2);
    let next = house.taker("b", 9);
    house.put("4").expect("room");
    assert_eq!(house.got(next), ["b*2 2", "b*2 3", "b 4"]);
}

#[test]
fn s71_s91_however_a_session_ends_what_it_had_goes_back() {
    for way in 0..4 {
        let mut house = House::new(1, 1);
        let slot = house.taker("a", 9);
        house.put_all(&["1", "2"]);
        assert_eq!(house.got(slot).len(), 2);
        let now = house.now;
        let shard = &mut house.sides[0].shard;
        match way {
            0 => assert_eq!(shard.stop_consuming(slot, "a"), Outcome::Done(())),
            1 => assert_eq!(shard.unsubscribe_label(slot, "a"), Outcome::Done(())),
            2 => {
                let ticket = shard.drain(std::time::Duration::ZERO, "leaving", now);
                assert!(matches!(ticket, Outcome::Later(_)));
                house.pump();
            }
            _ => {
                let session = shard.session(slot).expect("a session").clone();
                assert_eq!(house.hub.close(&session, 1000, "done"), Outcome::Done(()));
                house.pump();
            }
        }
        let state = house.state(ORDERS);
        assert_eq!((state.waiting, state.delivered), (2, 0), "way {way}");
        assert_eq!(state.consumers, 0, "way {way}");
    }
}

#[test]
fn s71_a_selective_consumer_takes_what_it_wants_and_leaves_the_rest_in_order() {
    let mut house = House::new(1, 1);
    let coloured =
        |text: &str, colour: &str| Message::text(text).with_headers([("colour", colour)]);
    for (text, colour) in [("1", "red"), ("2", "blue"), ("3", "red"), ("4", "blue")] {
        house.put(coloured(text, colour)).expect("room");
    }
    let blue = house.enter_at(0);
    house.consume(blue, selective(ORDERS, "b", "blue"));
    assert_eq!(house.got(blue), ["b 2", "b 4"]);
    let slot = house.taker("a", 1);
    assert_eq!(house.got(slot), ["a 1"]);
    house.put(coloured("5", "blue")).expect("room");
    assert_eq!(house.got(blue), ["b 5"]);
    assert_eq!(house.state(ORDERS).waiting, 1);
    // What comes back is looked at again by those who had seen everything.
    house.lose(blue);
    let blue = house.enter_at(0);
    house.consume(blue, selective(ORDERS, "c", "blue"));
    assert_eq!(house.got(blue), ["c*2 2", "c*2 4", "c*2 5"]);
    let other = house.enter_at(0);
    house.consume(other, selective(ORDERS, "d", "blue"));
    house.lose(blue);
    assert_eq!(house.got(other), ["d*3 2", "d*3 4", "d*3 5"]);
}

#[test]
fn s91_labels_are_unique_over_subscriptions_and_consumers() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 1);
    let shard = &mut house.sides[0].shard;
    let taken = Outcome::Refused(Refusal::AlreadySubscribed);
    assert_eq!(shard.consume(slot, consumer(ORDERS, "a", 1)), taken);
    let joined = shard.subscribe(slot, Destination::named("/topic/a"), "t");
    joined.finished().expect("a subscription");
    assert_eq!(shard.consume(slot, consumer(ORDERS, "t", 1)), taken);
    assert!(shard.has_label(slot, "a") && shard.has_label(slot, "t"));
    assert_eq!(shard.labels(slot), 2);
    assert_eq!(shard.stop_consuming(slot, "a"), Outcome::Done(()));
    let none = Outcome::Refused(Refusal::NotSubscribed);
    assert_eq!(shard.stop_consuming(slot, "a"), none);
    assert!(!shard.has_label(slot, "a"));
    assert_eq!(shard.labels(slot), 1);
    // A queue that holds nothing for nobody is forgotten.
    assert_eq!(house.hub.queue(ORDERS), None);
}

#[test]
fn s91_a_queue_does_not_take_what_is_for_some() {
    let house = House::new(1, 1);
    let to = Destination::queue(ORDERS);
    let outcome = house
        .hub
        .publish_to_picked(to, Message::text("1"), |_| true);
    assert_eq!(outcome, Outcome::Refused(Refusal::NotForSome));
    assert_eq!(house.hub.queue(ORDERS), None);
}

#[test]
fn s91_who_takes_from_a_queue_is_seen_counted_and_closed() {
    let mut house = House::new(3, 1);
    let slots = [house.taker("a", 9), house.taker("b", 9)];
    let other = house.enter_at(1);
    let takes = consumer(ORDERS, "c", 9);
    let outcome = house.sides[1].shard.consume(other, takes);
    assert_eq!(outcome, Outcome::Done(()));
    let queue = Destination::queue(ORDERS);
    assert_eq!(house.hub.subscriptions(&queue), 3);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&seen);
    let outcome = house.hub.look_at(&queue, move |view| {
        for one in view.subscribers(&Destination::queue(ORDERS)) {
            let all = one.subscriptions().filter(|(_, label)| !label.is_empty());
            let all = all.map(|(destination, label)| format!("{label} {destination}"));
            told.lock().expect("a lock").extend(all);
        }
    });
    assert_eq!(outcome, Outcome::Done(()));
    assert!(!house.sides[2].shard.has_inbox(), "it has no consumers");
    house.pump();
    let mut all = std::mem::take(&mut *seen.lock().expect("a lock"));
    all.sort();
    let expected = ["a", "b", "c"].map(|label| format!("{label} {ORDERS}"));
    assert_eq!(all, expected);
    // From another thread, after what was sent so far.
    let session = house.sides[0].shard.session(slots[0]).cloned();
    let session = session.expect("a session");
    assert_eq!(
        house.hub.unsubscribe_label(&session, "a"),
        Outcome::Done(())
    );
    house.pump();
    assert_eq!(house.hub.subscriptions(&queue), 2);
    let outcome = house.hub.close_all(&queue, 1000, "done");
    assert_eq!(outcome, Outcome::Done(()));
    house.pump();
    assert!(session.is_open());
    assert_eq!(house.got(slots[1]), ["close 1000"]);
    assert_eq!(house.got_at(1, other), ["close 1000"]);
    assert_eq!(house.hub.subscriptions(&queue), 0);
}

#[test]
fn s91_a_queue_is_no_topic_of_the_same_name() {
    let mut house = House::new(1, 1);
    let slot = house.enter_at(0);
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe(slot, Destination::named(ORDERS), "t");
    joined.finished().expect("a subscription");
    house.put("for one").expect("room");
    let all = Destination::named(ORDERS);
    let outcome = house.hub.publish(all, Message::text("for all"));
    assert_eq!(outcome.finished().expect("room").subscriptions, 1);
    assert_eq!(house.got(slot), ["t for all"]);
    house.consume(slot, consumer(ORDERS, "q", 9));
    assert_eq!(house.got(slot), ["q for one"]);
}
