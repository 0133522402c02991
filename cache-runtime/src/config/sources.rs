//! The limits of sources, such as databases and services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The limit of a source: see [`sources`](crate::CacheConfig#structfield.sources).
///
/// ```
/// use cache_runtime::{CacheConfig, SourceLimit};
///
/// let config = CacheConfig::default()
///     .source("postgres", SourceLimit::new(32))
///     .source("stripe", SourceLimit::new(5).breaker(true));
/// assert_eq!(config.sources["stripe"].max_loads, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceLimit {
    /// The maximum number of bodies of the source that run at once, at least 1.
    pub max_loads: u32,
    /// If true, the bodies of a source that fails are run one at a time, with pauses. Default `false`.
    #[serde(default)]
    pub breaker: bool,
}

impl SourceLimit {
    /// Returns a limit of this number of bodies, without a breaker.
    #[must_use]
    pub fn new(max_loads: u32) -> Self {
        SourceLimit { max_loads, breaker: false }
    }

    /// Adds or removes the breaker.
    #[must_use]
    pub fn breaker(self, breaker: bool) -> Self {
        SourceLimit { breaker, ..self }
    }
}

/// The accepted form of the variable.
pub(super) const ACCEPTED: &str = "sources and the maximum numbers of their bodies that run at once, such as \
                                   `postgres=32,stripe=5,breaker`; a name has 1 to 64 letters, digits, `_`, `-` and `.`, \
                                   a number is at least 1, and `breaker` follows the source that it belongs to";

/// Reads `postgres=32,stripe=5,breaker`.
///
/// # Errors
/// The item that cannot be read, and what is accepted.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, SourceLimit>, (String, &'static str)> {
    let (mut sources, mut last) = (BTreeMap::<String, SourceLimit>::new(), None::<String>);
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let refused = |expected| (item.to_owned(), expected);
        if item == "breaker" {
            let limit = last.as_ref().and_then(|last| sources.get_mut(last));
            match limit {
                Some(limit) if !limit.breaker => limit.breaker = true,
                Some(_) => return Err(refused("`breaker` once for each source")),
                None => {
                    return Err(refused("a source before `breaker`, such as `stripe=5,breaker`"));
                }
            }
            continue;
        }
        let parsed = item.split_once('=').and_then(|(name, number)| {
            let max_loads = number.trim().parse().ok()?;
            Some((name.trim().to_owned(), SourceLimit::new(max_loads)))
        });
        let Some((name, limit)) = parsed.filter(|(name, limit)| is_accepted(name, *limit)) else {
            return Err(refused(ACCEPTED));
        };
        if sources.insert(name.clone(), limit).is_some() {
            return Err(refused("each source once"));
        }
        last = Some(name);
    }
    Ok(sources)
}

/// Returns true if a source can have this name and this limit.
pub(super) fn is_accepted(name: &str, limit: SourceLimit) -> bool {
    cache_syntax::is_source(name) && limit.max_loads > 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_breaker_belongs_to_the_source_before_it() {
        let sources = parse(" postgres = 32, stripe=5,breaker ,").unwrap();
        assert_eq!(sources["postgres"], SourceLimit::new(32));
        assert_eq!(sources["stripe"], SourceLimit::new(5).breaker(true));
        assert_eq!(parse("").unwrap().len(), 0);
    }

    #[test]
    fn an_item_that_cannot_be_read_is_named() {
        for (text, item) in [
            ("a=1,b", "b"),
            ("a=0", "a=0"),
            ("a=-1", "a=-1"),
            ("a=1,b c=2", "b c=2"),
            ("a=1,a=2", "a=2"),
            ("breaker", "breaker"),
            ("a=1,breaker,breaker", "breaker"),
            ("a=1,broker", "broker"),
        ] {
            assert_eq!(parse(text).unwrap_err().0, item, "{text}");
        }
    }
}
