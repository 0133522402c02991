//! A line for each contender, over rows whose titles are numbers; both scales are of factors.

use super::axis::{Axis, Scale};
use super::chart::{Chart, MARGIN, WIDTH, colour, tick_text};
use super::svg::{Anchor, Svg};

const HEIGHT: f64 = 260.0;

pub(super) fn draw(chart: &Chart) -> String {
    let top = chart.legend().1;
    let bottom = top + HEIGHT;
    let (left, right) = (5.0 * MARGIN, WIDTH - 4.0 * MARGIN);
    let across: Vec<f64> = chart.rows.iter().map(|row| number_in(&row.title)).collect();
    let x_axis = Axis::of(Scale::Log, across.iter().copied(), left, right);
    let y_axis = Axis::of(Scale::Log, chart.numbers(), bottom, top);
    let mut svg = Svg::new(WIDTH, bottom + 32.0, chart.title);
    chart.draw_legend(&mut svg);
    for tick in y_axis.ticks() {
        let y = y_axis.at(tick);
        svg.grid((left, y), (right, y));
        svg.text(left - 8.0, y + 4.0, Anchor::End, "soft", &tick_text(tick, chart.unit));
    }
    for (x, row) in across.iter().zip(&chart.rows) {
        svg.text(x_axis.at(*x), bottom + 18.0, Anchor::Middle, "soft", &row.title);
    }
    for name in chart.names() {
        let of_row = |(x, row): (&f64, &super::chart::Row)| {
            let (_, number) = row.numbers.iter().find(|(own, _)| own == name)?;
            Some((x_axis.at(*x), y_axis.at(*number)))
        };
        let points: Vec<_> = across.iter().zip(&chart.rows).filter_map(of_row).collect();
        svg.path(&points, colour(name));
        points.iter().for_each(|point| svg.dot(*point, 4.0, colour(name)));
    }
    svg.finish()
}

/// Returns the number in a title such as "1,000 entries".
fn number_in(title: &str) -> f64 {
    let digits: String = title.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(1.0)
}
