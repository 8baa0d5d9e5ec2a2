//! From values to places on an axis.

/// An axis with its ticks.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    is_logarithmic: bool,
    /// The values at both ends; their logarithms where that applies.
    from: f64,
    to: f64,
    /// Where the ends are, in pixels.
    begin: f64,
    end: f64,
    ticks: Vec<f64>,
}

impl Scale {
    /// From 0 to a round number that is at least `highest`.
    pub(crate) fn linear(highest: f64, begin: f64, end: f64) -> Self {
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let step = round_step(highest / 4.0);
        let steps = (highest / step).ceil() as u32;
        Self {
            is_logarithmic: false,
            from: 0.0,
            to: step * f64::from(steps),
            begin,
            end,
            ticks: (0..=steps).map(|one| step * f64::from(one)).collect(),
        }
    }

    /// From 0 to exactly `highest`.
    pub(crate) fn exact(highest: f64, begin: f64, end: f64) -> Self {
        let mut scale = Self::linear(highest, begin, end);
        scale.to = if highest > 0.0 { highest } else { 1.0 };
        let to = scale.to * 1.001;
        scale.ticks.retain(|tick| *tick <= to);
        scale
    }

    /// From the power of ten below `lowest` to the one above `highest`.
    pub(crate) fn logarithmic(lowest: f64, highest: f64, begin: f64, end: f64) -> Self {
        let from = lowest.clamp(1e-3, 1e12).log10().floor();
        let to = highest.clamp(1e-3, 1e12).log10().ceil().max(from + 1.0);
        // Where there are few powers, what is between them helps to read.
        let factors: &[f64] = if to - from <= 2.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let powers = from as i32..=to as i32;
        let ticks =
            powers.flat_map(|power| factors.iter().map(move |one| one * 10_f64.powi(power)));
        let last = 10_f64.powf(to) * 1.001;
        Self {
            is_logarithmic: true,
            from,
            to,
            begin,
            end,
            ticks: ticks.filter(|tick| *tick < last).collect(),
        }
    }

    /// Where a value is.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = if self.is_logarithmic {
            value.max(1e-3).log10()
        } else {
            value
        };
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.begin + share * (self.end - self.begin)
    }

    /// The values to be written beside the axis.
    pub(crate) fn ticks(&self) -> &[f64] {
        &self.ticks
    }
}

/// The number 1, 2 or 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    // A little less, since powers of ten are not exact.
    let fits = |factor: &&f64| **factor * power >= step * 0.999_999;
    factors
        .iter()
        .find(fits)
        .map_or(step, |factor| factor * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_highest_value() {
        let scale = Scale::linear(1_099_931.0, 200.0, 0.0);
        assert_eq!(scale.ticks(), [0.0, 500_000.0, 1_000_000.0, 1_500_000.0]);
        assert_eq!(scale.place(0.0), 200.0);
        assert_eq!(scale.place(1_500_000.0), 0.0);
        assert_eq!(Scale::linear(0.0, 0.0, 1.0).place(5.0), 1.0);
        assert_eq!(Scale::exact(9.97, 0.0, 100.0).ticks(), [0.0, 5.0]);
    }

    #[test]
    fn a_logarithmic_axis_goes_from_power_to_power() {
        let scale = Scale::logarithmic(900.0, 70_000.0, 0.0, 300.0);
        assert_eq!(scale.ticks(), [100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert_eq!(scale.place(1_000.0).round(), 100.0);
        let near = Scale::logarithmic(1_100.0, 9_000.0, 0.0, 300.0);
        assert_eq!(near.ticks(), [1_000.0, 2_000.0, 5_000.0, 10_000.0]);
        let nothing = Scale::logarithmic(f64::INFINITY, 0.0, 0.0, 300.0);
        assert!(nothing.place(0.0).is_finite());
    }
}
