//! How sessions end: by either side, by slowness, by time, and by the node's leaving.

mod simulator;

use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{
    CLOSING_TIMEOUT, Cause, Destination, Ending, Message, NewSession, Outcome, Refusal, TICK, Wait,
};
use simulator::{House, Wire, close_frame, reply_frame};

fn publish(house: &House, text: &str) {
    let outcome = house
        .hub
        .publish(Destination::endpoint("/e"), Message::text(text));
    outcome.finished().expect("room in the inboxes");
}

fn ending(code: u16, cause: Cause) -> Ending {
    Ending {
        code,
        reason: "because".into(),
        cause,
    }
}

#[test]
fn a_close_waits_for_what_was_queued_before_it_and_lets_nothing_after_it() {
    let mut house = House::new(1, 1);
    let (slot, session) = house.enter("/e");
    house.peer(slot).room = Some(3);
    publish(&house, "1");
    house
        .hub
        .send(&session, Message::text("2"))
        .finished()
        .expect("room");
    assert_eq!(
        house.hub.close(&session, 4_000, "enough"),
        Outcome::Done(())
    );
    assert!(!session.is_open());
    publish(&house, "3");
    let refused = Outcome::Refused(Refusal::NoSession);
    assert_eq!(house.hub.close(&session, 4_000, "enough"), refused);
    assert_eq!(
        house.hub.send(&session, Message::text("4")).finished(),
        Err(Refusal::NoSession)
    );
    house.pump();
    assert!(house.texts(slot).is_empty());
    assert_eq!(house.sides[0].shard.reply(slot, reply_frame(b"5")), refused);
    assert_eq!(house.hub.subscriptions(&Destination::endpoint("/e")), 0);
    house.make_room(slot, None);
    house.pump();
    assert_eq!(house.texts(slot), ["1", "2", "close 4000"]);
    assert_eq!(house.hub.sessions(), 1, "a closing session still counts");

    house.sides[0].shard.peer_closed(slot);
    house.pump();
    let ended = &house.sides[0].net.ended[0];
    assert_eq!(
        (ended.ending.code, ended.ending.cause),
        (4_000, Cause::Application)
    );
    assert_eq!(house.hub.sessions(), 0);
}

#[test]
fn a_peer_that_does_not_answer_a_close_is_given_up_in_time() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let (stalled, _) = house.enter("/e");
    house.peer(stalled).room = Some(0);
    let now = house.now;
    for one in [slot, stalled] {
        let shard = &mut house.sides[0].shard;
        assert_eq!(
            shard.close(one, ending(1002, Cause::Protocol), now),
            Outcome::Done(())
        );
        let again = shard.close(one, ending(1000, Cause::Application), now);
        assert_eq!(again, Outcome::Refused(Refusal::NoSession));
    }
    assert_eq!(house.pump(), [Wait::AtMost(TICK)]);
    house.pass(CLOSING_TIMEOUT - Duration::from_millis(1));
    house.pump();
    assert_eq!(house.hub.sessions(), 2);
    house.pass(TICK);
    house.pump();
    assert_eq!(house.hub.sessions(), 0);
    let codes: Vec<u16> = house.sides[0]
        .net
        .ended
        .iter()
        .map(|one| one.ending.code)
        .collect();
    assert_eq!(codes, [1002, 1002]);
    assert_eq!(house.last_texts(slot), ["close 1002"]);
    assert!(house.last_texts(stalled).is_empty());
}

#[test]
fn an_answered_close_comes_after_the_replies_of_the_same_pump() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let (other, _) = house.enter("/e");
    let now = house.now;
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.reply(slot, reply_frame(b"first")), Outcome::Done(()));
    assert_eq!(
        shard.reply(other, reply_frame(b"between")),
        Outcome::Done(())
    );
    assert_eq!(shard.reply(slot, reply_frame(b"second")), Outcome::Done(()));
    assert_eq!(
        shard.reply(other, reply_frame(b"between")),
        Outcome::Done(())
    );
    let outcome = shard.close_answered(
        slot,
        ending(1001, Cause::Peer),
        close_frame(1001, "bye"),
        now,
    );
    assert_eq!(outcome, Outcome::Done(()));
    house.pump();
    assert_eq!(house.last_texts(slot), ["first", "second", "close 1001"]);
    assert_eq!(
        house.sides[0].net.ended[0].ending,
        ending(1001, Cause::Peer)
    );
    assert_eq!(house.hub.sessions(), 1);
}

#[test]
fn an_answered_close_waits_for_a_transport_that_is_full() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    house.peer(slot).room = Some(2);
    publish(&house, "before");
    house.pump();
    let now = house.now;
    let shard = &mut house.sides[0].shard;
    let outcome = shard.close_answered(slot, ending(1000, Cause::Peer), close_frame(1000, ""), now);
    assert_eq!(outcome, Outcome::Done(()));
    house.pump();
    assert_eq!(house.hub.sessions(), 1);
    house.make_room(slot, None);
    house.pump();
    assert_eq!(house.last_texts(slot), ["before", "close 1000"]);
    assert_eq!(house.hub.sessions(), 0);
}

#[test]
fn a_protocol_without_close_frames_ends_without_one() {
    let mut house = House::new(1, 1);
    let mute = Arc::new(Wire {
        is_mute: true,
        ..Wire::default()
    });
    let format = house.hub.register(mute).expect("room for a format");
    let new = NewSession {
        format,
        ..house.newcomer("/e")
    };
    let (slot, session) = house.open(0, new);
    publish(&house, "last words");
    assert_eq!(house.hub.close(&session, 1000, "bye"), Outcome::Done(()));
    house.pump();
    house.sides[0].shard.peer_closed(slot);
    house.pump();
    assert_eq!(house.last_texts(slot), ["last words"]);
    assert_eq!(house.sides[0].net.ended[0].ending.cause, Cause::Application);
}

#[test]
fn a_drain_is_even_settles_each_ticket_once_and_ends_everyone() {
    let mut house = House::new(1, 1);
    let slots: Vec<_> = (0..100).map(|_| house.enter("/e").0).collect();
    let endpoint = Destination::endpoint("/e");
    let over = Duration::from_secs(10);
    let now = house.now;
    let Outcome::Later(first) = house.sides[0].shard.drain(over, "leaving: bye", now) else {
        panic!("a drain takes time");
    };
    let newcomer = house.newcomer("/e");
    let refused = house.sides[0].shard.open(newcomer, house.now).finished();
    assert_eq!(refused.expect_err("the node leaves"), Refusal::Leaving);
    let mut second = None;
    for tenth in 0..=10 {
        let wait = house.pump();
        assert!(
            matches!(wait[0], Wait::AtMost(time) if time < TICK),
            "{wait:?}"
        );
        assert_eq!(
            house.hub.subscriptions(&endpoint),
            100 - 10 * tenth,
            "after {tenth} s"
        );
        house.pass(Duration::from_secs(1));
        if tenth == 5 {
            // Asked again, for what is left in the time that was left.
            let now = house.now;
            let left = over - Duration::from_secs(6);
            publish(&house, "still here");
            let outcome = house.sides[0].shard.drain(left, "leaving: bye", now);
            let Outcome::Later(ticket) = outcome else {
                panic!("a drain takes time")
            };
            second = Some(ticket);
            break;
        }
    }
    let started = house.now;
    for step in 0..=4 {
        house.now = started.plus(Duration::from_secs(step));
        house.pump();
        let open = house.hub.subscriptions(&endpoint);
        assert_eq!(
            open,
            (50.0 * (1.0 - step as f64 / 4.0)).floor() as usize,
            "after {step} s"
        );
        assert!(house.sides[0].net.settled.is_empty());
        for slot in &slots {
            let is_connected = house.sides[0].net.is_connected(*slot);
            if is_connected && house.peer(*slot).received.last().is_some_and(is_close) {
                house.sides[0].shard.peer_closed(*slot);
            }
        }
    }
    house.pump();
    house.pump();
    assert_eq!(house.hub.sessions(), 0);
    let net = &house.sides[0].net;
    assert_eq!(net.settled, [first, second.expect("asked again")]);
    assert_eq!(net.ended.len(), 100);
    assert!(net.ended.iter().all(|one| one.ending
        == Ending {
            code: 1001,
            reason: "leaving: bye".into(),
            cause: Cause::Leaving,
        }));
    house.pass(CLOSING_TIMEOUT * 2);
    house.pump();
    assert_eq!(house.pump(), [Wait::Event]);
}

fn is_close(received: &simulator::Received) -> bool {
    matches!(received, simulator::Received::Close { .. })
}

#[test]
fn an_empty_shard_drains_at_once() {
    let mut house = House::new(1, 1);
    let now = house.now;
    let outcome = house.sides[0]
        .shard
        .drain(Duration::from_secs(9), "leaving", now);
    house.pump();
    assert_eq!(outcome, Outcome::Later(house.sides[0].net.settled[0]));
    assert_eq!(house.pump(), [Wait::Event]);
}
