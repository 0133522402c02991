//! Which entry is looked for.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::entry::{AnyEntry, Domain, Held, MemoryKey};
use crate::key;
use crate::site::Instance;

/// What a look-up compares entries with.
pub(crate) trait Wanted {
    fn matches(&self, domain: Domain, bytes: &[u8]) -> bool;
}

/// The arguments of a call, compared without being encoded.
pub(crate) struct WantedCall<'a, P> {
    pub(crate) instance: &'static Instance,
    pub(crate) parts: &'a P,
}

impl<P: key::KeyParts> Wanted for WantedCall<'_, P> {
    #[inline]
    fn matches(&self, domain: Domain, bytes: &[u8]) -> bool {
        domain == Domain::Arguments(self.instance) && key::matches(self.parts, bytes)
    }
}

impl Wanted for MemoryKey {
    fn matches(&self, domain: Domain, bytes: &[u8]) -> bool {
        domain == self.domain && bytes == &self.bytes[..]
    }
}

/// A name that has not been made into a key.
pub(crate) struct WantedName<'a>(pub(crate) &'a [u8]);

impl Wanted for WantedName<'_> {
    #[inline]
    fn matches(&self, domain: Domain, bytes: &[u8]) -> bool {
        domain == Domain::Names && bytes == self.0
    }
}

/// A look-up: equal to the entry it is for, and by being compared with it, filled with what is
/// wanted of it.
pub(super) struct Query<'a, W, F, T> {
    pub(super) hash: u64,
    pub(super) wanted: &'a W,
    pub(super) take: F,
    pub(super) found: Cell<Option<T>>,
}

impl<W, F, T> Hash for Query<'_, W, F, T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<W, F, T> Equivalent<Held> for Query<'_, W, F, T>
where
    W: Wanted,
    F: Fn(&Arc<AnyEntry>) -> Option<T>,
{
    #[inline]
    fn equivalent(&self, held: &Held) -> bool {
        if self.hash != held.hash || !is_for(&held.entry, self.wanted) {
            return false;
        }
        self.found.set((self.take)(&held.entry));
        true
    }
}

/// Whether the entry is the one that is wanted.
#[inline]
pub(super) fn is_for<W: Wanted>(entry: &AnyEntry, wanted: &W) -> bool {
    wanted.matches(entry.domain, &entry.bytes)
}
