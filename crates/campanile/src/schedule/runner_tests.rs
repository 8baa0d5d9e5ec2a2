//! Time stands still in these tests unless all tasks wait, and then jumps to the next timer.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::timeout;

use super::*;

/// What the jobs did, and a wall clock that goes with tokio's time but can be set.
#[derive(Clone)]
struct World {
    start: Instant,
    /// By how many seconds the wall clock was set.
    set: Arc<AtomicI64>,
    started: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            set: Arc::default(),
            started: Arc::default(),
        }
    }

    /// Starts at 12:00:02.5 in universal time.
    fn wall_clock(&self) -> Zoned {
        let start: jiff::Timestamp = "2026-06-30T12:00:02.5Z".parse().expect("a time");
        let elapsed = SignedDuration::try_from(self.start.elapsed()).expect("a short test");
        let time = start + elapsed + SignedDuration::from_secs(self.set.load(Ordering::Relaxed));
        time.to_zoned(jiff::tz::TimeZone::UTC)
    }

    fn set_clock(&self, seconds: i64) {
        self.set.fetch_add(seconds, Ordering::Relaxed);
    }

    fn note_wall_clock(&self) {
        let time = self.wall_clock().strftime("%H:%M:%S%.f").to_string();
        self.started.lock().expect("not poisoned").push(time);
    }

    fn note_elapsed(&self) {
        let elapsed = format!("{:?}", self.start.elapsed());
        self.started.lock().expect("not poisoned").push(elapsed);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.started.lock().expect("not poisoned"))
    }

    /// Runs a schedule for so many seconds. Each run takes what `lengths` says in seconds, and
    /// nothing when that is used up.
    async fn run(&self, trigger: Trigger, lengths: &[u64], seconds: u64) -> Vec<String> {
        let mut lengths = lengths.iter().copied();
        let schedule = run(trigger, || {
            self.note_elapsed();
            sleep(Duration::from_secs(lengths.next().unwrap_or(0)))
        });
        assert!(
            timeout(Duration::from_secs(seconds), schedule)
                .await
                .is_err()
        );
        self.take()
    }

    async fn run_cron(&self, expression: &str, lengths: &[u64], seconds: u64) -> Vec<String> {
        let cron = Cron::spring(expression).expect("valid");
        let mut lengths = lengths.iter().copied();
        let mut job = Job {
            name: expression.to_owned(),
            start: || {
                self.note_wall_clock();
                sleep(Duration::from_secs(lengths.next().unwrap_or(0)))
            },
        };
        let now = || self.wall_clock();
        let schedule = run_cron(&cron, &now, &mut job);
        assert!(
            timeout(Duration::from_secs(seconds), schedule)
                .await
                .is_err()
        );
        self.take()
    }
}

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_fixed_rate_goes_from_start_to_start() {
    let started = World::new()
        .run(Trigger::FixedRate(TEN), &[3, 9, 0], 35)
        .await;
    assert_eq!(started, ["0ns", "10s", "20s", "30s"]);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_rate_makes_up_for_one_run_at_most() {
    // The first run misses the times at 10, 20 and 30; the second misses none.
    let started = World::new()
        .run(Trigger::FixedRate(TEN), &[35, 1], 55)
        .await;
    assert_eq!(started, ["0ns", "35s", "40s", "50s"]);
    // One missed, and a run that ends just when the next is due.
    let started = World::new()
        .run(Trigger::FixedRate(TEN), &[15, 5], 35)
        .await;
    assert_eq!(started, ["0ns", "15s", "20s", "30s"]);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_delay_goes_from_end_to_start() {
    let started = World::new()
        .run(Trigger::FixedDelay(TEN), &[3, 20, 0], 60)
        .await;
    assert_eq!(started, ["0ns", "13s", "43s", "53s"]);
}

#[tokio::test(start_paused = true)]
async fn extreme_periods() {
    assert_eq!(
        World::new()
            .run(Trigger::FixedRate(Duration::MAX), &[], 100)
            .await,
        ["0ns"]
    );
    assert_eq!(
        World::new()
            .run(Trigger::FixedDelay(Duration::MAX), &[], 100)
            .await,
        ["0ns"]
    );
    // Prolonged to a millisecond, so time goes on.
    let started = World::new()
        .run(Trigger::FixedRate(Duration::ZERO), &[], 1)
        .await;
    assert!((900..=1_001).contains(&started.len()), "{}", started.len());
    let started = World::new()
        .run(Trigger::FixedDelay(Duration::ZERO), &[], 1)
        .await;
    assert!((300..=1_001).contains(&started.len()), "{}", started.len());
}

#[test]
fn a_schedule_may_run_on_any_thread() {
    fn assert_send(_: &impl Send) {}
    assert_send(&run(Trigger::FixedRate(TEN), || async {}));
    let cron = Cron::spring("@daily").expect("valid");
    assert_send(&run(Trigger::Cron(cron), || async {}));
}

#[test]
fn the_grid_of_a_fixed_rate_after_a_very_long_run() {
    let start = Instant::now();
    let late = start + Duration::from_secs(86_400 * 365);
    assert_eq!(next_at_rate(start, SHORTEST_PERIOD, late), Some(late));
    assert_eq!(next_at_rate(start, TEN, start + TEN / 2), Some(start + TEN));
    assert_eq!(
        next_at_rate(start, TEN, start + TEN * 7 / 2),
        Some(start + TEN * 3)
    );
    assert_eq!(next_at_rate(start, Duration::MAX, start), None);
}

#[tokio::test(start_paused = true)]
async fn cron_starts_on_time_and_never_before() {
    let started = World::new().run_cron("0/5 * * * * ?", &[], 18).await;
    assert_eq!(started, ["12:00:05", "12:00:10", "12:00:15", "12:00:20"]);
}

#[tokio::test(start_paused = true)]
async fn cron_waits_longer_than_one_sleep() {
    let started = World::new().run_cron("0 30 * * * ?", &[], 2 * 3_600).await;
    assert_eq!(started, ["12:30:00", "13:30:00"]);
}

#[tokio::test(start_paused = true)]
async fn cron_skips_what_a_long_run_missed() {
    let started = World::new().run_cron("0/5 * * * * ?", &[12, 5], 33).await;
    assert_eq!(started, ["12:00:05", "12:00:20", "12:00:30", "12:00:35"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_is_noticed_within_a_minute() {
    let world = World::new();
    let setter = async {
        sleep(Duration::from_secs(30)).await;
        world.set_clock(3 * 3_600);
        pending::<()>().await;
    };
    let schedule = world.run_cron("0 30 * * * ?", &[], 3_600);
    let started = tokio::select! {
        started = schedule => started,
        () = setter => unreachable!("the setter waits for ever"),
    };
    // Late once for all that was missed, and then on time.
    assert_eq!(started, ["15:01:02.5", "15:30:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_repeats_nothing() {
    let world = World::new();
    let setter = async {
        // After the run at 12:00:05.
        sleep(Duration::from_secs(4)).await;
        world.set_clock(-60);
        pending::<()>().await;
    };
    let started = tokio::select! {
        started = world.run_cron("0/5 * * * * ?", &[], 70) => started,
        () = setter => unreachable!("the setter waits for ever"),
    };
    assert_eq!(started, ["12:00:05", "12:00:10"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_far_back_starts_the_schedule_anew() {
    let world = World::new();
    let setter = async {
        sleep(Duration::from_secs(4)).await;
        world.set_clock(-86_401);
        pending::<()>().await;
    };
    let started = tokio::select! {
        started = world.run_cron("0/5 * * * * ?", &[], 15) => started,
        () = setter => unreachable!("the setter waits for ever"),
    };
    assert_eq!(started, ["12:00:05", "12:00:10", "12:00:15"]);
}

#[tokio::test(start_paused = true)]
async fn an_expression_by_the_machines_clock() {
    // With the real clock, which stands nearly still here, only the waiting can be seen.
    let cron = Cron::spring("0 0 0 1 1 *").expect("valid");
    let schedule = run(Trigger::Cron(cron), || async {});
    assert!(timeout(Duration::from_secs(600), schedule).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_panic_does_not_end_the_schedule() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let schedule = run(Trigger::FixedRate(TEN), move || {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        assert_ne!(number, 0, "before the first future exists");
        async move {
            assert_ne!(number, 1, "inside the second future");
        }
    });
    assert!(timeout(Duration::from_secs(35), schedule).await.is_err());
    assert_eq!(runs.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_schedule_aborts_the_run() {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<()>(1);
    let schedule = run(Trigger::FixedRate(TEN), move || {
        let sender = sender.clone();
        async move {
            pending::<()>().await;
            drop(sender);
        }
    });
    assert!(timeout(Duration::from_secs(5), schedule).await.is_err());
    // The aborted task is dropped when the runtime next comes to it.
    tokio::task::yield_now().await;
    assert_eq!(
        receiver.try_recv(),
        Err(std::sync::mpsc::TryRecvError::Disconnected)
    );
}
