//! Why a pattern, or an entry of an index, was refused.

/// How much of a segment an error quotes.
const EXCERPT_CHARACTERS: usize = 40;

/// Why a text is not a pattern. The texts may be shown to the client that sent it: they begin with
/// a stable word, and quote at most a short piece of what it wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// There is no text.
    #[error("pattern: it is empty; name a destination such as `/topic/prices`")]
    Empty,
    /// The text has more than [`PATTERN_BYTES_MAX`](super::PATTERN_BYTES_MAX) bytes.
    #[error("pattern: it has {bytes} bytes of at most {bytes_max}; shorten it")]
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// It has wildcards, and more than
    /// [`PATTERN_SEGMENTS_MAX`](super::PATTERN_SEGMENTS_MAX) segments.
    #[error(
        "pattern: it has more than {segments_max} segments; \
         leave out the last ones, or put `**` in the place of several"
    )]
    TooManySegments {
        /// How many it may have.
        segments_max: usize,
    },
    /// A segment has more than
    /// [`SEGMENT_WILDCARDS_MAX`](super::SEGMENT_WILDCARDS_MAX) of `*` and `?`.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has {wildcards} of at most {wildcards_max} \
         wildcards; put one `*` in the place of several"
    )]
    TooManyWildcards {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
        /// How many it has.
        wildcards: usize,
        /// How many it may have.
        wildcards_max: usize,
    },
    /// A segment with `*` or `?` between other characters has more than
    /// [`GLOB_BYTES_MAX`](super::GLOB_BYTES_MAX) bytes.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has wildcards and {bytes} of at most \
         {bytes_max} bytes; shorten it, or put `*` in its place"
    )]
    GlobTooLong {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// A part with `?` between two `*` of one segment has more than
    /// [`FLOATING_PART_BYTES_MAX`](super::FLOATING_PART_BYTES_MAX) bytes.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has a `?` in a part between two `*` which has \
         {bytes} of at most {bytes_max} bytes; put `*` in the place of `?`"
    )]
    FloatingPartTooLong {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
        /// How many bytes the part has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// A variable has a regular expression, which is never evaluated: no text that a client sends
    /// is, without a bound.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has a regular expression, which is not \
         supported; write `{{name}}` or `*`, and check the value on receipt"
    )]
    Expression {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
    },
    /// A brace stands where it does not enclose a whole segment.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has braces around only a part of it; \
         a variable is a whole segment, `{{name}}`: for a part write `*`"
    )]
    PartialVariable {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
    },
    /// A variable's name is empty or has a character other than letters, digits, `_`, `-`, `.`.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, is a variable without a valid name; \
         use letters, digits, `_`, `-` and `.`, as in `{{name}}`"
    )]
    BadName {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
    },
    /// Two variables have the same name.
    #[error(
        "pattern: segment {segment}, `{excerpt}`, has the name of a variable before it; \
         rename one of them"
    )]
    RepeatedName {
        /// Which segment, counted from 1.
        segment: usize,
        /// How it begins.
        excerpt: String,
    },
}

/// Why an index takes no further entry. It is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexFull {
    /// It has [`ENTRIES_MAX`](super::ENTRIES_MAX) entries.
    #[error("full: there are {entries_max} subscriptions; end some, or use another node")]
    Entries {
        /// How many it may have.
        entries_max: usize,
    },
    /// [`GLOBS_ALIKE_MAX`](super::GLOBS_ALIKE_MAX) other segments with wildcards stand in the same
    /// place and begin, or end, with the same text: each publication there would be compared with
    /// them all.
    #[error(
        "full: {globs_max} patterns have other wildcards in the segment where this one has \
         `{excerpt}`, and the same text before or after them; write more before the first one, \
         or put `*` in its place"
    )]
    Globs {
        /// How the segment begins that found no room.
        excerpt: String,
        /// How many there may be.
        globs_max: usize,
    },
}

/// The beginning of a segment, short enough for any message.
pub(super) fn excerpt(segment: &str) -> String {
    let mut characters = segment.chars();
    let mut text: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    text
}
