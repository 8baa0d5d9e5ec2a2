//! Patterns of destinations, such as `/topic/stocks/*`, and the index that finds those which match.
//!
//! A [`Pattern`] is parsed once. Alone it answers whether it matches a destination and what its
//! variables are there; a [`PatternIndex`] holds many of them and finds all that match. Neither
//! knows what a subscription is: the index keeps a value of the caller's for each entry.

mod error;
mod glob;
mod globs;
mod index;
mod node;
mod pattern;
mod search;
mod segment;

pub use error::{IndexFull, PatternError};
pub use globs::GLOBS_ALIKE_MAX;
pub use index::{ENTRIES_MAX, EntryId, PatternIndex};
pub use pattern::{
    FLOATING_PART_BYTES_MAX, GLOB_BYTES_MAX, PATTERN_BYTES_MAX, PATTERN_SEGMENTS_MAX, Pattern,
    SEGMENT_WILDCARDS_MAX,
};
pub use segment::Separator;
