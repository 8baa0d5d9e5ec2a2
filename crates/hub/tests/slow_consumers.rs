//! What happens to those that read more slowly than they are sent to, and to nobody else.

mod simulator;

use std::time::Duration;

use campanile_hub::{
    CLOSING_TIMEOUT, Cause, Destination, Message, NewSession, OutboxPolicy, Overflow, TICK,
};
use simulator::{House, reply_frame};

fn publish(house: &House, text: &str) {
    let outcome = house
        .hub
        .publish(Destination::endpoint("/e"), Message::text(text));
    outcome.finished().expect("room in the inboxes");
}

#[test]
fn s29_a_slow_consumer_is_closed_by_bytes_and_nobody_else_is_harmed() {
    let mut house = House::new(1, 1);
    let outbox = OutboxPolicy {
        bytes_max: 10_000,
        ..OutboxPolicy::default()
    };
    let new = NewSession {
        outbox,
        ..house.newcomer("/e")
    };
    let (slow, session) = house.open(0, new);
    let (fast, _) = house.enter("/e");
    house.peer(slow).room = Some(7);
    let text = "x".repeat(500);
    for number in 0..40 {
        publish(&house, &format!("{number} {text}"));
        house.pump();
        assert!(house.sides[0].shard.waiting_bytes(slow) <= outbox.bytes_max + 300);
    }
    assert!(!session.is_open());
    assert_eq!(house.texts(fast).len(), 40);
    assert_eq!(house.hub.subscriptions(&Destination::endpoint("/e")), 1);
    house.make_room(slow, None);
    house.pump();
    // The frame that had begun is finished; the rest is discarded.
    let texts = house.texts(slow);
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].starts_with("0 x") && texts[1] == "close 1008",
        "{texts:?}"
    );
    house.sides[0].shard.peer_closed(slow);
    house.pump();
    let ending = &house.sides[0].net.ended[0].ending;
    assert_eq!((ending.code, ending.cause), (1008, Cause::SlowConsumer));
    assert!(ending.reason.starts_with("slow-consumer"), "{ending:?}");
}

#[test]
fn s29_a_reply_that_overflows_closes_and_no_later_reply_overtakes_it() {
    let mut house = House::new(1, 1);
    let outbox = OutboxPolicy {
        bytes_max: 1_000,
        ..OutboxPolicy::default()
    };
    let new = NewSession {
        outbox,
        ..house.newcomer("/e")
    };
    let (slow, _) = house.open(0, new);
    let (other, _) = house.enter("/e");
    house.peer(slow).room = Some(1);
    let shard = &mut house.sides[0].shard;
    for number in 0..20 {
        let _ = shard.reply(
            slow,
            reply_frame(format!("{number} {}", "x".repeat(200)).as_bytes()),
        );
        let _ = shard.reply(other, reply_frame(b"fine"));
    }
    house.pump();
    assert!(house.sides[0].shard.waiting_bytes(slow) <= outbox.bytes_max + 300);
    house.make_room(slow, None);
    house.pump();
    let texts = house.texts(slow);
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].starts_with("0 ") && texts[1] == "close 1008",
        "{texts:?}"
    );
    assert_eq!(house.texts(other).len(), 20);
}

#[test]
fn s28_a_peer_that_takes_nothing_is_closed_by_age_under_every_policy() {
    let policies = [
        Overflow::Close,
        Overflow::DropOldest,
        Overflow::DropNewest,
        Overflow::Conflate,
    ];
    for overflow in policies {
        let mut house = House::new(1, 1);
        let age_max = Duration::from_secs(2);
        // Room for about a second, so that a dropping policy always holds young frames only.
        let bytes_max = if overflow == Overflow::Close {
            1 << 20
        } else {
            2_000
        };
        let outbox = OutboxPolicy {
            bytes_max,
            age_max,
            overflow,
        };
        let new = NewSession {
            outbox,
            ..house.newcomer("/e")
        };
        let (slow, session) = house.open(0, new);
        house.peer(slow).room = Some(0);
        let step = Duration::from_millis(100);
        let mut lived = Duration::ZERO;
        while session.is_open() {
            let message = Message::text("tick").with_key("clock");
            let outcome = house.hub.publish(Destination::endpoint("/e"), message);
            outcome.finished().expect("room");
            house.pump();
            assert!(
                lived <= age_max + TICK + step,
                "{overflow:?} keeps a dead peer"
            );
            house.pass(step);
            lived += step;
        }
        assert!(lived > age_max, "{overflow:?} closed after {lived:?}");
        house.pass(CLOSING_TIMEOUT + TICK);
        house.pump();
        let ending = &house.sides[0].net.ended[0].ending;
        assert_eq!((ending.code, ending.cause), (1008, Cause::SlowConsumer));
        assert!(
            ending
                .reason
                .starts_with("slow-consumer: a message waited 2 s"),
            "{ending:?}"
        );
    }
}

#[test]
fn s28_a_peer_that_reads_slowly_but_steadily_lives() {
    let mut house = House::new(1, 1);
    let age_max = Duration::from_secs(1);
    let outbox = OutboxPolicy {
        bytes_max: 1_500,
        age_max,
        overflow: Overflow::DropOldest,
    };
    let new = NewSession {
        outbox,
        ..house.newcomer("/e")
    };
    let (slow, session) = house.open(0, new);
    house.peer(slow).room = Some(0);
    for number in 0..200 {
        publish(&house, &format!("{number} {}", "x".repeat(80)));
        house.make_room(slow, Some(60));
        house.pump();
        house.pass(Duration::from_millis(50));
    }
    assert!(session.is_open());
    house.make_room(slow, None);
    house.pump();
    let peer = house.peer(slow);
    assert!(peer.dropped > 0);
    assert_eq!(peer.received.len() + peer.dropped, 200);
}

#[test]
fn s30_conflation_delivers_the_latest_of_each_key() {
    let mut house = House::new(1, 1);
    let outbox = OutboxPolicy {
        overflow: Overflow::Conflate,
        ..OutboxPolicy::default()
    };
    let new = NewSession {
        outbox,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    house.peer(slot).room = Some(0);
    for number in 0..90 {
        let key = ["a", "b", "c"][number % 3];
        let message = Message::text(format!("{key}{number}")).with_key(key);
        let outcome = house.hub.publish(Destination::endpoint("/e"), message);
        outcome.finished().expect("room");
    }
    house.pump();
    house.make_room(slot, None);
    house.pump();
    assert_eq!(house.texts(slot), ["a87", "b88", "c89"]);
    assert_eq!(house.peer(slot).dropped, 87);
}
