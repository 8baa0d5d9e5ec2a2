//! Schedules of an application, by an application that runs in paused time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::{BuildError, Campanile, Handle, State};

type Counter = Arc<AtomicUsize>;

const SECOND: Duration = Duration::from_secs(1);

fn noon() -> Zoned {
    let time: jiff::Timestamp = "2026-06-30T12:00:02.5Z".parse().expect("a time");
    time.to_zoned(jiff::tz::TimeZone::UTC)
}

async fn count(State(counter): State<Counter>) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn shown(time: Option<Zoned>) -> Option<String> {
    time.map(|time| time.strftime("%H:%M:%S%.f").to_string())
}

#[tokio::test(start_paused = true)]
async fn schedules_are_asked_cancelled_and_added_by_name() {
    let counter = Counter::default();
    let app = Campanile::builder()
        .shards(1)
        .state(Arc::clone(&counter))
        .schedule(
            Schedule::cron("0/5 * * * * ?")
                .expect("valid")
                .named("five"),
            count,
        )
        .schedule(Schedule::fixed_rate(10 * SECOND).named("ten"), async || {})
        .schedule(Schedule::fixed_delay(SECOND), async || {})
        .build()
        .expect("an application");
    let schedules = app.handle().schedules();
    assert_eq!(
        schedules.add("@daily", count),
        Err(ScheduleError::NotRunning)
    );
    assert!(schedules.names().is_empty());
    let (running, _) = app
        .start_by(Clock::starting_at(noon()))
        .expect("threads start");
    sleep(SECOND).await;
    assert_eq!(schedules.names().len(), 2);
    assert_eq!(
        shown(schedules.next_fire("five")).as_deref(),
        Some("12:00:05")
    );
    assert_eq!(
        shown(schedules.next_fire("ten")).as_deref(),
        Some("12:00:12.5")
    );
    assert_eq!(schedules.next_fire("none"), None);
    sleep(10 * SECOND).await;
    assert_eq!(counter.load(Ordering::Relaxed), 2);

    assert!(schedules.cancel("five"));
    assert!(!schedules.cancel("five"));
    assert_eq!(schedules.next_fire("five"), None);
    sleep(60 * SECOND).await;
    assert_eq!(counter.load(Ordering::Relaxed), 2);

    let taken = schedules.add(Schedule::fixed_rate(SECOND).named("ten"), count);
    assert!(matches!(taken, Err(ScheduleError::NameTaken { .. })));
    let added = Schedule::fixed_rate(SECOND)
        .initial_delay(SECOND)
        .named("five");
    schedules.add(added, count).expect("the name is free again");
    sleep(SECOND * 5 / 2).await;
    assert_eq!(counter.load(Ordering::Relaxed), 4);

    drop(running);
    assert!(schedules.names().is_empty());
    sleep(60 * SECOND).await;
    assert_eq!(counter.load(Ordering::Relaxed), 4);
    assert_eq!(
        schedules.add("@daily", count),
        Err(ScheduleError::NotRunning)
    );
}

#[tokio::test(start_paused = true)]
async fn a_schedule_may_cancel_itself() {
    let counter = Counter::default();
    async fn once(handle: Handle, State(counter): State<Counter>) {
        assert!(handle.schedules().cancel("once"));
        // It goes on to its end.
        sleep(SECOND).await;
        counter.fetch_add(1, Ordering::Relaxed);
    }
    let app = Campanile::builder()
        .shards(1)
        .state(Arc::clone(&counter))
        .schedule(Schedule::fixed_rate(10 * SECOND).named("once"), once)
        .build()
        .expect("an application");
    let (_running, _) = app
        .start_by(Clock::starting_at(noon()))
        .expect("threads start");
    sleep(60 * SECOND).await;
    assert_eq!(counter.load(Ordering::Relaxed), 1);
}

#[test]
fn two_schedules_of_one_name_are_refused() {
    let error = Campanile::builder()
        .schedule(Schedule::fixed_rate(SECOND).named("tick"), async || {})
        .schedule(Schedule::fixed_delay(SECOND).named("tick"), async || {})
        .build()
        .expect_err("the name is taken");
    assert!(matches!(error, BuildError::Schedule(_)), "{error}");
    assert!(
        error.to_string().contains("named `tick` already"),
        "{error}"
    );
}

#[test]
fn a_schedule_that_is_not_valid_is_refused_at_build() {
    let error = Campanile::builder()
        .schedule("quartz:0 0 0 * * *", async || {})
        .build()
        .expect_err("no question mark");
    assert!(
        error
            .to_string()
            .contains("exactly one of them has to be `?`"),
        "{error}"
    );
}
