//! What the hub is told before anybody connects, and the model with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use campanile_hub::{
    HistoryBounds, HistoryLimits, HistoryScope, Hub, Moment, Pattern, QueueLimits, Separator,
    Shard, Wake,
};

use super::Random;
use super::history::{Histories, Keeping};
use super::places::{DEAD, QUEUES, USER_NAMES};
use super::queues::{REJECTIONS_MAX, SMALL_MAX, SMALL_TIME_TO_LIVE};

/// How long a rejected message rests.
pub(super) const REDELIVERY_DELAY: Duration = Duration::from_millis(700);

/// How many digits an epoch has.
const EPOCH_DIGITS: usize = 12;

pub(super) fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, Separator::Slash).expect("a pattern")
}

/// A hub on this clock. Its epoch is as long as most are, since a schedule cuts bytes anywhere.
pub(super) fn make_hub(clock: &Arc<AtomicU64>, woken: &[Arc<AtomicBool>]) -> (Hub, Vec<Shard>) {
    loop {
        let wakes = woken
            .iter()
            .cloned()
            .map(|flag| -> Wake { Arc::new(move || flag.store(true, Ordering::Relaxed)) });
        let time = Arc::clone(clock);
        let now = move || Moment::after_start(Duration::from_millis(time.load(Ordering::Relaxed)));
        let made = Hub::with_clock(wakes.collect(), Arc::new(now)).expect("a hub");
        if format!("{:x}", made.0.cursor().epoch).len() == EPOCH_DIGITS {
            return made;
        }
    }
}

/// Says what destinations keep, to the hub and to the model.
pub(super) fn keep_histories(hub: &Hub, random: &mut Random) -> Histories {
    let ages = [400, 3_000, 3_600_000];
    let mut rule = |percent| {
        random.chance(percent).then(|| Keeping {
            count_max: random.between(1, 60),
            age_max: *random.pick(&ages),
        })
    };
    let rules = [rule(90), rule(70), rule(80)];
    let ages_out = rules.iter().flatten().any(|rule| rule.age_max < 3_600_000);
    let destinations_max = match !ages_out && random.chance(30) {
        true => random.between(1, 5),
        false => 1_000,
    };
    let patterns = [
        (HistoryScope::Named, "/topic/a/*"),
        (HistoryScope::Named, "/topic/b/**"),
        (HistoryScope::User, USER_NAMES[0]),
    ];
    for (rule, (scope, text)) in rules.iter().zip(patterns) {
        if let Some(rule) = rule {
            let limits = HistoryLimits {
                count_max: rule.count_max,
                bytes_max: 1 << 20,
                age_max: Duration::from_millis(rule.age_max),
            };
            hub.keep_history(scope, &pattern(text), limits)
                .expect("room for a rule");
        }
    }
    hub.set_history_bounds(HistoryBounds {
        destinations_max,
        bytes_max: 64 << 20,
    });
    Histories::new(rules, destinations_max)
}

pub(super) fn limit_queues(hub: &Hub) {
    let usual = || QueueLimits {
        messages_max: 10_000,
        bytes_max: 16 << 20,
        rejections_max: REJECTIONS_MAX,
        redelivery_delay: REDELIVERY_DELAY,
        time_to_live: None,
        dead_letters: None,
    };
    let dying = QueueLimits {
        dead_letters: Some(DEAD.into()),
        ..usual()
    };
    let small = QueueLimits {
        messages_max: SMALL_MAX,
        time_to_live: Some(Duration::from_millis(SMALL_TIME_TO_LIVE)),
        ..usual()
    };
    for (name, limits) in [
        (QUEUES[0], dying),
        (QUEUES[2], small),
        ("/queue/**", usual()),
    ] {
        hub.limit_queues(&pattern(name), limits)
            .expect("room for a rule");
    }
}
