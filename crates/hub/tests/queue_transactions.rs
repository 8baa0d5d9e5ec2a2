//! Sends and settlements that take effect as one.

mod counter;
mod simulator;

use campanile_hub::{
    Accepted, Destination, Message, Outcome, QueueLimits, Refusal, Settlement, Slot, Transaction,
    Verdict,
};

use counter::{ORDERS, consumer, settlement};
use simulator::House;

fn to_queue(name: &str, text: &str) -> (Destination, Message) {
    (Destination::queue(name), Message::text(text))
}

fn to_topic(name: &str, text: &str) -> (Destination, Message) {
    (Destination::named(name), Message::text(text))
}

fn commit(
    house: &mut House,
    slot: Slot,
    sends: Vec<(Destination, Message)>,
    settlements: Vec<Settlement>,
) -> Result<Vec<Accepted>, Refusal> {
    let transaction = Transaction { sends, settlements };
    let outcome = house.sides[0].shard.commit(slot, transaction);
    outcome.finished()
}

#[test]
fn s72_a_transaction_takes_effect_as_one_and_its_sends_are_contiguous() {
    let mut house = House::new(2, 1);
    let slot = house.taker("a", 9);
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe(slot, Destination::named("/topic/a"), "t");
    joined.finished().expect("a subscription");
    house.limit(
        ORDERS,
        QueueLimits {
            dead_letters: Some("/queue/dead".into()),
            ..QueueLimits::default()
        },
    );
    let at = house.put_all(&["1", "2"]);
    assert_eq!(house.got(slot), ["a 1", "a 2"]);
    let sends = vec![
        to_topic("/topic/a", "3"),
        to_queue(ORDERS, "4"),
        to_queue("/queue/new", "5"),
        to_topic("/topic/nobody", "6"),
        to_topic("/topic/a", "7"),
    ];
    let settlements = vec![
        settlement("a", at[0], Verdict::Discarded),
        settlement("a", at[1], Verdict::Accepted),
    ];
    let accepted = commit(&mut house, slot, sends, settlements).expect("room for all");
    let positions: Vec<u64> = accepted.iter().map(|one| one.id.position).collect();
    assert_eq!(positions, [3, 4, 5, 6, 7]);
    let subscriptions: Vec<usize> = accepted.iter().map(|one| one.subscriptions).collect();
    assert_eq!(subscriptions, [1, 1, 0, 0, 1]);
    assert_eq!(house.hub.position(), 8, "the dead letter comes after them");
    let mut got = house.got(slot);
    got.sort();
    assert_eq!(got, ["a 4", "t 3", "t 7"]);
    assert_eq!(house.state(ORDERS).delivered, 1);
    assert_eq!(house.state("/queue/new").waiting, 1);
    assert_eq!(house.state("/queue/dead").waiting, 1);
}

#[test]
fn s72_a_transaction_of_which_anything_is_refused_leaves_nothing() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 9);
    let other = house.enter_at(0);
    house.consume(other, consumer("/queue/other", "o", 9));
    let full = QueueLimits {
        messages_max: 2,
        ..QueueLimits::default()
    };
    house.limit("/queue/full", full);
    house.put_to("/queue/full", "0").expect("room");
    let theirs = house.put_to("/queue/other", "o").expect("room").id.position;
    let at = house.put_all(&["1", "2", "3"]);
    assert_eq!(house.got(slot).len(), 3);
    assert_eq!(house.got(other).len(), 1);
    let accept = |position| settlement("a", position, Verdict::Accepted);
    let up_to = |position| Settlement {
        cumulative: true,
        ..accept(position)
    };
    let good = || vec![to_topic("/topic/a", "x"), to_queue(ORDERS, "y")];
    let with = |extra: Vec<_>| good().into_iter().chain(extra).collect::<Vec<_>>();
    let two = || vec![to_queue("/queue/full", "a"), to_queue("/queue/full", "b")];
    let cases = [
        (with(two()), vec![accept(at[0])], Refusal::QueueFull),
        (
            good(),
            vec![accept(at[0]), accept(99)],
            Refusal::NotDelivered,
        ),
        (good(), vec![accept(theirs)], Refusal::NotDelivered),
        (
            good(),
            vec![accept(at[0]), accept(at[0])],
            Refusal::NotDelivered,
        ),
        (
            good(),
            vec![up_to(at[1]), accept(at[0])],
            Refusal::NotDelivered,
        ),
    ];
    let position = house.hub.position();
    for (sends, settlements, refusal) in cases {
        let outcome = commit(&mut house, slot, sends, settlements);
        assert_eq!(outcome, Err(refusal));
        assert_eq!(house.hub.position(), position);
        assert_eq!(house.state(ORDERS).delivered, 3);
        assert_eq!(house.state("/queue/full").waiting, 1);
        assert_eq!(house.got(slot).len(), 0);
    }
    // Messages that two settlements of one transaction mean count once.
    let settlements = vec![accept(at[0]), up_to(at[2])];
    let one = vec![to_queue("/queue/full", "a")];
    commit(&mut house, slot, one, settlements).expect("room");
    assert_eq!(house.state(ORDERS).delivered, 0);
    assert_eq!(house.state("/queue/full").waiting, 2);
}

#[test]
fn s72_room_in_inboxes_is_counted_for_all_sends_together() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let long = || {
        let content = vec![b'x'; 1 << 20];
        (Destination::endpoint("/e"), Message::binary(content))
    };
    let sends = |count: usize| (0..count).map(|_| long()).collect::<Vec<_>>();
    let refused = commit(&mut house, slot, sends(65), Vec::new());
    assert_eq!(refused, Err(Refusal::Overloaded));
    assert_eq!(
        (house.hub.position(), house.sides[0].shard.has_inbox()),
        (0, false)
    );
    let accepted = commit(&mut house, slot, sends(64), Vec::new());
    assert_eq!(accepted.expect("just room").len(), 64);
    let empty = commit(&mut house, slot, Vec::new(), Vec::new());
    assert_eq!(empty, Ok(Vec::new()));
}

#[test]
fn s72_a_session_that_has_ended_commits_nothing() {
    let mut house = House::new(1, 1);
    let slot = house.taker("a", 9);
    house.lose(slot);
    let outcome = commit(&mut house, slot, vec![to_queue(ORDERS, "1")], Vec::new());
    assert_eq!(outcome, Err(Refusal::NoSession));
    let outcome = house.settle(slot, "a", 1, Verdict::Accepted);
    assert_eq!(outcome, Outcome::Refused(Refusal::NoSession));
    assert_eq!(house.hub.queue(ORDERS), None);
}
