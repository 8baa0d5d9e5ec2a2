//! Publications at a rate or through a window, counted and timed.

use std::time::Duration;

use crate::{
    churn::Churn,
    clock::SECOND,
    error::BenchError,
    histogram::Histogram,
    ledger::Ledger,
    plan::Shape,
    progress::Stage,
    report::Interval,
    run::{Run, WAIT},
    session::Session,
    tally::Tally,
    usage::Spent,
};

/// Timers of the poller are rounded up to milliseconds. A publication that is this much late was
/// late for that reason, and is stamped with the moment at which it was sent; one that is later
/// was held up by load, and is stamped with the moment at which it was due.
pub(crate) const TIMER_SLACK: u64 = 1_500_000;

/// What a part of a run has brought.
pub(crate) struct Outcome {
    pub(crate) nanos: u64,
    pub(crate) latencies: Histogram,
    /// Who has used CPU time.
    pub(crate) spent: Spent,
    pub(crate) rss_bytes_max: u64,
    pub(crate) reconnects: u64,
    pub(crate) connection_failures: u64,
}

impl Run<'_> {
    /// Begins a part of the run: everything is counted from 0, by sessions that are all there.
    pub(crate) fn next_part(&mut self) {
        let is_windowed = self.plan.is_windowed();
        let channels = self.plan.channels();
        let mut tally = Tally::new(self.tally.run + 1, channels, is_windowed);
        for (new, old) in tally.channels.iter_mut().zip(&self.tally.channels) {
            new.members = old.members;
        }
        self.tally = tally;
        for session in &mut self.fleet.sessions {
            session.ledger = Ledger::from_the_start();
        }
    }

    /// Applies the load for `duration`, and then waits for what is still under way.
    pub(crate) fn load(&mut self, duration: Duration, stage: Stage) -> Result<Outcome, BenchError> {
        self.next_part();
        self.left.clear();
        let before = self.watch.usage()?;
        let start = self.clock.now();
        let end = start + duration.as_nanos() as u64;
        let is_churning = self.plan.shape == Shape::Churn && stage == Stage::Measuring;
        let churn = is_churning
            .then(|| Churn::new(self.plan.sessions, self.plan.churn_share, start))
            .flatten();
        let opened = self.openings.total();
        let mut part = Part {
            stage,
            start,
            end,
            churn,
            latencies: Histogram::new(),
            step: (duration.as_nanos() as u64 / 60).clamp(SECOND / 20, SECOND),
            looked: start,
            delivered: 0,
            rss_bytes_max: 0,
        };
        self.apply(&mut part)?;
        self.drain(&mut part)?;
        self.look(&mut part)?;
        let mut spent = Spent::default();
        spent.add(&before, &self.watch.usage()?);
        let delivering = self.tally.last_delivery.saturating_sub(start);
        let nanos = if !self.plan.is_windowed() || self.tally.delivered == 0 {
            delivering.max(end - start)
        } else {
            delivering.max(1)
        };
        Ok(Outcome {
            nanos,
            latencies: part.latencies,
            spent,
            rss_bytes_max: part.rss_bytes_max,
            reconnects: self.openings.total() - opened,
            connection_failures: part.churn.map_or(0, |churn| churn.failures),
        })
    }

    /// Publishes until the time is over.
    fn apply(&mut self, part: &mut Part) -> Result<(), BenchError> {
        self.is_refilling = self.plan.is_windowed();
        if self.is_refilling {
            self.fill_windows()?;
        }
        let mut rate = Rate::new(self.plan.rate.unwrap_or(1.0), part.start);
        let mut stalled = part.start;
        loop {
            let now = self.clock.now();
            if now >= part.end || self.tally.channels.iter().all(|one| one.members == 0) {
                break;
            }
            let mut wake = part.end.min(part.looked + part.step);
            if self.is_refilling {
                stalled = stalled.max(self.tally.last_delivery);
                if now - stalled > self.plan.patience.as_nanos() as u64 {
                    stalled = now;
                    self.tally.give_up();
                    self.refill()?;
                }
            } else {
                wake = wake.min(self.publish_due(&mut rate, now)?);
            }
            if let Some(churn) = &mut part.churn {
                churn.step(self, now, true)?;
                wake = wake.min(churn.due());
            }
            if now >= part.looked + part.step {
                self.look(part)?;
            }
            let wait = Duration::from_nanos(wake.saturating_sub(self.clock.now()));
            self.turn(wait.min(WAIT))?;
        }
        if !self.is_refilling {
            // Load may have held up the last ones; what was to be published is published.
            self.publish_due(&mut rate, part.end - 1)?;
        }
        self.is_refilling = false;
        Ok(())
    }

    fn fill_windows(&mut self) -> Result<(), BenchError> {
        let now = self.clock.now();
        if self.plan.shape == Shape::Rooms {
            for _ in 0..self.plan.window {
                let room = self.next_room();
                self.publish(room, now)?;
            }
        } else {
            for channel in 0..self.plan.channels() {
                for _ in 0..self.plan.window {
                    self.publish(channel, now)?;
                }
            }
        }
        Ok(())
    }

    /// Publishes what is due by now, and tells when the next one is.
    fn publish_due(&mut self, rate: &mut Rate, now: u64) -> Result<u64, BenchError> {
        while now >= rate.due() {
            let due = rate.due();
            rate.published += 1;
            let sent = if now - due < TIMER_SLACK { now } else { due };
            let channel = self.next_room();
            self.publish(channel, sent)?;
        }
        Ok(rate.due())
    }

    /// Waits until everybody has everything, or nothing comes any more.
    fn drain(&mut self, part: &mut Part) -> Result<(), BenchError> {
        let start = self.clock.now();
        let patience = self.plan.patience.as_nanos() as u64;
        loop {
            let now = self.clock.now();
            if let Some(churn) = &mut part.churn {
                churn.step(self, now, false)?;
            }
            let is_back = part.churn.as_ref().is_none_or(|churn| churn.is_over(self));
            if is_back && self.have_all() {
                return Ok(());
            }
            if now - self.tally.last_delivery.max(start) > patience {
                return Ok(());
            }
            if part.stage == Stage::Measuring {
                self.tell(Stage::Draining, 0.0, None);
            }
            self.turn(Duration::from_millis(10))?;
        }
    }

    /// Whether every session that reads has received everything.
    pub(crate) fn have_all(&self) -> bool {
        self.fleet
            .sessions
            .iter()
            .enumerate()
            .all(|(index, session)| {
                let channel = &self.tally.channels[session.channel as usize];
                !self.fleet.is_open(index)
                    || session.is_paused
                    || session.ledger.missing(channel.published) == 0
            })
    }

    /// Publications that sessions should have received and have not.
    pub(crate) fn missing(&self) -> u64 {
        let sessions = self.fleet.sessions.iter().enumerate();
        let open = sessions.filter(|(index, _)| self.fleet.is_open(*index));
        let of_session = |(_, session): (usize, &Session)| {
            let channel = &self.tally.channels[session.channel as usize];
            session.ledger.missing(channel.published)
        };
        self.tally.missing + open.map(of_session).sum::<u64>()
    }

    /// Takes down what has happened since the last look.
    fn look(&mut self, part: &mut Part) -> Result<(), BenchError> {
        let now = self.clock.now();
        let elapsed = now - part.looked;
        let deliveries = self.tally.delivered - part.delivered;
        let rate = deliveries as f64 / (elapsed.max(1) as f64 / SECOND as f64);
        let done = (now - part.start) as f64 / (part.end - part.start) as f64;
        self.tell(part.stage, done, Some(rate));
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

/// A part of a run while it runs.
struct Part {
    stage: Stage,
    start: u64,
    end: u64,
    churn: Option<Churn>,
    latencies: Histogram,
    /// Nanoseconds between two looks.
    step: u64,
    looked: u64,
    /// Deliveries at the last look.
    delivered: u64,
    rss_bytes_max: u64,
}

/// Publications that are due at equal distances.
pub(crate) struct Rate {
    start: u64,
    step_nanos: f64,
    pub(crate) published: u64,
}

impl Rate {
    pub(crate) fn new(per_second: f64, start: u64) -> Self {
        Self {
            start,
            step_nanos: SECOND as f64 / per_second,
            published: 0,
        }
    }

    /// When the next publication is due: calculated from the start, so that nothing adds up.
    pub(crate) fn due(&self) -> u64 {
        self.start + (self.published as f64 * self.step_nanos) as u64
    }
}
