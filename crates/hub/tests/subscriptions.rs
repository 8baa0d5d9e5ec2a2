//! Several subscriptions of one session: labels, filters, private destinations.

mod simulator;

use campanile_hub::{Destination, Message, NewSession, Outcome, Refusal};
use simulator::House;

fn room() -> Destination {
    Destination::named("/topic/room")
}

fn publish(house: &House, text: &str, colour: &str) -> usize {
    let message = Message::text(text).with_headers([("colour", colour)]);
    let accepted = house.hub.publish(room(), message).finished();
    accepted.expect("room in the inboxes").subscriptions
}

fn labelled(house: &House) -> NewSession {
    NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    }
}

#[test]
fn a_destination_may_be_subscribed_to_under_several_labels() {
    let mut house = House::new(1, 1);
    let new = labelled(&house);
    let (slot, _) = house.open(0, new);
    let shard = &mut house.sides[0].shard;
    for label in ["a", "b"] {
        let joined = shard.subscribe(slot, room(), label);
        assert_eq!(joined, Outcome::Done(0));
    }
    let again = shard.subscribe(slot, room(), "a");
    assert_eq!(again, Outcome::Refused(Refusal::AlreadySubscribed));
    assert!(shard.has_label(slot, "a") && !shard.has_label(slot, "c"));
    assert_eq!(publish(&house, "to both", ""), 2);
    house.pump();
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.unsubscribe_label(slot, "a"), Outcome::Done(()));
    let again = shard.unsubscribe_label(slot, "a");
    assert_eq!(again, Outcome::Refused(Refusal::NotSubscribed));
    assert_eq!(publish(&house, "to one", ""), 1);
    house.pump();
    let labels: Vec<_> = house
        .peer(slot)
        .received
        .iter()
        .map(label_and_text)
        .collect();
    let expected = [("a", "to both"), ("b", "to both"), ("b", "to one")];
    assert_eq!(
        labels,
        expected.map(|(label, text)| format!("{label} {text}"))
    );
}

fn label_and_text(received: &simulator::Received) -> String {
    match received {
        simulator::Received::Publication { label, .. } => {
            let label = label.as_deref().unwrap_or("none");
            format!("{label} {}", received.text())
        }
        other => panic!("not a publication: {other:?}"),
    }
}

#[test]
fn one_label_may_stand_for_several_destinations_and_ends_them_together() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    let of_user = Destination::of_user("ada", "/queue/news");
    let of_session = Destination::of_session(session.id(), "/queue/news");
    let shard = &mut house.sides[0].shard;
    for destination in [&of_user, &of_session] {
        let joined = shard.subscribe(slot, destination.clone(), "0");
        joined.finished().expect("a new subscription");
    }
    for (destination, text) in [(&of_user, "to ada"), (&of_session, "to this session")] {
        let sent = house.hub.publish(destination.clone(), Message::text(text));
        assert_eq!(sent.finished().expect("room").subscriptions, 1);
    }
    house.pump();
    assert_eq!(house.texts(slot), ["to ada", "to this session"]);
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.unsubscribe_label(slot, "0"), Outcome::Done(()));
    assert_eq!(house.hub.subscriptions(&of_user), 0);
    assert_eq!(house.hub.subscriptions(&of_session), 0);
}

#[test]
fn s88_a_filter_sees_headers_and_gives_only_what_it_wants() {
    let mut house = House::new(1, 1);
    let (picky, all) = (labelled(&house), house.newcomer("/e"));
    let (picky, _) = house.open(0, picky);
    let (all, _) = house.open(0, all);
    let shard = &mut house.sides[0].shard;
    let red = |publication: &campanile_hub::Publication| {
        assert_ne!(publication.headers().get("colour"), Some("broken"));
        publication.headers().get("colour") == Some("red")
    };
    let joined = shard.subscribe_filtered(picky, room(), "red", red);
    joined.finished().expect("a new subscription");
    let joined = shard.subscribe(all, room(), "");
    joined.finished().expect("a new subscription");
    for (text, colour) in [("1", "red"), ("2", "blue"), ("3", "broken"), ("4", "red")] {
        publish(&house, text, colour);
    }
    house.pump();
    let picked: Vec<_> = house
        .peer(picky)
        .received
        .iter()
        .map(label_and_text)
        .collect();
    assert_eq!(picked, ["red 1", "red 4"]);
    assert_eq!(house.texts(all), ["1", "2", "3", "4"]);
    // What waits for a transport that is full is filtered, too.
    house.peer(picky).room = Some(5);
    for (text, colour) in [("5", "red"), ("6", "blue"), ("7", "red")] {
        publish(&house, text, colour);
    }
    house.pump();
    house.make_room(picky, None);
    house.pump();
    assert_eq!(house.peer(picky).received.len(), 4);
}

fn pattern(text: &str) -> Destination {
    let pattern = campanile_hub::Pattern::parse(text, campanile_hub::Separator::Slash);
    Destination::matching(pattern.expect("a pattern"))
}

#[test]
fn s84_a_pattern_receives_what_matches_it_from_the_moment_that_it_joined() {
    let mut house = House::new(2, 1);
    let (first, _) = house.enter("/e");
    let new = house.newcomer("/e");
    let (second, session) = house.open(1, new);
    let to = |house: &House, name: &str, text: &str| {
        let sent = house
            .hub
            .publish(Destination::named(name), Message::text(text));
        sent.finished().expect("room").subscriptions
    };
    assert_eq!(to(&house, "/topic/a/news", "too early"), 0);
    let joined = house.sides[0]
        .shard
        .subscribe(first, pattern("/topic/*/news"), "p");
    assert_eq!(joined, Outcome::Done(1));
    // From another thread it counts at once, too.
    let joined = house.hub.subscribe(&session, pattern("/topic/**"), "");
    assert_eq!(joined, Outcome::Done(1));
    assert_eq!(to(&house, "/topic/a/news", "to both"), 2);
    assert_eq!(to(&house, "/topic/a/weather", "to the second"), 1);
    assert_eq!(to(&house, "/queue/a", "to nobody"), 0);
    // Without wildcards it is a destination like any other.
    assert_eq!(pattern("/topic/a"), Destination::named("/topic/a"));
    let joined = house.sides[0]
        .shard
        .subscribe(first, pattern("/topic/a/news"), "l");
    joined.finished().expect("a new subscription");
    assert_eq!(to(&house, "/topic/a/news", "twice to the first"), 3);
    house.pump();
    assert_eq!(
        house.texts(first),
        ["to both", "twice to the first", "twice to the first"]
    );
    let peer = house.sides[1].net.peer(second);
    assert_eq!(peer.received.len(), 3);
    // Implicit destinations match no pattern.
    let _ = house
        .hub
        .publish(Destination::endpoint("/topic/a/news"), Message::text("no"));
    let left = house.sides[0].shard.unsubscribe_label(first, "p");
    assert_eq!(left, Outcome::Done(()));
    house.sides[1].shard.gone(second);
    house.sides[1].net.disconnect(second);
    assert_eq!(to(&house, "/topic/a/news", "to the literal one"), 1);
    house.pump();
    assert_eq!(house.texts(first).len(), 4);
}
