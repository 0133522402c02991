//! From numbers to places.

/// A line of numbers, and where it is in the picture.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    scale: Scale,
    /// The numbers at its ends.
    from: f64,
    to: f64,
    /// The positions of its ends.
    start: f64,
    end: f64,
}

/// The scale of an axis.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Evenly, from zero on.
    Linear,
    /// By factors.
    Log,
}

impl Axis {
    /// Returns an axis on which all of these numbers are, a little away from its ends.
    pub(super) fn of(
        scale: Scale,
        numbers: impl Iterator<Item = f64>,
        start: f64,
        end: f64,
    ) -> Self {
        let (least, most) = numbers.fold((f64::INFINITY, 0.0), |(least, most), number| {
            (f64::min(least, number), f64::max(most, number))
        });
        let (from, to) = match scale {
            Scale::Linear => (0.0, most.max(f64::MIN_POSITIVE)),
            Scale::Log => (least.max(f64::MIN_POSITIVE) / 1.3, most.max(f64::MIN_POSITIVE) * 1.3),
        };
        Axis { scale, from, to, start, end }
    }

    pub(super) fn at(&self, number: f64) -> f64 {
        let part = match self.scale {
            Scale::Linear => (number - self.from) / (self.to - self.from),
            Scale::Log => (number / self.from).ln() / (self.to / self.from).ln(),
        };
        self.start + part * (self.end - self.start)
    }

    /// Round numbers on the axis, far enough from each other.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let on_axis = |tick: &f64| (self.from..=self.to).contains(tick);
        match self.scale {
            Scale::Linear => {
                let step = round_step(self.to / 5.0);
                (0..=10).map(|n| f64::from(n) * step).filter(on_axis).collect()
            }
            Scale::Log => {
                let powers = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
                let ticks = |steps: &[f64]| -> Vec<f64> {
                    let of = |power| steps.iter().map(move |step| step * 10_f64.powi(power));
                    powers.clone().flat_map(of).filter(on_axis).collect()
                };
                let finest = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]].map(ticks);
                finest.into_iter().find(|all| all.len() <= 8).unwrap_or_else(|| ticks(&[1.0]))
            }
        }
    }
}

/// Returns the next 1, 2, 5, 10, 20, ...
fn round_step(at_least: f64) -> f64 {
    let power = 10_f64.powf(at_least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= at_least).unwrap_or(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_on_the_axis() {
        let linear = Axis::of(Scale::Linear, [12.0, 93.0].into_iter(), 0.0, 100.0);
        assert_eq!(linear.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0]);
        let log = Axis::of(Scale::Log, [9.0, 90.0].into_iter(), 0.0, 100.0);
        assert_eq!(log.ticks(), [10.0, 20.0, 50.0, 100.0]);
        assert!((log.at(9.0 / 1.3)).abs() < 1e-9 && (log.at(90.0 * 1.3) - 100.0).abs() < 1e-9);
    }
}
