//! The table of a comparison.

use crate::{Effort, Figure};

/// How long a call of one contender took, in nanoseconds, round by round.
pub(crate) struct Times {
    name: &'static str,
    rounds: Vec<f64>,
}

impl Times {
    pub(crate) fn new(name: &'static str) -> Self {
        Times { name, rounds: Vec::new() }
    }

    pub(crate) fn push(&mut self, nanos: f64) {
        self.rounds.push(nanos);
    }

    pub(crate) fn figure(&self, group: &str, base: &Times) -> Figure {
        Figure {
            group: group.to_owned(),
            name: self.name.to_owned(),
            value: median(self.rounds.clone()),
            unit: "ns".to_owned(),
            ratio: Some(self.ratio_to(base)),
        }
    }

    /// The median of the ratios within each round, which noise that lasts longer than a round
    /// leaves alone.
    fn ratio_to(&self, base: &Times) -> f64 {
        let pairs = self.rounds.iter().zip(&base.rounds);
        median(pairs.map(|(own, base)| own / base).collect())
    }
}

pub(crate) fn print(title: &str, effort: Effort, all: &[Times]) {
    let Effort { rounds, calls } = effort;
    println!("\n{title} ({rounds} rounds of {calls} calls)");
    println!("  {:32} {:>11} {:>11} {:>7}", "", "median", "fastest", "ratio");
    for times in all {
        let fastest = times.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "  {:32} {:>11} {:>11} {:>6.2}x",
            times.name,
            text(median(times.rounds.clone())),
            text(fastest),
            times.ratio_to(&all[0]),
        );
    }
}

/// The number in the middle.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

fn text(nanos: f64) -> String {
    if nanos < 1e3 { format!("{nanos:.1} ns") } else { format!("{:.1} µs", nanos / 1e3) }
}
