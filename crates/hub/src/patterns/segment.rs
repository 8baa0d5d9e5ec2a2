//! How destinations and patterns are divided into segments.

/// What divides a destination into segments. Spring's default is `/`; many brokers use `.` (S84).
///
/// The other character has no meaning: divided by dots, `/topic/prices.eur` has the segments
/// `/topic/prices` and `eur`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Separator {
    /// `/`, as in `/topic/prices/eur`.
    #[default]
    Slash,
    /// `.`, as in `topic.prices.eur`.
    Dot,
}

impl Separator {
    /// The character.
    pub fn character(self) -> char {
        match self {
            Self::Slash => '/',
            Self::Dot => '.',
        }
    }
}

/// The next segment of a text and what follows it; `None` when there is none.
///
/// Segments are never empty: separators that follow each other count as one, as in Spring.
pub(super) fn next_segment(text: &str, separator: Separator) -> Option<(&str, &str)> {
    let separator = separator.character();
    let text = text.trim_start_matches(separator);
    if text.is_empty() {
        return None;
    }
    let end = text.find(separator).unwrap_or(text.len());
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(mut text: &str, separator: Separator) -> Vec<&str> {
        let mut all = Vec::new();
        while let Some((segment, rest)) = next_segment(text, separator) {
            all.push(segment);
            text = rest;
        }
        all
    }

    #[test]
    fn s84_separators_divide_and_empty_segments_do_not_count() {
        assert_eq!(segments("/a/b.c/d", Separator::Slash), ["a", "b.c", "d"]);
        assert_eq!(segments("/a/b.c/d", Separator::Dot), ["/a/b", "c/d"]);
        assert_eq!(segments("//a//é/", Separator::Slash), ["a", "é"]);
        assert!(segments("///", Separator::Slash).is_empty());
        assert!(segments("", Separator::Dot).is_empty());
    }
}
