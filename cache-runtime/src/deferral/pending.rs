//! The invalidations that have left their queue.

use std::fmt;

use super::holding::Holding;
use super::queue::InvalidationQueue;
use crate::support::boxed::boxed;

/// The invalidations of a transaction that has ended, or is about to.
///
/// Once it has committed, [`apply`](PendingInvalidations::apply) them. If it was rolled back,
/// [`discard`](PendingInvalidations::discard) them. If this value is dropped, the end of the transaction is unknown, and
/// they are [applied in the background](PendingInvalidations::apply_in_background): an invalidation that was not needed
/// costs a load, and a missing one is an old value.
#[must_use = "the invalidations of a transaction are applied when it has committed, or discarded"]
#[derive(Default)]
pub struct PendingInvalidations {
    all: Vec<Holding>,
    /// The queue around that of a savepoint.
    outer: Option<InvalidationQueue>,
}

/// One of them: see [`PendingInvalidations::iter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingInvalidation<'a> {
    /// The namespace of its cache.
    pub namespace: &'a str,
    /// The entries that it concerns.
    pub target: InvalidationTarget<'a>,
}

/// The entries that an invalidation concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidationTarget<'a> {
    /// The entry with this name.
    Name(&'a str),
    /// All entries with this tag. The prefixes of a name are tags of its entry, so the invalidation of a prefix is a name
    /// and a tag.
    Tag(&'a str),
    /// All entries whose names match this pattern.
    Pattern(&'a str),
    /// All entries of the namespace.
    Everything,
}

impl InvalidationQueue {
    /// Takes all invalidations out of the queue, at the end of the transaction.
    pub fn take(&self) -> PendingInvalidations {
        PendingInvalidations { all: self.take_all(), outer: self.outer().cloned() }
    }
}

impl PendingInvalidations {
    /// Invalidates. When this returns, no later read of this process gets a value from before.
    ///
    /// Returns true if Redis has confirmed all of them, or there is none. Otherwise, they are pending as every
    /// invalidation is while Redis is unavailable: they are repeated until it has confirmed them.
    ///
    /// Those of a [nested](InvalidationQueue::nested) queue are queued in the outer one as well: if they are those of a
    /// savepoint, nobody else sees its rows before the outer commit.
    ///
    /// # Cancel safety
    /// If the future is dropped, the rest is applied in the background.
    pub async fn apply(mut self) -> bool {
        self.queue_in_outer();
        let mut confirmed = true;
        while let Some(holding) = self.all.last() {
            confirmed &= boxed(|| holding.apply()).await;
            self.all.pop();
        }
        confirmed
    }

    /// Invalidates without waiting, and once more after half a second.
    ///
    /// For a commit whose outcome is unknown, because the connection was lost or the future was dropped: it may still be
    /// under way. If there is a pattern that is no prefix, everything in its namespace is invalidated.
    ///
    /// Those of a [nested](InvalidationQueue::nested) queue are queued in the outer one as well.
    pub fn apply_in_background(self) {
        drop(self);
    }

    /// Those of a savepoint are due after the outer commit, too.
    fn queue_in_outer(&mut self) {
        if let Some(outer) = self.outer.take().filter(|_| !self.all.is_empty()) {
            outer.extend(self.all.iter().cloned());
        }
    }

    /// Discards them, because the transaction was rolled back.
    pub fn discard(mut self) {
        self.all.clear();
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns their number.
    pub fn len(&self) -> usize {
        self.all.iter().map(Holding::len).sum()
    }

    /// Returns them, those of one cache together.
    pub fn iter(&self) -> impl Iterator<Item = PendingInvalidation<'_>> {
        self.all.iter().flat_map(|holding| {
            let namespace = holding.core.config.namespace.as_str();
            targets(holding).map(move |target| PendingInvalidation { namespace, target })
        })
    }
}

fn targets(holding: &Holding) -> impl Iterator<Item = InvalidationTarget<'_>> {
    let Holding { names, tags, patterns, everything, .. } = holding;
    let names = names.iter().map(|name| InvalidationTarget::Name(name));
    let tags = tags.iter().map(|tag| InvalidationTarget::Tag(tag));
    let patterns = patterns.keys().map(|pattern| InvalidationTarget::Pattern(pattern));
    let everything = everything.then_some(InvalidationTarget::Everything);
    names.chain(tags).chain(patterns).chain(everything)
}

impl Drop for PendingInvalidations {
    fn drop(&mut self) {
        self.queue_in_outer();
        self.all.drain(..).for_each(|holding| holding.apply_in_background());
    }
}

impl fmt::Debug for PendingInvalidations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Display for PendingInvalidation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.target, self.namespace)
    }
}

impl fmt::Display for InvalidationTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidationTarget::Name(name) => write!(f, "name {name}"),
            InvalidationTarget::Tag(tag) => write!(f, "tag {tag}"),
            InvalidationTarget::Pattern(pattern) => write!(f, "pattern {pattern}"),
            InvalidationTarget::Everything => f.write_str("everything"),
        }
    }
}
