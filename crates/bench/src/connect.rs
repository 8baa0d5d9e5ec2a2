//! Connect: what a connection costs, from its first packet to the open session.

use crate::{
    clock::SECOND,
    error::BenchError,
    histogram::Histogram,
    progress::Stage,
    report::{Interval, Latency, Report},
    run::Run,
    usage::Spent,
};

/// Opens all sessions and lets them leave, again and again. Only opening is measured.
pub(crate) fn measure(run: &mut Run<'_>, report: &mut Report) -> Result<(), BenchError> {
    if !run.plan.warm_up.is_zero() {
        run.open_all()?;
        run.leave_all()?;
    }
    let limit = run.plan.seconds.as_nanos() as u64;
    let mut openings = Histogram::new();
    let mut spent = Spent::default();
    let (mut opened, mut opening) = (0_u64, 0);
    let start = run.clock.now();
    while opened == 0 || run.clock.now() - start < limit {
        run.openings = Histogram::new();
        let before = run.watch.usage()?;
        let begun = run.clock.now();
        run.open_all()?;
        let now = run.clock.now();
        let after = run.watch.usage()?;
        spent.add(&before, &after);
        opened += run.plan.sessions as u64;
        opening += now - begun;
        let rss_bytes = after.server.map(|sample| sample.rss_bytes);
        report.rss_bytes_loaded = report.rss_bytes_loaded.max(rss_bytes);
        let per_second = run.plan.sessions as f64 / ((now - begun) as f64 / SECOND as f64);
        let at_seconds = (now - start) as f64 / SECOND as f64;
        let interval = Interval::new(at_seconds, per_second, &run.openings, rss_bytes);
        run.series.push(interval);
        openings.take_from(&mut run.openings);
        run.leave_all()?;
        let done = (run.clock.now() - start) as f64 / limit as f64;
        run.tell(Stage::Measuring, done, Some(per_second));
    }
    report.seconds = opening as f64 / SECOND as f64;
    report.connections_per_second = Some(opened as f64 / report.seconds);
    if run.watch.has_server() {
        let each = spent.server_micros as f64 / opened as f64;
        report.cpu_micros_per_connection = Some(each);
    }
    spent.enter(report, &run.watch);
    report.latency_micros = Latency::of(&openings);
    report.rss_bytes_left = run.watch.rss_bytes()?;
    report.enter_memory();
    Ok(())
}
