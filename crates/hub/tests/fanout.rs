//! Who receives a publication, in which bytes, in which order and in how many writes.

mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile_hub::{Destination, Message, NewSession, Outcome, Refusal};
use simulator::{House, Received, reply_frame};

fn topic(name: &str) -> Destination {
    Destination::named(name)
}

fn publish(house: &House, destination: &Destination, text: &str) -> u64 {
    let outcome = house.hub.publish(destination.clone(), Message::text(text));
    outcome.finished().expect("room in the inboxes").id.position
}

#[test]
fn s87_a_publication_is_encoded_once_for_each_format_however_many_receive_it() {
    let mut house = House::new(2, 1);
    for number in 0..30 {
        let format = if number % 3 == 0 {
            house.labelled
        } else {
            house.plain
        };
        let new = NewSession {
            format,
            ..house.newcomer("/e")
        };
        house.open(number % 2, new);
    }
    for round in 1..=3 {
        for text in ["a", "b", "c", "d"] {
            publish(&house, &Destination::endpoint("/e"), text);
        }
        house.pump();
        assert_eq!(house.plain_wire.encodes.load(Ordering::Relaxed), 4 * round);
        assert_eq!(
            house.labelled_wire.encodes.load(Ordering::Relaxed),
            4 * round
        );
    }
}

#[test]
fn a_run_of_small_publications_is_one_write_for_each_subscriber() {
    let mut house = House::new(1, 1);
    let slots: Vec<_> = (0..5).map(|_| house.enter("/e").0).collect();
    let texts: Vec<String> = (0..200).map(|number| format!("number {number}")).collect();
    for text in &texts {
        publish(&house, &Destination::endpoint("/e"), text);
    }
    house.pump();
    for slot in slots {
        assert_eq!(house.peer(slot).writes, 1);
        assert_eq!(house.texts(slot), texts);
    }
}

#[test]
fn long_and_short_frames_of_one_run_keep_their_order_wherever_a_subscriber_joined() {
    let mut house = House::new(1, 1);
    let endpoint = Destination::endpoint("/e");
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for number in 0..120_usize {
        joined.push((house.enter("/e").0, number));
        let length = if number % 7 == 0 { 9_000 } else { number * 20 };
        let text = format!("{number} {}", "x".repeat(length));
        publish(&house, &endpoint, &text);
        all.push(text);
    }
    house.pump();
    for (slot, number) in joined {
        assert_eq!(house.texts(slot), all[number..]);
    }
}

#[test]
fn s87_a_prefix_is_each_subscribers_own_and_the_rest_is_shared() {
    let mut house = House::new(1, 1);
    let destination = topic("/topic/a");
    let mut slots = Vec::new();
    for number in 0..3 {
        let new = NewSession {
            format: house.labelled,
            ..house.newcomer("/e")
        };
        let (slot, _) = house.open(0, new);
        let label = format!("sub-{number}");
        let outcome = house.sides[0]
            .shard
            .subscribe(slot, destination.clone(), &label);
        assert_eq!(outcome, Outcome::Done(0));
        slots.push((slot, label));
    }
    for _ in 0..100 {
        publish(&house, &destination, "ding");
    }
    house.pump();
    for (slot, expected) in slots {
        let received = &house.peer(slot).received;
        assert_eq!(received.len(), 100);
        for one in received {
            let Received::Publication {
                label: Some(label),
                content,
                ..
            } = one
            else {
                panic!("not a labelled publication: {one:?}");
            };
            assert_eq!((label, content.as_slice()), (&expected, &b"ding"[..]));
        }
    }
    assert_eq!(house.labelled_wire.encodes.load(Ordering::Relaxed), 100);
}

#[test]
fn a_label_stays_with_its_destination_when_other_subscriptions_end() {
    let mut house = House::new(1, 1);
    let new = NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    let shard = &mut house.sides[0].shard;
    for name in ["a", "b", "c", "d"] {
        assert_eq!(
            shard.subscribe(slot, topic(name), &format!("label-{name}")),
            Outcome::Done(0)
        );
    }
    assert_eq!(shard.unsubscribe(slot, &topic("a")), Outcome::Done(()));
    assert_eq!(shard.unsubscribe(slot, &topic("c")), Outcome::Done(()));
    for name in ["a", "b", "c", "d"] {
        publish(&house, &topic(name), name);
    }
    house.pump();
    let labels = house.peer(slot).received.iter().map(|one| match one {
        Received::Publication { label, .. } => label.clone().expect("a label"),
        other => panic!("not a publication: {other:?}"),
    });
    assert_eq!(labels.collect::<Vec<_>>(), ["label-b", "label-d"]);
}

#[test]
fn a_user_receives_on_all_sessions_and_nobody_else_does() {
    let mut house = House::new(2, 1);
    let ada = |house: &House| NewSession {
        principal: Some("ada".into()),
        ..house.newcomer("/e")
    };
    let (first, _) = house.open(0, ada(&house));
    let (other, _) = house.enter("/e");
    let (second, session) = house.open(1, ada(&house));
    assert_eq!(session.principal(), Some("ada"));
    let user = Destination::user("ada");
    assert_eq!(house.hub.subscriptions(&user), 2);
    publish(&house, &user, "hello");
    // A name that a client can spell is never a user's implicit destination.
    publish(&house, &topic("ada"), "spelled");
    house.pump();
    assert_eq!(house.texts(first), ["hello"]);
    assert!(house.texts(other).is_empty());
    assert_eq!(house.sides[1].net.peer(second).received.len(), 1);
}

#[test]
fn a_predicate_picks_among_the_subscribers() {
    let mut house = House::new(1, 1);
    let mut slots = Vec::new();
    for number in 0..6_u32 {
        let mut new = house.newcomer("/e");
        new.attributes.set("number", number);
        slots.push(house.open(0, new).0);
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    publish(&house, &Destination::endpoint("/e"), "before");
    let picks = move |session: &Arc<campanile_hub::Session>| {
        count.fetch_add(1, Ordering::Relaxed);
        session
            .attributes()
            .get::<u32>("number")
            .is_some_and(|number| number % 2 == 0)
    };
    let endpoint = Destination::endpoint("/e");
    let outcome = house
        .hub
        .publish_to_picked(endpoint.clone(), Message::text("even"), picks);
    outcome.finished().expect("room in the inboxes");
    publish(&house, &endpoint, "after");
    house.pump();
    for (number, slot) in slots.into_iter().enumerate() {
        let all: &[&str] = if number % 2 == 0 {
            &["before", "even", "after"]
        } else {
            &["before", "after"]
        };
        assert_eq!(house.texts(slot), all);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 6);
}

#[test]
fn subscribing_amid_publications_loses_nothing_after_and_gets_nothing_before() {
    let mut house = House::new(1, 1);
    let (early, _) = house.enter("/e");
    let (late, _) = house.enter("/e");
    let destination = topic("/topic/a");
    let shard = &mut house.sides[0].shard;
    assert_eq!(
        shard.subscribe(early, destination.clone(), ""),
        Outcome::Done(0)
    );
    publish(&house, &destination, "1");
    publish(&house, &destination, "2");
    let shard = &mut house.sides[0].shard;
    assert_eq!(
        shard.subscribe(late, destination.clone(), ""),
        Outcome::Done(2)
    );
    let outcome = shard.subscribe(late, destination.clone(), "");
    assert_eq!(outcome, Outcome::Refused(Refusal::AlreadySubscribed));
    publish(&house, &destination, "3");
    house.pump();
    assert_eq!(house.texts(early), ["1", "2", "3"]);
    assert_eq!(house.texts(late), ["3"]);

    // Who leaves and comes back joins anew.
    publish(&house, &destination, "4");
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.unsubscribe(late, &destination), Outcome::Done(()));
    let outcome = shard.unsubscribe(late, &destination);
    assert_eq!(outcome, Outcome::Refused(Refusal::NotSubscribed));
    assert_eq!(
        shard.subscribe(late, destination.clone(), ""),
        Outcome::Done(4)
    );
    publish(&house, &destination, "5");
    house.pump();
    assert_eq!(house.texts(late), ["3", "5"]);
}

#[test]
fn what_is_sent_and_answered_to_one_session_arrives_in_that_order() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    let answer = |house: &mut House, text: &str| {
        let outcome = house.sides[0].shard.answer(slot, Message::text(text));
        assert_eq!(outcome, Outcome::Done(()));
    };
    let send = |house: &House, text: &str| {
        let outcome = house.hub.send(&session, Message::text(text));
        assert_eq!(
            outcome.finished().expect("room in the inbox").subscriptions,
            1
        );
    };
    answer(&mut house, "1");
    send(&house, "2");
    answer(&mut house, "3");
    publish(&house, &Destination::endpoint("/e"), "4");
    answer(&mut house, "5");
    send(&house, "6");
    house.pump();
    answer(&mut house, "7");
    assert_eq!(
        house.sides[0].shard.reply(slot, reply_frame(b"8")),
        Outcome::Done(())
    );
    house.pump();
    assert_eq!(house.texts(slot), ["1", "2", "3", "4", "5", "6", "7", "8"]);
}
