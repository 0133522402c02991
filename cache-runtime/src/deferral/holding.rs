//! The queued invalidations of one cache.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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
    /// The tags among them that are invalidated softly, for this long.
    pub(super) soft: BTreeMap<String, Duration>,
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
            soft: BTreeMap::new(),
            patterns: BTreeMap::new(),
            everything: false,
        }
    }

    pub(crate) fn of_targets(core: &Arc<Core>, targets: Targets) -> Self {
        let Targets { names, tags, everything, soft, .. } = targets;
        let softly = |window| tags.iter().map(move |tag| (tag.clone(), window)).collect();
        let soft = soft.map_or_else(BTreeMap::new, softly);
        let (names, tags) = (names.into_iter().collect(), tags.into_iter().collect());
        Holding { names, tags, soft, everything, ..Self::none(core) }.bounded()
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
        self.add_soft(&other);
        self.names.extend(other.names);
        self.tags.extend(other.tags);
        self.patterns.extend(other.patterns);
        self.everything |= other.everything;
        if self.everything || self.len() > MOST {
            *self = Self::everything(&self.core);
        }
    }

    /// A tag is invalidated softly only if all of its invalidations are soft, and for the shortest time.
    fn add_soft(&mut self, other: &Holding) {
        let (own, tags) = (&other.soft, &other.tags);
        self.soft.retain(|tag, _| !tags.contains(tag) || own.contains_key(tag));
        for (tag, window) in own {
            if !self.tags.contains(tag) {
                self.soft.insert(tag.clone(), *window);
            } else if let Some(known) = self.soft.get_mut(tag) {
                *known = (*known).min(*window);
            }
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
        let mut confirmed = true;
        for targets in self.targets() {
            confirmed &=
                self.core.invalidate(&targets).await.is_some() || self.core.redis.is_none();
        }
        for pattern in self.patterns.values() {
            confirmed &= self.core.clear(pattern, &mut |_| {}).await.is_confirmed;
        }
        confirmed
    }

    /// Invalidates without waiting, and once more later: a commit may still be under way.
    pub(super) fn apply_in_background(&self) {
        let mut all = self.targets();
        if !self.patterns.is_empty() {
            // The names that match a pattern are not found without waiting.
            all.push(Targets::everything());
        }
        self.core.invalidate_in_background(&all);
        all.into_iter().for_each(|targets| settling::invalidate_later(&self.core, targets));
    }

    /// Returns the targets, those of hard invalidations first.
    fn targets(&self) -> Vec<Targets> {
        let hard = self.tags.iter().filter(|tag| !self.soft.contains_key(*tag));
        let hard = Targets {
            names: self.names.iter().cloned().collect(),
            tags: hard.cloned().collect(),
            everything: self.everything,
            ..Targets::default()
        };
        let mut windows: BTreeMap<Duration, Vec<String>> = BTreeMap::new();
        for (tag, window) in &self.soft {
            windows.entry(*window).or_default().push(tag.clone());
        }
        let soft = windows
            .into_iter()
            .map(|(window, tags)| Targets { tags, ..Targets::default() }.softly(window));
        std::iter::once(hard).chain(soft).filter(|targets| !targets.is_empty()).collect()
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
