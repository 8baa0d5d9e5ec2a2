//! How subscriptions begin and end: counted under the lock, at a position.

use std::sync::Arc;

use super::{Interest, Log, State};
use crate::cursor::Cursor;
use crate::destination::Destination;
use crate::outcome::Refusal;
use crate::publication::Publication;
use crate::topics::REPLAYING;

/// Where a subscription begins.
pub(crate) struct Joined {
    /// Publications after this position are for it.
    pub(crate) position: u64,
    /// What it is sent of those before, in order.
    pub(crate) replay: Vec<Arc<Publication>>,
    /// Whether that is all that it has missed, where it has said up to where it had received.
    pub(crate) recovered: Option<bool>,
}

impl Joined {
    /// What the subscription itself knows of this.
    pub(crate) fn live_from(&self) -> u64 {
        match self.replay.is_empty() {
            true => self.position,
            false => REPLAYING,
        }
    }
}

impl Log {
    /// Notes one more subscription and tells where it begins.
    ///
    /// # Errors
    /// [`Refusal::TooManyPatterns`] for a pattern that there is no room for.
    pub(crate) fn join(&self, shard: usize, destination: &Destination) -> Result<Joined, Refusal> {
        self.lock().join(shard, destination)
    }

    /// Notes several subscriptions at once, or none of them, and tells where they begin: with what
    /// was published after a cursor, as far as that is all there and not more than `bytes_max`, else
    /// with what their destinations have retained.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub(crate) fn join_all(
        &self,
        shard: usize,
        destinations: &[Destination],
        after: Option<Cursor>,
        bytes_max: usize,
    ) -> Result<Joined, Refusal> {
        let mut state = self.lock();
        let state = &mut *state;
        for (number, destination) in destinations.iter().enumerate() {
            if let Err(refusal) = state.count(shard, destination) {
                let counted = &destinations[..number];
                counted.iter().for_each(|one| state.uncount(shard, one));
                return Err(refusal);
            }
        }
        let position = state.position;
        let missed = after.map(|after| {
            let is_ours = after.epoch == self.epoch && after.position <= position;
            if is_ours && after.position == position {
                return Some(Vec::new());
            }
            let clock = &*self.clock;
            let histories = &mut state.histories;
            is_ours.then(|| histories.recover(destinations, after.position, bytes_max, clock))?
        });
        let recovered = missed.as_ref().map(Option::is_some);
        let replay = missed.flatten().unwrap_or_else(|| {
            let each = destinations.iter();
            let mut all: Vec<_> = each.flat_map(|one| state.retained.replay(one)).collect();
            all.sort_by_key(|one| one.id().position);
            all.dedup_by_key(|one| one.id().position);
            all
        });
        Ok(Joined {
            position,
            replay,
            recovered,
        })
    }

    /// Notes one subscription less; a destination without any is forgotten.
    pub(crate) fn leave(&self, shard: usize, destination: &Destination) {
        self.lock().uncount(shard, destination);
    }
}

impl State {
    pub(super) fn join(
        &mut self,
        shard: usize,
        destination: &Destination,
    ) -> Result<Joined, Refusal> {
        self.count(shard, destination)?;
        Ok(Joined {
            position: self.position,
            replay: self.retained.replay(destination),
            recovered: None,
        })
    }

    fn uncount(&mut self, shard: usize, destination: &Destination) {
        let Some(interest) = self.interests.get_mut(destination) else {
            return;
        };
        interest.by_shard[shard] = interest.by_shard[shard].saturating_sub(1);
        if interest.total() == 0 {
            let gone = self.interests.remove(destination);
            self.users -= usize::from(matches!(destination, Destination::User(_)));
            if let Some(entry) = gone.and_then(|interest| interest.entry) {
                self.patterns.remove(entry);
            }
            if self.interests.capacity() > 1_024
                && self.interests.len() < self.interests.capacity() / 8
            {
                self.interests.shrink_to_fit();
            }
        }
    }

    fn count(&mut self, shard: usize, destination: &Destination) -> Result<(), Refusal> {
        let shards = self.inboxes.len();
        if let Some(interest) = self.interests.get_mut(destination) {
            interest.by_shard[shard] += 1;
            return Ok(());
        }
        let entry = match destination {
            Destination::Matching(pattern) => {
                let entry = self.patterns.insert(pattern, destination.clone());
                Some(entry.map_err(|_| Refusal::TooManyPatterns)?)
            }
            _ => None,
        };
        let mut by_shard = vec![0; shards].into_boxed_slice();
        by_shard[shard] = 1;
        let interest = Interest { by_shard, entry };
        self.interests.insert(destination.clone(), interest);
        self.users += usize::from(matches!(destination, Destination::User(_)));
        Ok(())
    }
}
