//! What happens to sessions that are silent, and to those that live for too long.

mod simulator;

use std::time::Duration;

use campanile_hub::{
    CLOSING_TIMEOUT, Cause, Destination, Message, NewSession, TICK, Timeouts, Wait,
};
use simulator::House;

const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

/// Lets time pass tick by tick.
fn pass(house: &mut House, seconds: u64) {
    let ticks = Duration::from_secs(seconds).as_millis() / TICK.as_millis();
    for _ in 0..ticks {
        house.pass(TICK);
        house.pump();
    }
}

fn with(house: &House, timeouts: Timeouts) -> NewSession {
    NewSession {
        timeouts,
        ..house.newcomer("/e")
    }
}

fn ping() -> Timeouts {
    Timeouts {
        ping: Some(Duration::from_secs(20)),
        ..Timeouts::default()
    }
}

#[test]
fn s17_a_silent_client_is_pinged_and_one_that_stays_silent_is_closed() {
    let mut house = House::new(1, 1);
    let new = with(&house, ping());
    let (slot, session) = house.open(0, new);
    pass(&mut house, 19);
    assert!(house.texts(slot).is_empty());
    pass(&mut house, 2);
    assert_eq!(house.texts(slot), ["ping"]);
    let now = house.now;
    house.sides[0].shard.received(slot, false, now);
    pass(&mut house, 21);
    assert_eq!(house.texts(slot), ["ping", "ping"]);
    assert!(session.is_open());
    pass(&mut house, 11);
    assert_eq!(house.texts(slot), ["ping", "ping", "close 1001"]);
    house.pass(CLOSING_TIMEOUT + TICK);
    house.pump();
    let ending = &house.sides[0].net.ended[0].ending;
    assert_eq!((ending.code, ending.cause), (1006, Cause::TimedOut));
    assert!(ending.reason.starts_with("no-pong: "), "{ending:?}");
}

#[test]
fn s32_a_client_that_never_speaks_is_closed_by_the_wheel_alone() {
    let mut house = House::new(1, 1);
    let timeouts = Timeouts {
        first_message: MINUTE,
        ..Timeouts::default()
    };
    let (silent, speaking) = (with(&house, timeouts), with(&house, timeouts));
    let (silent, _) = house.open(0, silent);
    let (speaking, session) = house.open(0, speaking);
    // Pings are no message.
    let now = house.now;
    house.sides[0].shard.received(silent, false, now);
    house.sides[0].shard.received(speaking, true, now);
    pass(&mut house, 61);
    assert_eq!(house.texts(silent), ["close 1008"]);
    assert!(session.is_open() && house.texts(speaking).is_empty());
    house.sides[0].shard.peer_closed(silent);
    house.pump();
    let ending = &house.sides[0].net.ended[0].ending;
    assert!(ending.reason.starts_with("first-message: "), "{ending:?}");
}

#[test]
fn s199_a_session_without_messages_either_way_is_closed() {
    let mut house = House::new(1, 1);
    let timeouts = Timeouts {
        idle: MINUTE,
        ..ping()
    };
    let new = with(&house, timeouts);
    let (slot, session) = house.open(0, new);
    for _ in 0..5 {
        pass(&mut house, 25);
        let _ = house
            .hub
            .publish(Destination::endpoint("/e"), Message::text("news"));
        let now = house.now;
        house.sides[0].shard.received(slot, false, now);
    }
    assert!(session.is_open());
    // Pongs alone do not keep it.
    for _ in 0..5 {
        pass(&mut house, 13);
        let now = house.now;
        house.sides[0].shard.received(slot, false, now);
    }
    assert_eq!(
        house.texts(slot).last().map(String::as_str),
        Some("close 1001")
    );
}

#[test]
fn s199_a_time_out_is_set_for_a_session_that_had_none() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    assert_eq!(house.pump(), [Wait::Event]);
    let changed = house.hub.change_timeouts(&session, |timeouts| Timeouts {
        idle: Some(Duration::from_secs(5)),
        ..timeouts
    });
    changed.finished().expect("an open session");
    assert_eq!(house.pump(), [Wait::AtMost(TICK)]);
    pass(&mut house, 6);
    assert_eq!(house.texts(slot), ["close 1001"]);
}

#[test]
fn s207_what_expires_is_closed_however_busy_it_is() {
    let mut house = House::new(1, 1);
    let timeouts = Timeouts {
        life: MINUTE,
        ..Timeouts::default()
    };
    let new = with(&house, timeouts);
    let (slot, _) = house.open(0, new);
    for _ in 0..61 {
        let now = house.now;
        house.sides[0].shard.received(slot, true, now);
        pass(&mut house, 1);
    }
    assert_eq!(house.texts(slot), ["close 1008"]);
}

#[test]
fn a_reminder_for_a_session_that_has_ended_harms_nobody() {
    let mut house = House::new(1, 1);
    let timeouts = Timeouts {
        life: MINUTE,
        ..Timeouts::default()
    };
    let new = with(&house, timeouts);
    let (slot, _) = house.open(0, new);
    house.sides[0].shard.gone(slot);
    house.sides[0].net.disconnect(slot);
    let (again, session) = house.enter("/e");
    assert_eq!(again, slot, "the slot is used again");
    pass(&mut house, 120);
    assert!(session.is_open());
}
