//! What the index costs: nodes looked at, memory, and what hostile patterns can make of it.

use std::collections::HashSet;

use campanile_hub::{GLOBS_ALIKE_MAX, IndexFull, Pattern, PatternIndex, Separator};

fn slash(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect(text)
}

fn add(index: &mut PatternIndex<String>, text: &str) {
    index.insert(&slash(text), text.to_owned()).expect(text);
}

fn found(index: &PatternIndex<String>, destination: &str) -> (HashSet<String>, usize) {
    let mut all = HashSet::new();
    let steps = index.find(destination, |text| {
        assert!(all.insert(text.clone()), "{text} was visited twice");
    });
    (all, steps)
}

/// An index with the patterns under test and `others` of each kind that match something else.
fn among(others: usize, texts: &[&str]) -> PatternIndex<String> {
    let mut index = PatternIndex::new();
    for number in 0..others {
        for other in [
            format!("/topic/other-{number}"),
            format!("/topic/other-{number}/*"),
            format!("/topic/{{a}}/other-{number}"),
            format!("/topic/other-{number}/**"),
            format!("/topic/**/other-{number}"),
            format!("/topic/other-{number}-*"),
            format!("/topic/*-other-{number}"),
        ] {
            add(&mut index, &other);
        }
    }
    for text in texts {
        add(&mut index, text);
    }
    index
}

#[test]
fn s86_others_cost_nothing_however_many_they_are() {
    let texts = [
        "/topic/stocks/eur",
        "/topic/stocks/*",
        "/topic/{kind}/eur",
        "/topic/**",
        "/topic/stocks/e*",
        "/**/eur",
    ];
    let few = among(10, &texts);
    let many = among(20_000, &texts);
    assert_eq!(many.len(), 140_000 + texts.len());
    for destination in [
        "/topic/stocks/eur",
        "/topic/stocks/usd",
        "/topic",
        "/x",
        "/topic/a-b/c",
    ] {
        let (expected, steps) = found(&few, destination);
        assert_eq!(
            found(&many, destination),
            (expected, steps),
            "{destination}"
        );
        assert!(steps <= 24, "{steps} for {destination}");
    }
    assert_eq!(found(&many, "/topic/stocks/eur").0.len(), texts.len());
}

#[test]
fn s86_each_kind_of_pattern_alone_costs_a_node_a_segment() {
    for (text, steps) in [
        ("/topic/stocks/eur", 1),
        // The root, and one for each segment.
        ("/topic/stocks/*", 4),
        ("/topic/{kind}/{name}", 4),
        ("/topic/**", 3),
        // And the comparison.
        ("/topic/stocks/e*", 5),
        // `**` is tried before each segment.
        ("/**/eur", 6),
    ] {
        let mut index = PatternIndex::new();
        add(&mut index, text);
        let (all, taken) = found(&index, "/topic/stocks/eur");
        assert_eq!(all, HashSet::from([text.to_owned()]));
        assert_eq!(taken, steps, "{text}");
    }
}

#[test]
fn s84_s86_names_of_variables_and_equal_patterns_share_their_nodes() {
    let mut index = PatternIndex::new();
    for number in 0..1_000 {
        add(&mut index, &format!("/topic/{{v{number}}}/news"));
    }
    assert_eq!(index.nodes(), 4);
    let (all, steps) = found(&index, "/topic/garden/news");
    assert_eq!((all.len(), steps), (1_000, 4));
}

#[test]
fn s86_many_globs_in_one_place_are_refused_and_elsewhere_there_is_room() {
    let mut index = PatternIndex::new();
    add(&mut index, "/a/*");
    let mut refused = 0;
    for number in 0..100_000 {
        let pattern = slash(&format!("/a/*x{number}y*"));
        let nodes = index.nodes();
        match index.insert(&pattern, pattern.to_string()) {
            Ok(_) => assert_eq!(index.nodes(), nodes + 1),
            Err(error) => {
                let IndexFull::Globs { excerpt, globs_max } = &error else {
                    panic!("{error}");
                };
                assert_eq!(*excerpt, format!("*x{number}y*"));
                assert_eq!(*globs_max, GLOBS_ALIKE_MAX);
                assert_eq!(index.nodes(), nodes);
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 100_000 - GLOBS_ALIKE_MAX);
    let (all, steps) = found(&index, "/a/x7y");
    assert_eq!(all.len(), 2);
    assert!(steps <= GLOBS_ALIKE_MAX + 4);
    // Neighbours pay nothing, and find room: with a text of their own, or with an equal glob.
    assert!(found(&index, "/b/x7y").1 <= 2);
    add(&mut index, "/a/mine-*x*");
    add(&mut index, "/a/*x*-mine");
    add(&mut index, "/a/*x7y*/b");
}

#[test]
fn s86_many_double_stars_are_searched_once_for_each_segment() {
    let mut index = PatternIndex::new();
    for text in [
        "/**/a/**/b/**/c",
        "/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b",
        "/**/*/**/*/**/*/**/*/**/*/**/*/**/*/**/*/**/*/**/*/**/z",
        "/a/**/*/**/{v}/a/**",
    ] {
        add(&mut index, text);
    }
    let destination = "/a".repeat(64);
    let (all, steps) = found(&index, &destination);
    assert_eq!(all, HashSet::from(["/a/**/*/**/{v}/a/**".to_owned()]));
    assert!(
        steps <= index.nodes() * 65,
        "{steps} for {} nodes",
        index.nodes()
    );
    let (all, _) = found(&index, &format!("{destination}/b/c"));
    assert_eq!(all.len(), 2);
}

#[test]
fn s86_patterns_of_which_every_beginning_matches_cost_a_node_each() {
    let mut index = PatternIndex::new();
    for choice in 0..1 << 10 {
        let segments = (0..10).map(|bit| if choice >> bit & 1 == 1 { "/*" } else { "/a" });
        add(&mut index, &(segments.collect::<String>() + "/z"));
    }
    let (all, steps) = found(&index, &"/a".repeat(11));
    assert!(all.is_empty());
    assert!(
        steps <= index.nodes(),
        "{steps} for {} nodes",
        index.nodes()
    );
    assert_eq!(
        found(&index, &format!("{}/z", "/a".repeat(10))).0.len(),
        1 << 10
    );
}

#[test]
fn s86_long_destinations_and_long_globs_neither_overflow_nor_explode() {
    let mut index = PatternIndex::new();
    add(&mut index, "/**");
    add(&mut index, "/**/a/**/z");
    add(&mut index, &"/*".repeat(32));
    add(&mut index, &format!("/{}b", "*a".repeat(15)));
    add(&mut index, &format!("/{}b*", "*?a".repeat(7)));
    let (all, steps) = found(&index, &"/a".repeat(100_000));
    assert_eq!(all, HashSet::from(["/**".to_owned()]));
    assert!(steps <= 6 * 100_001, "{steps}");
    let (all, _) = found(&index, &format!("/{}", "a".repeat(100_000)));
    assert_eq!(all, HashSet::from(["/**".to_owned()]));
    assert_eq!(
        found(&index, &"/".repeat(100_000)).0,
        HashSet::from(["/**".to_owned()])
    );
}

#[test]
fn s86_removal_gives_nodes_and_memory_back_in_any_order() {
    for step in [1_usize, 7, 9_998] {
        let counted = allocation_counter::measure(|| {
            let mut index = PatternIndex::new();
            let mut ids = Vec::new();
            for number in 0..9_999_usize {
                let text = match number % 5 {
                    0 => format!("/topic/{number}"),
                    1 => format!("/topic/{number}/*"),
                    2 => format!("/topic/{number}-*/{{v}}/"),
                    3 => format!("/topic/**/{number}"),
                    _ => "/topic/*".to_owned(),
                };
                ids.push(Some(index.insert(&slash(&text), number).expect("room")));
            }
            // 9,999 and the steps have no common divisor but 1: each place comes once.
            for turn in 0..ids.len() {
                let place = turn * step % ids.len();
                let id = ids[place].take().expect("each place once");
                assert_eq!(index.remove(id), Some(place));
                assert_eq!(index.remove(id), None);
            }
            assert!(index.is_empty());
            assert_eq!(index.nodes(), 0);
            assert_eq!(index.find("/topic/4", |_| ()), 0);
            drop(ids);
            // Kept to the end of the measurement: what it held would be counted.
            std::mem::forget(index);
        });
        assert_eq!(counted.bytes_current, 0, "with steps of {step}");
    }
}

#[test]
fn s86_a_crowd_that_left_leaves_no_nodes_to_those_who_stay() {
    let mut index = PatternIndex::new();
    add(&mut index, "/topic/{v}/stays");
    let nodes = index.nodes();
    let before = found(&index, "/topic/7/stays");
    let crowd: Vec<_> = (0..1_000)
        .map(|number| {
            let pattern = slash(&format!("/topic/{number}/**/x-*/"));
            index.insert(&pattern, String::new()).expect("room")
        })
        .collect();
    assert!(index.nodes() > 4_000);
    for id in crowd {
        assert!(index.remove(id).is_some());
    }
    assert_eq!(index.nodes(), nodes);
    assert_eq!(found(&index, "/topic/7/stays"), before);
}

#[test]
fn s86_looking_up_allocates_nothing() {
    let index = among(
        100,
        &[
            "/topic/stocks/eur",
            "/topic/stocks/*",
            "/topic/**",
            "/**/eur",
        ],
    );
    let mut entries = 0;
    let counted = allocation_counter::measure(|| {
        index.find("/topic/stocks/eur", |_| entries += 1);
    });
    assert_eq!((counted.count_total, entries), (0, 4));
    let pattern = slash("/**/a*b/**/{v}");
    let counted = allocation_counter::measure(|| assert!(pattern.matches("/x/aab/c/d")));
    assert_eq!(counted.count_total, 0);
}
