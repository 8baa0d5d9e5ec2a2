//! What destinations keep of their past, for those who come back.
//!
//! Histories live in the log, under the log's lock: a publication takes its position and its place
//! in its destination's history in one step, and whoever comes back gets, in one step, a position
//! and what was published between its cursor and there. So nothing is missing between the two, and
//! nothing comes twice.
//!
//! A replay is never partial: [`Begun::recovered`] is true only if nothing that the subscription
//! matches has been let go of since the cursor. What cannot be told exactly, such as what had been
//! published to a destination that was forgotten, is taken for a loss (`gone.rs`).

mod gone;
mod hashing;
mod histories;
mod join;
#[cfg(test)]
mod properties;

use std::time::Duration;

use crate::cursor::Cursor;
use crate::destination::Destination;
use crate::topics::Filter;

pub(crate) use histories::Histories;

/// How many publications a destination keeps, unless [`HistoryLimits`] say otherwise.
pub const HISTORY_COUNT_MAX: usize = 1_000;

/// How many bytes a destination keeps, unless [`HistoryLimits`] say otherwise.
pub const HISTORY_BYTES_MAX: usize = 1 << 20;

/// For how long a destination keeps what was published, unless [`HistoryLimits`] say otherwise.
pub const HISTORY_AGE_MAX: Duration = Duration::from_secs(300);

/// How many destinations have a history, unless [`HistoryBounds`] say otherwise.
pub const HISTORY_DESTINATIONS_MAX: usize = 16_384;

/// How many bytes all histories together keep, unless [`HistoryBounds`] say otherwise.
pub const HISTORIES_BYTES_MAX: usize = 256 << 20;

/// What a publication in a history counts for beside its content, its headers and the name of its
/// destination. What formats have made of it for its subscribers comes on top: one copy for each
/// format in use.
pub const HISTORY_OVERHEAD_BYTES: usize = 512;

/// How many bytes of publications, each with [`FRAME_OVERHEAD_BYTES`](crate::FRAME_OVERHEAD_BYTES),
/// may wait to be replayed to one session. Who has missed more than that has not recovered.
pub const REPLAY_BYTES_MAX: usize = 16 << 20;

/// How much of its past a destination keeps. What exceeds any of the three is let go of, the oldest
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// How many publications.
    pub count_max: usize,
    /// How many bytes, each publication counting [`HISTORY_OVERHEAD_BYTES`] more than its content,
    /// its headers and the name of its destination.
    pub bytes_max: usize,
    /// For how long; [`Duration::MAX`] is for ever.
    pub age_max: Duration,
}

impl Default for HistoryLimits {
    /// [`HISTORY_COUNT_MAX`], [`HISTORY_BYTES_MAX`] and [`HISTORY_AGE_MAX`].
    fn default() -> Self {
        Self {
            count_max: HISTORY_COUNT_MAX,
            bytes_max: HISTORY_BYTES_MAX,
            age_max: HISTORY_AGE_MAX,
        }
    }
}

/// How much all destinations together keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// How many destinations have a history; beyond it the one that was published to longest ago is
    /// forgotten. Whoever comes back to a pattern waits, under the log's lock, for a look at each.
    pub destinations_max: usize,
    /// How many bytes, counted as for [`HistoryLimits::bytes_max`]; beyond it the oldest
    /// publications of all are let go of.
    pub bytes_max: usize,
}

impl Default for HistoryBounds {
    /// [`HISTORY_DESTINATIONS_MAX`] and [`HISTORIES_BYTES_MAX`].
    fn default() -> Self {
        Self {
            destinations_max: HISTORY_DESTINATIONS_MAX,
            bytes_max: HISTORIES_BYTES_MAX,
        }
    }
}

/// Whose destinations a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryScope {
    /// [Named](Destination::Named) destinations.
    Named,
    /// What users have under names that match. What a session has alone is nobody's any more once
    /// it has ended, and is not kept.
    User,
}

/// A subscription that is to begin where another one has ended.
pub struct Joining {
    /// Everything that it is to; all are joined at one position.
    pub destinations: Vec<Destination>,
    /// What the session calls it.
    pub label: Box<str>,
    /// Up to where the client has received; `None` for one that begins now.
    pub after: Option<Cursor>,
    /// What becomes of each publication, replayed ones included.
    pub filter: Option<Filter>,
}

/// How a subscription has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Nothing is missing between the cursor that was asked for and what comes now. `None` where none
    /// was asked for.
    ///
    /// It may be false although nothing is missing: where more than [`REPLAY_BYTES_MAX`] would wait;
    /// for a destination without a history, or one that was forgotten, if one of those that share
    /// its place of 1,024 was published to since; and for a pattern if any such destination was that
    /// begins with the same first segment, or any at all where that is a wildcard.
    pub recovered: Option<bool>,
    /// Where the subscription joined: who has received the replay, and nothing live yet, continues
    /// from here.
    pub cursor: Cursor,
    /// How many publications are replayed to it, before a filter has seen them.
    pub replayed: usize,
}
