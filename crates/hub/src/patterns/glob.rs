//! Comparing one segment with text that has wildcards in it, such as `price-*` or `qu?tes`.

/// Whether `*` and `?` of the glob can stand for characters so that it becomes the segment:
/// `*` for any number, `?` for exactly one.
///
/// Each part between stars is taken where it first occurs, which is never worse than later: so
/// there is no going back. A part without `?` is found in linear time; one with `?` between stars
/// costs at most its own length, which is [limited](super::FLOATING_PART_BYTES_MAX), for each byte.
pub(super) fn glob_matches(glob: &str, segment: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else {
        return strip_head(segment, glob).is_some_and(str::is_empty);
    };
    let Some(mut segment) = strip_head(segment, head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match after_first(segment, part) {
            Some(after) => segment = after,
            None => return false,
        }
    }
    ends_with(segment, tail)
}

/// What is left of the segment after a part at its beginning; `None` if it does not begin so.
fn strip_head<'s>(segment: &'s str, part: &str) -> Option<&'s str> {
    if !part.contains('?') {
        return segment.strip_prefix(part);
    }
    let mut characters = segment.chars();
    for wanted in part.chars() {
        let found = characters.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(characters.as_str())
}

/// Whether the segment ends with a part.
fn ends_with(segment: &str, part: &str) -> bool {
    if !part.contains('?') {
        return segment.ends_with(part);
    }
    let mut characters = segment.chars();
    part.chars().rev().all(|wanted| {
        characters
            .next_back()
            .is_some_and(|found| wanted == '?' || wanted == found)
    })
}

/// What is left of the segment after the first place where a part occurs.
fn after_first<'s>(segment: &'s str, part: &str) -> Option<&'s str> {
    if !part.contains('?') {
        return segment
            .find(part)
            .and_then(|start| segment.get(start + part.len()..));
    }
    segment
        .char_indices()
        .find_map(|(start, _)| strip_head(segment.get(start..)?, part))
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn s84_wildcards_stand_for_characters_of_one_segment() {
        for (glob, segment, expected) in [
            ("qu?tes", "quotes", true),
            ("qu?tes", "qutes", false),
            ("qu?tes", "quo?tes", false),
            ("?", "é", true),
            ("?", "", false),
            ("??", "é", false),
            ("price-*", "price-", true),
            ("price-*", "price-eur", true),
            ("price-*", "prices", false),
            ("*-eur", "price-eur", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*a*a*", "a", false),
            ("*a*a*", "xaya", true),
            ("*ab", "aab", true),
            ("a**b", "ab", true),
            ("***", "x", true),
            ("*?b*", "ab", true),
            ("*?b*", "bb", true),
            ("*?b*", "bab", true),
            ("*?b*", "b", false),
            ("a*?", "a", false),
            ("a*?", "aé", true),
            ("*?é?", "xéy", true),
            ("A*", "a", false),
        ] {
            assert_eq!(
                glob_matches(glob, segment),
                expected,
                "{glob} and {segment}"
            );
        }
    }
}
