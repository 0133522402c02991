//! Collects mistakes, and finds the names that were probably meant.

use std::fmt::Display;

use cache_syntax::nearest;
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

    /// Returns the value of a check that passed; a check that failed is noted.
    pub(crate) fn keep<T>(&mut self, checked: syn::Result<T>) -> Option<T> {
        checked.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns `value`, if no mistake was noted.
    pub(crate) fn finish<T>(self, value: T) -> syn::Result<T> {
        match self.0 {
            Some(errors) => Err(errors),
            None => Ok(value),
        }
    }
}

/// Returns "did you mean `ttl`?" if a name is close to the written one, else the list of all names.
pub(crate) fn hint(written: &str, names: &[&str]) -> String {
    match nearest(written, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", list(names)),
    }
}

/// Returns "`a`, `b`, `c`".
pub(crate) fn list(names: impl IntoIterator<Item = impl Display>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::hint;

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
