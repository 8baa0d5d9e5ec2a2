//! What a subscription is told where its session's policy has dropped publications.

mod simulator;

use campanile_hub::{
    Destination, FRAME_OVERHEAD_BYTES, Message, NewSession, OutboxPolicy, Outcome, Overflow, Slot,
};
use simulator::{House, Received};

/// Two small publications with their labels, and what these cost.
const BYTES_MAX: usize = 2 * (FRAME_OVERHEAD_BYTES + 60);

const DROPPING: [Overflow; 3] = [
    Overflow::DropOldest,
    Overflow::DropNewest,
    Overflow::Conflate,
];

fn enter(house: &mut House, overflow: Overflow, bytes_max: usize, is_labelled: bool) -> Slot {
    let format = match is_labelled {
        true => house.labelled,
        false => house.plain,
    };
    let outbox = OutboxPolicy {
        bytes_max,
        overflow,
        ..OutboxPolicy::default()
    };
    let new = NewSession {
        format,
        outbox,
        ..house.newcomer("/e")
    };
    house.open(0, new).0
}

/// A session that has subscribed to `/a` and `/b` under these labels, and whose peer takes nothing.
fn full(house: &mut House, overflow: Overflow, bytes_max: usize) -> Slot {
    let slot = enter(house, overflow, bytes_max, true);
    for name in ["a", "b"] {
        let to = Destination::named(format!("/{name}"));
        let joined = house.sides[0].shard.subscribe(slot, to, name);
        joined.finished().expect("a new subscription");
    }
    house.peer(slot).room = Some(0);
    slot
}

fn publish(house: &mut House, name: &str, text: &str, key: Option<&str>) {
    let message = Message::text(text);
    let message = match key {
        Some(key) => message.with_key(key),
        None => message,
    };
    let accepted = house.hub.publish(Destination::named(name), message);
    accepted.finished().expect("room in the inbox");
    house.pump();
}

fn read_all(house: &mut House, slot: Slot) -> Vec<String> {
    house.make_room(slot, None);
    house.pump();
    let all = std::mem::take(&mut house.peer(slot).received);
    let text = |one: &Received| match one {
        Received::Publication { label, .. } => {
            format!("{} {}", label.as_deref().unwrap_or("-"), one.text())
        }
        other => other.text(),
    };
    all.iter().map(text).collect()
}

#[test]
fn s30_a_marker_stands_where_the_oldest_were_dropped() {
    let mut house = House::new(1, 1);
    // Room for four, and a marker takes the room of one.
    let slot = full(&mut house, Overflow::DropOldest, 2 * BYTES_MAX);
    for number in 1..=8 {
        publish(&mut house, "/a", &format!("{number}"), None);
    }
    let got = read_all(&mut house, slot);
    let (marker, messages) = got.split_first().expect("a marker");
    let first = 9 - messages.len();
    let lost = first - 1;
    assert_eq!(marker, &format!("a lost {lost} to {lost}"));
    let expected: Vec<String> = (first..=8).map(|one| format!("a {one}")).collect();
    assert_eq!(messages, expected);
    assert_eq!(house.peer(slot).dropped, lost);
    // It is said once.
    publish(&mut house, "/a", "9", None);
    assert_eq!(read_all(&mut house, slot), ["a 9"]);
}

#[test]
fn s30_a_marker_stands_where_the_newest_were_dropped() {
    let mut house = House::new(1, 1);
    let slot = full(&mut house, Overflow::DropNewest, BYTES_MAX);
    for number in 1..=5 {
        publish(&mut house, "/a", &format!("{number}"), None);
    }
    publish(&mut house, "/b", "6", None);
    // A little room: what comes next comes after the marker.
    house.make_room(slot, Some(60));
    house.pump();
    let got = read_all(&mut house, slot);
    publish(&mut house, "/a", "7", None);
    let expected = ["a 1", "a 2", "a lost 3 to 5", "b lost 1 to 6"];
    assert_eq!(got, expected);
    assert_eq!(read_all(&mut house, slot), ["a 7"]);
    assert_eq!(house.peer(slot).dropped, 4);
}

#[test]
fn s30_a_marker_stands_where_a_value_was_conflated() {
    let mut house = House::new(1, 1);
    let slot = full(&mut house, Overflow::Conflate, 1 << 20);
    publish(&mut house, "/a", "1", Some("x"));
    publish(&mut house, "/a", "2", Some("y"));
    publish(&mut house, "/b", "3", Some("z"));
    publish(&mut house, "/a", "4", Some("x"));
    publish(&mut house, "/a", "5", Some("y"));
    publish(&mut house, "/a", "6", Some("x"));
    let expected = ["a lost 2 to 2", "b 3", "a lost 1 to 4", "a 5", "a 6"];
    assert_eq!(read_all(&mut house, slot), expected);
    assert_eq!(house.peer(slot).dropped, 3);
}

#[test]
fn s30_nothing_newer_of_a_subscription_is_written_before_its_marker() {
    for overflow in DROPPING {
        let mut house = House::new(1, 1);
        let slot = full(&mut house, overflow, 3 * BYTES_MAX);
        let mut got = Vec::new();
        for number in 1..=200 {
            let name = ["/a", "/b", "/a"][number % 3];
            let key = ["k", "l", "m"][number % 3];
            publish(&mut house, name, &format!("{number}"), Some(key));
            if number % 7 == 0 {
                house.make_room(slot, Some(50));
                house.pump();
            }
        }
        house.make_room(slot, None);
        house.pump();
        got.append(&mut house.peer(slot).received);
        // Of each label: everything, in order, received or counted in its place.
        for label in ["a", "b"] {
            let its = (1..=200_u64).filter(|one| (one % 3 == 1) == (label == "b"));
            let mut its = its.peekable();
            for one in &got {
                match one {
                    Received::Publication {
                        label: Some(of),
                        position,
                        ..
                    } if of == label => assert_eq!(its.next(), Some(*position), "{overflow:?}"),
                    Received::Gap {
                        label: of,
                        dropped,
                        last,
                    } if of == label => {
                        let lost = (0..*dropped).map(|_| its.next()).last();
                        assert_eq!(lost, Some(Some(*last)), "{overflow:?}");
                    }
                    _ => {}
                }
            }
            assert_eq!(its.next(), None, "{overflow:?} {label}");
        }
        assert!(house.peer(slot).dropped > 20, "{overflow:?}");
    }
}

#[test]
fn s29_s30_markers_exceed_the_outbox_by_one_a_subscription_at_most() {
    for overflow in DROPPING {
        let mut house = House::new(1, 1);
        let slot = enter(&mut house, overflow, BYTES_MAX, true);
        const SUBSCRIPTIONS: usize = 40;
        for number in 0..SUBSCRIPTIONS {
            let to = Destination::named(format!("/{number}"));
            let joined = house.sides[0]
                .shard
                .subscribe(slot, to, &format!("{number:02}"));
            joined.finished().expect("a new subscription");
        }
        house.peer(slot).room = Some(0);
        for number in 0..1_000 {
            let name = format!("/{}", number * 7 % SUBSCRIPTIONS);
            publish(&mut house, &name, "x", Some(&name));
            let waiting = house.sides[0].shard.waiting_bytes(slot);
            let markers = SUBSCRIPTIONS * (FRAME_OVERHEAD_BYTES + 30);
            assert!(waiting <= BYTES_MAX + markers, "{overflow:?} {waiting}");
        }
        // A reply still gets through, behind them.
        house.make_room(slot, None);
        let reply = simulator::reply_frame(b"reply");
        assert_eq!(house.sides[0].shard.reply(slot, reply), Outcome::Done(()));
        house.pump();
        let got = read_all(&mut house, slot);
        assert_eq!(got.last().map(String::as_str), Some("reply"));
        let lost = got.iter().filter(|one| one.contains("lost")).count();
        assert_eq!(lost, SUBSCRIPTIONS, "{overflow:?} {got:?}");
    }
}

#[test]
fn s30_what_alone_is_longer_than_the_outbox_leaves_a_marker() {
    for overflow in DROPPING {
        let mut house = House::new(1, 1);
        let slot = full(&mut house, overflow, BYTES_MAX);
        publish(&mut house, "/a", "1", None);
        publish(&mut house, "/a", &"x".repeat(BYTES_MAX), None);
        assert_eq!(read_all(&mut house, slot), ["a 1", "a lost 1 to 2"]);
    }
}

#[test]
fn s30_a_format_without_markers_is_told_by_its_transport_alone() {
    for overflow in DROPPING {
        let mut house = House::new(1, 1);
        let slot = enter(&mut house, overflow, BYTES_MAX, false);
        house.peer(slot).room = Some(0);
        for number in 1..=5 {
            let message = Message::text(format!("{number}")).with_key("k");
            let accepted = house.hub.publish(Destination::endpoint("/e"), message);
            accepted.finished().expect("room in the inbox");
            house.pump();
        }
        let got = read_all(&mut house, slot);
        assert_eq!(got.len() + house.peer(slot).dropped, 5);
        assert!(house.peer(slot).dropped > 0, "{got:?}");
        assert!(got.iter().all(|one| one.starts_with("- ")), "{got:?}");
    }
}
