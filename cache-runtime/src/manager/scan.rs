//! Listing and removing all names that match a pattern.

use std::collections::BTreeSet;

use tracing::field::Empty;
use tracing::{Instrument as _, debug_span};

use super::CacheManager;
use crate::deferral::{self, Holding};
use crate::error::Error;
use crate::key::glob::Pattern;
use crate::redis::{ClearProgress, ScanCursor};
use crate::tiers::invalidate::Targets;

/// The names that match a pattern, in pages: see [`CacheManager::names`].
#[derive(Debug)]
pub struct NameScan {
    manager: CacheManager,
    pattern: Pattern,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The cursor at which the scan of Redis goes on.
    At(ScanCursor),
    End,
    /// Redis became unavailable on the way.
    Lost,
}

impl NameScan {
    /// Returns the next page, which may be empty; `None` at the end. Cancel safe: a page that was not
    /// received is returned again.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        let Stage::At(place) = self.stage else { return None };
        let core = self.manager.core();
        let Some(redis) = &core.redis else {
            self.stage = Stage::End;
            let names = core.memory.names(core.predicate(None));
            // Several functions may share a name, and each has a value of its own.
            let names: BTreeSet<_> = names.filter(|name| self.pattern.matches(name)).collect();
            return Some(names.into_iter().collect());
        };
        match redis.names(&self.pattern, place).await {
            Ok((next, names)) => {
                self.stage = next.map_or(Stage::End, Stage::At);
                Some(names)
            }
            Err(_) => {
                self.stage = Stage::Lost;
                None
            }
        }
    }

    /// Returns true if all pages have been returned; false before the end, and if Redis became unavailable.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::End
    }
}

impl CacheManager {
    /// Removes every value whose name matches a pattern, and returns the number of removed values (in
    /// memory, if there is no Redis or it is unavailable).
    ///
    /// `*` is any text, `?` one byte (a character that is not ASCII has two or more), `[a-z]` and
    /// `[^a-z]` one of a set, `\` takes the next character literally. This scans all names in the store;
    /// for one prefix, [`invalidate_prefix`](CacheManager::invalidate_prefix) is one step.
    /// The results of running loads of matching names are not stored. `clear("*")` covers the whole
    /// namespace.
    ///
    /// Values are counted, running loads are not. A value in Redis that was invalidated by a prefix or
    /// tag, or is kept past its TTL, counts while it is still there; one in memory does not.
    ///
    /// A name of more than 200 bytes is compared in the shortened form that
    /// [`names`](CacheManager::names) lists. A pattern that ends with `:*` also covers the names below
    /// it.
    ///
    /// In the scope of a [transaction](crate::deferred), this is done when it has committed, and returns zero.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid pattern, or one that no name can match.
    pub async fn clear(&self, pattern: &str) -> Result<u64, Error> {
        self.clear_with(pattern, |_| {}).await
    }

    /// Does the same as [`clear`](CacheManager::clear), and reports the progress after each page of
    /// names and at the end. If Redis becomes unavailable in the meantime, everything in the namespace
    /// is invalidated, and the end is not reported. Without Redis, there are no reports.
    ///
    /// # Errors
    /// As [`clear`](CacheManager::clear).
    pub async fn clear_with(
        &self,
        pattern: &str,
        mut progress: impl FnMut(ClearProgress) + Send,
    ) -> Result<u64, Error> {
        let pattern = Pattern::new(pattern)?;
        if deferral::queue(|| Holding::of_pattern(self.core(), pattern.clone())) {
            return Ok(0);
        }
        let span = debug_span!("cache_clear", pattern = pattern.as_str(), removed = Empty);
        let cleared = self.core().clear(&pattern, &mut progress).instrument(span.clone()).await;
        let removed = cleared.removed;
        span.record("removed", removed);
        Ok(removed)
    }

    /// Returns the names that match a pattern, with the syntax of [`clear`](CacheManager::clear): those
    /// of values and of running loads, in Redis if there is one. A name that exists during the whole
    /// scan is returned at least once, and possibly again.
    ///
    /// This is for diagnosis: it scans all names in the store, in pages.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid pattern.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// # let cache = cache_runtime::CacheManager::builder().build()?;
    /// cache.set("user:1", &1, std::time::Duration::from_secs(60)).await?;
    /// let mut names = cache.names("user:*")?;
    /// while let Some(page) = names.next().await {
    ///     page.iter().for_each(|name| println!("{name}"));
    /// }
    /// assert!(names.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    pub fn names(&self, pattern: &str) -> Result<NameScan, Error> {
        let pattern = Pattern::new(pattern)?;
        Ok(NameScan { manager: self.clone(), pattern, stage: Stage::At(ScanCursor::default()) })
    }

    /// Removes everything in the namespace, and returns the number of removed values.
    ///
    /// In the scope of a [transaction](crate::deferred), this is done when it has committed, and returns zero.
    pub async fn flush_all(&self) -> u64 {
        if deferral::queue(|| Holding::of_targets(self.core(), Targets::everything())) {
            return 0;
        }
        self.core().flush_all(&mut |_| {}).await.removed
    }
}
