//! What destinations keep for those who subscribe later: their last value.

mod simulator;

use campanile_hub::{
    Content, Destination, Message, NewSession, OutboxPolicy, Outcome, Overflow, Pattern,
    Publication, RETAINED_OVERHEAD_BYTES, RetainedLimits, Separator, Slot,
};
use simulator::{House, Received};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect("a pattern")
}

/// A house in which what is called `/keep/…` keeps its last value.
fn keeping(shards: usize) -> House {
    let house = House::new(shards, 1);
    let kept = house.hub.retain(&pattern("/keep/**"));
    kept.expect("room for a pattern");
    house
}

fn publish(house: &House, name: &str, message: impl Into<Message>) {
    let accepted = house
        .hub
        .publish(Destination::named(name), message.into())
        .finished();
    accepted.expect("room in the inboxes");
}

fn enter_labelled(house: &mut House) -> Slot {
    let new = NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    house.open(0, new).0
}

fn subscribe(house: &mut House, slot: Slot, destination: Destination, label: &str) {
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe(slot, destination, label);
    joined.finished().expect("a new subscription");
}

/// Label and content of all that a peer of the first shard has received.
fn received(house: &mut House, slot: Slot) -> Vec<String> {
    let all = std::mem::take(&mut house.peer(slot).received);
    let text = |one: &Received| match one {
        Received::Publication { label, .. } => {
            let label = label.clone().unwrap_or_default();
            format!("{label} {}", one.text())
        }
        other => other.text(),
    };
    all.iter().map(text).collect()
}

#[test]
fn s98_who_subscribes_gets_the_last_value_and_then_what_is_published() {
    let mut house = keeping(2);
    for text in ["1", "2"] {
        publish(&house, "/keep/a", text);
    }
    publish(&house, "/lose/a", "gone");
    let slot = enter_labelled(&mut house);
    subscribe(&mut house, slot, Destination::named("/keep/a"), "a");
    subscribe(&mut house, slot, Destination::named("/lose/a"), "l");
    // What is said to it meanwhile, such as a receipt, was asked for first.
    let shard = &mut house.sides[0].shard;
    let replied = shard.reply(slot, simulator::reply_frame(b"receipt"));
    assert_eq!(replied, Outcome::Done(()));
    publish(&house, "/keep/a", "3");
    house.pump();
    assert_eq!(received(&mut house, slot), ["receipt", "a 2", "a 3"]);
    house.pump();
    assert_eq!(received(&mut house, slot), [""; 0]);
    // Who has subscribed already gets nothing twice.
    let shard = &mut house.sides[0].shard;
    let again = shard.subscribe(slot, Destination::named("/keep/a"), "a");
    again.finished().expect_err("it has subscribed");
    house.pump();
    assert_eq!(received(&mut house, slot), [""; 0]);
    let last = house.hub.retained("/keep/a").expect("a value");
    assert_eq!(last.content(), &Content::text("3"));
    assert_eq!(last.id().position, 4);
    assert!(house.hub.retained("/lose/a").is_none());
}

#[test]
fn s98_a_pattern_gets_the_values_of_all_its_destinations_as_they_were_accepted() {
    let mut house = keeping(1);
    for (name, text) in [
        ("/keep/b", "1"),
        ("/keep/a", "2"),
        ("/keep/c/d", "3"),
        ("/keep/b", "4"),
    ] {
        publish(&house, name, text);
    }
    let slot = enter_labelled(&mut house);
    let all = Destination::matching(pattern("/keep/**"));
    let some = Destination::matching(pattern("/keep/*"));
    subscribe(&mut house, slot, all, "all");
    subscribe(&mut house, slot, some, "some");
    subscribe(&mut house, slot, Destination::named("/keep/b"), "one");
    house.pump();
    // Each subscription has its own copy, as of what is published next.
    let replayed = ["all 2", "all 3", "all 4", "some 2", "some 4", "one 4"];
    assert_eq!(received(&mut house, slot), replayed);
    publish(&house, "/keep/b", "5");
    house.pump();
    let mut live = received(&mut house, slot);
    live.sort();
    assert_eq!(live, ["all 5", "one 5", "some 5"]);
}

#[test]
fn s88_s98_a_filter_holds_for_what_was_kept() {
    let mut house = keeping(1);
    for (name, colour) in [("/keep/a", "red"), ("/keep/b", "blue"), ("/keep/c", "red")] {
        publish(
            &house,
            name,
            Message::text(name).with_headers([("colour", colour)]),
        );
    }
    let slot = enter_labelled(&mut house);
    let red = |one: &Publication| one.headers().get("colour") == Some("red");
    let all = Destination::matching(pattern("/keep/*"));
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe_filtered(slot, all, "r", red);
    assert_eq!(joined, Outcome::Done(3));
    house.pump();
    assert_eq!(received(&mut house, slot), ["r /keep/a", "r /keep/c"]);
}

#[test]
fn s98_who_has_unsubscribed_again_gets_nothing_and_who_comes_back_gets_it_once() {
    let mut house = keeping(1);
    publish(&house, "/keep/a", "1");
    publish(&house, "/keep/b", "2");
    let slot = enter_labelled(&mut house);
    for name in ["/keep/a", "/keep/b"] {
        subscribe(&mut house, slot, Destination::named(name), name);
    }
    let shard = &mut house.sides[0].shard;
    let left = shard.unsubscribe(slot, &Destination::named("/keep/a"));
    assert_eq!(left, Outcome::Done(()));
    for _ in 0..3 {
        let shard = &mut house.sides[0].shard;
        assert_eq!(shard.unsubscribe_label(slot, "/keep/b"), Outcome::Done(()));
        subscribe(&mut house, slot, Destination::named("/keep/b"), "/keep/b");
    }
    // One that ends before the pump leaves its slot to another, who has asked for nothing.
    let other = enter_labelled(&mut house);
    subscribe(&mut house, other, Destination::named("/keep/a"), "x");
    house.sides[0].shard.gone(other);
    house.sides[0].net.disconnect(other);
    let next = enter_labelled(&mut house);
    assert_eq!(next, other);
    house.pump();
    assert_eq!(received(&mut house, slot), ["/keep/b 2"]);
    assert_eq!(received(&mut house, next), [""; 0]);
}

#[test]
fn s98_a_session_that_is_subscribed_from_another_thread_gets_it_in_its_place() {
    let mut house = keeping(1);
    publish(&house, "/keep/a", "1");
    let (slot, session) = house.enter("/e");
    let outcome = house.hub.send(&session, Message::text("before"));
    outcome.finished().expect("an open session");
    for _ in 0..2 {
        let joined = house
            .hub
            .subscribe(&session, Destination::named("/keep/a"), "");
        joined.finished().expect("room in the inbox");
    }
    publish(&house, "/keep/a", "3");
    house.pump();
    assert_eq!(house.texts(slot), ["before", "1", "3"]);
}

#[test]
fn s98_the_oldest_values_are_let_go_of_at_the_limits() {
    let house = keeping(1);
    let cost = RETAINED_OVERHEAD_BYTES + "/keep/0".len() + 100;
    house.hub.set_retained_limits(RetainedLimits {
        destinations_max: 3,
        bytes_max: 10 * cost,
    });
    let name = |number: usize| format!("/keep/{number}");
    let kept = |house: &House| -> Vec<usize> {
        (0..9)
            .filter(|number| house.hub.retained(&name(*number)).is_some())
            .collect()
    };
    for number in [0, 1, 2, 0, 3] {
        publish(&house, &name(number), "x".repeat(100));
    }
    // 0 has had a newer value than 1.
    assert_eq!(kept(&house), [0, 2, 3]);
    assert_eq!(house.hub.retained_size(), (3, 3 * cost));
    house.hub.set_retained_limits(RetainedLimits {
        destinations_max: 9,
        bytes_max: 2 * cost,
    });
    assert_eq!(kept(&house), [0, 3]);
    publish(&house, &name(4), "x".repeat(100));
    assert_eq!(kept(&house), [3, 4]);
    // One that alone is too long is not kept, and what was before it is not its last value.
    publish(&house, &name(3), "x".repeat(2 * cost));
    assert_eq!(kept(&house), [4]);
    assert!(house.hub.forget(&name(4)) && !house.hub.forget(&name(4)));
    assert_eq!(house.hub.retained_size(), (0, 0));
}

#[test]
fn s98_what_is_not_for_everybody_is_not_kept() {
    let mut house = keeping(1);
    let hub = house.hub.clone();
    let to_none = hub.publish_to_picked(
        Destination::named("/keep/a"),
        Message::text("for some"),
        |_| false,
    );
    to_none.finished().expect("room");
    let (slot, session) = house.enter("/e");
    for destination in [
        Destination::endpoint("/keep/a"),
        Destination::user("/keep/a"),
        Destination::of_user("ada", "/keep/a"),
        Destination::of_session(session.id(), "/keep/a"),
        Destination::matching(pattern("/keep/*")),
    ] {
        let accepted = hub.publish(destination, Message::text("private"));
        accepted.finished().expect("room");
    }
    publish(&house, "/keep/a", Content::Ping("alive".into()));
    assert_eq!(hub.retained_size(), (0, 0));
    subscribe(&mut house, slot, Destination::named("/keep/a"), "");
    house.pump();
    assert_eq!(received(&mut house, slot), [""; 0]);
}

#[test]
fn s29_s30_s98_a_replay_is_written_as_the_peer_reads_under_every_policy() {
    for overflow in [Overflow::Close, Overflow::DropOldest] {
        let mut house = keeping(1);
        for number in 0..100 {
            let text = format!("{number:02}{}", "x".repeat(98));
            publish(&house, &format!("/keep/{number}"), text);
        }
        let new = NewSession {
            outbox: OutboxPolicy {
                bytes_max: 5_000,
                overflow,
                ..OutboxPolicy::default()
            },
            ..house.newcomer("/e")
        };
        let (slot, session) = house.open(0, new);
        house.peer(slot).room = Some(0);
        let all = Destination::matching(pattern("/keep/**"));
        subscribe(&mut house, slot, all, "");
        // Nothing more is read from whoever has asked for so much, until it is begun with.
        assert!(house.sides[0].shard.waiting_bytes(slot) >= 10_000);
        house.pump();
        // It waits as references, and not more than half an outbox of it as frames.
        assert!(house.sides[0].shard.waiting_bytes(slot) <= 2_500);
        let mut got = Vec::new();
        while session.is_open() && got.len() < 100 {
            house.make_room(slot, Some(700));
            house.pump();
            assert!(house.sides[0].shard.waiting_bytes(slot) <= 2_500);
            let more = received(&mut house, slot);
            assert!(!more.is_empty(), "no more after {got:?}");
            got.extend(more);
        }
        assert!(session.is_open(), "slow for having subscribed");
        assert_eq!(house.peer(slot).dropped, 0);
        let numbers = got
            .iter()
            .map(|one| one[1..3].parse::<u32>().expect("a number"));
        assert!(numbers.eq(0..100), "{got:?}");
    }
}
