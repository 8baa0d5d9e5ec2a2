//! What a publication costs among a million subscriptions, and what those cost: counted, not timed.

mod simulator;

use campanile_hub::{Destination, GLOBS_ALIKE_MAX, Message, Outcome, Pattern, Separator, Slot};
use simulator::House;

const MILLION: usize = 1_000_000;
const CROWD: usize = 200_000;
const DESTINATIONS: usize = 100_000;
const PER_SESSION: usize = 1_000;

fn matching(text: &str) -> Destination {
    let pattern = Pattern::parse(text, Separator::Slash);
    Destination::matching(pattern.expect("a pattern"))
}

/// One of the many destinations and patterns: most are names, some have a wildcard.
fn one_of_many(number: usize) -> Destination {
    let number = number % DESTINATIONS;
    match number % 10 {
        7 => matching(&format!("/topic/{number}/*")),
        8 => matching(&format!("/topic/{number}/**")),
        9 => matching(&format!("/topic/*/{number}")),
        _ => Destination::named(format!("/topic/{number}")),
    }
}

/// Sessions of all shards in turn, each with a thousand subscriptions, and so many in all.
fn crowd(house: &mut House, subscriptions: usize) -> Vec<(usize, Slot)> {
    let sides = house.sides.len();
    let sessions = subscriptions / PER_SESSION;
    let sessions = (0..sessions).map(|session| {
        let side = session % sides;
        let new = house.newcomer("/e");
        let (slot, _) = house.open(side, new);
        for number in 0..PER_SESSION {
            // Far from each other, so that each session has some of all.
            let destination = one_of_many(session * PER_SESSION + number);
            let shard = &mut house.sides[side].shard;
            let joined = shard.subscribe(slot, destination, &format!("{number}"));
            joined.finished().expect("a new subscription");
        }
        (side, slot)
    });
    sessions.collect()
}

/// What each probe reaches, and how many places are looked at for it.
fn probes(house: &mut House) -> Vec<(String, usize, usize)> {
    let new = house.newcomer("/e");
    let (slot, _) = house.open(0, new);
    for (label, destination) in [
        ("literal", Destination::named("/probe/a/b")),
        ("star", matching("/probe/*/b")),
        ("tail", matching("/probe/**")),
        ("glob", matching("/probe/a*/b")),
    ] {
        let shard = &mut house.sides[0].shard;
        let joined = shard.subscribe(slot, destination, label);
        joined.finished().expect("a new subscription");
    }
    let of = |name: &str| {
        let (subscriptions, steps) = house.hub.reach(&Destination::named(name));
        (name.to_owned(), subscriptions, steps)
    };
    let names = [
        "/probe/a/b",
        "/probe/x/b",
        "/probe/x",
        "/elsewhere",
        "/topic/none",
    ];
    names.map(of).to_vec()
}

#[test]
fn s86_among_a_million_subscriptions_a_publication_looks_at_as_few_places_as_among_a_thousand() {
    for (shards, total) in [(1, MILLION / 5), (4, MILLION)] {
        let mut few = House::new(shards, 1);
        crowd(&mut few, PER_SESSION);
        let expected = probes(&mut few);
        let mut many = House::new(shards, 1);
        let counted = allocation_counter::measure(|| drop(crowd(&mut many, total)));
        let each = counted.bytes_current as usize / total;
        assert!(
            total < MILLION || each <= 130,
            "{each} bytes a subscription, its share of all else included"
        );
        assert_eq!(probes(&mut many), expected, "{shards} shards");
        // The table, the roots, a node or two for each segment, and the glob.
        assert!(
            expected.iter().all(|(_, _, steps)| *steps <= 10),
            "{expected:?}"
        );
        // One of the many: some sessions have it, and the patterns beside it are no others' business.
        let (subscriptions, steps) = many.hub.reach(&Destination::named("/topic/1234"));
        assert_eq!(subscriptions, total / DESTINATIONS);
        assert!(steps <= 10, "{steps}");
        let accepted = many
            .hub
            .publish(Destination::named("/topic/1234"), Message::text("x"));
        let accepted = accepted.finished().expect("room in the inboxes");
        assert_eq!(accepted.subscriptions, subscriptions);
        many.pump();
        let peers = many.sides.iter_mut().flat_map(|side| {
            let slots: Vec<Slot> = (0..side.shard.len()).filter_map(Slot::from_index).collect();
            let net = &mut side.net;
            slots
                .into_iter()
                .map(|slot| net.peer(slot).received.len())
                .collect::<Vec<_>>()
        });
        assert_eq!(peers.sum::<usize>(), subscriptions);
    }
}

#[test]
fn s86_globs_beside_other_characters_are_bounded() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let mut refused = 0;
    for number in 0..2 * GLOBS_ALIKE_MAX {
        let shard = &mut house.sides[0].shard;
        let destination = matching(&format!("/topic/*-{number}-*"));
        let label = format!("{number}");
        refused += usize::from(
            shard
                .subscribe(slot, destination, &label)
                .finished()
                .is_err(),
        );
    }
    assert_eq!(refused, GLOBS_ALIKE_MAX);
    let (subscriptions, steps) = house.hub.reach(&Destination::named("/topic/a-7-b"));
    assert_eq!(subscriptions, 1);
    assert!(steps <= GLOBS_ALIKE_MAX + 5, "{steps}");
    // Those that were refused have left nothing behind.
    let (destinations, _) = house.hub.index_size();
    assert_eq!(destinations, 1 + GLOBS_ALIKE_MAX);
}

#[test]
fn s86_a_crowd_that_leaves_gives_its_nodes_and_memory_back() {
    let mut house = House::new(2, 1);
    // Somebody stays all the time.
    let (stays, _) = house.enter("/e");
    let shard = &mut house.sides[0].shard;
    let joined = shard.subscribe(stays, matching("/topic/**"), "");
    joined.finished().expect("a new subscription");
    let before = house.hub.index_size();
    let mut left = Vec::new();
    for _ in 0..2 {
        let mut during = 0;
        let counted = allocation_counter::measure(|| {
            let building = allocation_counter::measure(|| drop(crowd(&mut house, CROWD)));
            during = building.bytes_current;
            assert!(house.hub.index_size().1 > before.1 + DESTINATIONS / 4);
            everybody_leaves(&mut house, stays);
        });
        assert_eq!(house.hub.index_size(), before);
        left.push(counted.bytes_current);
        // The tables of nodes and of destinations stay, for the next crowd.
        assert!(counted.bytes_current < during / 3, "{left:?} of {during}");
    }
    assert!(
        left[1] < left[0] / 20,
        "{left:?}: the second crowd needed more"
    );
}

/// But for one; some name by name, some all at once.
fn everybody_leaves(house: &mut House, stays: Slot) {
    for side in &mut house.sides {
        let sessions: Vec<Slot> = (0..side.shard.len())
            .filter_map(Slot::from_index)
            .filter(|slot| side.shard.session(*slot).is_some())
            .collect();
        for slot in sessions {
            if side.shard.index() == 0 && slot == stays {
                continue;
            }
            for number in (0..PER_SESSION / 2).filter(|_| slot.index() % 4 == 0) {
                let ended = side.shard.unsubscribe_label(slot, &format!("{number}"));
                assert_eq!(ended, Outcome::Done(()));
            }
            side.shard.gone(slot);
            side.net.disconnect(slot);
        }
    }
}

#[test]
fn s86_subscribing_and_unsubscribing_again_and_again_leaves_nothing() {
    let mut house = House::new(1, 1);
    let (slot, _) = house.enter("/e");
    let before = house.hub.index_size();
    let mut sizes = Vec::new();
    for round in 0..20 {
        for number in 0..PER_SESSION {
            let shard = &mut house.sides[0].shard;
            let destination = one_of_many(round * PER_SESSION + number);
            let joined = shard.subscribe(slot, destination, &format!("{number}"));
            joined.finished().expect("a new subscription");
        }
        sizes.push(house.hub.index_size());
        for number in 0..PER_SESSION {
            let shard = &mut house.sides[0].shard;
            let destination = one_of_many(round * PER_SESSION + number);
            assert_eq!(shard.unsubscribe(slot, &destination), Outcome::Done(()));
        }
        assert_eq!(house.hub.index_size(), before);
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    house.pump();
}
