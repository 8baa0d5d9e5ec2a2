//! From a plan to a report.

use crate::{
    clock::SECOND,
    error::BenchError,
    load::Outcome,
    plan::{Plan, Shape},
    progress::{Progress, Stage},
    report::{Latency, Report},
    run::{Run, WAIT},
};

/// Makes a run and tells what came of it. It takes this thread until it is over.
///
/// `progress` is called about eight times a second.
///
/// # Errors
/// When the run cannot be made, or a session cannot be opened. A server that loses, repeats or
/// closes is no error: that is in the report.
pub fn run(plan: &Plan, progress: &mut dyn FnMut(&Progress)) -> Result<Report, BenchError> {
    plan.check()?;
    if plan.shape == Shape::Queue {
        return crate::queue::run(plan, progress);
    }
    crate::descriptors::allow(plan.sessions)?;
    let mut run = Run::new(plan, progress)?;
    let mut report = Report::of(plan);
    report.rss_bytes_start = run.watch.rss_bytes()?;
    match plan.shape {
        Shape::Idle => crate::idle::measure(&mut run, &mut report)?,
        Shape::Connect => crate::connect::measure(&mut run, &mut report)?,
        _ => measure_load(&mut run, &mut report)?,
    }
    report.close_reasons = std::mem::take(&mut run.fleet.reasons);
    report.closed_by_server = run.fleet.closed_by_server;
    report.series = std::mem::take(&mut run.series);
    Ok(report)
}

fn measure_load(run: &mut Run<'_>, report: &mut Report) -> Result<(), BenchError> {
    let plan = run.plan;
    run.open_all()?;
    report.enter_deflate(run.plan.deflate, run.fleet.is_compressed());
    run.settle()?;
    if !plan.warm_up.is_zero() {
        run.load(plan.warm_up, Stage::WarmUp)?;
    }
    let slow = if plan.shape == Shape::Slow {
        pause_some(run)
    } else {
        Vec::new()
    };
    let outcome = run.load(plan.seconds, Stage::Measuring)?;
    if plan.shape == Shape::Slow {
        resume(run, &slow)?;
        let closed = slow.iter().filter(|index| !run.fleet.is_open(**index));
        report.slow_closed = Some(closed.count());
        report.slow_sessions = Some(slow.len());
    }
    if plan.shape == Shape::Churn {
        report.reconnects = Some(outcome.reconnects);
        report.connection_failures = Some(outcome.connection_failures);
    }
    report.window = plan.is_windowed().then_some(plan.window);
    report.rate = plan.rate.filter(|_| !plan.is_windowed());
    report.rooms = (plan.shape == Shape::Rooms).then_some(plan.rooms);
    enter(run, report, &outcome);
    run.leave_all()?;
    report.rss_bytes_left = run.watch.rss_bytes()?;
    Ok(())
}

/// Lets a share of the sessions stop reading; never the publisher, which is the first.
fn pause_some(run: &mut Run<'_>) -> Vec<usize> {
    let sessions = run.plan.sessions;
    let wanted = (sessions as f64 * run.plan.slow_share).round() as usize;
    let wanted = wanted.min(sessions - 1);
    // Evenly spread, so that every part of the server has some.
    let slow: Vec<usize> = (0..wanted)
        .map(|one| 1 + one * (sessions - 1) / wanted)
        .collect();
    for index in &slow {
        run.fleet.sessions[*index].is_paused = true;
    }
    slow
}

/// Lets slow sessions read what waits for them, until the server has closed them or they have
/// received everything.
fn resume(run: &mut Run<'_>, slow: &[usize]) -> Result<(), BenchError> {
    for index in slow {
        run.fleet.sessions[*index].is_late = true;
        run.fleet.resume(*index);
    }
    let patience = run.plan.patience.as_nanos() as u64;
    let mut last = (run.missing(), run.clock.now());
    while !run.have_all() {
        run.tell(Stage::Draining, 0.0, None);
        run.turn(WAIT)?;
        let (missing, now) = (run.missing(), run.clock.now());
        if missing != last.0 {
            last = (missing, now);
        } else if now - last.1 > patience {
            break;
        }
    }
    Ok(())
}

/// Writes the figures of a load into the report.
fn enter(run: &Run<'_>, report: &mut Report, outcome: &Outcome) {
    let tally = &run.tally;
    report.seconds = outcome.nanos as f64 / SECOND as f64;
    report.published = tally.published();
    report.delivered = tally.delivered;
    report.missing = run.missing();
    report.expected = tally.delivered + report.missing;
    report.duplicated = tally.duplicated;
    report.out_of_order = tally.out_of_order;
    report.misdelivered = tally.misdelivered;
    report.latency_micros = Latency::of(&outcome.latencies);
    report.deliveries_per_second = Some(tally.delivered as f64 / report.seconds);
    let per_delivery = |micros: u64| {
        let deliveries = tally.delivered;
        (deliveries > 0).then(|| micros as f64 / deliveries as f64)
    };
    if run.watch.has_server() {
        report.cpu_micros_per_delivery = per_delivery(outcome.spent.server_micros);
        report.user_micros_per_delivery = per_delivery(outcome.spent.server_user_micros);
        report.rss_bytes_loaded = Some(outcome.rss_bytes_max);
    }
    outcome.spent.enter(report, &run.watch);
    report.enter_memory();
}
