//! Invalidation: Redis first, then the generations of this process.
//!
//! In the other order, a reader could refill memory from the old entry in Redis meanwhile. R6: a removal that
//! Redis does not confirm stays pending. Until it is confirmed, this process does not read those keys in
//! Redis.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug_span};

use crate::coherence::generation::Slot;
use crate::error::Error;
use crate::key::name::{shorten, validate_prefix, validate_tag};
use crate::site::{Declared, SourceLocation};
use crate::stats::events::{EventKind, listed};
use crate::support::boxed::boxed;
use crate::support::clock::millis;
use crate::tiers::core::Core;

/// The names and tags of an invalidation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub(crate) names: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// True if the whole namespace is invalidated, because the intended targets are unknown.
    pub(crate) everything: bool,
    /// The time for which the entries with these tags are stale, and not absent, for functions that may serve stale values;
    /// `None` for a hard invalidation. Names are always removed.
    pub(crate) soft: Option<Duration>,
    /// The annotated function that invalidates, if there is one.
    pub(crate) by: Option<&'static Declared>,
}

impl Targets {
    pub(crate) fn name(name: &str) -> Self {
        Targets { names: vec![name.to_owned()], ..Targets::default() }
    }

    /// Returns the whole namespace.
    pub(crate) fn everything() -> Self {
        Targets { everything: true, ..Targets::default() }
    }

    /// Returns true if nothing is to be invalidated.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.tags.is_empty() && !self.everything
    }

    #[cfg(test)]
    pub(crate) fn is_everything(&self) -> bool {
        self.everything
    }

    /// Returns the target for a tag that is given to the direct API.
    pub(crate) fn tag(tag: &str) -> Result<Self, Error> {
        validate_tag(tag)?;
        let mut targets = Targets::default();
        targets.add_tag(tag);
        Ok(targets)
    }

    /// Returns the target for a prefix that is given to the direct API.
    pub(crate) fn prefix(prefix: &str) -> Result<Self, Error> {
        validate_prefix(prefix)?;
        let mut targets = Targets::default();
        targets.add_prefix(prefix);
        Ok(targets)
    }

    /// Returns the same targets, invalidated softly for this long.
    pub(crate) fn softly(self, window: Duration) -> Self {
        Targets { soft: Some(window).filter(|window| millis(*window) > 0), ..self }
    }

    /// Adds a tag that the cache has made. A long tag is shortened as on the caching side.
    pub(crate) fn add_tag(&mut self, tag: &str) {
        self.tags.push(shorten(tag).into_owned());
    }

    /// Adds all names below the prefix, and the name that equals the prefix.
    pub(crate) fn add_prefix(&mut self, prefix: &str) {
        self.add_tag(prefix);
        self.names.push(shorten(prefix).into_owned());
    }

    /// Adds a tag that covers everything below a prefix that could not be rendered completely.
    pub(crate) fn add_above(&mut self, rendered: &str) {
        match rendered.rsplit_once(':') {
            Some((above, _)) => self.add_prefix(above),
            None => self.everything = true,
        }
    }

    /// Returns the span of the invalidation. `removed` is the number of removed entries of the names in Redis.
    /// `pending` is true if Redis has not confirmed the invalidation.
    fn span(&self) -> Span {
        debug_span!(
            "cache_invalidate",
            names = ?listed(&self.names),
            tags = ?listed(&self.tags),
            everything = self.everything,
            soft_ms = self.soft.map(millis),
            function = self.by.map(|declared| SourceLocation::of(declared).path),
            removed = Empty,
            pending = Empty,
        )
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        let names = self.names.iter().map(|name| Slot::name(name));
        names.chain(self.tags.iter().map(|tag| Slot::tag(tag)))
    }
}

impl Core {
    /// Invalidates. When this returns, every later read of this process misses. Returns the number of removed
    /// entries of the names in Redis; `None` if Redis has not confirmed the invalidation, or there is none.
    ///
    /// If the future is dropped before its end, the invalidation happens nevertheless.
    pub(crate) async fn invalidate(&self, targets: &Targets) -> Option<u64> {
        self.note_invalidation(targets);
        self.mark_names(targets);
        // R1, R6: Redis (or its journal) first, then the generations, also if this future is dropped.
        let _then = Finally(|| self.bump_targets(targets));
        let span = targets.span();
        let redis = self.redis.as_ref()?;
        let mut root = Some(0);
        if targets.everything {
            root = boxed(|| redis.invalidate_root()).await;
        }
        // The future is boxed, because it is large and would be a part of the future of every mutation.
        let removed = match targets.soft {
            Some(window) => {
                let softening = Box::pin(redis.soften(&targets.names, &targets.tags, window));
                softening.instrument(span.clone()).await
            }
            None => {
                let removal = Box::pin(redis.invalidate(&targets.names, &targets.tags));
                removal.instrument(span.clone()).await
            }
        };
        let removed = root.and(removed);
        match removed {
            Some(removed) => span.record("removed", removed),
            None => span.record("pending", true),
        };
        removed
    }

    fn note_invalidation(&self, targets: &Targets) {
        self.invalidations.one();
        let Targets { names, tags, soft, .. } = targets;
        self.events.note_if_watched(|| EventKind::invalidated(names, tags, *soft));
    }

    /// R2: the names are marked before Redis changes, because this process receives no notice of its own changes.
    fn mark_names(&self, targets: &Targets) {
        targets.names.iter().for_each(|name| self.generations.mark(Slot::name(name)));
    }

    fn bump_targets(&self, targets: &Targets) {
        match targets.soft {
            Some(window) => self.bump_softly(targets, window),
            None => self.bump(targets.slots()),
        }
        if targets.everything {
            self.generations.bump_epoch();
        }
    }

    fn bump_softly(&self, targets: &Targets, window: Duration) {
        self.bump(targets.names.iter().map(|name| Slot::name(name)));
        // The time is read before the generations are raised: see `Generations::bump_softly`.
        let (at_ms, window_ms) = (self.clock.now_ms(), millis(window));
        for tag in &targets.tags {
            self.generations.bump_softly(Slot::tag(tag), at_ms, window_ms);
        }
    }

    /// Invalidates without waiting: the removals are pending, and go to Redis together.
    pub(crate) fn invalidate_in_background(&self, all: &[Targets]) {
        all.iter().for_each(|targets| {
            self.note_invalidation(targets);
            self.mark_names(targets);
        });
        let _then = Finally(|| all.iter().for_each(|targets| self.bump_targets(targets)));
        let spans: Vec<_> = all.iter().map(Targets::span).collect();
        let Some(redis) = &self.redis else { return };
        spans.iter().for_each(|span| _ = span.record("pending", true));
        if all.iter().any(|targets| targets.everything) {
            redis.add_pending_root();
        }
        let names: BTreeSet<_> = all.iter().flat_map(|targets| &targets.names).collect();
        let tags: BTreeSet<_> = all.iter().flat_map(|targets| &targets.tags).collect();
        redis.add_pending(&Vec::from_iter(names), &Vec::from_iter(tags));
    }
}

/// The local half of an invalidation, which runs when the other half has ended in any way.
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
