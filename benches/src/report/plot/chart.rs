//! The layout of a chart: for each row, one number for each contender.

use super::svg::{Anchor, Svg, width_of};

/// Rows of numbers.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// Of what the numbers are.
    pub(super) unit: &'static str,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) title: String,
    /// By contender.
    pub(super) numbers: Vec<(String, f64)>,
}

/// The width of all pictures.
pub(super) const WIDTH: f64 = 860.0;
/// The free space at the sides.
pub(super) const MARGIN: f64 = 16.0;

const LEGEND_TOP: f64 = 50.0;
const LEGEND_LINE: f64 = 18.0;

impl Chart {
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flat_map(|row| row.numbers.iter().map(|(_, number)| *number))
    }

    /// Returns all contenders, in the order in which they first come.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|row| &row.numbers) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the width that the titles of the rows need on the left.
    pub(super) fn left(&self) -> f64 {
        let widest = self.rows.iter().map(|row| width_of(&row.title)).fold(0.0, f64::max);
        2.0 * MARGIN + widest
    }

    /// Returns the positions of the legend's entries, and the top of the content below it.
    pub(super) fn legend(&self) -> (Vec<(&str, f64, f64)>, f64) {
        let (mut x, mut y) = (MARGIN, LEGEND_TOP);
        let mut places = Vec::new();
        for name in self.names() {
            let width = width_of(name) + 34.0;
            if x + width > WIDTH - MARGIN {
                (x, y) = (MARGIN, y + LEGEND_LINE);
            }
            places.push((name, x, y));
            x += width;
        }
        (places, y + LEGEND_LINE)
    }

    pub(super) fn draw_legend(&self, svg: &mut Svg) {
        for (name, x, y) in self.legend().0 {
            svg.dot((x + 6.0, y - 4.0), 5.0, colour(name));
            svg.text(x + 16.0, y, Anchor::Start, "", name);
        }
    }
}

/// A contender has the same colour in every picture.
pub(super) fn colour(name: &str) -> &'static str {
    const COLOURS: [(&str, &str); 11] = [
        ("cache-runtime, tag", "#79b0f5"),
        ("cache-runtime, function, prefix", "#2450a8"),
        ("cache-runtime, function, tag", "#7a8fd0"),
        ("cache-runtime", "#2f7fe6"),
        ("cached", "#e07b39"),
        ("moka", "#3fa45b"),
        ("multi-tier", "#9a6ee8"),
        ("hitbox", "#e5534b"),
        ("fred", "#2aa198"),
        ("optimum", "#c69026"),
        ("LRU", "#a3745c"),
    ];
    let known = COLOURS.iter().find(|(begin, _)| name.starts_with(begin));
    known.map_or("#8b949e", |(_, colour)| colour)
}

/// Returns the unit's number on an axis.
pub(super) fn tick_text(number: f64, unit: &str) -> String {
    match unit {
        "ns" if number < 1e3 => format!("{number} ns"),
        "ns" if number < 1e6 => format!("{} µs", number / 1e3),
        "ns" if number < 1e9 => format!("{} ms", number / 1e6),
        "ns" => format!("{} s", number / 1e9),
        "calls/s" if number >= 1e3 => format!("{}k calls/s", number / 1e3),
        _ => format!("{number} {unit}"),
    }
}
