//! What selectors select, and what they refuse.

use super::*;

const HEADERS: [(&str, &str); 9] = [
    ("price", "12.5"),
    ("count", "7"),
    ("big", "9007199254740993"),
    ("name", "O'Hara"),
    ("content-type", "text/plain"),
    ("urgent", "TRUE"),
    ("not", "quoted"),
    ("empty", ""),
    ("größe", "3"),
];

fn header(name: &str) -> Option<Cow<'static, str>> {
    let found = HEADERS.iter().find(|header| header.0 == name);
    found.map(|header| Cow::Borrowed(header.1))
}

#[track_caller]
fn selects(text: &str) -> bool {
    match Selector::parse(text) {
        Ok(selector) => selector.matches(header),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[track_caller]
fn refusal(text: &str) -> SelectorError {
    Selector::parse(text).expect_err(text)
}

#[test]
fn s88_comparisons_take_headers_for_what_they_spell() {
    for text in [
        "price > 12 AND price < 13",
        "price = 12.5",
        "price <> 12",
        "count >= 7 and count <= 7",
        "7 = count",
        "count <> price",
        "price > count",
        "name = 'O''Hara'",
        "'O''Hara' = name",
        "name <> 'someone'",
        "\"content-type\" = 'text/plain'",
        "urgent",
        "urgent = TRUE",
        "urgent <> false",
        "\"not\" = 'quoted'",
        "empty = ''",
        "größe = 3",
        "big = 9007199254740993",
        "big <> 9007199254740992",
        "count = '7'",
        "TRUE",
        "1 = 1.0",
        "'a' = 'a' OR FALSE",
    ] {
        assert!(selects(text), "{text}");
    }
    for text in [
        "price < 12",
        "name = 'o''hara'",
        "Price = 12.5",
        "FALSE",
        "urgent = FALSE",
        "count = '7.0'",
        "name > 3",
        "name = 3",
    ] {
        assert!(!selects(text), "{text}");
    }
}

#[test]
fn s88_operators_bind_as_sql_has_them() {
    for text in [
        "TRUE OR FALSE AND FALSE",
        "NOT FALSE AND TRUE",
        "NOT (TRUE AND FALSE)",
        "NOT NOT TRUE",
        "1 + 2 * 3 = 7",
        "(1 + 2) * 3 = 9",
        "8 - 4 - 2 = 2",
        "7 / 2 = 3",
        "7 / 2.0 = 3.5",
        "-count + 7 = 0",
        "- -count = 7",
        "+count = 7.0",
        "count - -1 = 8",
        "-7 + count = 0",
        "2 * -3 = -6",
        "price * 2 = 25",
        "1 - 2 < 0 AND .5 < 1. AND 1E2 = 100 AND 1.5e-1 = 0.15",
        "count+1=8",
        "((((count)))) = 7",
    ] {
        assert!(selects(text), "{text}");
    }
}

#[test]
fn s88_between_in_like_and_null() {
    for text in [
        "count BETWEEN 5 AND 9 AND price BETWEEN 12.5 AND 12.5",
        "count NOT BETWEEN 8 AND 9",
        "count between count - 1 and count + 1",
        "name IN ('O''Hara', 'x')",
        "name NOT IN ('a', 'b')",
        "count IN (1, 7)",
        "count IN (-7, 7)",
        "-count IN (-7)",
        "name LIKE 'O%' AND name LIKE '_''%a' AND name NOT LIKE 'o%'",
        "'50%' LIKE '50!%' ESCAPE '!'",
        "missing IS NULL AND name IS NOT NULL AND empty IS NOT NULL",
        "name / 2 IS NULL",
        "(missing = 1) IS NULL",
        "count / 0 IS NULL",
    ] {
        assert!(selects(text), "{text}");
    }
    for text in [
        "count BETWEEN 8 AND 9",
        "count BETWEEN 9 AND 5",
        "name IN ('a')",
        "name LIKE 'O'",
        "name IS NULL",
    ] {
        assert!(!selects(text), "{text}");
    }
}

#[test]
fn s88_logic_has_three_values() {
    // What is unknown is selected neither way.
    for unknown in [
        "missing = 1",
        "missing",
        "missing <> 'x'",
        "missing > count",
        "missing LIKE '%'",
        "missing NOT LIKE 'x'",
        "missing IN ('x')",
        "missing NOT IN ('x')",
        "missing BETWEEN 1 AND 2",
        "missing + 1 = 1",
        "name > 3",
        "name",
        "name = TRUE",
        "count / 0 = 1",
        "count BETWEEN missing AND 9",
    ] {
        assert!(!selects(unknown), "{unknown}");
        assert!(!selects(&format!("NOT ({unknown})")), "{unknown}");
        assert!(selects(&format!("({unknown}) OR TRUE")), "{unknown}");
        assert!(selects(&format!("TRUE OR ({unknown})")), "{unknown}");
        assert!(
            selects(&format!("NOT (({unknown}) AND FALSE)")),
            "{unknown}"
        );
        assert!(
            selects(&format!("NOT (FALSE AND ({unknown}))")),
            "{unknown}"
        );
        assert!(
            selects(&format!("(({unknown}) AND TRUE) IS NULL")),
            "{unknown}"
        );
        assert!(
            selects(&format!("(({unknown}) OR FALSE) IS NULL")),
            "{unknown}"
        );
    }
    assert!(
        selects("count NOT BETWEEN missing AND 5"),
        "too great whatever the lower bound"
    );
}

#[test]
fn s88_errors_tell_the_position() {
    use SelectorError::{EscapeInvalid, NumberInvalid, QuoteNotClosed, TypeMismatch, Unexpected};
    let position = |text: &str| match refusal(text) {
        Unexpected { position, .. } => (0, position),
        QuoteNotClosed { position } => (1, position),
        NumberInvalid { position } => (2, position),
        TypeMismatch { position, .. } => (3, position),
        EscapeInvalid { position } => (4, position),
        other => panic!("{other:?}"),
    };
    for (text, expected) in [
        ("", (0, 1)),
        ("   ", (0, 4)),
        ("a =", (0, 4)),
        ("a = 1 b", (0, 7)),
        ("a ? 1", (0, 3)),
        ("a == 1", (0, 4)),
        ("a != 1", (0, 3)),
        ("(a = 1", (0, 7)),
        ("a = 1)", (0, 6)),
        ("a NOT 1", (0, 7)),
        ("a IS 1", (0, 6)),
        ("a IN ()", (0, 7)),
        ("a IN (b)", (0, 7)),
        ("a IN ('x',)", (0, 11)),
        ("a BETWEEN 1 OR 2", (0, 13)),
        ("a LIKE b", (0, 8)),
        ("AND", (0, 1)),
        ("\"\" = 1", (0, 1)),
        ("a = 1; DROP", (0, 6)),
        ("T(java.lang.Runtime)", (0, 2)),
        ("a = 'x", (1, 5)),
        ("\"a = 1", (1, 1)),
        ("a = 1x", (2, 5)),
        ("a = 1.2.3", (2, 5)),
        ("a = 1e", (2, 5)),
        ("a = 1e999", (2, 5)),
        ("1 AND TRUE", (3, 3)),
        ("TRUE OR 'x'", (3, 6)),
        ("NOT 1", (3, 1)),
        ("a = 1 = 'x'", (0, 7)),
        ("1 = 'x'", (3, 3)),
        ("a > 'x'", (3, 3)),
        ("TRUE < FALSE", (3, 6)),
        ("'a' + 1 = 2", (3, 5)),
        ("1 LIKE 'x'", (3, 3)),
        ("1 IN ('x')", (3, 3)),
        ("a BETWEEN 'x' AND 2", (3, 3)),
        ("1 + 1", (3, 1)),
        ("'x'", (3, 1)),
        ("-a", (3, 1)),
        ("a LIKE 'x' ESCAPE 'yy'", (4, 8)),
        ("a LIKE 'xy' ESCAPE 'x'", (4, 8)),
        ("a LIKE 'x' ESCAPE ''", (4, 8)),
    ] {
        assert_eq!(position(text), expected, "{text}: {}", refusal(text));
        assert_eq!(refusal(text).word(), "bad-selector");
    }
}

#[test]
fn s88_s174_selectors_are_bounded() {
    let nested = |depth: usize| "(".repeat(depth) + "TRUE" + &")".repeat(depth);
    assert!(selects(&nested(32)));
    assert_eq!(
        refusal(&nested(33)),
        SelectorError::TooDeep {
            position: 34,
            depth_max: 32
        }
    );
    assert!(matches!(
        refusal(&("NOT ".repeat(33) + "TRUE")),
        SelectorError::TooDeep { .. }
    ));
    let signs = "- ".repeat(33) + "1 = 1";
    assert!(matches!(refusal(&signs), SelectorError::TooDeep { .. }));

    let chain = |count: usize| vec!["TRUE"; count].join(" AND ");
    assert!(selects(&chain(64)));
    assert!(matches!(
        refusal(&chain(65)),
        SelectorError::TooManyNodes { nodes_max: 128, .. }
    ));

    let long = |octets: usize| format!("{:octets$}", "TRUE");
    assert!(selects(&long(1024)));
    assert_eq!(
        refusal(&long(1025)),
        SelectorError::TooLong {
            text_bytes_max: 1024
        }
    );

    let pattern = |chars: usize| format!("name LIKE '{}'", "x".repeat(chars));
    assert!(!selects(&pattern(127)));
    assert_eq!(
        refusal(&pattern(128)),
        SelectorError::PatternTooLong {
            position: 11,
            pattern_chars_max: 127
        }
    );
}

#[test]
fn s88_a_selector_reads_a_frame_and_can_be_shared() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Selector>();
    let mut decoder = crate::Decoder::new(crate::Role::Server);
    decoder.set_version(crate::Version::V12);
    let input = b"SEND\ndestination:/a\nkind\\cof:x\\ny\nkind\\cof:z\n\n\0";
    let decoded = decoder
        .decode(input, &crate::Limits::default())
        .expect("legal");
    let frame = decoded.frame.expect("whole");
    let selector = |text: &str| Selector::parse(text).expect(text);
    assert!(
        selector("\"kind:of\" = 'x\ny'").matches_frame(&frame),
        "the first one counts"
    );
    assert!(!selector("\"kind:of\" = 'z'").matches_frame(&frame));
}
