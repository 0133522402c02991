//! The entries of the table.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr;
use std::sync::{Arc, Weak};

use super::take::Take;
use crate::coherence::generation::{Stamps, Verified};
use crate::key::KeyBytes;
use crate::site::Instance;

/// The meaning of the bytes of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Domain {
    /// A name: given directly, or rendered from a template.
    Names,
    /// The encoded arguments of a function.
    Arguments(&'static Instance),
}

impl Domain {
    /// Returns the origin of the function of these arguments.
    pub(super) fn origin(&self) -> Option<u64> {
        match self {
            Domain::Names => None,
            Domain::Arguments(instance) => Some(instance.origin),
        }
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Domain::Names, Domain::Names) => true,
            (Domain::Arguments(a), Domain::Arguments(b)) => ptr::eq(*a, *b),
            _ => false,
        }
    }
}

impl Eq for Domain {}

/// The key of an entry that is about to be stored, or for which a look-up was made.
#[derive(Clone, Debug)]
pub(crate) struct MemoryKey {
    pub(crate) hash: u64,
    pub(crate) domain: Domain,
    pub(crate) bytes: KeyBytes,
}

/// The description of an entry; in the order of [`Entry`].
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct EntryMeta {
    /// The generations noted before it was loaded.
    pub(crate) stamps: Stamps,
    pub(crate) created_ms: u64,
    /// The time for which it is fresh; `u64::MAX` is for ever.
    pub(crate) fresh_for_ms: u64,
    /// The time at which it ends here: with its TTL, or earlier, if it is a copy.
    pub(crate) ends_ms: u64,
    /// The function that the value belongs to; 0 for a value stored directly.
    pub(crate) origin: u64,
}

/// An entry, in one allocation. A hit reads all parts but the stamps, so those parts stand together.
#[repr(C)]
pub(super) struct Entry<V: ?Sized> {
    pub(super) meta: EntryMeta,
    pub(super) verified: Verified,
    pub(super) domain: Domain,
    pub(super) load_micros: u32,
    pub(super) weight: u32,
    pub(super) bytes: KeyBytes,
    pub(super) value: V,
}

/// An entry of any type.
pub(super) type AnyEntry = Entry<dyn Any + Send + Sync>;

/// An entry in the table. Its hash stands beside the pointer, so that most wrong candidates are recognised
/// without a memory access.
#[derive(Clone)]
pub(super) struct TableEntry {
    pub(super) hash: u64,
    pub(super) entry: Arc<AnyEntry>,
}

/// Identifies one of the values that have been stored under a key. No other entry gets its memory address
/// meanwhile.
#[derive(Clone)]
pub(crate) struct Identity(Weak<AnyEntry>);

impl Identity {
    pub(super) fn of(entry: &Arc<AnyEntry>) -> Self {
        Identity(Arc::downgrade(entry))
    }

    pub(super) fn is(&self, entry: &Arc<AnyEntry>) -> bool {
        ptr::addr_eq(self.0.as_ptr(), Arc::as_ptr(entry))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", self.0.as_ptr())
    }
}

/// A value from memory or from Redis, with its metadata.
#[derive(Debug)]
pub(crate) struct Hit<V> {
    pub(crate) value: V,
    pub(crate) load_micros: u64,
    pub(crate) age_ms: u64,
    /// The time for which it is fresh when it is stored; `u64::MAX` is for ever.
    pub(crate) fresh_for_ms: u64,
}

impl<V> Hit<V> {
    /// Returns the time since the end of its TTL; `None` while it is fresh.
    pub(crate) fn stale_for_ms(&self) -> Option<u64> {
        self.age_ms.checked_sub(self.fresh_for_ms)
    }

    /// Returns the time for which it is still fresh.
    pub(crate) fn left_ms(&self) -> u64 {
        self.fresh_for_ms.saturating_sub(self.age_ms)
    }
}

impl EntryMeta {
    /// Describes a value that is made now and is fresh for this long.
    pub(crate) fn new(origin: u64, now_ms: u64, fresh_for_ms: u64, stamps: Stamps) -> Self {
        let ends_ms = now_ms.saturating_add(fresh_for_ms);
        EntryMeta { origin, created_ms: now_ms, fresh_for_ms, ends_ms, stamps }
    }

    #[inline]
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.created_ms)
    }
}

impl TableEntry {
    /// Returns the address of the entry, by which it is identified while it is held.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.entry).addr()
    }

    /// Returns true if it is the very same entry.
    pub(super) fn is(&self, other: &TableEntry) -> bool {
        Arc::ptr_eq(&self.entry, &other.entry)
    }

    pub(super) fn key(&self) -> MemoryKey {
        let Entry { domain, bytes, .. } = &*self.entry;
        MemoryKey { hash: self.hash, domain: *domain, bytes: bytes.clone() }
    }
}

impl AnyEntry {
    /// Returns the origin of the function whose room the entry is in.
    pub(super) fn room(&self) -> u64 {
        self.domain.origin().unwrap_or(self.meta.origin)
    }

    /// Returns the result of `take` for the value, with the metadata that a caller may need.
    #[inline(always)]
    pub(super) fn hit<V>(&self, now_ms: u64, take: impl Take<V>) -> Option<Hit<V>> {
        let value = take(&self.value)?;
        let (load_micros, age_ms) = (self.load_micros.into(), self.meta.age_ms(now_ms));
        Some(Hit { value, load_micros, age_ms, fresh_for_ms: self.meta.fresh_for_ms })
    }

    /// Returns the name of the entry, as it would be in Redis without the namespace.
    pub(super) fn name(&self) -> String {
        match self.domain {
            Domain::Names => String::from_utf8_lossy(&self.bytes).into_owned(),
            Domain::Arguments(instance) => instance.name(&self.bytes),
        }
    }
}

impl PartialEq for TableEntry {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.entry, &other.entry);
        self.hash == other.hash
            && a.meta.origin == b.meta.origin
            && a.domain == b.domain
            && a.bytes == b.bytes
    }
}

impl Eq for TableEntry {}

impl Hash for TableEntry {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
