//! What destinations keep for those who subscribe later: their last value.
//!
//! It lives in the log, under the log's lock: a publication takes its position and the place of
//! the one before it in one step, and whoever subscribes gets, in one step, a position and what was
//! kept up to it. So nothing is missing between the two, and nothing comes twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::destination::Destination;
use crate::outcome::Refusal;
use crate::patterns::{Pattern, PatternIndex};
use crate::publication::Publication;

/// How many destinations keep their last value, unless [`RetainedLimits`] say otherwise.
pub const RETAINED_DESTINATIONS_MAX: usize = 16_384;

/// How many bytes all values together may have, unless [`RetainedLimits`] say otherwise.
pub const RETAINED_BYTES_MAX: usize = 64 << 20;

/// What a value counts for beside its content, its headers and the name of its destination.
pub const RETAINED_OVERHEAD_BYTES: usize = 512;

/// How much is kept for those who subscribe later. When a limit is reached, the oldest values of all
/// destinations are let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedLimits {
    /// How many destinations keep their last value.
    pub destinations_max: usize,
    /// How many bytes all values together may have, each counting [`RETAINED_OVERHEAD_BYTES`] more
    /// than its content, its headers and the name of its destination. A value that alone is longer
    /// is not kept, and neither is the one before it.
    pub bytes_max: usize,
}

impl Default for RetainedLimits {
    /// [`RETAINED_DESTINATIONS_MAX`] and [`RETAINED_BYTES_MAX`].
    fn default() -> Self {
        Self {
            destinations_max: RETAINED_DESTINATIONS_MAX,
            bytes_max: RETAINED_BYTES_MAX,
        }
    }
}

/// The last values of all destinations that keep theirs.
#[derive(Default)]
pub(crate) struct Retained {
    /// Which destinations keep their last value.
    keeping: PatternIndex<()>,
    limits: RetainedLimits,
    /// Where each destination's value is.
    positions: HashMap<Arc<str>, u64>,
    /// In the order of the log, so that the oldest is found, and all are replayed as they came.
    values: BTreeMap<u64, Arc<Publication>>,
    bytes: usize,
}

impl Retained {
    /// Lets destinations that match a pattern keep their last value from now on.
    pub(crate) fn keep_matching(&mut self, pattern: &Pattern) -> Result<(), Refusal> {
        let kept = self.keeping.insert(pattern, ());
        kept.map(drop).map_err(|_| Refusal::TooManyPatterns)
    }

    pub(crate) fn set_limits(&mut self, limits: RetainedLimits) {
        self.limits = limits;
        self.keep_to_limits();
    }

    /// Lets a publication be its destination's last value, if that keeps one.
    pub(crate) fn publish(&mut self, publication: &Arc<Publication>) {
        if self.keeping.is_empty() || !publication.content().is_message() {
            return;
        }
        let Destination::Named(name) = publication.destination() else {
            return;
        };
        // One that has a value needs no search.
        if !self.forget(name) {
            let mut is_kept = false;
            self.keeping.find(name, |()| is_kept = true);
            if !is_kept {
                return;
            }
        }
        let cost = cost(publication);
        if cost > self.limits.bytes_max {
            return;
        }
        let position = publication.id().position;
        self.positions.insert(Arc::clone(name), position);
        self.values.insert(position, Arc::clone(publication));
        self.bytes += cost;
        self.keep_to_limits();
    }

    fn keep_to_limits(&mut self) {
        while self.bytes > self.limits.bytes_max || self.values.len() > self.limits.destinations_max
        {
            let Some((_, oldest)) = self.values.pop_first() else {
                return;
            };
            self.bytes -= cost(&oldest);
            if let Destination::Named(name) = oldest.destination() {
                self.positions.remove(name);
            }
        }
    }

    /// The last value of a destination.
    pub(crate) fn last(&self, name: &str) -> Option<&Arc<Publication>> {
        self.values.get(self.positions.get(name)?)
    }

    /// Lets a destination's value go; false when there was none.
    pub(crate) fn forget(&mut self, name: &str) -> bool {
        let position = self.positions.remove(name);
        let Some(gone) = position.and_then(|position| self.values.remove(&position)) else {
            return false;
        };
        self.bytes -= cost(&gone);
        true
    }

    /// What somebody who subscribes now is sent first, in the order of the log.
    pub(crate) fn replay(&self, destination: &Destination) -> Vec<Arc<Publication>> {
        match destination {
            _ if self.values.is_empty() => Vec::new(),
            Destination::Named(name) => self.last(name).cloned().into_iter().collect(),
            Destination::Matching(pattern) => {
                let matches = |one: &&Arc<Publication>| match one.destination() {
                    Destination::Named(name) => pattern.matches(name),
                    _ => false,
                };
                self.values.values().filter(matches).cloned().collect()
            }
            Destination::Endpoint(_)
            | Destination::User(_)
            | Destination::Queue(_)
            | Destination::Private(_) => Vec::new(),
        }
    }

    /// How many destinations have a value, and how many bytes all of them have.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.values.len(), self.bytes)
    }
}

fn cost(publication: &Publication) -> usize {
    let name = match publication.destination() {
        Destination::Named(name) => name.len(),
        _ => 0,
    };
    RETAINED_OVERHEAD_BYTES + publication.bytes() + name
}
