//! Functions that are not async.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use memo::{CacheManager, cache_invalidate, cached};

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern(pub String);

/// The reason why a text has no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid;

/// The options that go together.
///
/// # Errors
///
/// If the text is empty.
#[cached(
    crate = ::memo,
    ttl = |pattern| std::time::Duration::from_secs(pattern.as_ref().map_or(1, |_| 60)),
    negative_ttl = 10,
    key_prefix = "blocking:pattern",
    key = "{text}",
    tags = ["patterns"],
    cache_if = |pattern| pattern.as_ref().is_none_or(|pattern| !pattern.0.is_empty()),
    tags_of = |pattern| pattern.iter().map(|pattern| pattern.0.len()),
    inherit,
    bypass_if = text.len() > 100,
    weight = |pattern| pattern.as_ref().map_or(0, |pattern| pattern.0.len()),
    max_entries = 100,
    tier = "memory",
    stale_while_revalidate = "1m",
    stale_if_error = "1m",
    load_timeout = "5s",
    error_ttl = "1s",
    early_refresh = 1.0,
    entry_fn = pattern_entry
)]
pub fn pattern(text: &str) -> Result<Option<Arc<Pattern>>, Invalid> {
    if text.is_empty() {
        return Err(Invalid);
    }
    Ok(Some(Arc::new(Pattern(text.to_owned()))))
}

/// A parser with a cache of its own.
#[derive(Debug)]
pub struct Parser<'a, T> {
    /// Its cache.
    pub cache: &'a CacheManager,
    /// Its words.
    pub words: HashMap<T, usize>,
}

impl<T> Parser<'_, T>
where
    T: Hash + Eq + Clone + Send + Sync + 'static,
{
    /// Counts a word.
    #[must_use]
    #[cached(crate = memo, skip(self), manager = self.cache, entry_fn = count_entry)]
    pub fn count<const N: usize>(
        &self,
        word: &T,
        (_first, more): (u8, u8),
        _unused: [u8; N],
    ) -> usize {
        self.words.get(word).copied().unwrap_or(usize::from(more)) + N
    }

    /// Returns some keywords.
    #[must_use]
    #[cached(crate = memo, entry_fn = Self::keywords_entry)]
    pub fn keywords(mut at_most: usize) -> &'static [&'static str] {
        at_most = at_most.min(2);
        &["if", "else"][..at_most]
    }

    /// Changes a word.
    #[cache_invalidate(crate = memo, entry = self.count_entry(&word, (0, 0), [0; 2]), tags = ["patterns"], manager = self.cache)]
    pub fn change(&mut self, word: T, count: usize) {
        let _ = self.words.insert(word, count);
    }
}

/// Something that has a length.
pub trait Length {
    /// Returns the length.
    fn length(&self, of: &str) -> usize;
}

impl<T> Length for Parser<'_, T> {
    #[cached(crate = memo, skip(self))]
    fn length(&self, of: &str) -> usize {
        of.len() + self.words.len()
    }
}
