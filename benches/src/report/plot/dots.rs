//! A line for each row, with a dot for each contender, on a scale of factors.

use super::axis::{Axis, Scale};
use super::chart::{Chart, MARGIN, WIDTH, colour, tick_text};
use super::svg::{Anchor, Svg};

const ROW: f64 = 26.0;

pub(super) fn draw(chart: &Chart) -> String {
    let top = chart.legend().1;
    let bottom = top + ROW * chart.rows.len() as f64;
    let (left, right) = (chart.left(), WIDTH - 3.0 * MARGIN);
    let axis = Axis::of(Scale::Log, chart.numbers(), left, right);
    let mut svg = Svg::new(WIDTH, bottom + 32.0, chart.title);
    chart.draw_legend(&mut svg);
    for tick in axis.ticks() {
        let x = axis.at(tick);
        svg.grid((x, top), (x, bottom));
        svg.text(x, bottom + 18.0, Anchor::Middle, "soft", &tick_text(tick, chart.unit));
    }
    for (place, row) in chart.rows.iter().enumerate() {
        let y = top + ROW * (place as f64 + 0.5);
        svg.text(left - MARGIN, y + 4.0, Anchor::End, "", &row.title);
        svg.grid((left, y), (right, y));
        // The first ones last: ours must not be hidden.
        for (name, number) in row.numbers.iter().rev() {
            svg.dot((axis.at(*number), y), 6.0, colour(name));
        }
    }
    svg.finish()
}
