//! The memory store: one bounded table of typed values for all call sites.
//!
//! The keys of the table are the entries; it has no values. A look-up brings a query that compares itself
//! with an entry *in place*, under the read lock of the shard. If they match, it checks freshness and clones
//! the value at once. So a hit decodes nothing, allocates nothing of its own and changes no reference count
//! that other threads use. In return, the `Clone` of a value runs under that lock and must not call the
//! cache.

mod entry;
mod ghosts;
mod lookup;
mod near;
mod predicate;
mod room;
mod take;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::mem::{self, size_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};
use smallvec::SmallVec;

pub(crate) use entry::{Domain, EntryMeta, Hit, Identity, MemoryKey};
pub(crate) use lookup::{CallLookup, NameLookup};
pub(crate) use predicate::ReadPredicate;
pub(crate) use room::RoomLimits;

use crate::coherence::generation::{Generations, Stamps, Verified};
use crate::error::Error;
use crate::key::prehashed::BuildPrehashed;
use crate::key::{self, KeyBytes};
use crate::site::is_function_name;
use crate::support::lock::Mutex;
use crate::support::panics::drop_each;
use entry::{AnyEntry, Entry, TableEntry};
use ghosts::Ghosts;
use lookup::{Look, Lookup, Query, is_for};
use near::{NearCache, Turns};
use room::{ByAddress, Room, Rooms, admitted};
use take::Take;

/// The bytes that an entry costs besides itself: the slot of the table, a share of its record of evicted
/// entries, the reference counts, the allocator. They are measured in `benches/benches/footprint.rs`.
const OVERHEAD: usize = 140;
/// The mean weight for which the table is sized. The table remembers half as many evicted entries.
const TYPICAL_WEIGHT: u64 = 256;

pub(crate) struct Memory {
    table: Table,
    rooms: Rooms,
    /// The bytes of the table and of the reserved rooms together.
    whole: u64,
    /// The bytes of the reserved rooms.
    reserved: Mutex<u64>,
    shrinking: Arc<Shrinking>,
    pub(crate) ghosts: Ghosts,
    cores: usize,
    seed: u64,
    turns: Turns,
    /// The maximum size of an accepted value, in bytes.
    largest: usize,
    /// The maximum weight of an entry that a shard accepts.
    room: usize,
}

/// Returns the number of shards of the table. Each has a lock, and a part of the capacity.
///
/// An entry has to fit into one shard, and keys are distributed at random. If a shard holds eight of the
/// largest values, no shard is full long before the others.
fn shards(capacity: u64, largest: usize, cores: usize) -> usize {
    let most = cores.saturating_mul(4).next_power_of_two();
    let fit = capacity / 8 / (largest as u64).max(1);
    usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, most).checked_ilog2().map_or(1, |n| 1 << n)
}

/// Returns the maximum weight of an entry in a shard of this capacity.
fn room_in(shard: u64) -> usize {
    usize::try_from(admitted(shard)).unwrap_or(usize::MAX)
}

type Table = Cache<TableEntry, (), ByWeight, BuildPrehashed, Retire>;

/// The reason for which a value cannot be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unkept {
    /// It is over the limit.
    Value { size: usize, limit: usize },
    /// The store has no room for its entry.
    Entry { weight: usize, room: usize },
    /// The code of its type, which is named here, panics.
    Panics(&'static str),
}

impl Unkept {
    pub(crate) fn error(self, name: &str) -> Error {
        let name = name.to_owned();
        match self {
            Unkept::Value { size, limit } => Error::ValueTooLarge { name, size, limit },
            Unkept::Entry { weight, room } => Error::NoRoom { name, weight, room },
            Unkept::Panics(type_name) => Error::Panics { type_name },
        }
    }
}

/// The known memory of a value, before its entry is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KnownWeight {
    /// The value has to be measured.
    Unknown,
    /// The bytes that its function declares. It is unknown if the value is over the limit.
    Declared(usize),
    /// The measured bytes of a value that is not over the limit.
    Measured(usize),
}

impl From<Option<usize>> for KnownWeight {
    fn from(declared: Option<usize>) -> Self {
        declared.map_or(KnownWeight::Unknown, KnownWeight::Declared)
    }
}

impl Memory {
    /// Makes a store of at most `capacity` bytes for `cores` processors. No value may be larger than
    /// `largest`.
    pub(crate) fn new(capacity: u64, largest: usize, cores: usize) -> Self {
        let items =
            usize::try_from((capacity / TYPICAL_WEIGHT).clamp(16, 1 << 22)).unwrap_or(1 << 22);
        let options = OptionsBuilder::new()
            .shards(shards(capacity, largest, cores))
            .estimated_items_capacity(items)
            .weight_capacity(capacity)
            .build();
        let (weights, hashes) = (ByWeight, BuildPrehashed::default());
        let shrinking = Arc::new(Shrinking::default());
        let retire = Retire(Arc::clone(&shrinking));
        let table = match options {
            Ok(options) => Table::with_options(options, weights, hashes, retire),
            Err(_) => Table::with(items, capacity, weights, hashes, retire),
        };
        let room = room_in(table.shard_capacity());
        Memory {
            table,
            rooms: Rooms::default(),
            whole: capacity,
            reserved: Mutex::default(),
            shrinking,
            ghosts: Ghosts::new(capacity),
            cores,
            seed: crate::support::random::word(),
            turns: Turns::new(capacity),
            largest,
            room,
        }
    }

    /// Returns the maximum weight of an entry, in bytes.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Limits the entries of this origin to the room of their call site. Returns the entries that have left the table for
    /// a reserved room.
    ///
    /// # Errors
    /// If the room should be reserved, but too much is reserved already: at most half of the capacity can be. The room
    /// is then not reserved.
    pub(crate) fn open_room(
        &self,
        origin: u64,
        site: usize,
        limits: RoomLimits,
    ) -> Result<Gone, NotReserved> {
        let mut gone = Gone::default();
        if self.rooms.of(origin).is_some() {
            return Ok(gone);
        }
        let mut may = true;
        self.rooms.open(origin, site, || {
            may = !limits.reserved || self.reserve(limits.max_memory.unwrap_or(0), &mut gone);
            let limits = RoomLimits { reserved: limits.reserved && may, ..limits };
            Room::new(limits, self.largest, self.cores)
        });
        // Entries are dropped by the caller, when no lock is held.
        self.leave_rooms(&gone);
        if may { Ok(gone) } else { Err(NotReserved) }
    }

    /// Takes a reserved room out of the capacity of the table. The entries for which there is no space left are gone.
    fn reserve(&self, bytes: u64, gone: &mut Gone) -> bool {
        let mut reserved = self.reserved.lock();
        let sum = reserved.saturating_add(bytes);
        if sum > self.whole / 2 {
            return false;
        }
        *reserved = sum;
        for held in self.shrinking.while_shrinking(|| self.table.set_capacity(self.whole - sum)) {
            gone.evict(held);
        }
        true
    }

    /// Returns the maximum weight of an entry of this origin.
    fn room_of(&self, origin: u64) -> usize {
        if !self.rooms.any() {
            return self.room;
        }
        // Reserved rooms make the shards of the table smaller.
        let in_the_table = || room_in(self.table.shard_capacity());
        match self.rooms.of(origin) {
            Some(room) if room.is_reserved => room.largest,
            Some(room) => room.largest.min(in_the_table()),
            None => in_the_table(),
        }
    }

    /// Returns the seed with which the keys of this store are hashed.
    #[inline]
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the key of a name.
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

    /// Returns a value of type `V` under this key that satisfies the predicate.
    #[inline(always)]
    pub(crate) fn get<V, W>(
        &self,
        hash: u64,
        lookup: W,
        predicate: ReadPredicate<'_>,
    ) -> Option<Hit<V>>
    where
        V: Clone + Send + Sync + 'static,
        W: Lookup + Copy,
    {
        self.take(hash, lookup, predicate, |value| value.downcast_ref::<V>().cloned())
    }

    /// Returns the result of `take` for the value under this key, if the value satisfies the predicate.
    #[inline(always)]
    pub(crate) fn take<W, V>(
        &self,
        hash: u64,
        lookup: W,
        predicate: ReadPredicate<'_>,
        take: impl Take<V>,
    ) -> Option<Hit<V>>
    where
        W: Lookup + Copy,
    {
        // R8: the near cache of this thread comes first, because it needs no lock.
        let near = near::take();
        let found = match &near {
            Some(near) => match near.find(hash) {
                Some(entry) if is_for(entry, &lookup) => hit(entry, predicate, take),
                _ => None,
            },
            None => None,
        };
        match (found, near) {
            (Some(hit), Some(near)) => {
                near::give_back(near);
                Some(hit)
            }
            (_, near) => self.take_from_the_table(hash, lookup, predicate, take, near),
        }
    }

    /// Does the same without the near cache. Gives the near cache back, and puts the entry there if it has a
    /// place for it.
    #[cold]
    #[inline(never)]
    fn take_from_the_table<W: Lookup, V>(
        &self,
        hash: u64,
        lookup: W,
        predicate: ReadPredicate<'_>,
        take: impl Take<V>,
        near: Option<Box<NearCache>>,
    ) -> Option<Hit<V>> {
        let mut found = None;
        let mut take = |entry: &Arc<AnyEntry>| {
            found = hit(entry, predicate, take);
            found.is_some()
        };
        self.find(hash, &lookup, near::give_back_without(hash, near), &mut take);
        found
    }

    /// Returns the result of `take` for the value of a fresh entry, with the generations that the value depends on.
    pub(crate) fn take_with_stamps<V>(
        &self,
        key: &MemoryKey,
        predicate: ReadPredicate<'_>,
        take: impl Take<V>,
    ) -> Option<(Hit<V>, Stamps)> {
        let mut found = None;
        self.find(key.hash, &key, None, &mut |entry| {
            found = hit(entry, predicate, take).map(|hit| (hit, entry.meta.stamps.clone()));
            found.is_some()
        });
        found
    }

    /// Returns the result of `take` for the value of an entry that was invalidated softly, and may be served as a stale value.
    #[cold]
    pub(crate) fn take_softened<V>(
        &self,
        key: &MemoryKey,
        predicate: ReadPredicate<'_>,
        take: impl Take<V>,
    ) -> Option<Hit<V>> {
        let mut found = None;
        self.find(key.hash, &key, None, &mut |entry| {
            found = predicate.softened(entry).and_then(|fresh_for_ms| {
                let hit = entry.hit(predicate.now_ms, take)?;
                Some(Hit { fresh_for_ms, ..hit })
            });
            found.is_some()
        });
        found
    }

    /// Returns the metadata of a fresh entry, for values of every type.
    pub(crate) fn meta(&self, key: &MemoryKey, predicate: ReadPredicate<'_>) -> Option<EntryMeta> {
        let mut meta = None;
        self.find(key.hash, &key, None, &mut |entry| {
            meta = predicate.fresh(entry).then(|| entry.meta.clone());
            meta.is_some()
        });
        meta
    }

    /// Returns the metadata, the load time and the weight of an entry, fresh or not. The last element is true
    /// if none of its dependencies has been invalidated.
    pub(crate) fn inspect(
        &self,
        key: &MemoryKey,
        generations: &Generations,
    ) -> Option<(EntryMeta, u64, usize, bool)> {
        let mut found = None;
        self.find(key.hash, &key, None, &mut |entry| {
            let current = generations.still_current(&entry.meta.stamps, &entry.verified);
            let (load_micros, weight) = (entry.load_micros.into(), entry.weight as usize);
            // A current entry is preferred to one that is not.
            if current || found.is_none() {
                found = Some((entry.meta.clone(), load_micros, weight, current));
            }
            current
        });
        found
    }

    /// Identifies the values under this key, fresh or not: several functions may share a name.
    pub(crate) fn identities(&self, key: &MemoryKey) -> Vec<Identity> {
        let mut identities = Vec::new();
        self.find(key.hash, &key, None, &mut |entry| {
            identities.push(Identity::of(entry));
            false
        });
        identities
    }

    /// Returns true if there is a value, fresh or not, that is not one of `before`.
    pub(crate) fn holds_another(&self, key: &MemoryKey, before: &[Identity]) -> bool {
        let mut another = false;
        self.find(key.hash, &key, None, &mut |entry| {
            another |= !before.iter().any(|known| known.is(entry));
            false
        });
        another
    }

    /// Makes all values of this key stale: several functions may share a name.
    pub(crate) fn retire(&self, key: &MemoryKey) {
        self.find(key.hash, &key, None, &mut |entry| {
            entry.verified.retire();
            false
        });
    }

    /// Looks an entry up in the table, and lets `take` inspect it under the lock of its shard, until `take`
    /// returns true. If a turn is given, that entry is put into the near cache.
    ///
    /// This function is not generic, so that the table is compiled once and not for each function.
    fn find(&self, hash: u64, lookup: &dyn Lookup, turn: Option<u32>, take: &mut Look<'_>) {
        if self.rooms.any() {
            self.find_with_rooms(hash, lookup, turn, take);
        } else {
            find(&self.table, hash, lookup, turn, take);
        }
    }

    /// Does the same if functions have rooms, and notes the use of the entry in the room of its function.
    #[cold]
    fn find_with_rooms(
        &self,
        hash: u64,
        lookup: &dyn Lookup,
        turn: Option<u32>,
        take: &mut Look<'_>,
    ) {
        let room = lookup.origin().and_then(|origin| self.rooms.of(origin));
        if let Some(room) = room.filter(|room| room.is_reserved) {
            return find(&room.table, hash, lookup, turn, take);
        }
        let mut used = None;
        let mut note_use = |entry: &Arc<AnyEntry>| {
            let is_used = take(entry);
            if is_used {
                used = Some((entry.room(), Arc::as_ptr(entry).addr()));
            }
            is_used
        };
        find(&self.table, hash, lookup, turn, &mut note_use);
        match used {
            Some((origin, address)) => {
                if let Some(room) = self.rooms.of(origin) {
                    room.touch(hash, address);
                }
            }
            // The entry of a name may be in any room.
            None if lookup.origin().is_none() => {
                let mut is_used = false;
                for room in self.rooms.reserved() {
                    if !is_used {
                        find(&room.table, hash, lookup, turn, &mut |entry| {
                            is_used = take(entry);
                            is_used
                        });
                    }
                }
            }
            None => {}
        }
    }

    /// Returns the key of the entry with this name, which was given directly or belongs to a function.
    ///
    /// The entry of a function is found by a search of all entries. It is slow, and for inspection only.
    pub(crate) fn key_of(&self, name: &str) -> MemoryKey {
        let is_it = |held: &TableEntry| (held.entry.name() == name).then(|| held.key());
        let found = is_function_name(name).then(|| self.each(is_it).next()).flatten();
        found.unwrap_or_else(|| self.name_key(name))
    }

    /// Makes an entry of a value. The entry is then [placed](Memory::place). Neither runs code of the user.
    pub(crate) fn make<V: Send + Sync + 'static>(
        &self,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        value: V,
        weight: Weight,
    ) -> Made {
        let MemoryKey { hash, domain, bytes } = key;
        let (verified, weight) = (Verified::default(), weight.0);
        let entry = Entry { meta, verified, domain, load_micros, weight, bytes, value };
        Made(TableEntry { hash, entry: Arc::new(entry) })
    }

    /// Returns the weight of the entry of a value. `taken` returns the memory that the value takes, and `size`
    /// the size to which the limit applies.
    pub(crate) fn weigh(
        &self,
        key: &MemoryKey,
        origin: u64,
        known: KnownWeight,
        taken: &dyn Fn() -> usize,
        size: &dyn Fn() -> usize,
    ) -> Result<Weight, Unkept> {
        let taken = match known {
            KnownWeight::Measured(bytes) => bytes,
            KnownWeight::Declared(_) | KnownWeight::Unknown => {
                let seen = taken();
                // A value is not much larger when it is encoded, and mostly smaller.
                if seen > self.largest / 8 {
                    let size = size();
                    if size > self.largest {
                        return Err(Unkept::Value { size, limit: self.largest });
                    }
                }
                if let KnownWeight::Declared(bytes) = known { bytes } else { seen }
            }
        };
        let entry = OVERHEAD + size_of::<Entry<()>>() + key.bytes.heap_size();
        let weight = entry.saturating_add(taken);
        let room = self.room_of(key.domain.origin().unwrap_or(origin)).min(u32::MAX as usize);
        match u32::try_from(weight) {
            Ok(fits) if weight <= room => Ok(Weight(fits)),
            _ => Err(Unkept::Entry { weight, room }),
        }
    }

    /// Places an entry in the table. Returns the entries that have left the table for it: the replaced one,
    /// and the evicted ones.
    pub(crate) fn place(&self, made: Made) -> Gone {
        let placed = made.0;
        let mut gone = Gone::default();
        let room = self.rooms.of(placed.entry.room());
        if let Some(room) = room.as_ref().filter(|room| room.is_reserved) {
            for held in room.take_in(placed.clone()) {
                held.entry.verified.retire();
                gone.leave(held, &placed);
            }
        } else if self.make_room(room.as_deref(), &placed, &mut gone) {
            let mut left = SmallVec::new();
            self.table.insert_with_lifecycle(placed.clone(), (), &mut left);
            for held in left {
                // The limit of a function would displace its entries from a larger table as well.
                if is_displaced(&held, &placed) && self.rooms.of(held.entry.room()).is_none() {
                    self.ghosts.remember(&held);
                }
                gone.leave(held, &placed);
            }
        } else {
            placed.entry.verified.retire();
            gone.evict(placed.clone());
        }
        if self.rooms.any() {
            self.keep_rooms_in_step(room.as_deref(), &placed, &mut gone);
        }
        self.turns.pass(gone.left.iter().map(|held| u64::from(held.entry.weight)).sum());
        gone
    }

    /// Takes an entry into the room of its function, and removes the entries that have left the room for it. Returns
    /// false if the room does not keep the entry itself.
    fn make_room(&self, room: Option<&Room>, placed: &TableEntry, gone: &mut Gone) -> bool {
        let Some(room) = room else { return true };
        let mut is_kept = true;
        for left in room.take_in(placed.clone()) {
            if left.is(placed) {
                is_kept = false;
            } else if left == *placed || !self.remove(&left, gone) {
                // An entry that has been replaced leaves the table when it is replaced there.
                gone.left.push(left);
            }
        }
        is_kept
    }

    /// Removes the entries that have left the table from their rooms, and a new entry from the table that has left
    /// its room meanwhile, for an entry of another thread.
    #[cold]
    fn keep_rooms_in_step(&self, room: Option<&Room>, placed: &TableEntry, gone: &mut Gone) {
        self.leave_rooms(gone);
        if room.is_some_and(|room| !room.holds(placed)) {
            self.remove(placed, gone);
        }
    }

    /// Removes entries that have left the table from their rooms.
    fn leave_rooms(&self, gone: &Gone) {
        for left in &gone.left {
            if let Some(room) = self.rooms.of(left.entry.room()) {
                // This is not the last reference.
                drop(room.let_go(left));
            }
        }
    }

    /// Removes an entry from the table. Returns false if it is not there.
    fn remove(&self, held: &TableEntry, gone: &mut Gone) -> bool {
        let removed = self.table.remove(&ByAddress::of(held));
        let is_removed = removed.is_some();
        if let Some((held, ())) = removed {
            held.entry.verified.retire();
            gone.evict(held);
        }
        is_removed
    }

    /// Returns the names of the fresh entries, for patterns and inspection.
    pub(crate) fn names<'a>(
        &'a self,
        predicate: ReadPredicate<'a>,
    ) -> impl Iterator<Item = String> + 'a {
        self.each(move |held| predicate.fresh(&held.entry).then(|| held.entry.name()))
    }

    /// Returns the number of fresh entries.
    pub(crate) fn count(&self, predicate: ReadPredicate<'_>) -> u64 {
        self.each(|held| predicate.fresh(&held.entry).then_some(())).count() as u64
    }

    fn each<'a, T>(
        &'a self,
        look: impl Fn(&TableEntry) -> Option<T> + 'a,
    ) -> impl Iterator<Item = T> + 'a {
        let reserved = self.rooms.reserved();
        let in_rooms: Vec<_> = reserved.iter().flat_map(|room| room.table.iter()).collect();
        self.table.iter().chain(in_rooms).filter_map(move |(held, ())| {
            let seen = look(&held);
            // The entry may have left the table meanwhile, so this may be the last reference to it.
            drop_each([held]);
            seen
        })
    }

    /// Drops every entry. Threads drop those in their near caches when they next use a table.
    pub(crate) fn clear(&self) {
        // Each entry is dropped after the lock of its shard has been released.
        let let_go = |held: TableEntry| {
            held.entry.verified.retire();
            drop_each([held]);
        };
        self.table.drain().for_each(|(held, ())| let_go(held));
        // The rooms come after the table, because an entry is placed in its room first.
        self.rooms.drain().into_iter().for_each(let_go);
        near::let_go();
    }

    /// Returns the number of entries of each origin, and their weight in bytes.
    pub(crate) fn by_origin(&self) -> HashMap<u64, (u64, u64), BuildPrehashed> {
        let mut sums = HashMap::<_, (u64, u64), _>::default();
        for (origin, weight) in
            self.each(|held| Some((held.entry.meta.origin, u64::from(held.entry.weight))))
        {
            let (entries, bytes) = sums.entry(origin).or_default();
            *entries += 1;
            *bytes += weight;
        }
        sums
    }

    pub(crate) fn len(&self) -> u64 {
        let in_rooms = self.rooms.reserved().iter().map(|room| room.table.len()).sum::<usize>();
        (self.table.len() + in_rooms) as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        let in_rooms = self.rooms.reserved().iter().map(|room| room.table.weight()).sum::<u64>();
        self.table.weight() + in_rooms
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.whole
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The weight of an entry that fits into the table, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight(u32);

/// The reason for which a room is not reserved: others have taken half of the capacity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotReserved;

/// An entry that is not in the table yet.
pub(crate) struct Made(TableEntry);

impl Made {
    /// Returns the hash of its key.
    pub(crate) fn hash(&self) -> u64 {
        self.0.hash
    }
}

/// The entries that have left the table. They are [dropped](Gone::let_go) when no lock is held, because the
/// `Drop` of a value may call the cache.
#[must_use = "it must be dropped while no lock is held"]
#[derive(Default)]
pub(crate) struct Gone {
    left: SmallVec<[TableEntry; 2]>,
    /// The origins of those that were evicted.
    evicted: SmallVec<[u64; 2]>,
}

impl Gone {
    /// Adds an entry that has left a table for this one, which has replaced it or displaced it.
    fn leave(&mut self, held: TableEntry, placed: &TableEntry) {
        if is_displaced(&held, placed) {
            self.evict(held);
        } else {
            self.left.push(held);
        }
    }

    fn evict(&mut self, held: TableEntry) {
        self.evicted.push(held.entry.meta.origin);
        self.left.push(held);
    }

    /// Returns the origins of the entries that had to leave for another one.
    pub(crate) fn evicted(&self) -> &[u64] {
        &self.evicted
    }

    pub(crate) fn let_go(self) {
        drop_each(self.left);
    }
}

/// Returns true if an entry has left a table because there was no room for it beside this one.
fn is_displaced(held: &TableEntry, placed: &TableEntry) -> bool {
    held != placed || held.is(placed)
}

impl From<Made> for Gone {
    fn from(made: Made) -> Self {
        Gone { left: [made.0].into_iter().collect(), ..Gone::default() }
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<TableEntry, ()> for ByWeight {
    fn weight(&self, held: &TableEntry, (): &()) -> u64 {
        held.entry.weight.into()
    }
}

/// Looks an entry up in one table: see [`Memory::find`].
fn find<W, L>(
    table: &Cache<TableEntry, (), W, BuildPrehashed, L>,
    hash: u64,
    lookup: &dyn Lookup,
    turn: Option<u32>,
    take: &mut Look<'_>,
) where
    W: Weighter<TableEntry, ()> + Clone,
    L: Lifecycle<TableEntry, ()> + Clone,
{
    let query = Query {
        hash,
        lookup,
        take: RefCell::new(take),
        keeps: turn.is_some(),
        kept: Cell::new(None),
    };
    let _ = table.get(&query);
    if let (Some(entry), Some(turn)) = (query.kept.into_inner(), turn) {
        near::put(TableEntry { hash, entry }, turn);
    }
}

/// Returns the hit of a caller on an entry that satisfies the predicate.
#[inline(always)]
fn hit<V>(entry: &AnyEntry, predicate: ReadPredicate<'_>, take: impl Take<V>) -> Option<Hit<V>> {
    if predicate.fresh(entry) { entry.hit(predicate.now_ms, take) } else { None }
}

/// Marks every entry that has left the table as retired.
#[derive(Clone)]
struct Retire(Arc<Shrinking>);

/// Collects the entries that leave while the capacity is reduced: the table would drop them under locks.
#[derive(Default)]
struct Shrinking {
    shrinks: AtomicBool,
    left: Mutex<Vec<TableEntry>>,
}

impl Shrinking {
    /// Returns the entries that leave while `shrink` runs.
    fn while_shrinking(&self, shrink: impl FnOnce()) -> Vec<TableEntry> {
        self.shrinks.store(true, Ordering::SeqCst);
        shrink();
        self.shrinks.store(false, Ordering::SeqCst);
        mem::take(&mut *self.left.lock())
    }
}

impl Lifecycle<TableEntry, ()> for Retire {
    type RequestState = SmallVec<[TableEntry; 2]>;

    fn on_evict(&self, retired: &mut Self::RequestState, held: TableEntry, (): ()) {
        held.entry.verified.retire();
        if self.0.shrinks.load(Ordering::SeqCst) {
            self.0.left.lock().push(held);
        } else {
            retired.push(held);
        }
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
