//! What destinations keep for those who come back.

mod simulator;

use std::time::Duration;

use campanile_hub::{
    Begun, Cursor, Destination, HistoryLimits, HistoryScope, Joining, Message, NewSession, Outcome,
    Pattern, Refusal, Separator, Slot,
};
use simulator::{House, Received};

pub(crate) fn pattern(text: &str) -> Pattern {
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
    house.pass(Duration::from_millis(1));
}
