//! Queues: producers send to them, consumers compete for what they hold, over STOMP and TCP.
//!
//! The pace is set by windows: a producer has a bounded number of messages under way, that is, not
//! confirmed by the server or not received by any consumer yet. So nobody is flooded, and the
//! latencies are those of a queue that is busy and not of one that grows. With a rate, messages are
//! due at equal distances, and one that a full window holds up counts from when it was due.
//!
//! Every message must come to one consumer, once. That those which came are settled is seen at the
//! end: the consumers leave, come back, and must get nothing but new messages.

mod crew;
mod load;
mod plan;
mod session;
mod tally;

use std::time::Duration;

pub use plan::{AckMode, QueuePlan};

use crate::{
    clock::{Clock, SECOND},
    error::{BenchError, OpeningError},
    marker::Payload,
    masks::Masks,
    plan::{Dialect, Plan},
    progress::{Progress, Stage, Teller},
    queue::{crew::Crew, load::Outcome, session::State, tally::Tally},
    report::{Interval, Latency, Report},
    run::{LEAVING, OPENING_MAX, OPENING_PATIENCE, WAIT},
    usage::Watch,
};

/// The state of a run.
struct Run<'a> {
    plan: &'a Plan,
    clock: Clock,
    crew: Crew,
    tally: Tally,
    watch: Watch,
    payload: Payload,
    /// The producer whose turn it is, where a rate sets the pace.
    producer: usize,
    /// What has happened over time.
    series: Vec<Interval>,
    teller: Teller<'a>,
}

/// Makes a run with queues and tells what came of it.
///
/// # Errors
/// When a session cannot be opened, or is ended by the server, or the system fails. A server that
/// loses or repeats messages is no error: that is in the report.
pub(crate) fn run(plan: &Plan, progress: &mut dyn FnMut(&Progress)) -> Result<Report, BenchError> {
    crate::descriptors::allow(plan.queue.sessions())?;
    let clock = Clock::start();
    // The lowest octet is the part of the run.
    let number = u32::from_be_bytes(Masks::new().take::<4>()?) & !0xff;
    let mut run = Run {
        plan,
        clock,
        crew: Crew::new(plan, clock)?,
        tally: Tally::new(number, plan.queue),
        watch: Watch::new(plan.pid, clock),
        payload: Payload::new(plan.payload_bytes),
        producer: 0,
        series: Vec::new(),
        teller: Teller::new(progress, clock),
    };
    let mut report = Report::of(plan);
    report.dialect = Dialect::Stomp.name();
    report.sessions = plan.queue.sessions();
    report.queue = Some(plan.queue);
    report.window = Some(plan.window);
    report.rate = plan.rate;
    report.rss_bytes_start = run.watch.rss_bytes()?;
    run.open_absent()?;
    if !plan.warm_up.is_zero() {
        run.load(plan.warm_up, Stage::WarmUp)?;
    }
    let outcome = run.load(plan.seconds, Stage::Measuring)?;
    run.enter(&mut report, &outcome);
    run.check_settled(&mut report)?;
    report.rss_bytes_left = run.watch.rss_bytes()?;
    report.series = run.series;
    Ok(report)
}

impl Run<'_> {
    /// Opens all sessions that are absent, the consumers behind the producers.
    fn open_absent(&mut self) -> Result<(), BenchError> {
        let wanted = self.plan.queue.sessions();
        let mut last = (0, self.clock.now());
        loop {
            let open = self.crew.count(State::Open);
            let now = self.clock.now();
            if open != last.0 {
                last = (open, now);
            }
            self.teller
                .tell(Stage::Opening, open as f64 / wanted as f64, None);
            if open == wanted {
                return Ok(());
            }
            if now - last.1 > OPENING_PATIENCE {
                return Err(BenchError::OpeningStopped {
                    open,
                    wanted,
                    seconds: OPENING_PATIENCE / SECOND,
                    dialect: Dialect::Stomp.name(),
                });
            }
            while let Some(index) = self.crew.first_absent()
                && wanted - self.crew.count(State::Absent) - open < OPENING_MAX
            {
                let why = self.crew.connect(index);
                why.map_err(|why| BenchError::Opening {
                    session: index,
                    why: why.into(),
                })?;
            }
            self.crew.turn(WAIT, &mut self.tally)?;
            if let Some((session, why)) = self.crew.ended.pop() {
                let why = OpeningError::Dialect(why);
                return Err(BenchError::Opening { session, why });
            }
        }
    }

    /// Waits for at most `timeout`, and reads all sessions that are ready.
    fn turn(&mut self, timeout: Duration) -> Result<(), BenchError> {
        self.crew.turn(timeout, &mut self.tally)?;
        match self.crew.ended.pop() {
            Some((session, why)) => Err(BenchError::Ended { session, why }),
            None => Ok(()),
        }
    }

    /// Writes the figures of the load into the report.
    fn enter(&self, report: &mut Report, outcome: &Outcome) {
        let tally = &self.tally;
        report.seconds = outcome.nanos as f64 / SECOND as f64;
        report.published = tally.sent();
        report.delivered = tally.delivered;
        report.missing = tally.missing();
        report.expected = tally.delivered + report.missing;
        report.duplicated = tally.duplicated;
        report.out_of_order = tally.out_of_order;
        report.misdelivered = tally.misdelivered;
        report.latency_micros = Latency::of(&outcome.latencies);
        report.deliveries_per_second = Some(tally.delivered as f64 / report.seconds);
        if self.watch.has_server() {
            let each =
                |micros: u64| (tally.delivered > 0).then(|| micros as f64 / tally.delivered as f64);
            report.cpu_micros_per_delivery = each(outcome.spent.server_micros);
            report.user_micros_per_delivery = each(outcome.spent.server_user_micros);
            report.rss_bytes_loaded = Some(outcome.rss_bytes_max);
        }
        outcome.spent.enter(report, &self.watch);
    }

    /// Lets the consumers leave and come back. What they then get must be new: anything else was
    /// received, and settled by an acknowledgement or by itself, and yet it was kept.
    fn check_settled(&mut self, report: &mut Report) -> Result<(), BenchError> {
        self.tally = self.tally.next_part();
        self.leave(false)?;
        self.open_absent()?;
        // One message for each queue: what was left in a queue comes before it.
        for _ in 0..self.plan.queue.queues {
            self.send(0, self.clock.now(), true);
        }
        self.drain(Stage::Draining)?;
        self.leave(true)?;
        report.duplicated += self.tally.duplicated;
        report.misdelivered += self.tally.misdelivered;
        report.missing += self.tally.missing();
        report.expected += self.tally.missing();
        Ok(())
    }

    /// Lets the consumers leave, or everybody, and waits until the server has said that it has
    /// dealt with all that they have sent. Those that have not left after some seconds are cut off
    /// if everybody leaves, and are an error otherwise: what they have settled is not known.
    fn leave(&mut self, all: bool) -> Result<(), BenchError> {
        self.crew.begin_to_leave(all);
        let start = self.clock.now();
        loop {
            let leaving = self.crew.count(State::Leaving);
            if leaving == 0 {
                return Ok(());
            }
            if self.clock.now() - start > LEAVING {
                if all {
                    self.crew.drop_all();
                    return Ok(());
                }
                return Err(BenchError::NoReceipt {
                    sessions: leaving,
                    seconds: LEAVING / SECOND,
                });
            }
            let gone = 1.0 - leaving as f64 / self.plan.queue.sessions() as f64;
            self.teller.tell(Stage::Leaving, gone, None);
            self.turn(WAIT)?;
        }
    }
}
