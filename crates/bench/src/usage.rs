//! Who has used how much CPU time in a part of a run.

use crate::{
    clock::Clock,
    error::BenchError,
    process::{Process, Sample, machine_micros},
    report::Report,
};

/// Whom a run watches: the generator, and the server if its process was named.
#[derive(Debug)]
pub(crate) struct Watch {
    clock: Clock,
    pid: Option<u32>,
    server: Option<Process>,
    own: Process,
}

/// One moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Nanoseconds on the run's clock.
    at: u64,
    pub(crate) server: Option<Sample>,
    own: Option<Sample>,
    machine_micros: Option<u64>,
}

/// What was used between two moments, or in several such times together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    nanos: u64,
    /// The server's process, and the part of it outside the kernel.
    pub(crate) server_micros: u64,
    pub(crate) server_user_micros: u64,
    own_micros: u64,
    machine_micros: u64,
}

impl Watch {
    /// Watches the server's process `pid`, if there is one.
    pub(crate) fn new(pid: Option<u32>, clock: Clock) -> Self {
        Self {
            clock,
            pid,
            server: pid.map(|pid| Process::of(Some(pid))),
            own: Process::of(None),
        }
    }

    /// Whether the server is watched.
    pub(crate) fn has_server(&self) -> bool {
        self.server.is_some()
    }

    /// The server's process now; `None` when it is not watched.
    pub(crate) fn sample(&self) -> Result<Option<Sample>, BenchError> {
        let Some(server) = &self.server else {
            return Ok(None);
        };
        server
            .sample()
            .map(Some)
            .map_err(|source| BenchError::Process {
                pid: self.pid.unwrap_or_default(),
                source,
            })
    }

    /// The server's resident memory now; `None` when it is not watched.
    pub(crate) fn rss_bytes(&self) -> Result<Option<u64>, BenchError> {
        Ok(self.sample()?.map(|sample| sample.rss_bytes))
    }

    /// This moment.
    pub(crate) fn usage(&self) -> Result<Usage, BenchError> {
        Ok(Usage {
            at: self.clock.now(),
            server: self.sample()?,
            own: self.own.sample().ok(),
            machine_micros: machine_micros(),
        })
    }
}

impl Spent {
    /// Adds what was used between two moments.
    pub(crate) fn add(&mut self, before: &Usage, after: &Usage) {
        self.nanos += after.at - before.at;
        if let Some((before, after)) = before.server.zip(after.server) {
            self.server_micros += after.cpu_micros().saturating_sub(before.cpu_micros());
            self.server_user_micros += after.user_micros.saturating_sub(before.user_micros);
        }
        if let Some((before, after)) = before.own.zip(after.own) {
            self.own_micros += after.cpu_micros().saturating_sub(before.cpu_micros());
        }
        if let Some((before, after)) = before.machine_micros.zip(after.machine_micros) {
            self.machine_micros += after.saturating_sub(before);
        }
    }

    /// Writes into the report who kept how many processors busy. What the server used is known
    /// only if it is watched, and only then, what others did.
    pub(crate) fn enter(&self, report: &mut Report, watch: &Watch) {
        let cores = |micros: u64| micros as f64 * 1000.0 / self.nanos.max(1) as f64;
        report.generator_cores = (self.own_micros > 0).then(|| cores(self.own_micros));
        if watch.has_server() {
            report.server_cores = Some(cores(self.server_micros));
            let ours = self.server_micros + self.own_micros;
            let others = self.machine_micros.saturating_sub(ours);
            report.other_cores = (self.machine_micros > 0).then(|| cores(others));
        }
    }
}
