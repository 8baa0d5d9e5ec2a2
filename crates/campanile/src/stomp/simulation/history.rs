//! A naive account of what destinations keep, and of what they have let go of.

use std::collections::{BTreeMap, VecDeque};

use super::places::{PATTERNS, Place, Wish};

/// How much of its past a destination keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) count_max: usize,
    pub(super) age_max: u64,
}

#[derive(Default)]
struct Ring {
    /// Positions, and when they were published.
    kept: VecDeque<(u64, u64)>,
    let_go: u64,
}

/// What may be answered to somebody who comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Recovered,
    /// Too little is certain: time has just run out, or something was let go of that the hub
    /// cannot tell from what is asked for.
    Either,
    Lost,
}

/// All histories.
pub(super) struct Histories {
    /// What `/topic/a/*` keeps, what `/topic/b/**` does, and what users do under the first name.
    pub(super) rules: [Option<Keeping>; 3],
    pub(super) destinations_max: usize,
    rings: BTreeMap<Place, Ring>,
    /// By destination, the highest position of what has no history, or not any more.
    gone: BTreeMap<Place, u64>,
    /// The same for what was one session's alone: by client and name.
    own: BTreeMap<(usize, usize), u64>,
    /// The highest of them all.
    gone_top: u64,
}

impl Histories {
    pub(super) fn new(rules: [Option<Keeping>; 3], destinations_max: usize) -> Self {
        Self {
            rules,
            destinations_max,
            rings: BTreeMap::new(),
            gone: BTreeMap::new(),
            own: BTreeMap::new(),
            gone_top: 0,
        }
    }

    fn rule(&self, place: Place) -> Option<Keeping> {
        match place {
            Place::Topic(0..3) => self.rules[0],
            Place::Topic(3..5) => self.rules[1],
            Place::User(_, 0) => self.rules[2],
            _ => None,
        }
    }

    /// Notes a publication; `client` has the session whose own destination it may be.
    pub(super) fn publish(&mut self, place: Place, client: usize, position: u64, now: u64) {
        let Some(rule) = self.rule(place) else {
            self.gone_top = position;
            match place {
                Place::Own(_, name) => self.own.insert((client, name), position),
                _ => self.gone.insert(place, position),
            };
            return;
        };
        let ring = self.rings.entry(place).or_default();
        ring.kept.push_back((position, now));
        while ring.kept.len() > rule.count_max {
            let first = ring.kept.pop_front();
            ring.let_go = first.map_or(ring.let_go, |(position, _)| position);
        }
        while self.rings.len() > self.destinations_max {
            self.forget_one();
        }
    }

    /// Forgets the destination that was published to longest ago.
    fn forget_one(&mut self) {
        let last = |ring: &Ring| ring.kept.back().map_or(ring.let_go, |(last, _)| *last);
        let oldest = self.rings.iter().min_by_key(|(_, ring)| last(ring));
        let Some(place) = oldest.map(|(place, _)| *place) else {
            return;
        };
        if let Some(ring) = self.rings.remove(&place) {
            let last = last(&ring);
            self.gone.insert(place, last);
            self.gone_top = self.gone_top.max(last);
        }
    }

    /// Whether somebody who has received up to `cursor` gets all that came after it.
    pub(super) fn verdict(
        &self,
        wish: Wish,
        client: usize,
        user: Option<usize>,
        cursor: u64,
        now: u64,
    ) -> Verdict {
        let mut verdict = match self.gone_top > cursor {
            true => Verdict::Either,
            false => Verdict::Recovered,
        };
        let places: Vec<Place> = match wish {
            Wish::Topic(topic) => vec![Place::Topic(topic)],
            Wish::Pattern(pattern) => {
                let topics = PATTERNS[pattern].1.iter();
                topics.map(|&topic| Place::Topic(topic)).collect()
            }
            Wish::User(name) => user
                .map(|user| Place::User(user, name))
                .into_iter()
                .collect(),
            Wish::Queue(_) => Vec::new(),
        };
        if let Wish::User(name) = wish
            && self
                .own
                .get(&(client, name))
                .is_some_and(|&top| top > cursor)
        {
            return Verdict::Lost;
        }
        for place in places {
            if self.gone.get(&place).is_some_and(|&top| top > cursor) {
                return Verdict::Lost;
            }
            let (Some(ring), Some(rule)) = (self.rings.get(&place), self.rule(place)) else {
                continue;
            };
            if ring.let_go > cursor {
                return Verdict::Lost;
            }
            let after = ring.kept.iter().filter(|(position, _)| *position > cursor);
            for (_, at) in after {
                match now.saturating_sub(*at).cmp(&rule.age_max) {
                    std::cmp::Ordering::Greater => return Verdict::Lost,
                    std::cmp::Ordering::Equal => verdict = Verdict::Either,
                    std::cmp::Ordering::Less => {}
                }
            }
        }
        verdict
    }
}
