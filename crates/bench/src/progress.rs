//! How far a run is.

use crate::clock::{Clock, SECOND};

/// How often progress is told.
const PROGRESS_STEP: u64 = SECOND / 8;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Sessions are being opened.
    Opening,
    /// The first message is on its way to all.
    Settling,
    /// The load is applied, but not measured yet.
    WarmUp,
    /// The measurement.
    Measuring,
    /// What is still under way is awaited.
    Draining,
    /// Sessions are quiet.
    Quiet,
    /// Sessions are leaving.
    Leaving,
}

impl Stage {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening sessions",
            Self::Settling => "first message",
            Self::WarmUp => "warming up",
            Self::Measuring => "measuring",
            Self::Draining => "last deliveries",
            Self::Quiet => "keeping quiet",
            Self::Leaving => "leaving",
        }
    }
}

/// One look at a run; about eight a second are given to the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of this stage is done, from 0 to 1.
    pub done: f64,
    /// Deliveries a second at the moment, while there is a load.
    pub rate: Option<f64>,
}

/// Tells the caller of a run how far it is, not too often.
pub(crate) struct Teller<'a> {
    progress: &'a mut dyn FnMut(&Progress),
    clock: Clock,
    told: u64,
}

impl<'a> Teller<'a> {
    /// Tells `progress`.
    pub(crate) fn new(progress: &'a mut dyn FnMut(&Progress), clock: Clock) -> Self {
        Self {
            progress,
            clock,
            told: 0,
        }
    }

    /// Tells how far the run is, if it was not told a moment ago.
    pub(crate) fn tell(&mut self, stage: Stage, done: f64, rate: Option<f64>) {
        let now = self.clock.now();
        if now - self.told >= PROGRESS_STEP || done >= 1.0 {
            self.told = now;
            let progress = Progress {
                stage,
                done: done.clamp(0.0, 1.0),
                rate,
            };
            (self.progress)(&progress);
        }
    }
}
