//! How far a run is.

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
