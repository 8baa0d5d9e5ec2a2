//! The bookkeeping: a ring of publications for each destination that a rule is for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use super::gone::Gone;
use super::hashing::Folding;
use super::{HISTORY_OVERHEAD_BYTES, HistoryBounds, HistoryLimits, HistoryScope};
use crate::destination::Destination;
use crate::moment::Moment;
use crate::outbox::FRAME_OVERHEAD_BYTES;
use crate::outcome::Refusal;
use crate::patterns::{Pattern, PatternIndex};
use crate::publication::Publication;

/// How many rings are looked at when age is looked for.
const AGED_AT_ONCE: usize = 1_024;

/// How many notes that mean nothing any more may stand in a [`Notes`], besides as many as there are
/// others.
const STALE_NOTES_MAX: usize = 1_024;

/// What one destination keeps.
struct Ring {
    destination: Destination,
    limits: HistoryLimits,
    /// With when they were accepted.
    kept: VecDeque<(Moment, Arc<Publication>)>,
    /// How many of the newest may still have what the fan-out has encoded them as.
    encoded: usize,
    bytes: usize,
    /// The newest position that it has let go of.
    let_go: u64,
    /// The position of its newest publication, kept or not.
    newest: u64,
}

impl Ring {
    fn oldest(&self) -> Option<u64> {
        self.kept.front().map(|(_, one)| one.id().position)
    }

    /// Lets go of what those before the newest were encoded as, once they are with all who listen:
    /// an encoding in each format in use would be several times what a history counts.
    fn forget_encodings(&mut self) {
        while self.encoded > 0
            && let place = self.kept.len() - self.encoded
            && let Some((_, one)) = self.kept.get_mut(place)
            // Whoever else has it has still to write it.
            && let Some(one) = Arc::get_mut(one)
        {
            one.forget_encodings();
            self.encoded -= 1;
        }
    }

    /// Whether its oldest publication exceeds its limits.
    fn is_over(&self, now: Moment) -> bool {
        let is_old = |(since, _): &(Moment, _)| now.since(*since) > self.limits.age_max;
        self.kept.len() > self.limits.count_max
            || self.bytes > self.limits.bytes_max
            || self.kept.front().is_some_and(is_old)
    }
}

/// Positions with the ring that each belongs to, in the order of the log. What is not true any more
/// stays until there is more of that than of the rest: so nothing is ever searched for.
#[derive(Default)]
struct Notes(VecDeque<(u64, u32)>);

impl Notes {
    /// The first note that still holds, taken out.
    fn pop(&mut self, holds: impl Fn(u64, u32) -> bool) -> Option<u32> {
        while let Some((position, ring)) = self.0.pop_front() {
            if holds(position, ring) {
                return Some(ring);
            }
        }
        None
    }

    fn tidy(&mut self, holding: usize, holds: impl Fn(u64, u32) -> bool) {
        if self.0.len() > 2 * holding + STALE_NOTES_MAX {
            self.0.retain(|(position, ring)| holds(*position, *ring));
            self.0.shrink_to(2 * self.0.len());
        }
    }
}

/// The histories of all destinations.
#[derive(Default)]
pub(crate) struct Histories {
    rules: Vec<HistoryLimits>,
    /// Which rules are for which named destinations, and for users' ones.
    named: PatternIndex<usize>,
    of_users: PatternIndex<usize>,
    bounds: HistoryBounds,
    rings: Slab<Ring>,
    by_destination: HashMap<Destination, u32, Folding>,
    /// What is kept, so that the oldest of all is found. A note holds while its publication is kept.
    kept: Notes,
    /// What was published to. A note holds while it is its ring's newest.
    published: Notes,
    count: usize,
    bytes: usize,
    gone: Gone,
    /// The latest moment that it has heard of.
    now: Moment,
    /// Whether a rule has an age.
    has_ages: bool,
    /// The next ring whose age is looked at.
    aged: usize,
}

impl Histories {
    /// Lets destinations that match a pattern keep their past from now on.
    pub(crate) fn keep(
        &mut self,
        scope: HistoryScope,
        pattern: &Pattern,
        limits: HistoryLimits,
    ) -> Result<(), Refusal> {
        let index = match scope {
            HistoryScope::Named => &mut self.named,
            HistoryScope::User => &mut self.of_users,
        };
        let inserted = index.insert(pattern, self.rules.len());
        inserted.map_err(|_| Refusal::TooManyPatterns)?;
        self.rules.push(limits);
        self.has_ages |= limits.age_max != Duration::MAX;
        Ok(())
    }

    pub(crate) fn set_bounds(&mut self, bounds: HistoryBounds) {
        self.bounds = bounds;
        self.keep_to_bounds();
    }

    /// Lets a publication to all subscribers of a destination be the newest of its history.
    pub(crate) fn publish(&mut self, publication: &Arc<Publication>, clock: &dyn Fn() -> Moment) {
        // A sign of life is no part of the past.
        if !publication.content().is_message() {
            return;
        }
        let position = publication.id().position;
        let Some(number) = self.ring_for(publication.destination()) else {
            self.gone.note(publication.destination(), position);
            return;
        };
        let Some(ring) = self.rings.get_mut(number as usize) else {
            return;
        };
        if ring.limits.age_max != Duration::MAX {
            self.now = self.now.max(clock());
        }
        let cost = cost(publication);
        ring.forget_encodings();
        ring.kept.push_back((self.now, Arc::clone(publication)));
        ring.encoded += 1;
        ring.bytes += cost;
        ring.newest = position;
        self.bytes += cost;
        self.count += 1;
        self.kept.0.push_back((position, number));
        self.is_published_to(position, number);
        self.keep_to_limits(number);
        self.keep_to_bounds();
    }

    /// Notes that what was published to a destination is not for everybody, and is not kept.
    pub(crate) fn skip(&mut self, publication: &Publication) {
        let (destination, position) = (publication.destination(), publication.id().position);
        if !publication.content().is_message() {
            return;
        }
        let number = self.by_destination.get(destination).copied();
        match number.and_then(|number| self.rings.get_mut(number as usize)) {
            Some(ring) => {
                ring.let_go = position;
                ring.newest = position;
                self.is_published_to(position, number.unwrap_or_default());
            }
            None => self.gone.note(destination, position),
        }
    }

    /// What was published to these destinations after a position, in the order of the log and each
    /// once; `None` if any of it may be missing, or if it would be more than `bytes_max` in an outbox.
    ///
    /// For a pattern that takes a look at each ring that was published to since.
    pub(crate) fn recover(
        &mut self,
        destinations: &[Destination],
        after: u64,
        bytes_max: usize,
        clock: &dyn Fn() -> Moment,
    ) -> Option<Vec<Arc<Publication>>> {
        if self.has_ages {
            self.now = self.now.max(clock());
        }
        let mut all = Vec::new();
        let mut bytes = 0;
        for destination in destinations {
            if self.gone.newest(destination) > after {
                return None;
            }
            for number in self.rings_of(destination, after) {
                self.keep_to_limits(number);
                let ring = self.rings.get(number as usize)?;
                if ring.let_go > after {
                    return None;
                }
                let is_known = |(_, one): &(_, Arc<Publication>)| one.id().position <= after;
                let missed = ring.kept.range(ring.kept.partition_point(is_known)..);
                for (_, publication) in missed {
                    bytes += publication.bytes() + FRAME_OVERHEAD_BYTES;
                    all.push(Arc::clone(publication));
                }
                if bytes > bytes_max {
                    return None;
                }
            }
        }
        all.sort_by_key(|one| one.id().position);
        all.dedup_by_key(|one| one.id().position);
        Some(all)
    }

    /// Lets go of what has become too old, of some destinations each time. Answers whether anything
    /// here ages.
    pub(crate) fn age(&mut self, now: Moment) -> bool {
        self.now = self.now.max(now);
        if !self.has_ages || self.count == 0 {
            return false;
        }
        let end = self.rings.capacity();
        for _ in 0..AGED_AT_ONCE.min(end) {
            self.aged = if self.aged + 1 < end {
                self.aged + 1
            } else {
                0
            };
            if self.rings.contains(self.aged) {
                self.keep_to_limits(self.aged as u32);
            }
        }
        self.count > 0
    }

    /// How many destinations have a history, how many publications all have, and how many bytes.
    pub(crate) fn size(&self) -> (usize, usize, usize) {
        (self.rings.len(), self.count, self.bytes)
    }

    /// The rings that a destination stands for and that were published to after a position.
    fn rings_of(&self, destination: &Destination, after: u64) -> Vec<u32> {
        let is_newer = |ring: &Ring| ring.newest > after;
        match destination {
            Destination::Matching(pattern) => {
                let matches = |ring: &Ring| match &ring.destination {
                    Destination::Named(name) => pattern.matches(name),
                    _ => false,
                };
                let rings = self.rings.iter();
                rings
                    .filter(|(_, ring)| is_newer(ring) && matches(ring))
                    .map(|(number, _)| number as u32)
                    .collect()
            }
            _ => {
                let number = self.by_destination.get(destination).copied();
                let ring = |number: &u32| self.rings.get(*number as usize).is_some_and(is_newer);
                number.filter(ring).into_iter().collect()
            }
        }
    }

    /// The ring of a destination, which is made if a rule is for it.
    fn ring_for(&mut self, destination: &Destination) -> Option<u32> {
        if self.rules.is_empty() {
            return None;
        }
        if let Some(number) = self.by_destination.get(destination) {
            return Some(*number);
        }
        let limits = self.rule_for(destination)?;
        let number = u32::try_from(self.rings.vacant_key()).ok()?;
        self.rings.insert(Ring {
            destination: destination.clone(),
            limits,
            kept: VecDeque::new(),
            encoded: 0,
            bytes: 0,
            let_go: 0,
            newest: 0,
        });
        self.by_destination.insert(destination.clone(), number);
        Some(number)
    }

    /// The first rule that was made for a destination like this.
    fn rule_for(&self, destination: &Destination) -> Option<HistoryLimits> {
        let (index, name) = match destination {
            Destination::Named(name) => (&self.named, &**name),
            Destination::Private(private) if !private.is_of_session() => {
                (&self.of_users, private.name())
            }
            _ => return None,
        };
        let mut first: Option<usize> = None;
        index.find(name, |rule| {
            first = Some(first.map_or(*rule, |first| first.min(*rule)));
        });
        self.rules.get(first?).copied()
    }

    fn is_published_to(&mut self, position: u64, number: u32) {
        match self.published.0.back_mut() {
            // As often: then the note before it means nothing any more.
            Some(last) if last.1 == number => last.0 = position,
            _ => self.published.0.push_back((position, number)),
        }
    }

    fn keep_to_limits(&mut self, number: u32) {
        let now = self.now;
        while let Some(ring) = self.rings.get(number as usize)
            && ring.is_over(now)
            && self.let_go_of_oldest(number)
        {}
    }

    fn keep_to_bounds(&mut self) {
        let rings = &self.rings;
        let is_kept = |position: u64, number: u32| {
            let ring = rings.get(number as usize);
            let oldest = ring.and_then(Ring::oldest);
            oldest.is_some_and(|oldest| oldest <= position)
        };
        self.kept.tidy(self.count, is_kept);
        let is_newest = |position: u64, number: u32| {
            let ring = rings.get(number as usize);
            ring.is_some_and(|ring| ring.newest == position)
        };
        self.published.tidy(self.rings.len(), is_newest);
        while self.rings.len() > self.bounds.destinations_max {
            let rings = &self.rings;
            let longest_ago = self.published.pop(|position, number| {
                let ring = rings.get(number as usize);
                ring.is_some_and(|ring| ring.newest == position)
            });
            match longest_ago {
                Some(number) => self.forget(number),
                None => break,
            }
        }
        while self.bytes > self.bounds.bytes_max {
            let rings = &self.rings;
            let oldest = self.kept.pop(|position, number| {
                let ring = rings.get(number as usize);
                let oldest = ring.and_then(Ring::oldest);
                oldest.is_some_and(|oldest| oldest <= position)
            });
            match oldest {
                Some(number) => self.let_go_of_oldest(number),
                None => break,
            };
        }
    }

    /// False if there was nothing to let go of.
    fn let_go_of_oldest(&mut self, number: u32) -> bool {
        let ring = self.rings.get_mut(number as usize);
        let Some((ring, (_, gone))) =
            ring.and_then(|ring| ring.kept.pop_front().map(|oldest| (ring, oldest)))
        else {
            return false;
        };
        let cost = cost(&gone);
        ring.encoded = ring.encoded.min(ring.kept.len());
        ring.bytes -= cost;
        ring.let_go = ring.let_go.max(gone.id().position);
        // A burst gives its memory back.
        if ring.kept.len() < ring.kept.capacity() / 8 {
            ring.kept.shrink_to(2 * ring.kept.len());
        }
        self.bytes -= cost;
        self.count -= 1;
        true
    }

    fn forget(&mut self, number: u32) {
        let Some(ring) = self.rings.try_remove(number as usize) else {
            return;
        };
        self.by_destination.remove(&ring.destination);
        self.bytes -= ring.bytes;
        self.count -= ring.kept.len();
        self.gone.note(&ring.destination, ring.newest);
    }
}

fn cost(publication: &Publication) -> usize {
    let name = match publication.destination() {
        Destination::Named(name) => name.len(),
        Destination::Private(private) => private.name().len(),
        _ => 0,
    };
    HISTORY_OVERHEAD_BYTES + publication.bytes() + name
}
