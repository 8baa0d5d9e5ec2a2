//! Pseudo-random load on the whole hub, compared with a model at every step.
//!
//! A failure names its seed; `CAMPANILE_SEED` plays that run again.

mod simulator;

use std::thread::panicking;

use simulator::world::World;

/// Tells, when a run fails, how to see it again.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if panicking() {
            eprintln!(
                "replay: CAMPANILE_SEED={} cargo test -p campanile-hub --test simulation",
                self.0
            );
        }
    }
}

/// The seeds of a test, or the one that was asked for.
fn seeds(first: u64, count: u64) -> Vec<u64> {
    match std::env::var("CAMPANILE_SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => vec![seed],
        Ok(Err(_)) => panic!("CAMPANILE_SEED must be a number"),
        Err(_) => (first..first + count).collect(),
    }
}

/// What a run has come across.
#[derive(Debug, Default)]
struct Sights {
    sessions: usize,
    received: usize,
    closed_as_slow: usize,
    dropped: usize,
    replayed: usize,
    gaps: usize,
}

fn run(seed: u64, shards: usize, sessions_max: usize, steps: usize, sights: &mut Sights) {
    let _replay = Replay(seed);
    let mut world = World::new(seed, shards, sessions_max);
    for step in 1..=steps {
        world.step();
        if step % 40 == 0 {
            world.settle();
        }
    }
    world.leave_node();
    sights.sessions += world.ended;
    sights.received += world.received;
    sights.closed_as_slow += world.closed_as_slow;
    sights.dropped += world.dropped;
    sights.replayed += world.replayed;
    sights.gaps += world.gaps;
}

#[test]
fn s28_s29_s30_s98_small_worlds_keep_every_promise() {
    let mut sights = Sights::default();
    let seeds = seeds(1, 40);
    for seed in &seeds {
        let shards = 1 + (seed % 4) as usize;
        run(
            *seed,
            shards,
            8 + (seed % 7) as usize * 10,
            160,
            &mut sights,
        );
    }
    // A simulation in which nothing goes wrong would prove nothing.
    if seeds.len() > 1 {
        assert!(sights.received > 10_000, "{sights:?}");
        assert!(sights.replayed > 100, "{sights:?}");
        assert!(sights.gaps > 100, "{sights:?}");
        assert!(
            sights.closed_as_slow > 100 && sights.dropped > 100,
            "{sights:?}"
        );
    }
}

#[test]
fn s28_a_crowd_of_thousands_keeps_every_promise() {
    let mut sights = Sights::default();
    for seed in seeds(1_000, 2) {
        run(seed, 3, 4_000, 90, &mut sights);
        assert!(sights.sessions > 2_000, "{sights:?}");
    }
}
