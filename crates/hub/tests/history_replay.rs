//! Replays are written as their peer reads, and what is published meanwhile waits behind them.

mod simulator;

use std::time::Duration;

use campanile_hub::{
    CLOSING_TIMEOUT, Content, Cursor, Destination, HistoryLimits, HistoryScope, Joining, Message,
    NewSession, OutboxPolicy, Outcome, Overflow, Pattern, REPLAY_BYTES_MAX, Separator, Slot, Wait,
};
use simulator::{House, Received};

const DROPPING: [Overflow; 3] = [
    Overflow::DropOldest,
    Overflow::DropNewest,
    Overflow::Conflate,
];

/// Half an outbox has room for some ten publications of a hundred bytes.
const OUTBOX_BYTES: usize = 6_000;

fn matching(text: &str) -> Destination {
    Destination::matching(pattern(text))
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect("a pattern")
}

/// A house that keeps everything.
fn keeping() -> House {
    let house = House::new(1, 1);
    let all = HistoryLimits {
        count_max: usize::MAX,
        bytes_max: usize::MAX,
        age_max: Duration::MAX,
    };
    let kept = house
        .hub
        .keep_history(HistoryScope::Named, &pattern("/**"), all);
    kept.expect("room for a pattern");
    house
}

fn publish(house: &House, name: &str, numbers: std::ops::RangeInclusive<u32>) -> Cursor {
    let mut last = house.hub.cursor();
    for number in numbers {
        let text = format!("{number:04}{}", "x".repeat(96));
        let accepted = house
            .hub
            .publish(Destination::named(name), Message::text(text));
        last = accepted.finished().expect("room in the inbox").id.into();
    }
    last
}

fn enter(house: &mut House, overflow: Overflow) -> Slot {
    let new = NewSession {
        format: house.labelled,
        outbox: OutboxPolicy {
            bytes_max: OUTBOX_BYTES,
            overflow,
            ..OutboxPolicy::default()
        },
        ..house.newcomer("/e")
    };
    house.open(0, new).0
}

/// Subscribes under the destination's own name. Whether it has recovered.
fn join(house: &mut House, slot: Slot, to: &Destination, after: Cursor) -> bool {
    let joining = Joining {
        destinations: vec![to.clone()],
        label: to.to_string().into(),
        after: Some(after),
        filter: None,
    };
    let begun = house.sides[0].shard.join(slot, joining).finished();
    begun.expect("a new subscription").recovered == Some(true)
}

fn is_open(house: &House, slot: Slot) -> bool {
    let session = house.sides[0].shard.session(slot);
    session.is_some_and(|session| session.is_open())
}

/// Label and number of all that has come.
fn received(house: &mut House, slot: Slot) -> Vec<String> {
    let all = std::mem::take(&mut house.peer(slot).received);
    let text = |one: &Received| match one {
        Received::Publication { label, .. } => {
            let label = label.as_deref().unwrap_or_default();
            format!("{label} {}", &one.text()[..4])
        }
        other => other.text(),
    };
    all.iter().map(text).collect()
}

fn numbered(label: &str, numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers
        .map(|number| format!("{label} {number:04}"))
        .collect()
}

/// The peer reads a little at a time, until nothing comes any more.
fn read_slowly(house: &mut House, slot: Slot) -> Vec<String> {
    let mut got = Vec::new();
    loop {
        house.make_room(slot, Some(700));
        house.pump();
        let more = received(house, slot);
        if more.is_empty() {
            return got;
        }
        got.extend(more);
    }
}

#[test]
fn s29_s98_who_comes_back_is_not_slow_for_what_was_missed() {
    for overflow in [Overflow::Close, Overflow::DropOldest] {
        let mut house = keeping();
        let after = house.hub.cursor();
        publish(&house, "/a", 1..=300);
        let slot = enter(&mut house, overflow);
        house.peer(slot).room = Some(0);
        assert!(join(&mut house, slot, &Destination::named("/a"), after));
        let mut got = Vec::new();
        for number in 301..=320 {
            // What is published meanwhile comes after it.
            publish(&house, "/a", number..=number);
            house.make_room(slot, Some(1_000));
            house.pump();
            let waiting = house.sides[0].shard.waiting_bytes(slot);
            assert!(waiting <= OUTBOX_BYTES / 2, "{waiting}");
            got.extend(received(&mut house, slot));
        }
        assert!(got.len() < 300, "this is no slow peer: {got:?}");
        got.extend(read_slowly(&mut house, slot));
        assert_eq!(got, numbered("/a", 1..=320));
        // Now it is like any other.
        publish(&house, "/a", 321..=321);
        house.make_room(slot, None);
        house.pump();
        assert_eq!(received(&mut house, slot), numbered("/a", 321..=321));
        assert!(is_open(&house, slot));
        assert_eq!(house.peer(slot).dropped, 0);
    }
}

#[test]
fn s29_s30_s98_what_waits_behind_a_replay_is_limited_by_the_policy() {
    for overflow in DROPPING {
        let mut house = keeping();
        let after = house.hub.cursor();
        publish(&house, "/a", 1..=100);
        let slot = enter(&mut house, overflow);
        house.peer(slot).room = Some(0);
        assert!(join(&mut house, slot, &Destination::named("/a"), after));
        for number in 101..=300 {
            publish(&house, "/a", number..=number);
            house.pump();
        }
        let dropped = house.peer(slot).dropped;
        assert!((100..200).contains(&dropped), "{overflow:?} {dropped}");
        let got = read_slowly(&mut house, slot);
        // All of the replay, and of the rest what there was room for.
        assert_eq!(got[..100], numbered("/a", 1..=100));
        let marker = match overflow {
            Overflow::DropNewest => got.last(),
            _ => got.get(100),
        };
        let last = if overflow == Overflow::DropNewest {
            300
        } else {
            100 + dropped
        };
        let expected = format!("/a lost {dropped} to {last}");
        assert_eq!(marker, Some(&expected), "{overflow:?}");
        assert_eq!(got.len() - 1 + dropped, 300);
        assert!(is_open(&house, slot));
    }
    let mut house = keeping();
    let after = house.hub.cursor();
    publish(&house, "/a", 1..=100);
    let slot = enter(&mut house, Overflow::Close);
    house.peer(slot).room = Some(0);
    assert!(join(&mut house, slot, &Destination::named("/a"), after));
    house.pump();
    publish(&house, "/a", 101..=300);
    house.pump();
    assert!(!is_open(&house, slot));
    house.make_room(slot, None);
    house.pump();
    let got = received(&mut house, slot);
    assert_eq!(got.last().map(String::as_str), Some("close 1008"));
}

#[test]
fn s98_several_subscriptions_are_replayed_one_after_the_other() {
    let mut house = keeping();
    let after = house.hub.cursor();
    for name in ["/a/1", "/b", "/a/2"] {
        publish(&house, name, 1..=40);
    }
    let slot = enter(&mut house, Overflow::Close);
    house.peer(slot).room = Some(0);
    let (all, other) = (matching("/a/*"), Destination::named("/b"));
    assert!(join(&mut house, slot, &all, after));
    assert!(join(&mut house, slot, &other, after));
    let third = house.sides[0]
        .shard
        .subscribe(slot, Destination::named("/c"), "/c");
    third.finished().expect("a new subscription");
    house.pump();
    // It is to two of them, and to one that is not replayed and waits for nobody.
    publish(&house, "/a/1", 41..=41);
    publish(&house, "/c", 1..=1);
    publish(&house, "/b", 41..=41);
    let got = read_slowly(&mut house, slot);
    let live = numbered("/c", 1..=1);
    let place = got
        .iter()
        .position(|one| *one == live[0])
        .expect("it is live");
    assert!(place < 40, "{place}");
    let replayed = [
        numbered("/a/*", 1..=40),
        numbered("/a/*", 1..=40),
        numbered("/b", 1..=40),
        numbered("/a/*", 41..=41),
        numbered("/b", 41..=41),
    ];
    let rest: Vec<String> = got.into_iter().filter(|one| *one != live[0]).collect();
    assert_eq!(rest, replayed.concat());
}

#[test]
fn s98_who_unsubscribes_meanwhile_gets_no_more_of_it_and_loses_nothing_else() {
    let mut house = keeping();
    let after = house.hub.cursor();
    publish(&house, "/a", 1..=60);
    publish(&house, "/b", 1..=60);
    let slot = enter(&mut house, Overflow::Close);
    house.peer(slot).room = Some(0);
    let (one, other) = (Destination::named("/a"), Destination::named("/b"));
    assert!(join(&mut house, slot, &one, after));
    assert!(join(&mut house, slot, &other, after));
    house.pump();
    publish(&house, "/a", 61..=62);
    publish(&house, "/b", 61..=62);
    house.pump();
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.unsubscribe_label(slot, "/a"), Outcome::Done(()));
    let now = house.hub.cursor();
    assert!(join(&mut house, slot, &one, now));
    publish(&house, "/a", 63..=63);
    let got = read_slowly(&mut house, slot);
    let of = |label: &str| -> Vec<String> {
        let its = got.iter().filter(|one| one.starts_with(label));
        its.cloned().collect()
    };
    assert_eq!(of("/b"), numbered("/b", 1..=62));
    // What was in the outbox, and what came once it was there again.
    let (last, before) = of("/a")
        .split_last()
        .map(|(one, all)| (one.clone(), all.to_vec()))
        .expect("some");
    assert_eq!(last, "/a 0063");
    assert!(before.len() < 30, "{before:?}");
    assert_eq!(before, numbered("/a", 1..=before.len() as u32));
    // The last of them unsubscribes: nothing is left, and nothing keeps the shard busy.
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.unsubscribe(slot, &other), Outcome::Done(()));
    let idle = |wait: &Wait| !matches!(wait, Wait::AtMost(Duration::ZERO));
    assert!(house.pump().iter().all(idle));
}

#[test]
fn s98_a_replay_ends_with_its_session_and_leaves_nothing_to_the_next() {
    let mut house = keeping();
    let after = house.hub.cursor();
    publish(&house, "/a", 1..=200);
    let begin = |house: &mut House| {
        let slot = enter(house, Overflow::Close);
        house.peer(slot).room = Some(0);
        assert!(join(house, slot, &Destination::named("/a"), after));
        house.pump();
        publish(house, "/a", 201..=201);
        house.pump();
        slot
    };
    let slot = begin(&mut house);
    house.sides[0].shard.gone(slot);
    house.sides[0].net.disconnect(slot);
    let next = enter(&mut house, Overflow::Close);
    assert_eq!(next, slot);
    publish(&house, "/a", 202..=202);
    house.pump();
    assert_eq!(received(&mut house, next), [""; 0]);
    // One that is closed in the middle is told so, after what was in its outbox.
    let slot = begin(&mut house);
    let session = house.sides[0]
        .shard
        .session(slot)
        .expect("a session")
        .clone();
    let asked = house.hub.close(&session, 4_000, "enough");
    assert_eq!(asked, Outcome::Done(()));
    house.pump();
    house.make_room(slot, None);
    house.pump();
    let got = received(&mut house, slot);
    let (last, before) = got.split_last().expect("a close frame");
    assert_eq!(last, "close 4000");
    assert_eq!(before, numbered("/a", 1..=before.len() as u32));
    assert!(before.len() < 40, "{before:?}");
}

#[test]
fn s98_a_node_that_leaves_waits_for_no_replay() {
    let mut house = keeping();
    let after = house.hub.cursor();
    publish(&house, "/a", 1..=200);
    for _ in 0..3 {
        let slot = enter(&mut house, Overflow::Close);
        house.peer(slot).room = Some(0);
        assert!(join(&mut house, slot, &Destination::named("/a"), after));
    }
    house.pump();
    let now = house.now;
    let ticket = house.sides[0].shard.drain(Duration::ZERO, "leaving", now);
    house.pump();
    house.pass(CLOSING_TIMEOUT * 2);
    house.pump();
    assert!(house.sides[0].shard.is_empty());
    assert_eq!(ticket, Outcome::Later(house.sides[0].net.settled[0]));
}

#[test]
fn s98_a_long_replay_leaves_the_others_their_turn() {
    let mut house = keeping();
    let after = house.hub.cursor();
    let long = "x".repeat(10_000);
    for _ in 0..200 {
        let accepted = house
            .hub
            .publish(Destination::named("/a"), Message::text(long.clone()));
        accepted.finished().expect("room in the inbox");
    }
    house.pump();
    let new = NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    assert!(join(&mut house, slot, &Destination::named("/a"), after));
    let (other, _) = house.enter("/e");
    let accepted = house
        .hub
        .publish(Destination::endpoint("/e"), Message::text("ding"));
    accepted.finished().expect("room in the inbox");
    // Its transport takes everything, but the shard does not write it in one go: it comes back.
    assert_eq!(house.pump(), [Wait::AtMost(Duration::ZERO)]);
    assert_eq!(house.texts(other), ["ding"]);
    let mut pumps = 1;
    while house.pump() == [Wait::AtMost(Duration::ZERO)] {
        pumps += 1;
        assert!(pumps < 100, "it does not end");
    }
    assert!(pumps > 3, "{pumps}");
    assert_eq!(house.peer(slot).received.len(), 201);
}

#[test]
fn s98_who_has_missed_more_than_may_wait_has_not_recovered() {
    let mut house = keeping();
    let after = house.hub.cursor();
    let content = Content::binary(vec![b'x'; 1 << 20]);
    let count = REPLAY_BYTES_MAX >> 20;
    for _ in 0..count {
        let message = Message::from(content.clone());
        let accepted = house.hub.publish(Destination::named("/a"), message);
        accepted.finished().expect("room in the inbox");
        house.pump();
    }
    let room = Destination::named("/a");
    let slot = enter(&mut house, Overflow::Close);
    // With what each counts for it is a little too much.
    assert!(!join(&mut house, slot, &room, after));
    let second = Cursor {
        position: 1,
        ..after
    };
    let roomy = NewSession {
        outbox: OutboxPolicy {
            bytes_max: 4 << 20,
            ..OutboxPolicy::default()
        },
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, roomy);
    house.peer(slot).room = Some(0);
    assert!(join(&mut house, slot, &room, second));
    // What waits is limited for each session, whatever it subscribes to.
    assert!(!join(&mut house, slot, &matching("/*"), second));
    // Nothing more is read from it until the next pump has begun with that; then it may go on
    // talking, however slowly it reads.
    let waiting = |house: &House| house.sides[0].shard.waiting_bytes(slot);
    assert!(waiting(&house) >= REPLAY_BYTES_MAX - (2 << 20));
    house.pump();
    assert!(waiting(&house) <= 2 << 20);
    let roomy = NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, roomy);
    assert!(join(&mut house, slot, &matching("/**"), second));
    while house.pump() == [Wait::AtMost(Duration::ZERO)] {}
    assert_eq!(house.sides[0].shard.waiting_bytes(slot), 0);
    assert_eq!(house.peer(slot).received.len(), count - 1);
}
