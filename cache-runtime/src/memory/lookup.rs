//! Look-ups of entries.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::entry::{AnyEntry, Domain, MemoryKey, TableEntry};
use crate::key::{self, KeyBytes};
use crate::site::Instance;

/// The key that a look-up compares entries with.
pub(crate) trait Lookup {
    /// Returns the origin of the entries that can match, if it is known.
    fn origin(&self) -> Option<u64>;

    fn matches(&self, domain: Domain, bytes: &KeyBytes) -> bool;
}

/// The arguments of a call, which are compared without encoding them.
#[derive(Clone, Copy)]
pub(crate) struct CallLookup<P> {
    pub(crate) instance: &'static Instance,
    pub(crate) parts: P,
}

impl<P: key::KeyParts> Lookup for CallLookup<P> {
    fn origin(&self) -> Option<u64> {
        Some(self.instance.origin)
    }

    // Inlined into the hit in the near cache; the table calls it.
    #[inline(always)]
    fn matches(&self, domain: Domain, bytes: &KeyBytes) -> bool {
        domain == Domain::Arguments(self.instance) && key::matches(&self.parts, bytes)
    }
}

impl Lookup for &MemoryKey {
    fn origin(&self) -> Option<u64> {
        self.domain.origin()
    }

    fn matches(&self, domain: Domain, bytes: &KeyBytes) -> bool {
        domain == self.domain && *bytes == self.bytes
    }
}

/// A name that has not been made into a key.
#[derive(Clone, Copy)]
pub(crate) struct NameLookup<'a>(pub(crate) &'a [u8]);

impl Lookup for NameLookup<'_> {
    fn origin(&self) -> Option<u64> {
        None
    }

    #[inline]
    fn matches(&self, domain: Domain, bytes: &KeyBytes) -> bool {
        domain == Domain::Names && bytes[..] == *self.0
    }
}

/// Inspects an entry under the lock of its shard, and returns true if it can be used.
pub(super) type Look<'a> = dyn FnMut(&Arc<AnyEntry>) -> bool + 'a;

/// A look-up: it equals each entry of its key that `take` can use.
pub(super) struct Query<'a> {
    pub(super) hash: u64,
    pub(super) lookup: &'a dyn Lookup,
    pub(super) take: RefCell<&'a mut Look<'a>>,
    /// True if the near cache keeps that entry.
    pub(super) keeps: bool,
    pub(super) kept: Cell<Option<Arc<AnyEntry>>>,
}

impl Hash for Query<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<TableEntry> for Query<'_> {
    #[inline]
    fn equivalent(&self, held: &TableEntry) -> bool {
        if self.hash != held.hash || !self.lookup.matches(held.entry.domain, &held.entry.bytes) {
            return false;
        }
        // Functions that share a name have an entry each, and one of these may have been invalidated.
        let is_of_use = (self.take.borrow_mut())(&held.entry);
        if is_of_use && self.keeps {
            self.keep(held);
        }
        is_of_use
    }
}

impl Query<'_> {
    /// Keeps an entry for the near cache. Outlined, so that the comparison is small enough to be compiled into the
    /// search of the table.
    #[cold]
    #[inline(never)]
    fn keep(&self, held: &TableEntry) {
        self.kept.set(Some(Arc::clone(&held.entry)));
    }
}

/// Returns true if the entry has the key of the look-up.
#[inline(always)]
pub(super) fn is_for<W: Lookup>(entry: &AnyEntry, lookup: &W) -> bool {
    lookup.matches(entry.domain, &entry.bytes)
}
