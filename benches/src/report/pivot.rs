//! Tables of several groups, with a column for each contender.

use super::Figures;
use super::amount::amount;
use crate::Figure;

/// A table in Markdown of all groups whose names begin so: `None` if there are none. The longer side
/// goes down.
pub(super) fn table(figures: &Figures, prefix: &str) -> Option<String> {
    let groups = figures.groups(prefix);
    let mut names: Vec<&str> = Vec::new();
    for figure in groups.iter().flat_map(|(_, figures)| figures) {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    let corner = prefix.trim_end_matches(", ");
    let titles: Vec<&str> = groups.iter().map(|(title, _)| *title).collect();
    let cell = |group: usize, name: &str| {
        let figure = groups[group].1.iter().find(|figure| figure.name == name);
        figure.map(|figure| text(figure)).unwrap_or_default()
    };
    let rows = if names.len() > titles.len() {
        let row = |name: &&str| row(name, (0..titles.len()).map(|group| cell(group, name)));
        [head(corner, &titles), names.iter().map(row).collect()].concat()
    } else {
        let row =
            |(group, title): (usize, &&str)| row(title, names.iter().map(|name| cell(group, name)));
        [head(corner, &names), titles.iter().enumerate().map(row).collect()].concat()
    };
    (!groups.is_empty()).then_some(rows)
}

fn text(figure: &Figure) -> String {
    let amount = amount(figure.value, &figure.unit);
    match figure.ratio {
        Some(ratio) if ratio == 1.0 || ratio >= 1e3 => amount,
        Some(ratio) if ratio >= 10.0 => format!("{amount} ({ratio:.0}x)"),
        Some(ratio) => format!("{amount} ({ratio:.2}x)"),
        None => amount,
    }
}

fn head(corner: &str, columns: &[&str]) -> String {
    let names = row(corner, columns.iter().map(|name| (*name).to_owned()));
    format!("{names}|---|{}\n", "---|".repeat(columns.len()))
}

/// A row of a table in Markdown.
pub(super) fn row(title: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.map(|cell| format!(" {cell} |")).collect();
    format!("| {title} |{cells}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_goes_down() {
        let one = |group: &str, name: &str| Figure::new(group, name, 2.0, "x");
        let wide = Figures(vec![one("hit, a", "ours"), one("hit, b", "ours")]);
        let expected = "| hit | ours |\n|---|---|\n| a | 2.00x |\n| b | 2.00x |\n";
        assert_eq!(table(&wide, "hit, ").as_deref(), Some(expected));
        let long = Figures(vec![one("hit, a", "ours"), one("hit, a", "peer")]);
        let expected = "| hit | a |\n|---|---|\n| ours | 2.00x |\n| peer | 2.00x |\n";
        assert_eq!(table(&long, "hit, ").as_deref(), Some(expected));
        assert_eq!(table(&long, "miss, "), None);
    }
}
