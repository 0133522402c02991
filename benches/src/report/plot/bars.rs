//! A bar for each contender, row by row, with its number at its end.

use super::axis::{Axis, Scale};
use super::chart::{Chart, MARGIN, WIDTH, colour};
use super::svg::{Anchor, Svg};
use crate::report::amount::amount;

const BAR: f64 = 14.0;
const GAP: f64 = 12.0;

pub(super) fn draw(chart: &Chart) -> String {
    let top = chart.legend().1;
    let heights = chart.rows.iter().map(|row| BAR * row.numbers.len() as f64 + GAP);
    let bottom = top + heights.sum::<f64>();
    let left = chart.left();
    // The number of the longest bar stands right of it.
    let axis = Axis::of(Scale::Linear, chart.numbers(), left, WIDTH - MARGIN - 90.0);
    let mut svg = Svg::new(WIDTH, bottom + 8.0, chart.title);
    chart.draw_legend(&mut svg);
    let mut y = top;
    for row in &chart.rows {
        let middle = y + BAR * row.numbers.len() as f64 / 2.0;
        svg.text(left - MARGIN, middle + 4.0, Anchor::End, "", &row.title);
        for (name, number) in &row.numbers {
            let end = axis.at(*number);
            svg.bar((left, y + 1.0), end - left, BAR - 2.0, colour(name));
            svg.text(end + 6.0, y + 11.0, Anchor::Start, "soft", &amount(*number, chart.unit));
            y += BAR;
        }
        y += GAP;
    }
    svg.finish()
}
