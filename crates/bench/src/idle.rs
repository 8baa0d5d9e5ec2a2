//! Idle: what a session costs in memory when it does nothing.

use std::time::Duration;

use crate::{
    clock::SECOND,
    error::BenchError,
    progress::Stage,
    report::{Interval, Latency, Report},
    run::{Run, WAIT},
    usage::Spent,
};

/// How long answers to the first message and to pings are awaited.
const EXCHANGE: u64 = 10 * SECOND;

/// The longest wait after all have left before memory is read again.
const LEFT_QUIET: Duration = Duration::from_secs(20);

/// The payload of the ping that every session sends.
const PING: [u8; 100] = [b'p'; 100];

/// Opens all sessions, lets each exchange messages, keeps quiet, and reads memory.
///
/// One session publishes. If all hear it, each has received a message; if it alone does, the URL
/// echoes, and all others send one too. Each session also exchanges a ping for a pong, so that
/// whatever a server makes at the first octet of a session is there.
pub(crate) fn measure(run: &mut Run<'_>, report: &mut Report) -> Result<(), BenchError> {
    let before = run.watch.usage()?;
    let start = run.clock.now();
    run.open_all()?;
    let seconds = (run.clock.now() - start) as f64 / SECOND as f64;
    report.connections_per_second = Some(run.plan.sessions as f64 / seconds);
    if run.watch.has_server() {
        let mut spent = Spent::default();
        spent.add(&before, &run.watch.usage()?);
        let each = spent.server_micros as f64 / run.plan.sessions as f64;
        report.cpu_micros_per_connection = Some(each);
    }
    report.enter_deflate(run.plan.deflate, run.fleet.is_compressed());
    exchange(run, report)?;
    let before = run.watch.usage()?;
    keep_quiet(run, run.plan.quiet)?;
    let after = run.watch.usage()?;
    report.rss_bytes_loaded = after.server.map(|sample| sample.rss_bytes);
    report.seconds = run.plan.quiet.as_secs_f64();
    let mut spent = Spent::default();
    spent.add(&before, &after);
    spent.enter(report, &run.watch);
    report.enter_memory();
    report.latency_micros = Latency::of(&run.openings);
    run.leave_all()?;
    keep_quiet(run, run.plan.quiet.min(LEFT_QUIET))?;
    report.rss_bytes_left = run.watch.rss_bytes()?;
    Ok(())
}

fn exchange(run: &mut Run<'_>, report: &mut Report) -> Result<(), BenchError> {
    let sessions = run.plan.sessions;
    for index in 0..sessions {
        run.fleet.ping(index, &PING)?;
        run.fleet.flush(index);
    }
    await_that(run, |run| run.fleet.pongs() >= sessions as u64)?;
    let now = run.clock.now();
    run.publish(0, now)?;
    await_that(run, |run| run.deaf().next() != Some(0))?;
    if sessions > 1 && run.deaf().count() == sessions - 1 {
        // A broadcast under way reaches some by now; nobody means that the URL echoes.
        let until = run.clock.now() + SECOND / 2;
        while run.clock.now() < until {
            run.turn(WAIT)?;
        }
    }
    let is_echo = sessions > 1 && run.deaf().count() == sessions - 1;
    if is_echo {
        for index in 1..sessions {
            run.publish_from(index, now)?;
        }
    }
    await_that(run, |run| run.deaf().next().is_none())?;
    let silent = run.deaf().count();
    if silent > 0 {
        let why = format!("{silent} sessions received no message before the quiet time");
        report.not_measured.insert("exchange of messages", why);
    }
    Ok(())
}

fn await_that(run: &mut Run<'_>, is_so: impl Fn(&Run<'_>) -> bool) -> Result<(), BenchError> {
    let start = run.clock.now();
    while !is_so(run) && run.clock.now() - start < EXCHANGE {
        run.tell(Stage::Settling, 0.0, None);
        run.turn(WAIT)?;
    }
    Ok(())
}

/// Sends nothing of its own, but answers what the server asks.
fn keep_quiet(run: &mut Run<'_>, time: Duration) -> Result<(), BenchError> {
    let time = time.as_nanos() as u64;
    let start = run.clock.now();
    let step = (time / 60).max(SECOND / 10);
    let mut looked = start;
    loop {
        let now = run.clock.now();
        if now - start >= time {
            return Ok(());
        }
        run.tell(Stage::Quiet, (now - start) as f64 / time as f64, None);
        if now - looked >= step {
            looked = now;
            let rss_bytes = run.watch.rss_bytes()?;
            run.series.push(Interval {
                at_seconds: run.clock.now() as f64 / SECOND as f64,
                per_second: 0.0,
                p50_micros: None,
                p99_micros: None,
                max_micros: None,
                rss_bytes,
            });
        }
        run.turn(WAIT)?;
    }
}
