//! The table of a comparison.

use crate::Figure;

/// The durations of the calls of one contender, in nanoseconds, by round.
#[derive(Clone, Debug)]
pub struct Times {
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

    /// Returns the name of the contender.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The time in the middle.
    pub fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    /// The median of the ratios within each round, which noise that lasts longer than a round
    /// leaves alone.
    pub fn ratio_to(&self, base: &Times) -> f64 {
        let pairs = self.rounds.iter().zip(&base.rounds);
        median(pairs.map(|(own, base)| own / base).collect())
    }

    pub(crate) fn figure(&self, group: &str, base: &Times) -> Figure {
        let figure = Figure::new(group, self.name, self.median(), "ns");
        Figure { ratio: Some(self.ratio_to(base)), ..figure }
    }

    fn fastest(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

pub(crate) fn print(title: &str, all: &[Times]) {
    println!("\n{title} ({} rounds)", all.first().map_or(0, |times| times.rounds.len()));
    println!("  {:32} {:>11} {:>11} {:>7}", "", "median", "fastest", "ratio");
    for times in all {
        println!(
            "  {:32} {:>11} {:>11} {:>6.2}x",
            times.name,
            time_text(times.median()),
            time_text(times.fastest()),
            times.ratio_to(&all[0]),
        );
    }
}

/// The number in the middle.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The number that this part of all are below: 0.99 for a p99.
pub fn quantile(numbers: &[f64], part: f64) -> f64 {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(f64::total_cmp);
    let place = (numbers.len() as f64 * part) as usize;
    numbers.get(place.min(numbers.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// A time in nanoseconds, as a person reads it.
pub fn time_text(nanos: f64) -> String {
    match nanos {
        ..1e2 => format!("{nanos:.1} ns"),
        ..1e3 => format!("{nanos:.0} ns"),
        ..1e5 => format!("{:.1} µs", nanos / 1e3),
        ..1e6 => format!("{:.0} µs", nanos / 1e3),
        ..1e8 => format!("{:.1} ms", nanos / 1e6),
        ..1e9 => format!("{:.0} ms", nanos / 1e6),
        _ => format!("{:.1} s", nanos / 1e9),
    }
}
