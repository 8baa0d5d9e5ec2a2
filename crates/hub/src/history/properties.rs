//! The rings beside a model that keeps everything and looks at all of it each time.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{HISTORY_OVERHEAD_BYTES, Histories, HistoryBounds, HistoryLimits, HistoryScope};
use crate::destination::Destination;
use crate::moment::Moment;
use crate::patterns::{Pattern, Separator};
use crate::publication::{Message, Publication, PublicationId};
use crate::session::{SessionId, Slot};

const CONTENT_BYTES_MAX: usize = 400;

/// What is done to the histories.
#[derive(Clone, Debug)]
enum Step {
    Publish { to: usize, bytes: usize },
    Pick { to: usize },
    Pass(u64),
    Age,
    Bound(usize, usize),
    Recover { what: Vec<usize>, back: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let destinations = destinations().len();
    let subscriptions = subscriptions().len();
    let step = prop_oneof![
        12 => (0..destinations, 0..CONTENT_BYTES_MAX)
            .prop_map(|(to, bytes)| Step::Publish { to, bytes }),
        1 => (0..destinations).prop_map(|to| Step::Pick { to }),
        2 => (1..80_u64).prop_map(Step::Pass),
        1 => Just(Step::Age),
        1 => (0..6_usize, 0..8_000_usize).prop_map(|(count, bytes)| Step::Bound(count, bytes)),
        6 => (vec(0..subscriptions, 1..3), 0..12_u64)
            .prop_map(|(what, back)| Step::Recover { what, back }),
    ];
    vec(step, 1..120)
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect("a pattern")
}

fn destinations() -> Vec<Destination> {
    let session = SessionId::new([7; 12], 0, Slot(1));
    let named = ["/a/1", "/a/2", "/a/3", "/b/1", "/b/2", "/c/1"].map(Destination::named);
    let private = [
        Destination::of_user("ada", "/a/1"),
        Destination::of_user("bob", "/a/1"),
        Destination::of_user("ada", "/c/1"),
        Destination::of_session(session, "/a/1"),
    ];
    named.into_iter().chain(private).collect()
}

/// What is recovered: each destination, the same name of a session that comes back, and patterns.
fn subscriptions() -> Vec<Destination> {
    let another = SessionId::new([8; 12], 0, Slot(2));
    let others = [
        Destination::of_session(another, "/a/1"),
        Destination::matching(pattern("/a/*")),
        Destination::matching(pattern("/b/**")),
        Destination::matching(pattern("/*/1")),
    ];
    destinations().into_iter().chain(others).collect()
}

/// The rules, in their order.
fn rules() -> [(HistoryScope, &'static str, HistoryLimits); 4] {
    let limits = |count_max, bytes_max, age| HistoryLimits {
        count_max,
        bytes_max,
        age_max: age,
    };
    let age = Duration::from_millis(100);
    [
        (HistoryScope::Named, "/a/3", limits(1, usize::MAX, age)),
        (HistoryScope::Named, "/a/*", limits(5, usize::MAX, age)),
        (
            HistoryScope::Named,
            "/b/**",
            limits(9, 3_000, Duration::MAX),
        ),
        (HistoryScope::User, "/a/*", limits(3, usize::MAX, age)),
    ]
}

/// Where a publication is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Whereabouts {
    Kept,
    /// Its destination has a ring, which knows that it is gone.
    LetGo,
    /// Its destination has none.
    Lost,
}

#[derive(Debug)]
struct Known {
    position: u64,
    to: usize,
    cost: usize,
    since: u64,
    is_for_all: bool,
    whereabouts: Whereabouts,
}

/// Everything that was ever published.
struct Model {
    destinations: Vec<Destination>,
    all: Vec<Known>,
    bounds: HistoryBounds,
    now: u64,
}

impl Model {
    fn name(&self, to: usize) -> &str {
        match &self.destinations[to] {
            Destination::Named(name) => name,
            Destination::Private(private) => private.name(),
            other => panic!("{other} has no name"),
        }
    }

    fn rule(&self, to: usize) -> Option<HistoryLimits> {
        let scope = match &self.destinations[to] {
            Destination::Named(_) => HistoryScope::Named,
            Destination::Private(private) if !private.is_of_session() => HistoryScope::User,
            _ => return None,
        };
        let found = rules()
            .into_iter()
            .find(|(of, text, _)| *of == scope && pattern(text).matches(self.name(to)));
        found.map(|(_, _, limits)| limits)
    }

    fn kept(&mut self, to: usize) -> Vec<&mut Known> {
        let is_kept = |one: &&mut Known| one.to == to && one.whereabouts == Whereabouts::Kept;
        self.all.iter_mut().filter(is_kept).collect()
    }

    fn rings(&self) -> Vec<usize> {
        let has_ring = |to: &usize| {
            let is_known = |one: &Known| one.to == *to && one.whereabouts != Whereabouts::Lost;
            self.all.iter().any(is_known)
        };
        (0..self.destinations.len()).filter(has_ring).collect()
    }

    fn keep_to_limits(&mut self, to: usize) {
        let (now, limits) = (self.now, self.rule(to).expect("a rule"));
        let mut kept = self.kept(to);
        loop {
            let bytes: usize = kept.iter().map(|one| one.cost).sum();
            let is_old = kept
                .first()
                .is_some_and(|one| Duration::from_millis(now - one.since) > limits.age_max);
            if kept.len() <= limits.count_max && bytes <= limits.bytes_max && !is_old {
                return;
            }
            kept.remove(0).whereabouts = Whereabouts::LetGo;
        }
    }

    fn keep_to_bounds(&mut self) {
        while self.rings().len() > self.bounds.destinations_max {
            let newest = |to: &usize| {
                let its = self.all.iter().filter(|one| one.to == *to);
                its.map(|one| one.position).max()
            };
            let forgotten = self.rings().into_iter().min_by_key(newest);
            let forgotten = forgotten.expect("there are some");
            let its = self.all.iter_mut().filter(|one| one.to == forgotten);
            its.for_each(|one| one.whereabouts = Whereabouts::Lost);
        }
        loop {
            let kept = self.all.iter_mut();
            let kept = kept.filter(|one| one.whereabouts == Whereabouts::Kept);
            let mut kept: Vec<&mut Known> = kept.collect();
            let bytes: usize = kept.iter().map(|one| one.cost).sum();
            if bytes <= self.bounds.bytes_max {
                return;
            }
            kept[0].whereabouts = Whereabouts::LetGo;
        }
    }

    fn publish(&mut self, position: u64, to: usize, cost: usize, is_for_all: bool) {
        let has_ring = self.rings().contains(&to);
        let has_rule = self.rule(to).is_some();
        let whereabouts = match is_for_all {
            true if has_rule => Whereabouts::Kept,
            false if has_ring => Whereabouts::LetGo,
            _ => Whereabouts::Lost,
        };
        self.all.push(Known {
            position,
            to,
            cost,
            since: self.now,
            is_for_all,
            whereabouts,
        });
        if whereabouts == Whereabouts::Kept {
            self.keep_to_limits(to);
            self.keep_to_bounds();
        }
    }

    fn matches(&self, subscription: &Destination, to: usize) -> bool {
        match (subscription, &self.destinations[to]) {
            (Destination::Matching(pattern), Destination::Named(name)) => pattern.matches(name),
            (Destination::Private(own), Destination::Private(other))
                if own.is_of_session() && other.is_of_session() =>
            {
                own.name() == other.name()
            }
            (one, other) => one == other,
        }
    }
}

fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut histories = Histories::default();
    for (scope, text, limits) in rules() {
        let kept = histories.keep(scope, &pattern(text), limits);
        kept.expect("room for a pattern");
    }
    let mut model = Model {
        destinations: destinations(),
        all: Vec::new(),
        bounds: HistoryBounds::default(),
        now: 0,
    };
    let mut position = 0;
    for step in steps {
        let now = model.now;
        let clock = move || Moment::after_start_millis(now);
        match step {
            Step::Publish { to, bytes } => {
                position += 1;
                let publication = publication(&model, position, to, bytes);
                let cost = HISTORY_OVERHEAD_BYTES + bytes + model.name(to).len();
                histories.publish(&publication, &clock);
                model.publish(position, to, cost, true);
            }
            Step::Pick { to } => {
                position += 1;
                histories.skip(&publication(&model, position, to, 0));
                model.publish(position, to, 0, false);
            }
            Step::Pass(time) => model.now += time,
            Step::Age => {
                histories.age(clock());
                for ring in model.rings() {
                    model.keep_to_limits(ring);
                }
            }
            Step::Bound(destinations_max, bytes_max) => {
                model.bounds = HistoryBounds {
                    destinations_max,
                    bytes_max,
                };
                histories.set_bounds(model.bounds);
                model.keep_to_bounds();
            }
            Step::Recover { what, back } => {
                let all = subscriptions();
                let what: Vec<_> = what.iter().map(|one| all[*one].clone()).collect();
                let after = position.saturating_sub(back);
                let got = histories.recover(&what, after, usize::MAX, &clock);
                // Those that were not asked about age, too, so that both hold the same.
                histories.age(clock());
                compare(&mut model, &what, after, got)?;
            }
        }
        let kept = model.all.iter();
        let kept = kept.filter(|one| one.whereabouts == Whereabouts::Kept);
        let (count, bytes) = kept.fold((0, 0), |(count, bytes), one| (count + 1, bytes + one.cost));
        let (rings, counted, bytes_counted) = histories.size();
        prop_assert_eq!(rings, model.rings().len());
        prop_assert_eq!((counted, bytes_counted), (count, bytes));
        prop_assert!(bytes_counted <= model.bounds.bytes_max);
    }
    Ok(())
}

fn publication(model: &Model, position: u64, to: usize, bytes: usize) -> Arc<Publication> {
    let id = PublicationId { epoch: 1, position };
    let message = Message::binary(vec![b'x'; bytes]);
    let destination = model.destinations[to].clone();
    Arc::new(Publication::new(
        id,
        Moment::default(),
        destination,
        message,
        0,
    ))
}

fn compare(
    model: &mut Model,
    what: &[Destination],
    after: u64,
    got: Option<Vec<Arc<Publication>>>,
) -> Result<(), TestCaseError> {
    for ring in model.rings() {
        model.keep_to_limits(ring);
    }
    let model = &*model;
    let missed = |one: &&Known| {
        let is_wanted = what.iter().any(|to| model.matches(to, one.to));
        one.position > after && is_wanted
    };
    let missed: Vec<&Known> = model.all.iter().filter(missed).collect();
    let is_kept = |one: &&Known| one.whereabouts == Whereabouts::Kept;
    match got {
        Some(replay) => {
            prop_assert!(missed.iter().all(is_kept), "partial: {:?}", missed);
            let positions = replay.iter().map(|one| one.id().position);
            prop_assert!(positions.eq(missed.iter().map(|one| one.position)));
            prop_assert!(missed.iter().all(|one| one.is_for_all));
        }
        None => {
            // A pattern may take what another destination that begins alike has lost for its own.
            let word = |to: usize| model.name(to)[1..].split('/').next().map(str::to_owned);
            let is_pattern_near = |one: &Known| {
                let is_named = matches!(model.destinations[one.to], Destination::Named(_));
                let mut patterns = what.iter().filter_map(|to| match to {
                    Destination::Matching(pattern) => Some(pattern.text()),
                    _ => None,
                });
                let its_word = word(one.to).unwrap_or_default();
                let begins_alike = |text: &Arc<str>| {
                    text.starts_with(&format!("/{its_word}/")) || text.starts_with("/*")
                };
                is_named && patterns.any(begins_alike)
            };
            let spoils = |one: &&Known| {
                one.position > after && one.whereabouts == Whereabouts::Lost && is_pattern_near(one)
            };
            let is_excused = model.all.iter().any(|one| spoils(&one));
            prop_assert!(
                is_excused || !missed.iter().all(is_kept),
                "lost without need"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn s98_who_has_recovered_gets_exactly_what_was_published_since(steps in steps()) {
        check(steps)?;
    }
}
