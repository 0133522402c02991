//! Removing all entries whose names match a pattern.

use crate::coherence::generation::Slot;
use crate::key::glob::Pattern;
use crate::key::name::CLEARED;
use crate::redis::Progress;
use crate::stats::events::EventKind;
use crate::tiers::core::Core;
use crate::tiers::invalidate::{Finally, Targets};

/// The result of a removal of many entries.
pub(crate) struct Cleared {
    /// The number of removed values.
    pub(crate) removed: u64,
    /// True if Redis has confirmed it, or there is none.
    pub(crate) is_confirmed: bool,
}

impl Core {
    /// Removes every entry whose name matches.
    pub(crate) async fn clear(&self, pattern: &Pattern, progress: Progress<'_>) -> Cleared {
        if pattern.is_everything() {
            return self.flush_all(progress).await;
        }
        // Running loads must not store names that the scan has already passed.
        self.generations.begin_scan(pattern);
        let fresh = self.memory.names(self.predicate(None));
        let in_memory = fresh.filter(|name| pattern.matches(name)).count() as u64;
        let mut targets = Targets::default();
        // All entries below a prefix have it as a tag, if it is not too long.
        let is_prefix = pattern.whole_prefix().is_some_and(|it| Targets::prefix(&it).is_ok());
        if let Some(prefix) = pattern.whole_prefix() {
            // Long names below it are stored under a digest, which the pattern does not match.
            targets.add_tag(&prefix);
        }
        let tags: &[&str] = if is_prefix { &[] } else { &[CLEARED] };
        // Later than that, no body can read a value that the scan has to remove.
        let _last = (!is_prefix).then(|| Finally(|| self.bump([Slot::tag(CLEARED)])));
        // A value that was read from Redis before the scan is in memory by now, or the pattern keeps it out.
        let _then = Finally(|| self.drop_matching(pattern));
        self.invalidate(&targets).await;
        let removed = match &self.redis {
            Some(redis) => redis.clear(pattern, tags, progress).await,
            None => None,
        };
        let cleared = self.cleared(removed, in_memory);
        let (pattern, removed) = (pattern.as_str().to_owned(), cleared.removed);
        self.events.note(EventKind::Cleared { pattern, removed });
        cleared
    }

    /// Removes everything.
    pub(crate) async fn flush_all(&self, progress: Progress<'_>) -> Cleared {
        self.invalidations.one();
        let in_memory = self.memory.count(self.predicate(None));
        let _then = Finally(|| {
            self.generations.bump_epoch();
            self.memory.clear();
        });
        let removed = match &self.redis {
            Some(redis) => redis.flush(progress).await,
            None => None,
        };
        let cleared = self.cleared(removed, in_memory);
        self.events.note(EventKind::Flushed { removed: cleared.removed });
        cleared
    }

    fn cleared(&self, removed: Option<u64>, in_memory: u64) -> Cleared {
        let is_confirmed = removed.is_some() || self.redis.is_none();
        Cleared { removed: removed.unwrap_or(in_memory), is_confirmed }
    }
}
