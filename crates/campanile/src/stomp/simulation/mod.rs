//! The hub and STOMP sessions together, in virtual time: clients that crash and come back, over
//! connections that lose what is on its way, compared with a model at every step.
//!
//! A failure names its seed; `CAMPANILE_SEED` plays that schedule again, and
//! `CAMPANILE_SCHEDULES` says how many are played.

mod acts;
mod choices;
mod client;
mod effects;
mod frames;
mod history;
mod model;
mod net;
mod places;
mod queues;
#[path = "../../../../hub/tests/simulator/random.rs"]
mod random;
mod rules;
mod runtime;
mod side;
mod sights;
mod world;

use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::thread::panicking;

use self::random::Random;
use self::sights::Sights;
use self::world::World;

/// Tells, when a schedule fails, how to see it again.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if panicking() {
            eprintln!(
                "replay: CAMPANILE_SEED={} cargo test -p campanile --lib simulation -- --nocapture",
                self.0
            );
        }
    }
}

/// Tells what happens, where one schedule is played again.
fn trace(line: impl FnOnce() -> String) {
    static IS_ON: OnceLock<bool> = OnceLock::new();
    let is_one = || {
        let is_set = |name| std::env::var_os(name).is_some();
        is_set("CAMPANILE_SEED") && !is_set("CAMPANILE_SCHEDULES")
    };
    if *IS_ON.get_or_init(is_one) {
        eprintln!("{}", line());
    }
}

/// What goes wrong on purpose, so that it is seen to be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mischief {
    Nothing,
    /// A client never sees one of its messages.
    SkipsOne,
    /// A client sees one of its messages twice.
    RepeatsOne,
    /// The server never sees acknowledgements, and gives their receipts.
    LosesAcknowledgements,
    /// The server gives a receipt for something that it has not done.
    PromisesOne,
}

/// Plays one schedule.
fn play(seed: u64) -> Sights {
    play_with(seed, Mischief::Nothing)
}

fn play_with(seed: u64, mischief: Mischief) -> Sights {
    let _replay = (mischief == Mischief::Nothing).then(|| Replay(seed));
    let mut world = World::new(seed);
    world.mischief = mischief;
    let steps = world.random.between(60, 240);
    for _ in 0..steps {
        world.step();
        if world.random.chance(1) {
            world.check_calm();
        }
    }
    world.check_calm();
    world.check_nobody_waits();
    world.drain();
    let position = usize::try_from(world.hub.position()).unwrap_or(usize::MAX);
    Sights {
        position,
        ..world.model.sights
    }
}

#[test]
fn a_seed_is_one_schedule() {
    for seed in 0..20 {
        assert_eq!(play(seed), play(seed));
    }
}

#[test]
fn what_goes_wrong_on_purpose_is_noticed() {
    for mischief in [
        Mischief::SkipsOne,
        Mischief::RepeatsOne,
        Mischief::LosesAcknowledgements,
        Mischief::PromisesOne,
    ] {
        let noticed = (0..12).filter(|seed| catch_unwind(|| play_with(*seed, mischief)).is_err());
        let noticed = noticed.count();
        assert!(
            noticed >= 4,
            "{mischief:?} was noticed {noticed} times of 12"
        );
    }
}

/// How many schedules a test plays, of the ten thousand that all of them play.
const SCHEDULES: u64 = 5_000;

/// The seeds of a test, or the one that was asked for.
fn seeds(first: u64) -> Range<u64> {
    let number = |name| match std::env::var(name).map(|text| text.parse::<u64>()) {
        Ok(Ok(number)) => Some(number),
        Ok(Err(_)) => panic!("{name} must be a number"),
        Err(_) => None,
    };
    let schedules = number("CAMPANILE_SCHEDULES").map(|all| all.div_ceil(2));
    match (number("CAMPANILE_SEED"), schedules) {
        (Some(seed), None) => seed..seed.saturating_add(1),
        (base, schedules) => {
            let first = base.unwrap_or_default().saturating_add(first);
            first..first.saturating_add(schedules.unwrap_or(SCHEDULES))
        }
    }
}

/// Plays many schedules, in which everything that can go wrong does so more than once.
fn play_all(seeds: Range<u64>) {
    let count = usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX);
    let mut all = Sights::default();
    for seed in seeds {
        all.add(play(seed));
    }
    println!("{count} schedules: {all:?}");
    if count > 1_000 {
        all.are_many(count);
    }
}

#[test]
fn s71_s72_s91_s94_s98_ten_thousand_schedules_keep_every_promise_first_half() {
    play_all(seeds(0));
}

#[test]
fn s71_s72_s91_s94_s98_ten_thousand_schedules_keep_every_promise_second_half() {
    play_all(seeds(1 << 32));
}
