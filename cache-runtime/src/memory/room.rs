//! The part of the capacity that a function may take (`max_memory`, `max_entries`).
//!
//! The entries of such a function are in the table of the store, as those of all others, and also in a table of the
//! function's room. If the room is full, its table decides which of them leaves both. So a function that fills its
//! room displaces its own entries alone.
//!
//! The entries in a reserved room are in its table alone, and the capacity of the store's table is smaller by that of
//! the room. So no other function displaces them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};
use smallvec::SmallVec;

use super::entry::TableEntry;
use crate::key::prehashed::BuildPrehashed;
use crate::support::lock::RwLock;

/// The limits of a function. At least one of them is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomLimits {
    pub(crate) max_memory: Option<u64>,
    pub(crate) max_entries: Option<u64>,
    /// True if no other function may take the room.
    pub(crate) reserved: bool,
}

impl RoomLimits {
    /// Returns the capacity of a room, and the smallest share of it that an entry takes.
    fn capacity(self) -> (u64, Share) {
        match (self.max_memory, self.max_entries) {
            // Each entry takes at least such a share that no more than the maximum number have room.
            (Some(bytes), Some(entries)) => match bytes / entries.max(1) {
                0 => (bytes, Share::OfMemory(0)),
                // The table keeps no entry that takes all of it.
                share => (share * entries, Share::OfMemory(share.min(admitted(bytes)))),
            },
            (Some(bytes), None) => (bytes, Share::OfMemory(0)),
            (None, entries) => (entries.unwrap_or(u64::MAX), Share::OfEntries),
        }
    }
}

/// Returns the maximum weight of an entry in a shard of this capacity: the table reserves a thirty-second of it for
/// new entries.
pub(super) fn admitted(shard: u64) -> u64 {
    shard - shard / 32
}

/// The rooms of a store, by the origin of their entries.
#[derive(Default)]
pub(super) struct Rooms {
    /// True if there is any.
    any: AtomicBool,
    by_origin: RwLock<HashMap<u64, Arc<Room>, BuildPrehashed>>,
    /// The rooms by the address of their call site. The instances of a generic function share one.
    by_site: RwLock<HashMap<usize, Arc<Room>>>,
}

impl Rooms {
    /// Gives the entries of this origin the room of their call site.
    pub(super) fn open(&self, origin: u64, site: usize, make: impl FnOnce() -> Room) {
        let mut by_site = self.by_site.write();
        let room = by_site.entry(site).or_insert_with(|| Arc::new(make()));
        self.by_origin.write().insert(origin, Arc::clone(room));
        self.any.store(true, Ordering::Release);
    }

    /// Returns the reserved rooms.
    pub(super) fn reserved(&self) -> Vec<Arc<Room>> {
        if !self.any() {
            return Vec::new();
        }
        self.by_site.read().values().filter(|room| room.is_reserved).cloned().collect()
    }

    /// Empties the rooms, and returns their entries.
    pub(super) fn drain(&self) -> Vec<TableEntry> {
        if !self.any() {
            return Vec::new();
        }
        let rooms: Vec<_> = self.by_site.read().values().cloned().collect();
        rooms.iter().flat_map(|room| room.table.drain()).map(|(held, ())| held).collect()
    }

    /// Returns true if there is any room.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Returns the room of the entries of this origin.
    pub(super) fn of(&self, origin: u64) -> Option<Arc<Room>> {
        if !self.any() {
            return None;
        }
        self.by_origin.read().get(&origin).cloned()
    }
}

/// The room of one function.
pub(super) struct Room {
    pub(super) is_reserved: bool,
    pub(super) table: Cache<TableEntry, (), Share, BuildPrehashed, Collect>,
    /// The maximum weight of an entry.
    pub(super) largest: usize,
}

/// The fewest entries that a shard of a room should hold.
const IN_A_SHARD: u64 = 512;
/// The fewest bytes of a shard that is limited by memory.
const OF_A_SHARD: u64 = 8 << 20;

impl Room {
    pub(super) fn new(limits: RoomLimits, largest: usize, cores: usize) -> Self {
        let (capacity, share) = limits.capacity();
        let least = match share {
            Share::OfMemory(share) => {
                OF_A_SHARD.max(share.saturating_mul(8)).max((largest as u64).saturating_mul(8))
            }
            Share::OfEntries => IN_A_SHARD,
        };
        let most = cores.saturating_mul(4).next_power_of_two();
        let fit = usize::try_from(capacity / least).unwrap_or(usize::MAX).clamp(1, most);
        let shards = fit.checked_ilog2().map_or(1, |n| 1 << n);
        // The table rounds the capacity of a shard up.
        let whole = capacity - capacity % shards as u64;
        let items = match share {
            Share::OfMemory(0) => whole / 256,
            Share::OfMemory(share) => whole / share,
            Share::OfEntries => whole,
        };
        let items = usize::try_from(items.clamp(1, 1 << 22)).unwrap_or(1 << 22);
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(items)
            .weight_capacity(whole)
            .build();
        let hashes = BuildPrehashed::default();
        let table = match options {
            Ok(options) => Cache::with_options(options, share, hashes, Collect),
            Err(_) => Cache::with(items, whole, share, hashes, Collect),
        };
        let largest = match share {
            Share::OfMemory(_) => {
                usize::try_from(admitted(table.shard_capacity())).unwrap_or(usize::MAX)
            }
            Share::OfEntries => usize::MAX,
        };
        Room { is_reserved: limits.reserved, table, largest }
    }

    /// Takes an entry in. Returns the entries that have left the room for it.
    pub(super) fn take_in(&self, held: TableEntry) -> Left {
        let mut left = Left::default();
        self.table.insert_with_lifecycle(held, (), &mut left);
        left
    }

    /// Notes that an entry has been used.
    pub(super) fn touch(&self, hash: u64, address: usize) {
        let _ = self.table.get(&ByAddress { hash, address });
    }

    /// Returns true if an entry is in the room.
    pub(super) fn holds(&self, held: &TableEntry) -> bool {
        self.table.peek(&ByAddress::of(held)).is_some()
    }

    /// Lets an entry go.
    pub(super) fn let_go(&self, held: &TableEntry) -> Option<TableEntry> {
        self.table.remove(&ByAddress::of(held)).map(|(held, ())| held)
    }
}

/// Finds the very same entry.
pub(super) struct ByAddress {
    hash: u64,
    address: usize,
}

impl ByAddress {
    pub(super) fn of(held: &TableEntry) -> Self {
        ByAddress { hash: held.hash, address: held.address() }
    }
}

impl Hash for ByAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<TableEntry> for ByAddress {
    fn equivalent(&self, held: &TableEntry) -> bool {
        held.address() == self.address
    }
}

/// The part of a room that an entry takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    /// Its weight, at least this many bytes.
    OfMemory(u64),
    /// One entry.
    OfEntries,
}

impl Weighter<TableEntry, ()> for Share {
    fn weight(&self, held: &TableEntry, (): &()) -> u64 {
        match self {
            Share::OfMemory(least) => u64::from(held.entry.weight).max(*least),
            Share::OfEntries => 1,
        }
    }
}

/// The entries that have left a room.
pub(super) type Left = SmallVec<[TableEntry; 2]>;

/// Collects the entries that leave a room.
#[derive(Clone)]
pub(super) struct Collect;

impl Lifecycle<TableEntry, ()> for Collect {
    type RequestState = Left;

    fn on_evict(&self, left: &mut Left, held: TableEntry, (): ()) {
        left.push(held);
    }
}
