//! The conditions under which a value may be served.

use super::entry::{AnyEntry, EntryMeta};
use crate::coherence::generation::{Generations, Slot};

/// The conditions of a look-up besides its key.
#[derive(Clone, Copy)]
pub(crate) struct ReadPredicate<'a> {
    pub(crate) generations: &'a Generations,
    pub(crate) now_ms: u64,
    /// The origin whose values are accepted, besides those stored directly; `None` accepts the values of
    /// every origin.
    pub(crate) origin: Option<u64>,
    /// The slots that a value stored directly must depend on, so that every invalidation of the origin's own
    /// values reaches it too. `None` if they are not known; then no such value is accepted.
    pub(crate) slots: Option<&'a [Slot]>,
    /// The time past its TTL for which a value is taken.
    pub(crate) grace_ms: u64,
    /// No value that was made before this time is taken.
    pub(crate) not_before_ms: u64,
}

impl ReadPredicate<'_> {
    #[inline(always)]
    pub(super) fn fresh(&self, entry: &AnyEntry) -> bool {
        let meta = &entry.meta;
        self.now_ms < meta.ends_ms.saturating_add(self.grace_ms)
            && meta.created_ms >= self.not_before_ms
            && self.generations.still_current(&meta.stamps, &entry.verified)
            && self.origin.is_none_or(|own| meta.origin == own || takes_direct(self.slots, meta))
    }

    /// Returns the time for which the entry was fresh, if it was invalidated softly, and may be served as a stale value.
    ///
    /// The entry must have been made in this process, not copied: see [`Generations::softened`].
    pub(super) fn softened(&self, entry: &AnyEntry) -> Option<u64> {
        let meta = &entry.meta;
        let is_own = self.origin.is_none_or(|own| meta.origin == own);
        if !is_own || meta.created_ms < self.not_before_ms || entry.verified.is_retired() {
            return None;
        }
        let at_ms = self.generations.softened(&meta.stamps, meta.created_ms, self.now_ms)?.at_ms;
        let ends_ms = meta.ends_ms.min(at_ms);
        (self.now_ms < ends_ms.saturating_add(self.grace_ms)).then(|| meta.age_ms(ends_ms))
    }
}

// A free function and not a method: the `ReadPredicate` would have to be in memory for it on every hit.
fn takes_direct(slots: Option<&[Slot]>, meta: &EntryMeta) -> bool {
    meta.origin == 0 && slots.is_some_and(|slots| meta.stamps.cover(slots))
}
