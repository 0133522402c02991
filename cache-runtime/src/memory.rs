//! The memory store: one bounded table of typed values for all call sites.
//!
//! The table maps entries to nothing; the entry itself is the key. A look-up brings a query that
//! compares itself with an entry *in place*, under the shard's read lock, and on a match checks
//! freshness and clones the value then and there. So a hit decodes nothing, allocates nothing of
//! its own and touches no reference count that other threads touch. The price: a value's `Clone`
//! runs under that lock and must not call the cache.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::mem::{needs_drop, size_of};
use std::sync::Arc;

use bincode::enc::write::SizeWriter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use crate::generation::{Generations, Slot, Stamps, Verified};
use crate::key::{self, KeyBytes};
use crate::output::CacheValue;
use crate::site::{Instance, is_function_name};

/// What an entry costs besides its value: the table's slot, the reference counts, the allocator.
const OVERHEAD: usize = 64;
/// The mean weight by which the table is laid out.
const TYPICAL_WEIGHT: u64 = 256;

pub(crate) struct Memory {
    table: Cache<Held, (), ByWeight, BuildHasherDefault<Passed>, DefaultLifecycle<Held, ()>>,
    seed: u64,
    /// The largest value that is taken, in bytes.
    largest: usize,
}

/// A value that is over the limit, or over what the store has room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge {
    pub(crate) size: usize,
    pub(crate) limit: usize,
}

/// What a key's bytes mean.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Domain {
    /// A name: given by hand, or rendered from a template.
    Names,
    /// The encoded arguments of a function.
    Arguments(&'static Instance),
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Domain::Names, Domain::Names) => true,
            (Domain::Arguments(a), Domain::Arguments(b)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }
}

impl Eq for Domain {}

/// The key of an entry that is about to be stored or has been looked for.
#[derive(Clone, Debug)]
pub(crate) struct MemoryKey {
    pub(crate) hash: u64,
    pub(crate) domain: Domain,
    pub(crate) bytes: KeyBytes,
}

/// What is known of an entry besides its value.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Whose value it is; 0 for one stored by hand.
    pub(crate) origin: u64,
    pub(crate) created_ms: u64,
    /// How long it is fresh; `u64::MAX` is for ever.
    pub(crate) fresh_for_ms: u64,
    /// When it ends here: with its TTL, or earlier, if it is a copy.
    pub(crate) ends_ms: u64,
    /// The generations noted before it was loaded.
    pub(crate) stamps: Stamps,
}

/// One allocation, in the order of use: what decides on freshness, then the key and the value.
#[repr(C)]
struct Entry<V: ?Sized> {
    facts: Facts,
    verified: Verified,
    domain: Domain,
    load_micros: u32,
    weight: u32,
    bytes: KeyBytes,
    value: V,
}

/// An entry in the table. Its hash stands beside the pointer, so that most wrong candidates are
/// told apart without following it.
#[derive(Clone)]
struct Held {
    hash: u64,
    entry: Arc<Entry<dyn Any + Send + Sync>>,
}

/// Which of the values that have been stored under a key is there. It keeps that value in memory.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Entry<dyn Any + Send + Sync>>);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", Arc::as_ptr(&self.0))
    }
}

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

/// A value from memory or from Redis, and what a caller may want to know of it.
#[derive(Debug)]
pub(crate) struct Hit<V> {
    pub(crate) value: V,
    pub(crate) load_micros: u64,
    pub(crate) age_ms: u64,
    /// `u64::MAX` is for ever.
    pub(crate) fresh_for_ms: u64,
}

impl<V> Hit<V> {
    /// How long its TTL has been over; `None` while it is fresh.
    pub(crate) fn stale_for_ms(&self) -> Option<u64> {
        self.age_ms.checked_sub(self.fresh_for_ms)
    }

    /// How long it will still be fresh.
    pub(crate) fn left_ms(&self) -> u64 {
        self.fresh_for_ms.saturating_sub(self.age_ms)
    }
}

/// What a look-up must satisfy besides its key.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) generations: &'a Generations,
    pub(crate) now_ms: u64,
    /// Only this origin's values, and those stored by hand; `None`: anybody's.
    pub(crate) origin: Option<u64>,
    /// What a value stored by hand must depend on, so that whatever invalidates the origin's own
    /// values reaches it too; `None`: where that is not known, and no such value is taken.
    pub(crate) slots: Option<&'a [Slot]>,
    /// For so long past its TTL a value is taken too.
    pub(crate) grace_ms: u64,
    /// No value that was made before this time is taken.
    pub(crate) not_before_ms: u64,
}

impl Facts {
    /// A value made now that is fresh for so long.
    pub(crate) fn new(origin: u64, now_ms: u64, fresh_for_ms: u64, stamps: Stamps) -> Self {
        let ends_ms = now_ms.saturating_add(fresh_for_ms);
        Facts { origin, created_ms: now_ms, fresh_for_ms, ends_ms, stamps }
    }

    #[inline]
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.created_ms)
    }
}

impl Terms<'_> {
    #[inline]
    fn fresh(&self, entry: &Entry<dyn Any + Send + Sync>) -> bool {
        let facts = &entry.facts;
        self.now_ms < facts.ends_ms.saturating_add(self.grace_ms)
            && facts.created_ms >= self.not_before_ms
            && self.generations.still_current(&facts.stamps, &entry.verified)
            && self.origin.is_none_or(|own| facts.origin == own || self.takes_by_hand(facts))
    }

    fn takes_by_hand(&self, facts: &Facts) -> bool {
        facts.origin == 0 && self.slots.is_some_and(|slots| facts.stamps.cover(slots))
    }
}

impl Memory {
    /// A store of at most `capacity` bytes, none of its values over `largest`.
    pub(crate) fn new(capacity: u64, largest: usize) -> Self {
        let items =
            usize::try_from((capacity / TYPICAL_WEIGHT).clamp(16, 1 << 22)).unwrap_or(1 << 22);
        let options =
            OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(capacity).build();
        let table = match options {
            Ok(options) => Cache::with_options(
                options,
                ByWeight,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => Cache::with(
                items,
                capacity,
                ByWeight,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
        };
        Memory { table, seed: crate::random::word(), largest }
    }

    /// What keys of this store are hashed with.
    #[inline]
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The key of a name.
    pub(crate) fn name_key(&self, name: &str) -> MemoryKey {
        let bytes = name.as_bytes();
        MemoryKey {
            hash: self.hash_name(bytes),
            domain: Domain::Names,
            bytes: KeyBytes::new(bytes),
        }
    }

    #[inline]
    pub(crate) fn hash_name(&self, name: &[u8]) -> u64 {
        key::hash_bytes(name, self.seed)
    }

    /// A value of type `V` under this key that satisfies the terms.
    #[inline]
    pub(crate) fn get<V, W>(&self, hash: u64, wanted: &W, terms: Terms<'_>) -> Option<Hit<V>>
    where
        V: Clone + Send + Sync + 'static,
        W: Wanted,
    {
        self.find(hash, wanted, |entry| {
            let value = entry.value.downcast_ref::<V>().filter(|_| terms.fresh(entry))?;
            let (load_micros, age_ms) =
                (entry.load_micros.into(), entry.facts.age_ms(terms.now_ms));
            let fresh_for_ms = entry.facts.fresh_for_ms;
            Some(Hit { value: value.clone(), load_micros, age_ms, fresh_for_ms })
        })
    }

    /// What is known of a fresh entry, whatever its value's type.
    pub(crate) fn facts<W: Wanted>(
        &self,
        hash: u64,
        wanted: &W,
        terms: Terms<'_>,
    ) -> Option<Facts> {
        self.find(hash, wanted, |entry| terms.fresh(entry).then(|| entry.facts.clone()))
    }

    /// Which value is there, fresh or not.
    pub(crate) fn identity(&self, key: &MemoryKey) -> Option<Identity> {
        self.find(key.hash, key, |entry| Some(Identity(Arc::clone(entry))))
    }

    #[inline]
    fn find<W, T>(
        &self,
        hash: u64,
        wanted: &W,
        take: impl Fn(&Arc<Entry<dyn Any + Send + Sync>>) -> Option<T>,
    ) -> Option<T>
    where
        W: Wanted,
    {
        let query = Query { hash, wanted, take, found: Cell::new(None) };
        self.table.get(&query)?;
        query.found.into_inner()
    }

    /// The key of the entry with this name, be it a name or that of a function's entry.
    ///
    /// The latter is looked for among all entries: for inspection, not for speed.
    pub(crate) fn key_of(&self, name: &str) -> MemoryKey {
        let found = is_function_name(name)
            .then(|| self.table.iter().map(|(held, ())| held))
            .and_then(|mut entries| entries.find(|held| held.entry.name() == name));
        found.map_or_else(|| self.name_key(name), Held::key)
    }

    /// Stores a value.
    pub(crate) fn insert<V: CacheValue>(
        &self,
        key: MemoryKey,
        facts: Facts,
        load_micros: u32,
        value: V,
    ) -> Result<(), TooLarge> {
        let size = size_of::<V>() + heap_size(&value);
        let weight = OVERHEAD + size_of::<Entry<()>>() + key.bytes.heap_size() + size;
        let room = usize::try_from(self.table.shard_capacity()).unwrap_or(usize::MAX);
        let limit = self.largest.min(room);
        let too_large = TooLarge { size, limit };
        let weight = u32::try_from(weight).map_err(|_| too_large)?;
        if size > limit || weight as usize > room {
            return Err(too_large);
        }
        let MemoryKey { hash, domain, bytes } = key;
        let entry = Entry {
            facts,
            verified: Verified::default(),
            domain,
            load_micros,
            weight,
            bytes,
            value,
        };
        self.table.insert(Held { hash, entry: Arc::new(entry) }, ());
        Ok(())
    }

    /// The names of the entries that are fresh. For patterns and inspection.
    pub(crate) fn names<'a>(&'a self, terms: Terms<'a>) -> impl Iterator<Item = String> + 'a {
        self.fresh(terms).map(|held| held.entry.name())
    }

    /// How many entries are fresh.
    pub(crate) fn count(&self, terms: Terms<'_>) -> u64 {
        self.fresh(terms).count() as u64
    }

    fn fresh<'a>(&'a self, terms: Terms<'a>) -> impl Iterator<Item = Held> + 'a {
        self.table.iter().map(|(held, ())| held).filter(move |held| terms.fresh(&held.entry))
    }

    /// Drops every entry.
    pub(crate) fn clear(&self) {
        self.table.clear();
    }

    pub(crate) fn len(&self) -> u64 {
        self.table.len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.table.weight()
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.table.capacity()
    }
}

impl Held {
    fn key(self) -> MemoryKey {
        let Entry { domain, bytes, .. } = &*self.entry;
        MemoryKey { hash: self.hash, domain: *domain, bytes: bytes.clone() }
    }
}

impl Entry<dyn Any + Send + Sync> {
    /// The name of the entry, as it would be in Redis without the namespace.
    fn name(&self) -> String {
        match self.domain {
            Domain::Names => String::from_utf8_lossy(&self.bytes).into_owned(),
            Domain::Arguments(instance) => instance.name(&self.bytes),
        }
    }
}

/// The bytes a value owns outside itself, as nearly as its serialised size tells.
fn heap_size<V: CacheValue>(value: &V) -> usize {
    if !needs_drop::<V>() {
        return 0;
    }
    let mut writer = SizeWriter::default();
    match bincode::serde::encode_into_writer(value, &mut writer, bincode::config::standard()) {
        Ok(()) => writer.bytes_written,
        // A type that bincode cannot carry (a flattened map, say) is counted in MessagePack.
        Err(_) => message_pack_size(value),
    }
}

fn message_pack_size<V: CacheValue>(value: &V) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be serialised at all counts with what was written up to the failure.
    let _ = rmp_serde::encode::write_named(&mut count, value);
    count.0
}

/// A look-up: equal to the entry it is for, and by being compared with it, filled with what is
/// wanted of it.
struct Query<'a, W, F, T> {
    hash: u64,
    wanted: &'a W,
    take: F,
    found: Cell<Option<T>>,
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
    F: Fn(&Arc<Entry<dyn Any + Send + Sync>>) -> Option<T>,
{
    #[inline]
    fn equivalent(&self, held: &Held) -> bool {
        if self.hash != held.hash {
            return false;
        }
        let entry = &held.entry;
        if !self.wanted.matches(entry.domain, &entry.bytes) {
            return false;
        }
        self.found.set((self.take)(entry));
        true
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.entry, &other.entry);
        self.hash == other.hash && a.domain == b.domain && a.bytes[..] == b.bytes[..]
    }
}

impl Eq for Held {}

impl Hash for Held {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Held, ()> for ByWeight {
    fn weight(&self, held: &Held, (): &()) -> u64 {
        held.entry.weight.into()
    }
}

/// Keys come hashed: the hasher hands their hash on.
#[derive(Clone, Default)]
struct Passed(u64);

impl Hasher for Passed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = key::hash_bytes(bytes, self.0);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("entries", &self.len())
            .field("bytes", &self.bytes())
            .finish()
    }
}
