//! Who has used how much CPU time in a part of a run.

use crate::{
    error::BenchError,
    process::{Sample, machine_micros},
    report::Report,
    run::Run,
};

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

impl Run<'_> {
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
    pub(crate) fn enter(&self, report: &mut Report, run: &Run<'_>) {
        let cores = |micros: u64| micros as f64 * 1000.0 / self.nanos.max(1) as f64;
        report.generator_cores = (self.own_micros > 0).then(|| cores(self.own_micros));
        if run.server.is_some() {
            report.server_cores = Some(cores(self.server_micros));
            let ours = self.server_micros + self.own_micros;
            let others = self.machine_micros.saturating_sub(ours);
            report.other_cores = (self.machine_micros > 0).then(|| cores(others));
        }
    }
}
