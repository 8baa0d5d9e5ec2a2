//! Messages through windows or at a rate, counted and timed.

use std::time::Duration;

use crate::{
    clock::SECOND,
    error::BenchError,
    histogram::Histogram,
    load::{Rate, TIMER_SLACK},
    progress::Stage,
    queue::Run,
    report::Interval,
    run::WAIT,
    usage::Spent,
};

/// How many receipts a producer asks for in a window: each confirms all before it.
const RECEIPTS_A_WINDOW: usize = 4;

/// What a part of a run has brought.
pub(crate) struct Outcome {
    /// From the beginning to the last delivery, and at least as long as a rate was to be kept.
    pub(crate) nanos: u64,
    pub(crate) latencies: Histogram,
    /// Who has used CPU time.
    pub(crate) spent: Spent,
    pub(crate) rss_bytes_max: u64,
}

/// A part of a run while it runs.
struct Part {
    stage: Stage,
    start: u64,
    end: u64,
    latencies: Histogram,
    /// Nanoseconds between two looks.
    step: u64,
    looked: u64,
    /// Messages that had come at the last look.
    delivered: u64,
    rss_bytes_max: u64,
}

impl Run<'_> {
    /// Applies the load for `duration`, and then waits for what is still under way.
    pub(super) fn load(&mut self, duration: Duration, stage: Stage) -> Result<Outcome, BenchError> {
        self.tally = self.tally.next_part();
        let before = self.watch.usage()?;
        let start = self.clock.now();
        let nanos = duration.as_nanos() as u64;
        let mut part = Part {
            stage,
            start,
            end: start + nanos,
            latencies: Histogram::new(),
            step: (nanos / 60).clamp(SECOND / 20, SECOND),
            looked: start,
            delivered: 0,
            rss_bytes_max: 0,
        };
        let mut rate = (self.plan.rate).map(|per_second| Rate::new(per_second, start));
        loop {
            let now = self.clock.now();
            if now >= part.end {
                break;
            }
            let next = self.send_what_may(rate.as_mut(), now);
            if now >= part.looked + part.step {
                self.look(&mut part)?;
            }
            let wake = next.min(part.end).min(part.looked + part.step);
            let wait = Duration::from_nanos(wake.saturating_sub(self.clock.now()));
            self.turn(wait.min(WAIT))?;
        }
        self.drain(stage)?;
        self.look(&mut part)?;
        let mut spent = Spent::default();
        spent.add(&before, &self.watch.usage()?);
        let delivering = self.tally.last_delivery.saturating_sub(start).max(1);
        let nanos = match rate {
            Some(_) => delivering.max(nanos),
            None => delivering,
        };
        Ok(Outcome {
            nanos,
            latencies: part.latencies,
            spent,
            rss_bytes_max: part.rss_bytes_max,
        })
    }

    /// Sends what is due and has a place in a window; tells when the next message is due, if that
    /// is known.
    fn send_what_may(&mut self, rate: Option<&mut Rate>, now: u64) -> u64 {
        let window = self.plan.window;
        let producers = self.plan.queue.producers;
        let Some(rate) = rate else {
            for producer in 0..producers {
                while self.tally.may_send(producer, window) {
                    self.send(producer, self.clock.now(), false);
                }
            }
            return u64::MAX;
        };
        while now >= rate.due() {
            if !self.tally.may_send(self.producer, window) {
                // What makes room arrives by itself.
                return u64::MAX;
            }
            let due = rate.due();
            rate.published += 1;
            let sent = if now - due < TIMER_SLACK { now } else { due };
            self.send(self.producer, sent, false);
            self.producer = (self.producer + 1) % producers;
        }
        rate.due()
    }

    /// Sends a producer's next message, which counts from `sent`. A receipt is asked for from time
    /// to time, or `always`.
    pub(super) fn send(&mut self, producer: usize, sent: u64, always: bool) {
        let (marker, queue) = self.tally.send(producer, sent);
        let end = marker.sequence + 1;
        let stride = (self.plan.window / RECEIPTS_A_WINDOW).max(1) as u64;
        let receipt = (always || end.is_multiple_of(stride)).then_some((marker.run, end));
        let payload = self.payload.stamped(&marker);
        self.crew.send(producer, queue, payload, receipt);
    }

    /// Waits until everything has come, or nothing comes any more.
    pub(super) fn drain(&mut self, stage: Stage) -> Result<(), BenchError> {
        let start = self.clock.now();
        let patience = self.plan.patience.as_nanos() as u64;
        while self.tally.missing() > 0 {
            let since = self.clock.now() - self.tally.last_delivery.max(start);
            if since > patience {
                return Ok(());
            }
            if stage == Stage::Measuring {
                self.teller.tell(Stage::Draining, 0.0, None);
            }
            self.turn(Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// Takes down what has happened since the last look.
    fn look(&mut self, part: &mut Part) -> Result<(), BenchError> {
        let now = self.clock.now();
        let elapsed = now - part.looked;
        let deliveries = self.tally.delivered - part.delivered;
        let rate = deliveries as f64 / (elapsed.max(1) as f64 / SECOND as f64);
        let done = (now - part.start) as f64 / (part.end - part.start) as f64;
        self.teller.tell(part.stage, done, Some(rate));
        let rss_bytes = self.watch.rss_bytes()?;
        part.rss_bytes_max = part.rss_bytes_max.max(rss_bytes.unwrap_or(0));
        // What is left over at the end is too short to be told as a rate.
        if part.stage == Stage::Measuring && elapsed >= part.step / 2 {
            let at_seconds = (now - part.start) as f64 / SECOND as f64;
            let latencies = &self.tally.latencies;
            let interval = Interval::new(at_seconds, rate, latencies, rss_bytes);
            self.series.push(interval);
        }
        part.looked = now;
        part.delivered = self.tally.delivered;
        part.latencies.take_from(&mut self.tally.latencies);
        Ok(())
    }
}
