//! What other threads ask about a session, in the order of what they publish.

mod simulator;

use std::sync::{Arc, Mutex};

use campanile_hub::{
    Destination, INBOX_ENTRIES_MAX, Message, NewSession, OutboxPolicy, Outcome, Overflow, Refusal,
};
use simulator::House;

fn room() -> Destination {
    Destination::named("/rooms/1")
}

fn publish(house: &House, text: &str) -> usize {
    let accepted = house.hub.publish(room(), Message::text(text)).finished();
    accepted.expect("room in the inboxes").subscriptions
}

#[test]
fn a_subscription_from_any_thread_has_exactly_what_is_published_after_it() {
    let mut house = House::new(2, 1);
    let (slot, session) = house.enter("/e");
    assert_eq!(publish(&house, "before"), 0);
    let joined = house.hub.subscribe(&session, room(), "").finished();
    assert_eq!(joined, Ok(1));
    // Nobody has looked at the inbox yet, and it counts already.
    assert_eq!(publish(&house, "between"), 1);
    house.pump();
    assert_eq!(publish(&house, "after"), 1);
    let left = house.hub.unsubscribe(&session, room());
    assert_eq!(left, Outcome::Done(()));
    publish(&house, "behind the end");
    house.pump();
    assert_eq!(house.texts(slot), ["between", "after"]);
    assert_eq!(house.hub.subscriptions(&room()), 0);
}

#[test]
fn a_second_subscription_is_the_first_and_one_of_a_session_that_ends_is_forgotten() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    for _ in 0..3 {
        let joined = house.hub.subscribe(&session, room(), "");
        joined.finished().expect("an open session");
    }
    house.pump();
    assert_eq!(house.hub.subscriptions(&room()), 1);
    assert_eq!(publish(&house, "once"), 1);
    house.pump();
    assert_eq!(house.texts(slot), ["once"]);
    let (late, late_session) = house.enter("/e");
    let joined = house.hub.subscribe(&late_session, room(), "");
    joined.finished().expect("an open session");
    house.sides[0].shard.gone(late);
    house.sides[0].net.disconnect(late);
    house.pump();
    assert_eq!(house.hub.subscriptions(&room()), 1);
    let refused = house.hub.subscribe(&late_session, room(), "");
    assert_eq!(refused, Outcome::Refused(Refusal::NoSession));
}

#[test]
fn a_full_inbox_refuses_requests_but_never_a_close() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    for _ in 0..INBOX_ENTRIES_MAX {
        let asked = house.hub.flush(&session, || ());
        asked.finished().expect("room");
    }
    let overloaded = Outcome::Refused(Refusal::Overloaded);
    assert_eq!(house.hub.flush(&session, || ()), overloaded);
    let subscribed = house.hub.subscribe(&session, room(), "");
    assert_eq!(subscribed, Outcome::Refused(Refusal::Overloaded));
    assert_eq!(house.hub.subscriptions(&room()), 0);
    let everybody = Destination::endpoint("/e");
    let collected = house.hub.collect(&everybody, |_| ());
    assert_eq!(collected, Outcome::Refused(Refusal::Overloaded));
    // Closes have a reserve, which ends, too.
    let close = |house: &House| house.hub.close_all(&everybody, 1008, "expired: enough");
    for _ in 0..1_024 {
        assert_eq!(close(&house), Outcome::Done(()));
    }
    assert_eq!(close(&house), Outcome::Refused(Refusal::Overloaded));
    house.pump();
    assert_eq!(house.texts(slot), ["close 1008"]);
}

#[test]
fn s33_all_sessions_of_a_user_are_closed_after_what_was_sent_to_them() {
    let mut house = House::new(2, 1);
    let ada = |house: &House| NewSession {
        principal: Some("ada".into()),
        ..house.newcomer("/e")
    };
    let (first, second) = (ada(&house), ada(&house));
    let (first, _) = house.open(0, first);
    let (second, second_session) = house.open(1, second);
    let (other, other_session) = house.enter("/e");
    let user = Destination::user("ada");
    let _ = house.hub.publish(user.clone(), Message::text("last words"));
    let closed = house
        .hub
        .close_all(&user, 1008, "expired: the login is over");
    closed.finished().expect("room");
    let _ = house.hub.publish(user, Message::text("too late"));
    house.pump();
    assert_eq!(house.texts(first), ["last words", "close 1008"]);
    let peer = house.sides[1].net.peer(second);
    assert_eq!(peer.received.len(), 2);
    assert!(!second_session.is_open());
    assert!(other_session.is_open() && house.texts(other).is_empty());
}

#[test]
fn s201_a_flush_is_told_when_the_last_byte_is_written_and_not_before() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    let told = Arc::new(Mutex::new(Vec::new()));
    let flush = |house: &House, name: &'static str| {
        let told = Arc::clone(&told);
        let asked = house.hub.flush(&session, move || {
            told.lock().expect("not poisoned").push(name);
        });
        asked.finished().expect("room");
    };
    flush(&house, "nothing waits");
    house.pump();
    assert_eq!(*told.lock().expect("not poisoned"), ["nothing waits"]);
    house.peer(slot).room = Some(3);
    let _ = house.hub.send(&session, Message::text("a"));
    let _ = house.hub.send(&session, Message::text("b"));
    flush(&house, "both");
    let _ = house.hub.send(&session, Message::text("c"));
    flush(&house, "all");
    house.pump();
    assert_eq!(told.lock().expect("not poisoned").len(), 1);
    // Two frames of 14 bytes each are away, but for three bytes that went before; the third waits.
    house.make_room(slot, Some(26));
    house.pump();
    assert_eq!(
        *told.lock().expect("not poisoned"),
        ["nothing waits", "both"]
    );
    house.make_room(slot, None);
    house.pump();
    assert_eq!(told.lock().expect("not poisoned").len(), 3);
}

#[test]
fn s30_s31_a_policy_is_changed_while_it_runs_and_a_session_tells_what_it_has_lost() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    let policy = OutboxPolicy {
        bytes_max: 1_000,
        overflow: Overflow::DropOldest,
        ..OutboxPolicy::default()
    };
    let changed = house.hub.set_outbox(&session, policy);
    changed.finished().expect("an open session");
    house.pump();
    house.peer(slot).room = Some(0);
    assert_eq!(session.outbox(), campanile_hub::OutboxState::default());
    for number in 0..20 {
        let text = Message::text(format!("{number}"));
        let _ = house.hub.publish(Destination::endpoint("/e"), text);
        house.pump();
    }
    let state = session.outbox();
    assert!(state.waiting_bytes > 500 && state.waiting_bytes <= 1_000);
    assert_eq!(state.waiting_since, Some(house.now));
    assert_eq!(state.dropped as usize, house.peer(slot).dropped);
    assert!(state.dropped > 0 && session.is_open());
    house.make_room(slot, None);
    house.pump();
    let state = session.outbox();
    assert_eq!((state.waiting_bytes, state.waiting_since), (0, None));
    assert_eq!(house.texts(slot).len() + state.dropped as usize, 20);
}

#[test]
fn s198_sessions_are_found_by_id_and_by_what_they_have_subscribed_to() {
    let mut house = House::new(2, 1);
    let (_, first) = house.enter("/e");
    let second = house.newcomer("/e");
    let (_, second) = house.open(1, second);
    house.enter("/other");
    let found = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&found);
    let everybody = Destination::endpoint("/e");
    let asked = house.hub.collect(&everybody, move |sessions| {
        let ids = sessions.iter().map(|session| session.id());
        all.lock().expect("not poisoned").extend(ids);
    });
    asked.finished().expect("room");
    let one = Arc::clone(&found);
    let asked = house.hub.find(second.id(), move |session| {
        one.lock().expect("not poisoned").push(session.id());
    });
    asked.finished().expect("room");
    house.pump();
    let found = found.lock().expect("not poisoned");
    assert_eq!(*found, [first.id(), second.id(), second.id()]);
}
