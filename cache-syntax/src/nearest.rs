//! The name that was probably meant.

/// Returns the name that is nearest to the written one, if one is near: at most a third of its letters differ, or one.
/// Upper and lower case are the same.
///
/// ```
/// assert_eq!(cache_syntax::nearest("tll", ["key", "ttl"]), Some("ttl"));
/// assert_eq!(cache_syntax::nearest("Videos", ["video", "user"]), Some("video"));
/// assert_eq!(cache_syntax::nearest("expiry", ["key", "ttl"]), None);
/// ```
pub fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let tolerated = (written.chars().count() / 3).max(1);
    let written = written.to_lowercase();
    names
        .into_iter()
        .map(|name| (distance(&written, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Counts the letters that must be added, removed, replaced, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = rows[i][j] + usize::from(a[i] != b[j]);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in
            [("", "", 0), ("tll", "ttl", 1), ("kye", "key", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }

    #[test]
    fn case_plurals_and_single_letters_are_seen_through() {
        let names = ["video", "user:{}", "cache_none", "cache_if"];
        let cases = [
            ("Video", Some("video")),
            ("VIDEO", Some("video")),
            ("videos", Some("video")),
            ("users:{}", Some("user:{}")),
            ("cacheif", Some("cache_if")),
            ("order", None),
        ];
        for (written, meant) in cases {
            assert_eq!(nearest(written, names), meant, "{written}");
        }
    }
}
