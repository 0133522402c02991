//! The queued invalidations of one cache.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;

use crate::key::glob::Pattern;
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::settling;

/// R7: the maximum number of targets in a queue for one cache. Beyond it, the whole namespace is invalidated.
const MOST: usize = 10_000;

/// The queued invalidations of one cache.
#[derive(Clone)]
pub(crate) struct Holding {
    pub(super) core: Arc<Core>,
    /// R6: the cache does not end before its invalidations are due.
    _owner: Option<Arc<dyn Send + Sync>>,
    pub(super) names: BTreeSet<String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) patterns: BTreeMap<String, Pattern>,
    pub(super) everything: bool,
}

/// A read that may depend on queued invalidations.
#[derive(Clone, Copy)]
pub(crate) struct ReadOf<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) key: &'a CallKey,
    /// True if the value may have dependencies that its key does not name.
    pub(crate) derives: bool,
}

impl Holding {
    /// Returns nothing, for this cache.
    fn none(core: &Arc<Core>) -> Self {
        Holding {
            core: Arc::clone(core),
            _owner: core.owner(),
            names: BTreeSet::new(),
            tags: BTreeSet::new(),
            patterns: BTreeMap::new(),
            everything: false,
        }
    }

    pub(crate) fn of_targets(core: &Arc<Core>, targets: Targets) -> Self {
        let Targets { names, tags, everything, .. } = targets;
        let (names, tags) = (names.into_iter().collect(), tags.into_iter().collect());
        Holding { names, tags, everything, ..Self::none(core) }.bounded()
    }

    pub(crate) fn of_pattern(core: &Arc<Core>, pattern: Pattern) -> Self {
        if pattern.is_everything() {
            return Self::of_targets(core, Targets::everything());
        }
        let patterns = BTreeMap::from([(pattern.as_str().to_owned(), pattern)]);
        Holding { patterns, ..Self::none(core) }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len() + self.tags.len() + self.patterns.len() + usize::from(self.everything)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the invalidations of the same cache.
    pub(super) fn add(&mut self, other: Holding) {
        self.names.extend(other.names);
        self.tags.extend(other.tags);
        self.patterns.extend(other.patterns);
        self.everything |= other.everything;
        if self.everything || self.len() > MOST {
            *self = Self::everything(&self.core);
        }
    }

    /// Returns these, or the invalidation of everything if there are too many.
    fn bounded(self) -> Self {
        if self.everything || self.len() > MOST { Self::everything(&self.core) } else { self }
    }

    fn everything(core: &Arc<Core>) -> Self {
        Holding { everything: true, ..Self::none(core) }
    }

    /// Returns true if the value that is read may change with one of these invalidations.
    pub(super) fn covers(&self, read: ReadOf<'_>) -> bool {
        if self.is_empty() || !self.is_of_the_entries_of(read.core) {
            return false;
        }
        let (name, tags) = (read.key.name().as_str(), read.key.tags());
        read.derives
            || self.everything
            || self.names.contains(name)
            || tags.iter().any(|tag| self.tags.contains(tag))
            || self.patterns.values().any(|pattern| pattern.matches(name))
    }

    /// Returns the tags that are invalidated among the entries of a cache.
    pub(super) fn tags_of(&self, core: &Arc<Core>) -> impl Iterator<Item = &String> {
        self.tags.iter().filter(|_| self.is_of_the_entries_of(core))
    }

    /// Returns true if this cache has the same entries.
    fn is_of_the_entries_of(&self, core: &Arc<Core>) -> bool {
        let (own, other) = (&self.core, core);
        let share = || {
            own.redis.is_some()
                && other.redis.is_some()
                && own.config.namespace == other.config.namespace
        };
        Arc::ptr_eq(own, other) || share()
    }

    /// Invalidates. Returns true if Redis has confirmed it, or there is none.
    pub(super) async fn apply(&self) -> bool {
        let targets = self.targets();
        let mut confirmed = true;
        if !targets.is_empty() {
            confirmed = self.core.invalidate(&targets).await.is_some() || self.core.redis.is_none();
        }
        for pattern in self.patterns.values() {
            confirmed &= self.core.clear(pattern, &mut |_| {}).await.is_confirmed;
        }
        confirmed
    }

    /// Invalidates without waiting, and once more later: a commit may still be under way.
    pub(super) fn apply_in_background(&self) {
        let mut targets = self.targets();
        // The names that match a pattern are not found without waiting.
        targets.everything |= !self.patterns.is_empty();
        self.core.invalidate_in_background(slice::from_ref(&targets));
        settling::invalidate_later(&self.core, targets);
    }

    fn targets(&self) -> Targets {
        Targets {
            names: self.names.iter().cloned().collect(),
            tags: self.tags.iter().cloned().collect(),
            everything: self.everything,
            by: None,
        }
    }
}

/// Adds invalidations to those of the same cache.
pub(super) fn add_to(all: &mut Vec<Holding>, holding: Holding) {
    if holding.is_empty() {
        return;
    }
    match all.iter_mut().find(|known| Arc::ptr_eq(&known.core, &holding.core)) {
        Some(known) => known.add(holding),
        None => all.push(holding),
    }
}
