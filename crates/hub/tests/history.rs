//! What destinations keep for those who come back.

mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use campanile_hub::{
    Begun, Cursor, Destination, HISTORY_OVERHEAD_BYTES, HistoryBounds, HistoryLimits, HistoryScope,
    Hub, Joining, Message, Moment, NewSession, Outcome, Pattern, Publication, Refusal, Separator,
    Slot, Wait,
};
use simulator::{House, Received};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect("a pattern")
}

/// Keeps everything that is called `/keep/…`, and what users have under such names.
fn keeping(shards: usize) -> House {
    let house = House::new(shards, 1);
    for scope in [HistoryScope::Named, HistoryScope::User] {
        let limits = HistoryLimits::default();
        let kept = house.hub.keep_history(scope, &pattern("/keep/**"), limits);
        kept.expect("room for a pattern");
    }
    house
}

fn publish_to(house: &House, destination: Destination, text: &str) -> Cursor {
    let accepted = house.hub.publish(destination, Message::text(text));
    accepted.finished().expect("room in the inboxes").id.into()
}

fn publish(house: &House, name: &str, text: &str) -> Cursor {
    publish_to(house, Destination::named(name), text)
}

fn enter_labelled(house: &mut House) -> Slot {
    let new = NewSession {
        format: house.labelled,
        ..house.newcomer("/e")
    };
    house.open(0, new).0
}

fn join(
    house: &mut House,
    slot: Slot,
    destinations: &[Destination],
    label: &str,
    after: Option<Cursor>,
) -> Begun {
    let joining = Joining {
        destinations: destinations.to_vec(),
        label: label.into(),
        after,
        filter: None,
    };
    let begun = house.sides[0].shard.join(slot, joining);
    begun.finished().expect("a new subscription")
}

/// Label and content of all that a peer of the first shard has received.
fn received(house: &mut House, slot: Slot) -> Vec<String> {
    let all = std::mem::take(&mut house.peer(slot).received);
    let text = |one: &Received| match one {
        Received::Publication { label, .. } => {
            let label = label.clone().unwrap_or_default();
            format!("{label} {}", one.text())
        }
        other => other.text(),
    };
    all.iter().map(text).collect()
}

#[test]
fn s98_who_comes_back_gets_what_was_missed_and_then_what_is_published() {
    let mut house = keeping(2);
    publish(&house, "/keep/a", "1");
    let slot = enter_labelled(&mut house);
    let room = [Destination::named("/keep/a")];
    let begun = join(&mut house, slot, &room, "a", None);
    assert_eq!(begun.recovered, None);
    assert_eq!(begun.cursor, house.hub.cursor());
    let seen = publish(&house, "/keep/a", "2");
    house.pump();
    assert_eq!(received(&mut house, slot), ["a 2"]);
    // It is cut off, and misses some.
    house.sides[0].shard.gone(slot);
    house.sides[0].net.disconnect(slot);
    publish(&house, "/keep/a", "3");
    publish(&house, "/keep/b", "other");
    publish(&house, "/keep/a", "4");
    let back = enter_labelled(&mut house);
    let begun = join(&mut house, back, &room, "a", Some(seen));
    assert_eq!(begun.recovered, Some(true));
    assert_eq!(begun.cursor.position, 5);
    let shard = &mut house.sides[0].shard;
    let told = shard.reply(back, simulator::reply_frame(b"receipt"));
    assert_eq!(told, Outcome::Done(()));
    publish(&house, "/keep/a", "5");
    house.pump();
    let all = ["receipt", "a 3", "a 4", "a 5"];
    assert_eq!(received(&mut house, back), all);
    // From where it joined on, once it has received everything.
    publish(&house, "/keep/a", "6");
    house.pump();
    assert_eq!(received(&mut house, back), ["a 6"]);
    let again = join(&mut house, back, &room, "b", Some(begun.cursor));
    assert_eq!(again.recovered, Some(true));
    house.pump();
    assert_eq!(received(&mut house, back), ["b 5", "b 6"]);
}

#[test]
fn s98_a_cursor_that_is_not_ours_has_not_recovered() {
    let mut house = keeping(1);
    let cursor = publish(&house, "/keep/a", "1");
    publish(&house, "/keep/a", "2");
    let slot = enter_labelled(&mut house);
    let room = [Destination::named("/keep/a")];
    let other_life = Cursor {
        epoch: cursor.epoch ^ 1,
        ..cursor
    };
    let from_the_future = Cursor {
        position: 3,
        ..cursor
    };
    for (label, after) in [("o", other_life), ("f", from_the_future)] {
        let begun = join(&mut house, slot, &room, label, Some(after));
        assert_eq!(begun.recovered, Some(false));
    }
    house.pump();
    assert_eq!(received(&mut house, slot), [""; 0]);
    // A subscription that exists is not made again, and nothing of the list is.
    let joining = Joining {
        destinations: vec![Destination::named("/keep/b"), room[0].clone()],
        label: "o".into(),
        after: None,
        filter: None,
    };
    let refused = house.sides[0].shard.join(slot, joining).finished();
    assert_eq!(refused, Err(Refusal::AlreadySubscribed));
    assert_eq!(house.hub.subscriptions(&Destination::named("/keep/b")), 0);
}

/// Whether somebody who comes back to this now would have recovered.
fn recovers(house: &mut House, destination: Destination, after: Cursor) -> bool {
    let slot = enter_labelled(house);
    let begun = join(house, slot, &[destination], "r", Some(after));
    house.pump();
    house.sides[0].shard.gone(slot);
    house.sides[0].net.disconnect(slot);
    begun.recovered.expect("it was asked for")
}

fn limit(house: &House, text: &str, limits: HistoryLimits) {
    let kept = house
        .hub
        .keep_history(HistoryScope::Named, &pattern(text), limits);
    kept.expect("room for a pattern");
}

/// No limits at all.
const ALL: HistoryLimits = HistoryLimits {
    count_max: usize::MAX,
    bytes_max: usize::MAX,
    age_max: Duration::MAX,
};

#[test]
fn s98_what_was_let_go_of_is_not_made_up_for_by_a_part_of_it() {
    let mut house = House::new(1, 1);
    let few = HistoryLimits {
        count_max: 2,
        ..ALL
    };
    let cost = HISTORY_OVERHEAD_BYTES + "/short/a".len() + 1;
    let short = HistoryLimits {
        bytes_max: 2 * cost,
        ..ALL
    };
    limit(&house, "/few/*", few);
    limit(&house, "/short/*", short);
    // The first rule that was made counts.
    limit(&house, "/**", ALL);
    for name in ["/few/a", "/short/a"] {
        let cursors: Vec<Cursor> = (1..=4)
            .map(|number| publish(&house, name, &number.to_string()))
            .collect();
        let whether = cursors.iter().map(|after| {
            let to = Destination::named(name);
            recovers(&mut house, to, *after)
        });
        assert_eq!(whether.collect::<Vec<_>>(), [false, true, true, true]);
        let slot = enter_labelled(&mut house);
        let to = [Destination::named(name)];
        join(&mut house, slot, &to, "no", Some(cursors[0]));
        join(&mut house, slot, &to, "yes", Some(cursors[1]));
        house.pump();
        assert_eq!(received(&mut house, slot), ["yes 3", "yes 4"]);
    }
    let (destinations, count, bytes) = house.hub.history_size();
    assert_eq!((destinations, count, bytes), (2, 4, 4 * cost - 2 * 2));
}

#[test]
fn s98_who_has_not_recovered_gets_what_is_retained_as_anybody_does() {
    let mut house = House::new(1, 1);
    house.hub.retain(&pattern("/keep/*")).expect("room");
    let one = HistoryLimits {
        count_max: 1,
        ..ALL
    };
    limit(&house, "/keep/*", one);
    let room = [Destination::named("/keep/a")];
    let first = publish(&house, "/keep/a", "1");
    let second = publish(&house, "/keep/a", "2");
    let last = publish(&house, "/keep/a", "3");
    let slot = enter_labelled(&mut house);
    let recovered = [("f", first), ("s", second), ("l", last)]
        .map(|(label, after)| join(&mut house, slot, &room, label, Some(after)).recovered);
    assert_eq!(recovered, [Some(false), Some(true), Some(true)]);
    house.pump();
    assert_eq!(received(&mut house, slot), ["f 3", "s 3"]);
}

#[test]
fn s98_a_destination_without_a_history_has_recovered_if_nothing_was_published() {
    let mut house = keeping(1);
    let before = publish(&house, "/lose/a", "1");
    publish(&house, "/keep/a", "2");
    let lose = Destination::named("/lose/a");
    assert!(recovers(&mut house, lose.clone(), before));
    publish(&house, "/lose/a", "3");
    assert!(!recovers(&mut house, lose, before));
    assert!(recovers(&mut house, Destination::named("/keep/a"), before));
    // What is not for everybody is kept for nobody.
    let before = house.hub.cursor();
    let to_some = Destination::named("/keep/a");
    let accepted = house
        .hub
        .publish_to_picked(to_some, Message::text("4"), |_| false);
    let after: Cursor = accepted.finished().expect("room").id.into();
    let keep = Destination::named("/keep/a");
    assert!(!recovers(&mut house, keep.clone(), before));
    assert!(recovers(&mut house, keep, after));
    // A pattern has recovered if nothing that begins alike was lost.
    publish(&house, "/keep/b", "5");
    assert!(recovers(
        &mut house,
        Destination::matching(pattern("/keep/*")),
        after
    ));
    publish(&house, "/lose/b", "6");
    assert!(recovers(
        &mut house,
        Destination::matching(pattern("/keep/*")),
        after
    ));
    assert!(!recovers(
        &mut house,
        Destination::matching(pattern("/lose/*")),
        after
    ));
    assert!(!recovers(
        &mut house,
        Destination::matching(pattern("/**")),
        after
    ));
    // Endpoints and users have nothing that could be named.
    publish_to(&house, Destination::endpoint("/e"), "7");
    let (room, now) = (Destination::endpoint("/other"), house.hub.cursor());
    assert!(!recovers(&mut house, room.clone(), after));
    assert!(recovers(&mut house, room, now));
}

#[test]
fn s98_several_destinations_are_recovered_as_one() {
    let mut house = keeping(1);
    let ada = Destination::of_user("ada", "/keep/inbox");
    let after = house.hub.cursor();
    publish_to(&house, ada.clone(), "1");
    publish(&house, "/keep/b", "2");
    publish_to(
        &house,
        Destination::of_user("bob", "/keep/inbox"),
        "not hers",
    );
    publish_to(&house, ada.clone(), "3");
    publish(&house, "/keep/b", "4");
    let slot = enter_labelled(&mut house);
    let session = house.sides[0].shard.session(slot).expect("a session").id();
    let both = [
        ada.clone(),
        Destination::of_session(session, "/keep/inbox"),
        Destination::named("/keep/b"),
        Destination::matching(pattern("/keep/*")),
    ];
    let begun = join(&mut house, slot, &both, "all", Some(after));
    assert_eq!(begun.recovered, Some(true));
    publish_to(&house, ada.clone(), "5");
    publish_to(&house, both[1].clone(), "6");
    house.pump();
    publish(&house, "/keep/b", "7");
    house.pump();
    let got = [
        "all 1", "all 2", "all 3", "all 4", "all 5", "all 6", "all 7",
    ];
    assert_eq!(received(&mut house, slot), got);
    // What a session had alone is lost with it, and the next one is told so.
    house.sides[0].shard.gone(slot);
    house.sides[0].net.disconnect(slot);
    let slot = enter_labelled(&mut house);
    let another = house.sides[0].shard.session(slot).expect("a session").id();
    assert_ne!(another, session);
    let both = [ada, Destination::of_session(another, "/keep/inbox")];
    let begun = join(&mut house, slot, &both, "all", Some(after));
    assert_eq!(begun.recovered, Some(false));
    let begun = join(&mut house, slot, &both, "now", Some(begun.cursor));
    assert_eq!(begun.recovered, Some(true));
}

#[test]
fn s98_s88_a_replay_passes_the_filter() {
    let mut house = keeping(1);
    let after = house.hub.cursor();
    for number in 1..=6 {
        publish(&house, "/keep/a", &number.to_string());
    }
    let slot = enter_labelled(&mut house);
    let joining = Joining {
        destinations: vec![Destination::named("/keep/a")],
        label: "f".into(),
        after: Some(after),
        filter: Some(Arc::new(|one: &Publication| match one.id().position % 3 {
            0 => campanile_hub::Delivery::Dropped,
            1 => campanile_hub::Delivery::Replaced(Message::text("other")),
            _ => campanile_hub::Delivery::AsItIs,
        })),
    };
    let begun = house.sides[0].shard.join(slot, joining).finished();
    assert_eq!(begun.expect("new").recovered, Some(true));
    house.pump();
    publish(&house, "/keep/a", "7");
    house.pump();
    let got = ["f other", "f 2", "f other", "f 5", "f other"];
    assert_eq!(received(&mut house, slot), got);
}

#[test]
fn s98_histories_age_at_publishing_at_joining_and_by_themselves() {
    let time = Arc::new(AtomicU64::new(0));
    let clock = {
        let time = Arc::clone(&time);
        let now = move || Moment::after_start(Duration::from_millis(time.load(Ordering::Relaxed)));
        Arc::new(now)
    };
    let (hub, mut shards) = Hub::with_clock(vec![Arc::new(|| ())], clock.clone()).expect("a hub");
    let mut net = simulator::Net::new(1);
    let mut pump = |shards: &mut Vec<campanile_hub::Shard>| shards[0].pump(&mut net, clock());
    assert_eq!(pump(&mut shards), Wait::Event);
    let second = HistoryLimits {
        age_max: Duration::from_secs(1),
        ..ALL
    };
    let kept = hub.keep_history(HistoryScope::Named, &pattern("/**"), second);
    kept.expect("room for a pattern");
    let publish = |text: &str| {
        let accepted = hub.publish(Destination::named("/a"), Message::text(text));
        accepted.finished().expect("room");
    };
    let kept = || hub.history_size().1;
    publish("1");
    time.store(600, Ordering::Relaxed);
    publish("2");
    assert_eq!(kept(), 2);
    time.store(1_001, Ordering::Relaxed);
    publish("3");
    assert_eq!(kept(), 2);
    // Somebody must look for what is too old, so the shard wants to be pumped.
    assert_ne!(pump(&mut shards), Wait::Event);
    time.store(2_100, Ordering::Relaxed);
    let _ = pump(&mut shards);
    assert_eq!(hub.history_size(), (1, 0, 0));
}

#[test]
fn s98_histories_are_bounded_together_by_destinations_and_bytes() {
    let mut house = House::new(1, 1);
    limit(&house, "/**", ALL);
    let cost = HISTORY_OVERHEAD_BYTES + "/0".len() + 1;
    house.hub.set_history_bounds(HistoryBounds {
        destinations_max: 3,
        bytes_max: 5 * cost,
    });
    let start = house.hub.cursor();
    for name in ["/0", "/1", "/2", "/0"] {
        publish(&house, name, "x");
    }
    assert_eq!(house.hub.history_size(), (3, 4, 4 * cost));
    // The one that was published to longest ago is forgotten, but not that it had something.
    publish(&house, "/3", "x");
    assert_eq!(house.hub.history_size(), (3, 4, 4 * cost));
    assert!(!recovers(&mut house, Destination::named("/1"), start));
    assert!(recovers(&mut house, Destination::named("/0"), start));
    // The oldest of all are let go of.
    publish(&house, "/3", "x");
    publish(&house, "/3", "x");
    assert_eq!(house.hub.history_size(), (3, 5, 5 * cost));
    assert!(!recovers(&mut house, Destination::named("/0"), start));
    assert!(recovers(&mut house, Destination::named("/2"), start));
    house.hub.set_history_bounds(HistoryBounds {
        destinations_max: 3,
        bytes_max: cost,
    });
    assert_eq!(house.hub.history_size(), (3, 1, cost));
    assert!(!recovers(&mut house, Destination::named("/2"), start));
    house.hub.set_history_bounds(HistoryBounds {
        destinations_max: 0,
        bytes_max: cost,
    });
    assert_eq!(house.hub.history_size(), (0, 0, 0));
    assert!(!recovers(&mut house, Destination::named("/3"), start));
}
