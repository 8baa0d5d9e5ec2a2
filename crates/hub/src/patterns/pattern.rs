//! One pattern: its text, parsed once, and what it matches.

use std::fmt;
use std::sync::Arc;

use super::error::{PatternError, excerpt};
use super::glob::glob_matches;
use super::segment::{Separator, next_segment};

/// The most bytes of a pattern's text.
pub const PATTERN_BYTES_MAX: usize = 1_024;

/// The most segments of a pattern that has wildcards; `**` counts as one. A text without
/// wildcards is compared as a whole, and may have any number.
pub const PATTERN_SEGMENTS_MAX: usize = 32;

/// The most `*` and `?` in one segment.
pub const SEGMENT_WILDCARDS_MAX: usize = 16;

/// The most bytes of a segment with `*` or `?` beside other characters.
pub const GLOB_BYTES_MAX: usize = 128;

/// The most bytes of a part with `?` which stands between two `*` of one segment, as in `*a?b*`:
/// it may have to be compared at each place of what a client publishes to.
pub const FLOATING_PART_BYTES_MAX: usize = 16;

/// A text that names one destination, or many by wildcards (S84).
///
/// | wildcard | stands for |
/// |---|---|
/// | `?` | one character |
/// | `*` | any number of characters of one segment; alone: one whole segment |
/// | `**` | as a whole segment: any number of whole segments, also none |
/// | `{name}` | one whole segment, which [`captures`](Self::captures) returns by that name |
///
/// The rules are those of Spring's `AntPathMatcher` (S84, S85):
/// - upper and lower case differ;
/// - a pattern that begins with the separator matches only destinations that do, and the reverse;
/// - a separator at the end counts like one at the beginning, unless the last segment is `**`;
///   and where the last segment is `*` and no `**` is before it, that may be absent: `/a/*`
///   matches `/a/`;
/// - separators that follow each other count as one;
/// - a text without wildcards matches only the same text.
///
/// Other than there, variables have no regular expressions and are whole segments, and neither
/// they nor braces that enclose nothing pass for ordinary text: [`PatternError`] says what to write.
///
/// Matching takes no memory, and time in proportion to the segments of the pattern times those of
/// the destination, plus what [its wildcards](GLOB_BYTES_MAX) take. Two patterns are equal if
/// their texts and separators are.
///
/// ```
/// use campanile_hub::{Pattern, Separator};
///
/// let pattern = Pattern::parse("/topic/{room}/news-*", Separator::Slash)?;
/// assert!(pattern.matches("/topic/garden/news-today"));
/// assert!(!pattern.matches("/topic/garden/weather"));
/// let captures = pattern.captures("/topic/garden/news-today").unwrap();
/// assert_eq!(captures, [("room", "garden")]);
/// # Ok::<(), campanile_hub::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Arc<str>,
    separator: Separator,
    /// None for a text without wildcards.
    segments: Box<[Segment]>,
}

/// One segment: what it is, and where its text is. The text's limit makes 16 bits enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Segment {
    pub(super) kind: Kind,
    start: u16,
    end: u16,
}

/// What a segment matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The same text.
    Literal,
    /// What its wildcards allow.
    Glob,
    /// One segment: `*`.
    Any,
    /// One segment, which is captured.
    Variable,
    /// Any number of segments: `**`.
    Rest,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, or the limit, and what to write instead.
    pub fn parse(text: &str, separator: Separator) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong {
                bytes: text.len(),
                bytes_max: PATTERN_BYTES_MAX,
            });
        }
        let segments = if text.contains(['*', '?', '{', '}']) {
            parse_segments(text, separator)?
        } else {
            Vec::new()
        };
        Ok(Self {
            text: text.into(),
            separator,
            segments: segments.into(),
        })
    }

    /// The text that was parsed.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What divides its segments.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Whether it has no wildcards: it matches the one destination that is called like it.
    pub fn is_literal(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether it matches a destination.
    pub fn matches(&self, destination: &str) -> bool {
        self.compare(destination, |_, _| ())
    }

    /// The names of its variables and the segments they stand for, in the order of the pattern;
    /// `None` if it does not match the destination.
    ///
    /// Where `**` leaves a choice, the leftmost segments are taken, as in Spring.
    pub fn captures<'a>(&'a self, destination: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
        let mut captures: Vec<(&str, &str)> = self
            .segments
            .iter()
            .filter(|segment| segment.kind == Kind::Variable)
            .map(|segment| (variable_name(self.segment_text(*segment)), ""))
            .collect();
        // A segment after `**` may be compared several times: the last one is the one that holds.
        let matched = self.compare(destination, |segment, value| {
            let name = variable_name(self.segment_text(segment));
            if let Some(capture) = captures.iter_mut().find(|capture| capture.0 == name) {
                capture.1 = value;
            }
        });
        matched.then_some(captures)
    }

    /// The segments; none for a literal.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The text of one of its segments.
    pub(super) fn segment_text(&self, segment: Segment) -> &str {
        self.text
            .get(usize::from(segment.start)..usize::from(segment.end))
            .unwrap_or_default()
    }

    /// Whether it begins with the separator.
    pub(super) fn is_absolute(&self) -> bool {
        self.text.starts_with(self.separator.character())
    }

    /// Whether a destination has to end with the separator: those that do not matter are the
    /// ones after `**`.
    pub(super) fn wants_closing_separator(&self) -> bool {
        self.text.ends_with(self.separator.character())
            && self
                .segments
                .last()
                .is_some_and(|last| last.kind != Kind::Rest)
    }

    /// Whether its last segment, a `*`, may be absent where the destination ends with a separator.
    pub(super) fn may_lack_last(&self) -> bool {
        self.segments
            .last()
            .is_some_and(|last| last.kind == Kind::Any)
            && self.segments.iter().all(|one| one.kind != Kind::Rest)
    }

    /// Compares the segments from the left. The last `**` that was passed takes one segment more
    /// whenever what follows it does not fit; an earlier one never has to.
    fn compare<'d>(
        &self,
        destination: &'d str,
        mut on_variable: impl FnMut(Segment, &'d str),
    ) -> bool {
        if self.is_literal() {
            return *self.text == *destination;
        }
        let separator = self.separator.character();
        if self.is_absolute() != destination.starts_with(separator) {
            return false;
        }
        let is_closed = destination.ends_with(separator);
        let mut left = destination;
        let mut place = 0;
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let segment = self.segments.get(place).copied();
            let next = next_segment(left, self.separator);
            match (segment, next) {
                (
                    Some(Segment {
                        kind: Kind::Rest, ..
                    }),
                    _,
                ) => {
                    place += 1;
                    if place == self.segments.len() {
                        return true;
                    }
                    retry = Some((place, left));
                    continue;
                }
                (None, None) => return self.wants_closing_separator() == is_closed,
                (Some(_), None) => {
                    let is_last = place + 1 == self.segments.len();
                    return is_last && is_closed && self.may_lack_last();
                }
                (Some(segment), Some((value, after))) if self.fits(segment, value) => {
                    if segment.kind == Kind::Variable {
                        on_variable(segment, value);
                    }
                    place += 1;
                    left = after;
                    continue;
                }
                _ => {}
            }
            let Some((again, from)) = retry else {
                return false;
            };
            let Some((_, after)) = next_segment(from, self.separator) else {
                return false;
            };
            place = again;
            left = after;
            retry = Some((again, after));
        }
    }

    fn fits(&self, segment: Segment, value: &str) -> bool {
        match segment.kind {
            Kind::Literal => self.segment_text(segment) == value,
            Kind::Glob => glob_matches(self.segment_text(segment), value),
            Kind::Any | Kind::Variable | Kind::Rest => true,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The name in `{name}`.
fn variable_name(segment: &str) -> &str {
    segment.trim_start_matches('{').trim_end_matches('}')
}

fn parse_segments(text: &str, separator: Separator) -> Result<Vec<Segment>, PatternError> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut left = text;
    let mut number = 0;
    while let Some((segment, after)) = next_segment(left, separator) {
        left = after;
        number += 1;
        let kind = parse_kind(segment, number)?;
        let follows_rest = segments.last().is_some_and(|last| last.kind == Kind::Rest);
        if kind == Kind::Rest && follows_rest {
            continue;
        }
        if kind == Kind::Variable {
            let name = variable_name(segment);
            if names.contains(&name) {
                return Err(PatternError::RepeatedName {
                    segment: number,
                    excerpt: excerpt(segment),
                });
            }
            names.push(name);
        }
        if segments.len() == PATTERN_SEGMENTS_MAX {
            return Err(PatternError::TooManySegments {
                segments_max: PATTERN_SEGMENTS_MAX,
            });
        }
        let end = text.len() - after.len();
        segments.push(Segment {
            kind,
            start: (end - segment.len()) as u16,
            end: end as u16,
        });
    }
    Ok(segments)
}

fn parse_kind(segment: &str, number: usize) -> Result<Kind, PatternError> {
    if segment.contains(['{', '}']) {
        return parse_variable(segment, number);
    }
    let wildcards = segment.matches(['*', '?']).count();
    match segment {
        "*" => return Ok(Kind::Any),
        "**" => return Ok(Kind::Rest),
        _ if wildcards == 0 => return Ok(Kind::Literal),
        _ => {}
    }
    if wildcards > SEGMENT_WILDCARDS_MAX {
        return Err(PatternError::TooManyWildcards {
            segment: number,
            excerpt: excerpt(segment),
            wildcards,
            wildcards_max: SEGMENT_WILDCARDS_MAX,
        });
    }
    if segment.len() > GLOB_BYTES_MAX {
        return Err(PatternError::GlobTooLong {
            segment: number,
            excerpt: excerpt(segment),
            bytes: segment.len(),
            bytes_max: GLOB_BYTES_MAX,
        });
    }
    let mut parts = segment.split('*').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_floating = parts.peek().is_some();
        if is_floating && part.contains('?') && part.len() > FLOATING_PART_BYTES_MAX {
            return Err(PatternError::FloatingPartTooLong {
                segment: number,
                excerpt: excerpt(segment),
                bytes: part.len(),
                bytes_max: FLOATING_PART_BYTES_MAX,
            });
        }
    }
    Ok(Kind::Glob)
}

fn parse_variable(segment: &str, number: usize) -> Result<Kind, PatternError> {
    let excerpt = excerpt(segment);
    let has_expression = segment
        .split_once('{')
        .is_some_and(|(_, after)| after.contains(':'));
    if has_expression {
        return Err(PatternError::Expression {
            segment: number,
            excerpt,
        });
    }
    let Some(name) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|name| !name.contains(['{', '}']))
    else {
        return Err(PatternError::PartialVariable {
            segment: number,
            excerpt,
        });
    };
    let is_valid = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    if name.is_empty() || !name.chars().all(is_valid) {
        return Err(PatternError::BadName {
            segment: number,
            excerpt,
        });
    }
    Ok(Kind::Variable)
}
