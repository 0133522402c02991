//! Pictures of what was measured.

mod axis;
mod bars;
mod chart;
mod dots;
mod lines;
mod svg;

use super::Figures;
use chart::{Chart, Row};

/// A picture.
#[derive(Debug)]
pub struct Plot {
    /// The name of its file.
    pub file: &'static str,
    /// The title of the picture.
    pub title: &'static str,
    /// The picture itself.
    pub svg: String,
}

/// The parameters of a picture.
struct Plan {
    file: &'static str,
    title: &'static str,
    /// The common beginning of the names of its groups.
    groups: &'static str,
    /// Selects groups by the rest of their names.
    wanted: fn(&str) -> bool,
    unit: &'static str,
    /// From a figure's number to the picture's.
    number: fn(f64) -> f64,
    draw: fn(&Chart) -> String,
}

/// The parameters of most pictures.
const PLAN: Plan = Plan {
    file: "",
    title: "",
    groups: "",
    wanted: |_| true,
    unit: "ns",
    number: |value| value,
    draw: dots::draw,
};

const PLANS: &[Plan] = &[
    Plan {
        file: "memory-hit.svg",
        title: "Memory hit: time of a call (less is better)",
        groups: "memory hit, ",
        wanted: |rest| !rest.ends_with("1 thread"),
        ..PLAN
    },
    Plan {
        file: "redis-hit.svg",
        title: "Redis hit, one task: median time of a call (less is better)",
        groups: "Redis hit p50, tiered, ",
        ..PLAN
    },
    Plan {
        file: "redis-throughput.svg",
        title: "Redis hits, many tasks: throughput (more is better)",
        groups: "Redis hit, tiered, ",
        wanted: |rest| rest.ends_with(" tasks"),
        unit: "calls/s",
        number: |nanos| 1e9 / nanos,
        ..PLAN
    },
    Plan {
        file: "memory-per-entry.svg",
        title: "Resident memory per entry of 32 bytes, 1,000,000 entries (less is better)",
        groups: "memory per entry, ",
        unit: "bytes",
        draw: bars::draw,
        ..PLAN
    },
    Plan {
        file: "hit-ratio.svg",
        title: "Hit ratio, room for 10,000 of 1,000,000 keys (more is better)",
        groups: "hit ratio, ",
        unit: "%",
        draw: bars::draw,
        ..PLAN
    },
    Plan {
        file: "invalidation.svg",
        title: "Invalidation in memory of all entries: time (less is better)",
        groups: "memory invalidation, ",
        draw: lines::draw,
        ..PLAN
    },
    Plan {
        file: "redis-invalidation.svg",
        title: "Invalidation in Redis: time (less is better)",
        groups: "Redis invalidation, ",
        draw: lines::draw,
        ..PLAN
    },
];

/// Returns all pictures for which there are figures.
pub fn plots(figures: &Figures) -> Vec<Plot> {
    PLANS.iter().filter_map(|plan| plan.plot(figures)).collect()
}

impl Plan {
    fn plot(&self, figures: &Figures) -> Option<Plot> {
        let groups =
            figures.groups(self.groups).into_iter().filter(|(rest, _)| (self.wanted)(rest));
        let rows = groups.map(|(rest, figures)| Row {
            title: rest.to_owned(),
            numbers: figures.iter().map(|f| (f.name.clone(), (self.number)(f.value))).collect(),
        });
        let chart = Chart { title: self.title, unit: self.unit, rows: rows.collect() };
        let svg = (!chart.rows.is_empty()).then(|| (self.draw)(&chart))?;
        Some(Plot { file: self.file, title: self.title, svg })
    }
}
