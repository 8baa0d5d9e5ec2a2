//! Time stands still in these tests unless all tasks wait, and then jumps to the next timer.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::time::{sleep, timeout};

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

    fn clock(&self) -> Clock {
        let world = self.clone();
        Clock::reading(move || world.wall_clock())
    }

    /// A runner whose runs note when they start, with `note`, and take what `lengths` says in
    /// seconds, and nothing when that is used up.
    fn runner(&self, schedule: Schedule, lengths: &[u64], note: fn(&Self)) -> Runner {
        let world = self.clone();
        let mut lengths = std::collections::VecDeque::from(lengths.to_vec());
        let job: Job = Box::new(move || {
            note(&world);
            Box::pin(sleep(Duration::from_secs(lengths.pop_front().unwrap_or(0))))
        });
        Runner::new(schedule, self.clock(), Arc::new(Status::new()), job)
    }

    /// Runs a schedule for so many seconds.
    async fn run(&self, schedule: Schedule, lengths: &[u64], seconds: u64) -> Vec<String> {
        let runner = self.runner(schedule, lengths, Self::note_elapsed);
        assert!(
            timeout(Duration::from_secs(seconds), runner.run())
                .await
                .is_err()
        );
        self.take()
    }

    async fn run_cron(&self, expression: &str, lengths: &[u64], seconds: u64) -> Vec<String> {
        self.run_by_clock(cron(expression), lengths, seconds).await
    }

    async fn run_by_clock(&self, schedule: Schedule, lengths: &[u64], seconds: u64) -> Vec<String> {
        let runner = self.runner(schedule, lengths, Self::note_wall_clock);
        assert!(
            timeout(Duration::from_secs(seconds), runner.run())
                .await
                .is_err()
        );
        self.take()
    }
}

fn cron(expression: &str) -> Schedule {
    Schedule::cron(expression).expect("valid")
}

fn rate(seconds: u64) -> Schedule {
    Schedule::fixed_rate(Duration::from_secs(seconds))
}

fn runner_of(schedule: Schedule, job: Job) -> Runner {
    Runner::new(schedule, Clock::system(), Arc::new(Status::new()), job)
}

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_fixed_rate_goes_from_start_to_start() {
    let started = World::new().run(rate(10), &[3, 9, 0], 35).await;
    assert_eq!(started, ["0ns", "10s", "20s", "30s"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_due_during_a_run_is_left_out() {
    let started = World::new().run(rate(10), &[35, 1], 55).await;
    assert_eq!(started, ["0ns", "40s", "50s"]);
    // A run that ends just when the next is due is not in the way.
    let started = World::new().run(rate(10), &[10, 20], 35).await;
    assert_eq!(started, ["0ns", "10s", "30s"]);
}

#[tokio::test(start_paused = true)]
async fn one_run_is_queued() {
    let schedule = rate(10).overlap(Overlap::QueueOne);
    // Due at 10, 20 and 30, of which the first waits and the others are left out.
    let started = World::new().run(schedule, &[35, 1], 55).await;
    assert_eq!(started, ["0ns", "35s", "40s", "50s"]);
    let schedule = cron("0/5 * * * * ?").overlap(Overlap::QueueOne);
    let started = World::new().run_by_clock(schedule, &[12, 1], 24).await;
    assert_eq!(started, ["12:00:05", "12:00:17", "12:00:20", "12:00:25"]);
}

#[tokio::test(start_paused = true)]
async fn runs_go_on_beside_each_other_up_to_a_number() {
    let schedule = rate(10).overlap(Overlap::Allow { runs_max: 2 });
    // 0 to 35 and 10 to 45: nothing starts at 20 and 30, and at 40 the first has ended.
    let started = World::new().run(schedule, &[35, 35, 1], 55).await;
    assert_eq!(started, ["0ns", "10s", "40s", "50s"]);
    let none = rate(10).overlap(Overlap::Allow { runs_max: 0 });
    let started = World::new().run(none, &[15], 35).await;
    assert_eq!(started, ["0ns", "20s", "30s"]);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_delay_goes_from_end_to_start() {
    let schedule = || Schedule::fixed_delay(TEN);
    let started = World::new().run(schedule(), &[3, 20, 0], 60).await;
    assert_eq!(started, ["0ns", "13s", "43s", "53s"]);
    // Also when runs may overlap.
    let schedule = schedule().overlap(Overlap::Allow { runs_max: 9 });
    let started = World::new().run(schedule, &[15], 30).await;
    assert_eq!(started, ["0ns", "25s"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_is_delayed() {
    let delay = Duration::from_secs(7);
    let started = World::new()
        .run(rate(10).initial_delay(delay), &[], 30)
        .await;
    assert_eq!(started, ["7s", "17s", "27s"]);
    let schedule = Schedule::fixed_delay(TEN).initial_delay(delay);
    let started = World::new().run(schedule, &[2], 30).await;
    assert_eq!(started, ["7s", "19s", "29s"]);
    // From 12:00:02.5 on.
    let schedule = cron("0/5 * * * * ?").initial_delay(delay);
    let started = World::new().run_by_clock(schedule, &[], 20).await;
    assert_eq!(started, ["12:00:10", "12:00:15", "12:00:20"]);
    let late = rate(10).initial_delay(Duration::MAX);
    assert!(World::new().run(late, &[], 100).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn jitter_is_bounded_and_does_not_add_up() {
    let jitter = Duration::from_secs(4);
    for schedule in [
        rate(10).jitter(jitter),
        cron("0/10 * * * * ?").jitter(jitter),
    ] {
        let world = World::new();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let (noted, begun) = (Arc::clone(&starts), world.start);
        let job: Job = Box::new(move || {
            noted.lock().expect("not poisoned").push(begun.elapsed());
            Box::pin(async {})
        });
        // The times of the cron expression are 7.5 s, 17.5 s and so on.
        let base = match schedule.trigger {
            Trigger::Cron(_) => Duration::from_millis(7_500),
            _ => Duration::ZERO,
        };
        let runner = Runner::new(schedule, world.clock(), Arc::new(Status::new()), job);
        let end = Duration::from_secs(1_000);
        assert!(timeout(end, runner.run()).await.is_err());
        let starts = std::mem::take(&mut *starts.lock().expect("not poisoned"));
        assert!((99..=100).contains(&starts.len()), "{}", starts.len());
        let mut drawn = Vec::new();
        for (start, number) in starts.iter().zip(0u32..) {
            let late = start.checked_sub(base + TEN * number);
            let late = late.expect("never before its time");
            // Tokio's timers have a granularity of a millisecond.
            assert!(late <= jitter + Duration::from_millis(2), "{late:?}");
            drawn.push(late);
        }
        drawn.sort();
        // With 99 of them this is as good as certain.
        assert!(drawn[0] < jitter / 2 && *drawn.last().expect("some") > jitter / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn extreme_periods_and_jitter() {
    let run = async |schedule, seconds| World::new().run(schedule, &[], seconds).await;
    assert_eq!(run(Schedule::fixed_rate(Duration::MAX), 100).await, ["0ns"]);
    assert_eq!(
        run(Schedule::fixed_delay(Duration::MAX), 100).await,
        ["0ns"]
    );
    assert!(run(rate(1).jitter(Duration::MAX), 100).await.len() < 2);
    let started = run(Schedule::fixed_rate(Duration::from_millis(1)), 1).await;
    assert!((900..=1_001).contains(&started.len()), "{}", started.len());
}

#[tokio::test(start_paused = true)]
async fn cancelling_lets_the_run_end_that_goes_on() {
    for overlap in [Overlap::Skip, Overlap::QueueOne] {
        let world = World::new();
        let schedule = rate(10).overlap(overlap);
        let runner = world.runner(schedule, &[1, 25], World::note_elapsed);
        let status = Arc::clone(&runner.status);
        let task = tokio::spawn(runner.run());
        sleep(Duration::from_secs(22)).await;
        assert!(status.next_fire(&world.clock()).is_some());
        status.cancel();
        sleep(Duration::from_secs(1)).await;
        assert!(!task.is_finished(), "the run of 10 to 35 goes on");
        assert_eq!(status.next_fire(&world.clock()), None);
        sleep(Duration::from_secs(60)).await;
        assert!(task.is_finished());
        assert_eq!(world.take(), ["0ns", "10s"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_run_is_told() {
    let world = World::new();
    let told = async |schedule: Schedule, seconds| {
        let runner = world.runner(schedule, &[3], World::note_elapsed);
        let status = Arc::clone(&runner.status);
        assert!(
            timeout(Duration::from_secs(seconds), runner.run())
                .await
                .is_err()
        );
        let next = status.next_fire(&world.clock())?;
        Some(next.strftime("%H:%M:%S%.f").to_string())
    };
    // From 12:00:02.5 on.
    let delayed = rate(10).initial_delay(TEN);
    assert_eq!(told(delayed, 5).await.as_deref(), Some("12:00:12.5"));
    // From 12:00:07.5 on: a run of three seconds.
    assert_eq!(told(Schedule::fixed_delay(TEN), 1).await, None);
    // From 12:00:08.5 on.
    let delay = Schedule::fixed_delay(TEN);
    assert_eq!(told(delay, 5).await.as_deref(), Some("12:00:21.5"));
    // From 12:00:13.5 on.
    let delayed = cron("0/5 * * * * ?").initial_delay(TEN);
    assert_eq!(told(delayed, 2).await.as_deref(), Some("12:00:25"));
    let over = cron("quartz:0 0 0 1 1 ? 2020");
    assert_eq!(told(over, 2).await, None);
}

#[test]
fn a_schedule_may_run_on_any_thread() {
    fn assert_send(_: &impl Send) {}
    for schedule in [rate(10), cron("@daily"), Schedule::fixed_delay(TEN)] {
        assert_send(&runner_of(schedule, Box::new(|| Box::pin(async {}))).run());
    }
}

#[test]
fn the_grid_of_a_fixed_rate_after_a_very_long_run() {
    let start = Instant::now();
    let late = start + Duration::from_secs(86_400 * 365);
    let millisecond = Duration::from_millis(1);
    assert_eq!(
        next_on_grid(start, millisecond, late),
        Some(late + millisecond)
    );
    assert_eq!(next_on_grid(start, TEN, start), Some(start + TEN));
    assert_eq!(next_on_grid(start, TEN, start + TEN / 2), Some(start + TEN));
    assert_eq!(next_on_grid(start, TEN, start + TEN), Some(start + TEN * 2));
    assert_eq!(
        next_on_grid(start, TEN, start + TEN * 7 / 2),
        Some(start + TEN * 4)
    );
    assert_eq!(next_on_grid(start, Duration::MAX, start), None);
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
    assert_eq!(
        started,
        ["12:00:05", "12:00:20", "12:00:25", "12:00:30", "12:00:35"]
    );
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
    let runner = runner_of(cron("0 0 0 1 1 *"), Box::new(|| Box::pin(async {})));
    assert!(
        timeout(Duration::from_secs(600), runner.run())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_does_not_end_the_schedule() {
    for schedule in [rate(10), Schedule::fixed_delay(TEN)] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        let job: Job = Box::new(move || {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            assert_ne!(number, 0, "before the first future exists");
            Box::pin(async move {
                assert_ne!(number, 1, "inside the second future");
            })
        });
        let runner = runner_of(schedule, job);
        assert!(timeout(TEN * 7 / 2, runner.run()).await.is_err());
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_schedule_aborts_the_run() {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<()>(1);
    let job: Job = Box::new(move || {
        let sender = sender.clone();
        Box::pin(async move {
            pending::<()>().await;
            drop(sender);
        })
    });
    let runner = runner_of(rate(10), job);
    assert!(timeout(TEN / 2, runner.run()).await.is_err());
    // The aborted task is dropped when the runtime next comes to it.
    yield_now().await;
    assert_eq!(
        receiver.try_recv(),
        Err(std::sync::mpsc::TryRecvError::Disconnected)
    );
}
