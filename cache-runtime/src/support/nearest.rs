//! The name that was probably meant.

/// What has the name nearest to what was written, if one is near; upper and lower case count alike.
pub(crate) fn nearest<T: Copy>(written: &str, named: &[(String, T)]) -> Option<T> {
    let tolerated = (written.chars().count() / 3).max(1);
    let written = written.to_lowercase();
    named
        .iter()
        .map(|(name, known)| (distance(&written, &name.to_lowercase()), *known))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be added, removed, replaced, or swapped with their neighbour.
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
    use super::nearest;

    #[test]
    fn case_plurals_and_single_letters_are_seen_through() {
        let names = ["video", "user:{}"].map(|name| (name.to_owned(), name));
        let cases =
            [("Video", "video"), ("VIDEO", "video"), ("videos", "video"), ("users:{}", "user:{}")];
        for (written, meant) in cases {
            assert_eq!(nearest(written, &names), Some(meant), "{written}");
        }
        assert_eq!(nearest("order", &names), None);
    }
}
