//! What is decided of publications for one subscription alone, and whose a session becomes.

mod simulator;

use std::sync::Arc;

use campanile_hub::{Delivery, Destination, Message, NewSession, Outcome, Refusal};
use simulator::{House, Received};

fn room() -> Destination {
    Destination::named("/topic/room")
}

fn texts(house: &mut House, slot: campanile_hub::Slot) -> Vec<String> {
    let received = house.peer(slot).received.iter();
    let texts = received.filter_map(|one| match one {
        Received::Publication { label, content, .. } => {
            let label = label.as_deref().unwrap_or_default();
            Some(format!("{label} {}", String::from_utf8_lossy(content)))
        }
        _ => None,
    });
    texts.collect()
}

#[test]
fn s151_a_publication_passes_is_dropped_or_is_another_for_one_subscription() {
    let mut house = House::new(1, 1);
    let labelled = |house: &House| NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    let (plain, _) = {
        let new = labelled(&house);
        house.open(0, new)
    };
    let (picky, _) = {
        let new = labelled(&house);
        house.open(0, new)
    };
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.subscribe(plain, room(), "p"), Outcome::Done(0));
    let decide = |publication: &campanile_hub::Publication| {
        let bytes = publication.content().bytes();
        match &bytes[..] {
            b"drop" => Delivery::Dropped,
            b"panic" => panic!("in an interceptor"),
            b"secret" => Delivery::Replaced(Message::text("***")),
            _ => Delivery::AsItIs,
        }
    };
    let joined = shard.subscribe_through(picky, room(), "q", decide);
    assert_eq!(joined, Outcome::Done(0));
    for text in ["one", "drop", "panic", "secret"] {
        let accepted = house.hub.publish(room(), Message::text(text));
        accepted.finished().expect("room in the inboxes");
    }
    house.pump();
    assert_eq!(
        texts(&mut house, plain),
        ["p one", "p drop", "p panic", "p secret"]
    );
    assert_eq!(texts(&mut house, picky), ["q one", "q ***"]);
    // A second subscription of the session is delivered in the log's order with the first.
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe(picky, room(), "r");
    assert!(matches!(joined, Outcome::Done(_)));
    for text in ["secret", "two"] {
        let accepted = house.hub.publish(room(), Message::text(text));
        accepted.finished().expect("room in the inboxes");
    }
    house.pump();
    let all = texts(&mut house, picky);
    assert_eq!(all[2..], ["q ***", "r secret", "q two", "r two"]);
}

#[test]
fn s164_a_session_becomes_a_users_once() {
    let mut house = House::new(1, 1);
    let new = house.newcomer("/e");
    let (slot, session) = house.open(0, new);
    let (ada, bob): (Arc<str>, Arc<str>) = ("ada".into(), "bob".into());
    let shard = &mut house.sides[0].shard;
    assert_eq!(session.principal(), None);
    assert_eq!(shard.sign_in(slot, Arc::clone(&ada)), Outcome::Done(()));
    assert_eq!(shard.sign_in(slot, Arc::clone(&ada)), Outcome::Done(()));
    let other = shard.sign_in(slot, bob);
    assert_eq!(other, Outcome::Refused(Refusal::UserKnown));
    assert_eq!(session.principal(), Some("ada"));
    assert_eq!(house.hub.subscriptions(&Destination::user(ada)), 1);
    house.sides[0].shard.gone(slot);
    assert_eq!(house.hub.subscriptions(&Destination::user("ada")), 0);
}
