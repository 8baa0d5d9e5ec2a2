//! Limits, identities and what a session knows of itself.

mod simulator;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use campanile_hub::{
    Attributes, Destination, Hub, INBOX_BYTES_MAX, INBOX_ENTRIES_MAX, Message, Outcome,
    PathParameters, Refusal, SHARDS_MAX, Slot, Wake,
};
use simulator::{House, reply_frame};

fn wakes(count: usize) -> Vec<Wake> {
    (0..count).map(|_| -> Wake { Arc::new(|| ()) }).collect()
}

#[test]
fn a_hub_has_between_one_shard_and_sixty_four() {
    assert_eq!(Hub::new(wakes(0)).expect_err("none"), Refusal::Full);
    assert_eq!(
        Hub::new(wakes(SHARDS_MAX + 1)).expect_err("too many"),
        Refusal::Full
    );
    let (hub, mut shards) = Hub::new(wakes(SHARDS_MAX)).expect("a hub");
    let mut house = House::new(1, 1);
    let newcomer = || House::new(1, 1).newcomer("/e");
    let format = hub
        .register(house.plain_wire.clone())
        .expect("room for a format");
    for shard in &mut shards {
        let new = campanile_hub::NewSession {
            format,
            ..newcomer()
        };
        assert!(shard.is_empty());
        shard
            .open(new, campanile_hub::Moment::default())
            .finished()
            .expect("room for a session");
        assert_eq!(shard.len(), 1);
    }
    assert_eq!(hub.subscriptions(&Destination::endpoint("/e")), SHARDS_MAX);
    let accepted = hub.publish(Destination::endpoint("/e"), Message::text("to all"));
    assert_eq!(accepted.finished().expect("room").subscriptions, SHARDS_MAX);
    assert!(shards.iter().all(campanile_hub::Shard::has_inbox));
    assert_eq!(house.pump(), [campanile_hub::Wait::Event]);
}

#[test]
fn an_inbox_full_of_entries_refuses_and_loses_nothing_that_it_accepted() {
    let mut house = House::new(2, 1);
    let (slot, session) = house.enter("/e");
    let (other, _) = house.open(1, house.newcomer("/other"));
    let endpoint = Destination::endpoint("/e");
    for number in 0..INBOX_ENTRIES_MAX {
        let outcome = house
            .hub
            .publish(endpoint.clone(), Message::text(format!("{number}")));
        assert_eq!(
            outcome.finished().expect("room").id.position,
            number as u64 + 1
        );
    }
    let overloaded = Err(Refusal::Overloaded);
    let late = || Message::text("late");
    assert_eq!(
        house.hub.publish(endpoint.clone(), late()).finished(),
        overloaded
    );
    assert_eq!(house.hub.send(&session, late()).finished(), overloaded);
    let picked = house
        .hub
        .publish_to_picked(endpoint.clone(), late(), |_| true);
    assert_eq!(picked.finished(), overloaded);
    let answer = house.sides[0].shard.answer(slot, late());
    assert_eq!(answer, Outcome::Refused(Refusal::Overloaded));
    // Who has subscribers elsewhere only is not concerned, and no position is lost.
    let elsewhere = house
        .hub
        .publish(Destination::endpoint("/other"), Message::text("hello"));
    let accepted = elsewhere.finished().expect("room in the other inbox");
    assert_eq!(accepted.id.position, INBOX_ENTRIES_MAX as u64 + 1);
    // A close gets through where nothing else does.
    assert_eq!(
        house.hub.close(&session, 4_000, "enough"),
        Outcome::Done(())
    );
    house.pump();
    let texts = house.texts(slot);
    assert_eq!(texts.len(), INBOX_ENTRIES_MAX + 1);
    for (number, text) in texts[..INBOX_ENTRIES_MAX].iter().enumerate() {
        assert_eq!(*text, number.to_string());
    }
    assert_eq!(texts[INBOX_ENTRIES_MAX], "close 4000");
    assert_eq!(house.sides[1].net.peer(other).received.len(), 1);
    house
        .hub
        .publish(endpoint, Message::text("again"))
        .finished()
        .expect("room again");
}

#[test]
fn an_inbox_full_of_bytes_refuses_and_loses_nothing_that_it_accepted() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let endpoint = Destination::endpoint("/e");
    let content = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let accepted = std::iter::repeat_with(|| {
        house
            .hub
            .publish(endpoint.clone(), Message::binary(content.clone()))
            .finished()
    });
    let accepted = accepted.take(1_000).take_while(Result::is_ok).count();
    assert_eq!(accepted, INBOX_BYTES_MAX >> 20);
    let small = house.hub.publish(endpoint.clone(), Message::text("x"));
    assert_eq!(small.finished(), Err(Refusal::Overloaded));
    house.pump();
    assert_eq!(house.peer(slot).received.len(), accepted);
    house
        .hub
        .publish(endpoint, Message::binary(content))
        .finished()
        .expect("room again");
    house.pump();
    assert_eq!(house.peer(slot).received.len(), accepted + 1);
}

#[test]
fn a_slot_that_is_used_again_gets_nothing_that_was_meant_for_its_former_session() {
    let mut house = House::new(1, 1);
    let (slot, former) = house.enter("/former");
    house.peer(slot).room = Some(0);
    house
        .hub
        .send(&former, Message::text("fills the transport"))
        .finished()
        .expect("room");
    house.pump();
    house
        .hub
        .send(&former, Message::text("secret"))
        .finished()
        .expect("room");
    assert_eq!(house.hub.close(&former, 4_000, "enough"), Outcome::Done(()));
    let shard = &mut house.sides[0].shard;
    assert_eq!(
        shard.reply(slot, reply_frame(b"secret reply")),
        Outcome::Done(())
    );
    shard.writable(slot);
    shard.peer_closed(slot);
    assert!(
        shard.gone(slot).is_none(),
        "no close was under way on the shard"
    );
    house.sides[0].net.disconnect(slot);

    let (again, latter) = house.enter("/latter");
    assert_eq!(again, slot);
    assert_ne!(latter.id(), former.id());
    house.pump();
    assert!(latter.is_open());
    assert_eq!(house.peer(again).writes, 0);
    assert_eq!(
        house.hub.send(&former, Message::text("x")).finished(),
        Err(Refusal::NoSession)
    );
    house
        .hub
        .send(&latter, Message::text("for you"))
        .finished()
        .expect("room");
    house.pump();
    assert_eq!(house.texts(again), ["for you"]);
    // Deadlines of the former session pass over the latter one.
    house.pass(campanile_hub::CLOSING_TIMEOUT * 4);
    house.pump();
    assert!(latter.is_open());
}

#[test]
fn replies_count_as_waiting_before_they_are_written() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let shard = &mut house.sides[0].shard;
    // A transport asks this before it reads on: many requests may come in between two pumps.
    for _ in 0..3 {
        let reply = reply_frame(&[0; 100]);
        assert_eq!(shard.reply(slot, reply), Outcome::Done(()));
    }
    let replies = 3 * reply_frame(&[0; 100]).len();
    assert_eq!(shard.waiting_bytes(slot), replies);
    assert_eq!(
        shard.answer(slot, Message::text("x".repeat(50))),
        Outcome::Done(())
    );
    assert_eq!(shard.waiting_bytes(slot), replies + 50);
    house.pump();
    assert_eq!(house.sides[0].shard.waiting_bytes(slot), 0);
}

#[test]
fn commands_to_slots_that_nobody_is_in_are_refused() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    assert!(house.sides[0].shard.gone(slot).is_none());
    let (now, refused) = (house.now, Outcome::Refused(Refusal::NoSession));
    let shard = &mut house.sides[0].shard;
    shard.writable(slot);
    shard.peer_closed(slot);
    assert!(shard.session(slot).is_none());
    assert_eq!(shard.waiting_bytes(slot), 0);
    assert_eq!(shard.reply(slot, bytes::Bytes::new()), refused);
    assert_eq!(shard.answer(slot, Message::text("x")), refused);
    assert_eq!(
        shard.close(slot, campanile_hub::Ending::lost(), now),
        refused
    );
    let subscribed = shard.subscribe(slot, Destination::named("/topic/a"), "");
    assert_eq!(subscribed, Outcome::Refused(Refusal::NoSession));
    let left = shard.unsubscribe(slot, &Destination::named("/topic/a"));
    assert_eq!(left, Outcome::Refused(Refusal::NotSubscribed));
    assert_eq!(house.pump(), [campanile_hub::Wait::Event]);
}

#[test]
fn s19_session_ids_are_unique_and_random() {
    let mut house = House::new(2, 1);
    let mut ids = HashSet::new();
    let mut bits = [0_usize; 96];
    for number in 0..2_000 {
        let (slot, session) = house.open(number % 2, house.newcomer("/e"));
        let text = session.id().to_string();
        assert_eq!(text.len(), 32);
        let random = u128::from_str_radix(&text[..24], 16).expect("hexadecimal");
        for (bit, count) in bits.iter_mut().enumerate() {
            *count += (random >> bit & 1) as usize;
        }
        assert!(
            ids.insert(random),
            "the random part alone must tell sessions apart"
        );
        // Half of the slots are used again and again.
        if number % 3 == 0 {
            let side = &mut house.sides[number % 2];
            assert!(side.shard.gone(slot).is_none());
            side.net.disconnect(slot);
        }
    }
    // Each bit is set in about half of the ids: a thousand, give or take ten deviations.
    assert!(
        bits.iter().all(|count| (776..=1_224).contains(count)),
        "{bits:?}"
    );
}

#[test]
fn positions_rise_by_one_within_an_epoch_that_is_another_for_each_hub() {
    let (house, another) = (House::new(1, 1), House::new(1, 1));
    let publish = |house: &House| {
        let outcome = house
            .hub
            .publish(Destination::named("/topic/a"), Message::text("x"));
        let accepted = outcome.finished().expect("room");
        assert_eq!(accepted.subscriptions, 0);
        accepted.id
    };
    let ids: Vec<_> = (0..3).map(|_| publish(&house)).collect();
    assert_eq!(
        ids.iter().map(|id| id.position).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(ids.iter().all(|id| id.epoch == ids[0].epoch));
    assert!(ids[0].epoch < 1 << 48);
    assert_ne!(publish(&another).epoch, ids[0].epoch);
    assert_eq!(ids[1].to_string(), format!("{:x}-2", ids[0].epoch));
}

#[test]
fn only_shards_with_subscribers_are_woken() {
    let mut house = House::new(3, 1);
    house.open(1, house.newcomer("/e"));
    let woken = |house: &House| -> Vec<usize> {
        house
            .woken
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect()
    };
    assert_eq!(woken(&house), [0, 0, 0]);
    let publish = |house: &House, name: &str| {
        let outcome = house
            .hub
            .publish(Destination::endpoint(name), Message::text("x"));
        outcome.finished().expect("room");
    };
    publish(&house, "/nobody");
    assert_eq!(woken(&house), [0, 0, 0]);
    publish(&house, "/e");
    assert_eq!(woken(&house), [0, 1, 0]);
    let (_, session) = house.open(2, house.newcomer("/e"));
    house
        .hub
        .send(&session, Message::text("x"))
        .finished()
        .expect("room");
    assert_eq!(woken(&house), [0, 1, 1]);
    publish(&house, "/e");
    assert_eq!(house.hub.close(&session, 1000, ""), Outcome::Done(()));
    assert_eq!(woken(&house), [0, 2, 3]);
}

#[test]
fn attributes_are_typed_replaced_and_removed_by_name() {
    let mut attributes = Attributes::default();
    attributes.set("name", "Guest1");
    attributes.set(String::from("age"), 7_u32);
    attributes.set("name", String::from("Ada"));
    assert_eq!(attributes.text("name"), Some("Ada"));
    assert_eq!(attributes.get::<u32>("age"), Some(&7));
    assert_eq!(attributes.get::<u64>("age"), None);
    assert_eq!(attributes.text("age"), None);
    assert_eq!(attributes.text("unknown"), None);
    assert_eq!(attributes.names().collect::<Vec<_>>(), ["name", "age"]);
    assert!(attributes.remove("name"));
    assert!(!attributes.remove("name"));
    assert_eq!(attributes.names().collect::<Vec<_>>(), ["age"]);
    assert!(
        !format!("{attributes:?}").contains('7'),
        "values may be secret"
    );

    let mut house = House::new(1, 1);
    let new = campanile_hub::NewSession {
        attributes,
        ..house.newcomer("/e")
    };
    let (slot, session) = house.open(0, new);
    session.attributes().set("seen", true);
    let same = house.sides[0].shard.session(slot).expect("a session");
    assert_eq!(same.attributes().get::<bool>("seen"), Some(&true));
    assert_eq!(same.attributes().get::<u32>("age"), Some(&7));
}

#[test]
fn path_parameters_pair_names_with_values_in_order() {
    let names: Arc<[Box<str>]> = Arc::new(["room".into(), "user".into()]);
    let parameters = PathParameters::new(Arc::clone(&names), vec!["7".into(), "ada".into()]);
    assert_eq!(parameters.get("user"), Some("ada"));
    assert_eq!(parameters.get("User"), None);
    assert_eq!(
        parameters.iter().collect::<Vec<_>>(),
        [("room", "7"), ("user", "ada")]
    );
    assert_eq!((parameters.len(), parameters.is_empty()), (2, false));
    assert!(PathParameters::default().is_empty());

    let mut house = House::new(1, 1);
    let new = campanile_hub::NewSession {
        path_parameters: parameters,
        protocol: Some("chat".into()),
        uri: "/rooms/7/ada?x=1".into(),
        ..house.newcomer("/rooms/{room}/{user}")
    };
    let (slot, session) = house.open(0, new);
    assert_eq!(session.path_parameters().get("room"), Some("7"));
    assert_eq!(
        (session.uri(), session.protocol()),
        ("/rooms/7/ada?x=1", Some("chat"))
    );
    assert_eq!(
        session.endpoint(),
        &Destination::endpoint("/rooms/{room}/{user}")
    );
    assert_eq!(session.principal(), None);
    assert_eq!(Slot::from_index(slot.index()), Some(slot));
}
