//! Finding a figure among all of them.

use crate::Figure;

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    /// Returns the figure with this name in this group. Both may be cut short: a group has to contain each
    /// part of what is given, split at commas, and of several that do, the shortest is meant.
    pub fn find(&self, group: &str, name: &str) -> Option<&Figure> {
        let fits = self.0.iter().filter(|figure| {
            has(&figure.name, name) && group.split(", ").all(|part| has(&figure.group, part))
        });
        fits.min_by_key(|figure| (figure.group.len(), figure.name.len()))
    }

    /// Returns the value of a measurement.
    pub fn value(&self, group: &str, name: &str) -> Option<f64> {
        Some(self.find(group, name)?.value)
    }

    /// Returns the ratio of a measurement to another one of the group. It is computed by rounds if the
    /// other one is the first of the group.
    pub fn ratio(&self, group: &str, name: &str, to: &str) -> Option<f64> {
        let (own, base) = (self.find(group, name)?, self.find(group, to)?);
        let first = self.0.iter().find(|figure| figure.group == own.group)?;
        let whole = own.value / base.value;
        Some(own.ratio.filter(|_| first == base).unwrap_or(whole))
    }

    /// Returns the groups whose names begin so, in the order in which they were measured, each with the rest
    /// of its name.
    pub fn groups<'a>(&'a self, prefix: &str) -> Vec<(&'a str, Vec<&'a Figure>)> {
        let mut groups: Vec<(&str, Vec<&Figure>)> = Vec::new();
        for figure in &self.0 {
            let Some(rest) = figure.group.strip_prefix(prefix) else { continue };
            match groups.iter_mut().find(|(name, _)| *name == rest) {
                Some((_, figures)) => figures.push(figure),
                None => groups.push((rest, vec![figure])),
            }
        }
        groups
    }
}

/// Returns whether a word of the text begins with this part, ignoring case.
fn has(text: &str, part: &str) -> bool {
    let (text, part) = (text.to_lowercase(), part.to_lowercase());
    let ends_a_word = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || c == ',');
    text.match_indices(&part).any(|(at, _)| ends_a_word(&text[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(all: &[(&str, &str, f64)]) -> Figures {
        Figures(
            all.iter().map(|(group, name, value)| Figure::new(group, name, *value, "ns")).collect(),
        )
    }

    #[test]
    fn the_shortest_group_is_meant() {
        let figures = figures(&[
            ("memory hit, u64, 10,000 keys, Zipf 0.99", "ours", 1.0),
            ("memory hit, u64, 10,000 keys", "ours", 2.0),
        ]);
        assert_eq!(figures.value("memory hit, u64, 10,000 keys", "ours"), Some(2.0));
        assert_eq!(figures.value("memory hit, 10,000 keys, zipf", "ours"), Some(1.0));
    }

    #[test]
    fn a_number_is_not_the_end_of_another() {
        let figures = figures(&[("hit, 64 tasks", "a", 1.0), ("hit, 1,000 keys", "a", 2.0)]);
        assert_eq!(figures.value("hit, 4 tasks", "a"), None);
        assert_eq!(figures.value("hit, 000 keys", "a"), None);
        assert_eq!(figures.value("hit, 64 task", "a"), Some(1.0));
    }

    #[test]
    fn a_ratio_to_the_first_is_the_one_of_the_rounds() {
        let mut figures =
            figures(&[("hit", "raw", 2.0), ("hit", "ours", 3.0), ("hit", "peer", 6.0)]);
        figures.0[1].ratio = Some(1.4);
        assert_eq!(figures.ratio("hit", "ours", "raw"), Some(1.4));
        assert_eq!(figures.ratio("hit", "ours", "peer"), Some(0.5));
        assert_eq!(figures.ratio("hit", "nobody", "peer"), None);
    }
}
