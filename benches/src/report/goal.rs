//! A goal, and its result.

use super::Figures;
use super::amount::amount;

/// A goal of the benchmarks.
#[derive(Debug)]
pub struct Goal {
    /// In words; also how the reason for missing it is found.
    pub name: &'static str,
    /// The limit of the measured value.
    pub limit: Limit,
    /// Of what the number is.
    pub unit: &'static str,
    /// The number.
    pub measured: fn(&Figures) -> Option<f64>,
}

/// The limit at which a goal begins to be missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The number must not be above this.
    AtMost(f64),
    /// The number must not be below this.
    AtLeast(f64),
}

/// The outcome of a goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Nobody has measured it.
    NotMeasured,
    /// It is met, with this number.
    Met(f64),
    /// It is missed, with this number.
    Missed(f64),
}

impl Goal {
    /// Returns whether the goal is met.
    pub fn outcome(&self, figures: &Figures) -> Outcome {
        match (self.measured)(figures) {
            None => Outcome::NotMeasured,
            Some(value) if self.limit.is_kept_by(value) => Outcome::Met(value),
            Some(value) => Outcome::Missed(value),
        }
    }

    /// The limit, as a person reads it.
    pub fn limit_text(&self) -> String {
        match self.limit {
            Limit::AtMost(limit) => format!("≤ {}", amount(limit, self.unit)),
            Limit::AtLeast(limit) => format!("≥ {}", amount(limit, self.unit)),
        }
    }

    /// Returns the measured value as text, and whether it is sufficient, or by how much it is not.
    pub fn outcome_text(&self, outcome: Outcome) -> [String; 2] {
        match outcome {
            Outcome::NotMeasured => ["".into(), "not measured".into()],
            Outcome::Met(value) => [amount(value, self.unit), "met".into()],
            Outcome::Missed(value) => {
                let by = 100.0 * (value / self.limit.value() - 1.0).abs();
                [amount(value, self.unit), format!("**missed by {by:.0} %**")]
            }
        }
    }
}

impl Limit {
    fn value(self) -> f64 {
        match self {
            Limit::AtMost(limit) | Limit::AtLeast(limit) => limit,
        }
    }

    fn is_kept_by(self, value: f64) -> bool {
        match self {
            Limit::AtMost(limit) => value <= limit,
            Limit::AtLeast(limit) => value >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(limit: Limit) -> Goal {
        Goal { name: "a hit", limit, unit: "x", measured: |figures| figures.value("hit", "ours") }
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        let figures = Figures(vec![crate::Figure::new("hit", "ours", 1.5, "x")]);
        assert_eq!(goal(Limit::AtMost(1.5)).outcome(&figures), Outcome::Met(1.5));
        assert_eq!(goal(Limit::AtLeast(1.5)).outcome(&figures), Outcome::Met(1.5));
        let missed = goal(Limit::AtMost(1.2));
        assert_eq!(missed.outcome(&figures), Outcome::Missed(1.5));
        assert_eq!(missed.limit_text(), "≤ 1.20x");
        let text = missed.outcome_text(Outcome::Missed(1.5));
        assert_eq!(text, ["1.50x", "**missed by 25 %**"]);
        assert_eq!(missed.outcome(&Figures::default()), Outcome::NotMeasured);
    }
}
