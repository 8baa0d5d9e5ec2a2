//! Which shards have subscribers of a destination.

use crate::patterns::EntryId;

/// Which shards have something new in their inboxes and must be woken.
pub(crate) type ToWake = u64;

/// How many subscriptions each shard has to a destination.
pub(crate) struct Interest {
    pub(crate) by_shard: Box<[u32]>,
    /// Where it stands in the index, if it is a pattern's.
    pub(crate) entry: Option<EntryId>,
}

impl Interest {
    pub(crate) fn total(&self) -> usize {
        self.by_shard.iter().map(|&count| count as usize).sum()
    }

    /// The shards that have any.
    pub(crate) fn shards(&self) -> ToWake {
        let counts = self.by_shard.iter().enumerate();
        counts.fold(0, |bits, (shard, count)| {
            bits | u64::from(*count > 0) << shard
        })
    }
}

/// The shards that a set of bits names.
pub(crate) fn shards_of(mut bits: ToWake) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let shard = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            shard
        })
    })
}
