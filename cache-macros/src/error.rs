//! Collecting mistakes, and naming what was probably meant.

use std::fmt::Display;

use quote::ToTokens;

/// The mistakes of one attribute, gathered so that one build shows all of them.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// The value of a check that passed; a check that failed is noted.
    pub(crate) fn keep<T>(&mut self, checked: syn::Result<T>) -> Option<T> {
        checked.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// `value`, if no mistake was noted.
    pub(crate) fn finish<T>(self, value: T) -> syn::Result<T> {
        match self.0 {
            Some(errors) => Err(errors),
            None => Ok(value),
        }
    }
}

/// "did you mean `ttl`?" if a name is close to what was written, else the list of all names.
pub(crate) fn hint(written: &str, names: &[&str]) -> String {
    match nearest(written, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", list(names)),
    }
}

/// "`a`, `b`, `c`"
pub(crate) fn list(names: impl IntoIterator<Item = impl Display>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let tolerated = (written.chars().count() / 3).max(1);
    names
        .iter()
        .map(|name| (distance(written, name), *name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
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
    use super::{distance, hint};

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("tll", "ttl"), 1);
        assert_eq!(distance("kye", "key"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_near_name_is_suggested() {
        assert_eq!(hint("tll", &["key", "ttl"]), "did you mean `ttl`?");
        assert_eq!(hint("cacheif", &["cache_none", "cache_if"]), "did you mean `cache_if`?");
    }

    #[test]
    fn far_names_are_listed() {
        assert_eq!(hint("expiry", &["key", "ttl"]), "there are `key`, `ttl`");
    }
}
