//! Measurements that belong together, round by round.

use crate::{Figure, is_full, median, record};

/// The measurements of one contender.
#[derive(Clone, Debug)]
pub struct Series {
    /// The name of the contender.
    pub name: String,
    /// One number for each round.
    pub rounds: Vec<f64>,
}

impl Series {
    /// Nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Series { name: name.into(), rounds: Vec::new() }
    }

    /// The number in the middle.
    pub fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    /// The median of the ratios within each round.
    fn ratio_to(&self, base: &Series) -> f64 {
        let pairs = self.rounds.iter().zip(&base.rounds);
        median(pairs.map(|(own, base)| own / base).collect())
    }
}

/// Prints the medians, with their ratios to the first, and keeps them for the report.
pub fn publish(benchmark: &str, group: &str, unit: &str, all: &[Series]) {
    let figure = |series: &Series| Figure {
        group: group.to_owned(),
        name: series.name.clone(),
        value: series.median(),
        unit: unit.to_owned(),
        ratio: all.first().map(|base| series.ratio_to(base)),
    };
    publish_figures(benchmark, &all.iter().map(figure).collect::<Vec<_>>());
}

/// Prints the figures of one group, and keeps them for the report.
pub fn publish_figures(benchmark: &str, figures: &[Figure]) {
    let group = figures.first().map_or("", |figure| &figure.group);
    println!("\n{group}{}", if is_full() { "" } else { " (not measured, only run)" });
    for Figure { name, value, unit, ratio, .. } in figures {
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x"));
        println!("  {name:40} {:>14} {ratio:>8}", amount(*value, unit));
    }
    record(benchmark, figures);
}

fn amount(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value < 1e3 => format!("{value:.0} ns"),
        "ns" if value < 1e6 => format!("{:.1} µs", value / 1e3),
        "ns" if value < 1e9 => format!("{:.1} ms", value / 1e6),
        "ns" => format!("{:.1} s", value / 1e9),
        _ if value.fract() == 0.0 => format!("{value:.0} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}
