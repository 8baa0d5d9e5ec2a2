//! Sessions that reconnect all the time.

use std::collections::VecDeque;

use crate::{clock::SECOND, error::BenchError, run::Run};

/// How long the server may take to answer a close before the connection is cut.
const LEAVING: u64 = 5 * SECOND;

/// How long to wait after a connection that failed.
const RETRY: u64 = SECOND / 10;

/// Lets one session after another leave and come back, evenly spread over time. The publisher,
/// which is the first session, stays.
#[derive(Debug)]
pub(crate) struct Churn {
    /// Nanoseconds between two that leave.
    step: u64,
    due: u64,
    cursor: usize,
    /// Those that are leaving, and until when.
    leaving: VecDeque<(u64, usize)>,
    /// Those to be connected, and when.
    retries: VecDeque<(u64, usize)>,
    /// Connections that failed.
    pub(crate) failures: u64,
}

impl Churn {
    /// `share` of `sessions` reconnects every second. `None` if that is nobody.
    pub(crate) fn new(sessions: usize, share: f64, now: u64) -> Option<Self> {
        let each_second = share * sessions as f64;
        if sessions < 2 || each_second <= 0.0 {
            return None;
        }
        let step = ((SECOND as f64 / each_second) as u64).max(1);
        Some(Self {
            step,
            due: now + step,
            cursor: 0,
            leaving: VecDeque::new(),
            retries: VecDeque::new(),
            failures: 0,
        })
    }

    /// When something is to be done next.
    pub(crate) fn due(&self) -> u64 {
        let retry = self.retries.front().map_or(u64::MAX, |(when, _)| *when);
        self.due.min(retry)
    }

    /// Whether all have come back.
    pub(crate) fn is_over(&self, run: &Run<'_>) -> bool {
        self.leaving.is_empty() && self.retries.is_empty() && run.fleet.connecting() == 0
    }

    /// Does what is due. `may_leave` is false at the end, when all come back.
    pub(crate) fn step(
        &mut self,
        run: &mut Run<'_>,
        now: u64,
        may_leave: bool,
    ) -> Result<(), BenchError> {
        while may_leave && now >= self.due {
            self.due += self.step;
            self.cursor = self.cursor % (run.plan.sessions - 1) + 1;
            if run.fleet.is_open(self.cursor) {
                run.fleet.leave(self.cursor, &mut run.tally)?;
                self.leaving.push_back((now + LEAVING, self.cursor));
            }
        }
        if !may_leave {
            self.due = u64::MAX;
        }
        while let Some(index) = run.left.pop() {
            self.leaving.retain(|(_, leaving)| *leaving != index);
            self.retries.push_back((now, index));
        }
        while let Some((until, index)) = self.leaving.front().copied()
            && now >= until
        {
            self.leaving.pop_front();
            run.fleet.drop_connection(index);
            self.retries.push_back((now, index));
        }
        while let Some((index, _)) = run.failed.pop() {
            self.failures += 1;
            self.retries.push_back((now + RETRY, index));
        }
        while let Some((when, index)) = self.retries.front().copied()
            && now >= when
        {
            self.retries.pop_front();
            if run.fleet.connect(index).is_err() {
                self.failures += 1;
                self.retries.push_back((now + RETRY, index));
            }
        }
        Ok(())
    }
}
