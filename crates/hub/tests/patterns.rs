//! Patterns beside the plain definition of what they match, one by one and in an index.

use campanile_hub::{EntryId, Pattern, PatternError, PatternIndex, Separator};
use proptest::prelude::*;

/// What a pattern matches, said as plainly as it can be, and as slowly.
mod definition {
    use campanile_hub::Separator;

    struct Text<'a> {
        is_absolute: bool,
        is_closed: bool,
        segments: Vec<&'a str>,
    }

    impl<'a> Text<'a> {
        fn new(text: &'a str, separator: char) -> Self {
            Self {
                is_absolute: text.starts_with(separator),
                is_closed: text.ends_with(separator),
                segments: text
                    .split(separator)
                    .filter(|one| !one.is_empty())
                    .collect(),
            }
        }
    }

    pub(crate) fn matches(pattern: &str, separator: Separator, destination: &str) -> bool {
        if !pattern.contains(['*', '?', '{']) {
            return pattern == destination;
        }
        let wanted = Text::new(pattern, separator.character());
        let found = Text::new(destination, separator.character());
        if wanted.is_absolute != found.is_absolute {
            return false;
        }
        match wanted.segments.split_last() {
            Some((&"*", before))
                if found.is_closed && !before.contains(&"**") && all(before, &found.segments) =>
            {
                true
            }
            Some((&"**", _)) => all(&wanted.segments, &found.segments),
            _ => wanted.is_closed == found.is_closed && all(&wanted.segments, &found.segments),
        }
    }

    fn all(wanted: &[&str], found: &[&str]) -> bool {
        match wanted.split_first() {
            None => found.is_empty(),
            Some((&"**", rest)) => (0..=found.len()).any(|skipped| all(rest, &found[skipped..])),
            Some((one, rest)) => {
                !found.is_empty() && segment(one, found[0]) && all(rest, &found[1..])
            }
        }
    }

    fn segment(wanted: &str, found: &str) -> bool {
        let wanted: Vec<char> = wanted.chars().collect();
        let found: Vec<char> = found.chars().collect();
        wanted.first() == Some(&'{') || characters(&wanted, &found)
    }

    fn characters(wanted: &[char], found: &[char]) -> bool {
        match wanted.split_first() {
            None => found.is_empty(),
            Some(('*', rest)) => (0..=found.len()).any(|n| characters(rest, &found[n..])),
            Some((one, rest)) => {
                let fits = |first: &char| *one == '?' || one == first;
                found.first().is_some_and(fits) && characters(rest, &found[1..])
            }
        }
    }
}

fn slash(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect(text)
}

#[test]
fn s84_wildcards_match_as_in_spring() {
    for (pattern, destination, expected) in [
        ("/topic/stocks", "/topic/stocks", true),
        ("/topic/qu?tes", "/topic/quotes", true),
        ("/topic/qu?tes", "/topic/qutes", false),
        ("/topic/stocks/*", "/topic/stocks/XYZ", true),
        ("/topic/stocks/*", "/topic/stocks", false),
        ("/topic/stocks/*", "/topic/stocks/XYZ/eur", false),
        ("/topic/price-*", "/topic/price-eur", true),
        ("/topic/*-*", "/topic/price-eur", true),
        ("/topic/**", "/topic", true),
        ("/topic/**", "/topic/a/b/c", true),
        ("/topic/**", "/topical/a", false),
        ("/**", "/", true),
        ("/**/news", "/news", true),
        ("/**/news", "/a/b/news", true),
        ("/**/news", "/a/news/b", false),
        ("/a/**/z", "/a/z", true),
        ("/a/**/z", "/a/b/z/c/z", true),
        ("/a/**/**/z", "/a/z", true),
        ("/a/**/b/**/c", "/a/x/b/y/b/c", true),
        ("/a/**/b/**/c", "/a/x/c/y/b", false),
        ("/a/**/b/*", "/a/b/b/b", true),
        ("/topic/{room}/news", "/topic/garden/news", true),
        ("/topic/{room}/news", "/topic/news", false),
        ("**", "", true),
        ("*", "a", true),
        ("*", "", false),
        ("/topic/***", "/topic/a", true),
        ("/topic/***", "/topic/a/b", false),
    ] {
        assert_eq!(
            slash(pattern).matches(destination),
            expected,
            "{pattern} {destination}"
        );
    }
}

#[test]
fn s85_case_and_separators_at_both_ends_count() {
    for (pattern, destination, expected) in [
        ("/topic/Stocks/*", "/topic/stocks/a", false),
        ("/topic/S*", "/topic/stocks", false),
        ("/topic/*", "topic/a", false),
        ("topic/*", "/topic/a", false),
        ("topic/*", "topic/a", true),
        ("**", "/a", false),
        ("/**", "a", false),
        ("/*/a", "/x/a/", false),
        ("/*/a/", "/x/a/", true),
        ("/*/a/", "/x/a", false),
        ("/a/**", "/a/b/", true),
        ("/a/**/", "/a/b", true),
        // A last `*` may be absent, but neither a variable nor one behind `**`.
        ("/a/*", "/a/", true),
        ("/a/*/", "/a/", true),
        ("/a/*", "/a/b/", false),
        ("/a/{b}", "/a/", false),
        ("/**/*", "/a/", false),
        ("/*", "/", true),
        // Separators that follow each other are one where there are wildcards, and only there.
        ("/a/*", "/a//b", true),
        ("/a//*", "/a/b", true),
        ("/a//b", "/a/b", false),
        ("/a/b", "/a//b", false),
    ] {
        assert_eq!(
            slash(pattern).matches(destination),
            expected,
            "{pattern} {destination}"
        );
    }
}

#[test]
fn s84_the_separator_is_chosen() {
    let dots = |text: &str| Pattern::parse(text, Separator::Dot).expect(text);
    assert!(dots("topic.prices.*").matches("topic.prices.eur"));
    assert!(!dots("topic.prices.*").matches("topic.prices.eur.usd"));
    assert!(dots("topic.**.eur").matches("topic.a.b/c.eur"));
    assert!(dots("/topic/prices.*").matches("/topic/prices.eur/usd"));
    assert!(!slash("topic.prices.*/a").matches("topic/a"));
    assert!(!slash("topic/*").matches("topic.a"));
    assert_eq!(
        dots("topic.{what}.eur").captures("topic.prices.eur"),
        Some(vec![("what", "prices")])
    );
    assert_ne!(dots("*"), slash("*"));
}

#[test]
fn s84_variables_are_captured() {
    let pattern = slash("/{a}/**/{b-2}/x/{c.d}");
    assert!(!pattern.is_literal());
    assert_eq!(
        pattern.captures("/1/x/x/2/x/3"),
        Some(vec![("a", "1"), ("b-2", "2"), ("c.d", "3")])
    );
    assert_eq!(pattern.captures("/1/2/3"), None);
    // The leftmost segments, where there is a choice.
    assert_eq!(
        slash("/**/{a}/x/**").captures("/1/x/2/x"),
        Some(vec![("a", "1")])
    );
    assert_eq!(slash("/a/b").captures("/a/b"), Some(Vec::new()));
    assert!(slash("/a/b").is_literal());
    // Patterns are their texts: names of variables tell them apart.
    assert_ne!(slash("/{a}"), slash("/{b}"));
    assert_eq!(slash("/{a}"), slash("/{a}"));
    assert_eq!(slash("/{a}").to_string(), "/{a}");
}

#[test]
fn s84_what_cannot_be_matched_with_a_bound_is_refused_with_advice() {
    let long = "a".repeat(1_025);
    let deep = "/*".repeat(33);
    let stars = format!("/{}", "*a".repeat(17));
    let glob = format!("/{}*", "a".repeat(128));
    let floating = format!("/x*{}?*", "a".repeat(16));
    for (text, beginning) in [
        ("", "pattern: it is empty"),
        (&long, "pattern: it has 1025 bytes of at most 1024"),
        (&deep, "pattern: it has more than 32 segments"),
        (&stars, "pattern: segment 1, `*a*a*a"),
        (
            &glob,
            "pattern: segment 1, `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…`, has wildcards",
        ),
        (
            &floating,
            "pattern: segment 1, `x*aaaaaaaaaaaaaaaa?*`, has a `?` in a part between two `*` \
             which has 17 of at most 16 bytes",
        ),
        (
            "/a/{v:[0-9]+}",
            "pattern: segment 2, `{v:[0-9]+}`, has a regular expression",
        ),
        (
            "/a/{v:.*}-x",
            "pattern: segment 2, `{v:.*}-x`, has a regular expression",
        ),
        (
            "/a/{v:a/b}",
            "pattern: segment 2, `{v:a`, has a regular expression",
        ),
        (
            "/a/x-{v}",
            "pattern: segment 2, `x-{v}`, has braces around only a part",
        ),
        ("/a/{v", "pattern: segment 2, `{v`, has braces"),
        ("/a/v}", "pattern: segment 2, `v}`, has braces"),
        ("/{a}{b}", "pattern: segment 1, `{a}{b}`, has braces"),
        (
            "/{}",
            "pattern: segment 1, `{}`, is a variable without a valid name",
        ),
        (
            "/{*rest}",
            "pattern: segment 1, `{*rest}`, is a variable without a valid name",
        ),
        (
            "/{a}/b/{a}",
            "pattern: segment 3, `{a}`, has the name of a variable before it",
        ),
    ] {
        let error = Pattern::parse(text, Separator::Slash)
            .expect_err(text)
            .to_string();
        assert!(error.starts_with(beginning), "{text}: {error}");
        assert!(error.contains("; "), "no advice: {error}");
    }
    assert_eq!(Pattern::parse("", Separator::Dot), Err(PatternError::Empty));
    // The limits themselves are allowed.
    for text in [
        "a".repeat(1_024),
        "/a".repeat(512),
        "/*".repeat(32),
        format!("{}/*", "/**".repeat(300)),
        format!("/{}", "*a".repeat(16)),
        format!("/{}*", "a".repeat(127)),
        format!("/{}/*", "a".repeat(1_000)),
        format!("/x*{}?*", "a".repeat(15)),
        format!("/{}?*{}*{0}?", "a".repeat(20), "b".repeat(20)),
    ] {
        slash(&text);
    }
}

/// Few characters, so that random texts meet; a name for each place, so that none repeats.
fn pattern_text() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a", "b", "ab", "é", "*", "*", "**", "**", "{}", "?", "a*", "*b", "?*", "*a*", "é?", "***",
    ]);
    let separator = prop::sample::select(vec!["/", "/", "/", "/", "//", "."]);
    let ends = prop::sample::select(vec!["", "", "", "/", "."]);
    let middle = prop::collection::vec((segment, separator), 1..6);
    (prop::sample::select(vec!["", "/", "/", "."]), middle, ends).prop_map(
        |(start, middle, end)| {
            let mut text = String::from(start);
            for (place, (segment, separator)) in middle.iter().enumerate() {
                if place > 0 {
                    text.push_str(separator);
                }
                text.push_str(&segment.replace("{}", &format!("{{v{place}}}")));
            }
            text + end
        },
    )
}

fn destination() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "ba", "é", "aé", "*"]);
    let separator = prop::sample::select(vec!["/", "/", "/", "/", "//", "."]);
    let middle = prop::collection::vec((segment, separator), 0..7);
    let ends = prop::sample::select(vec!["", "", "", "/", "."]);
    (prop::sample::select(vec!["", "/", "/", "."]), middle, ends).prop_map(
        |(start, middle, end)| {
            let mut text = String::from(start);
            for (place, (segment, separator)) in middle.iter().enumerate() {
                if place > 0 {
                    text.push_str(separator);
                }
                text.push_str(segment);
            }
            text + end
        },
    )
}

fn separator() -> impl Strategy<Value = Separator> {
    prop_oneof![3 => Just(Separator::Slash), 1 => Just(Separator::Dot)]
}

/// A pattern of random text; texts that mean nothing with that separator are left out.
fn pattern() -> impl Strategy<Value = Pattern> {
    (pattern_text(), separator()).prop_filter_map("no pattern", |(text, separator)| {
        Pattern::parse(&text, separator).ok()
    })
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Pattern),
    Remove(prop::sample::Index),
    Find(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => pattern().prop_map(Step::Insert),
        2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        4 => destination().prop_map(Step::Find),
    ]
}

fn check(index: &PatternIndex<usize>, entries: &[(EntryId, Pattern, usize)], destination: &str) {
    let mut found = Vec::new();
    index.find(destination, |value| found.push(*value));
    found.sort_unstable();
    let mut expected: Vec<usize> = entries
        .iter()
        .filter(|(_, pattern, _)| {
            definition::matches(pattern.text(), pattern.separator(), destination)
        })
        .map(|(_, _, value)| *value)
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "{destination}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn s84_s85_a_pattern_matches_what_its_definition_says(
        pattern in pattern(),
        destinations in prop::collection::vec(destination(), 1..12),
    ) {
        for destination in destinations {
            let expected = definition::matches(pattern.text(), pattern.separator(), &destination);
            prop_assert_eq!(pattern.matches(&destination), expected, "{}", destination);
            let captures = pattern.captures(&destination);
            prop_assert_eq!(captures.is_some(), expected);
            // With what was captured in their places it still matches.
            let mut filled = pattern.text().to_string();
            for (name, value) in captures.iter().flatten() {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
            if expected && filled.contains(['*', '?']) {
                let separator = pattern.separator();
                prop_assert!(definition::matches(&filled, separator, &destination), "{}", filled);
            }
        }
    }

    #[test]
    fn s86_an_index_finds_each_entry_that_matches_exactly_once(
        steps in prop::collection::vec(step(), 1..60),
        last in destination(),
    ) {
        let mut index = PatternIndex::new();
        let mut entries: Vec<(EntryId, Pattern, usize)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(pattern) => {
                    let id = index.insert(&pattern, number).expect("room");
                    entries.push((id, pattern, number));
                }
                Step::Remove(which) if !entries.is_empty() => {
                    let (id, _, value) = entries.swap_remove(which.index(entries.len()));
                    prop_assert_eq!(index.remove(id), Some(value));
                    prop_assert_eq!(index.remove(id), None);
                }
                Step::Remove(_) => {}
                Step::Find(destination) => check(&index, &entries, &destination),
            }
            prop_assert_eq!(index.len(), entries.len());
        }
        while let Some((id, _, value)) = entries.pop() {
            prop_assert_eq!(index.remove(id), Some(value));
            check(&index, &entries, &last);
        }
        prop_assert!(index.is_empty());
        prop_assert_eq!(index.nodes(), 0);
    }
}
