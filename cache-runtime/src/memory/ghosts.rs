//! The evicted entries, without their values: estimates the hits that more memory would have brought.
//!
//! The entries that have left the table last are those that a larger table would still hold. They are remembered in
//! the order of their eviction: the last ones up to one capacity, which a table of twice the size would hold, and
//! those before them up to two more, for four times the size. If a value comes back that is remembered here, and that
//! would still be valid, its load would have been a hit.
//!
//! Only a sample of the keys is remembered, chosen by their hashes (SHARDS, Waldspurger et al., FAST '15). A key is
//! in the sample always or never. So each part of the order is as full as the sample is large, and each return counts
//! for all keys that the sample represents. The more is remembered, the smaller the sample becomes: the memory is
//! bounded, by a part of the capacity.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};

use super::entry::TableEntry;
use crate::coherence::generation::Stamps;
use crate::key::prehashed::BuildPrehashed;
use crate::stats::Counter;
use crate::support::lock::Mutex;

/// The part of the capacity that the remembered entries take, with the places that their maps keep free.
const PART: u64 = 100;
/// The bytes of a remembered entry, with its places in the map and in the queue. Both may be half empty.
const EACH: u64 = 192;
/// The fewest entries of a sample, also of a small memory.
const FEWEST: u64 = 64;
/// The most halvings of a sample.
const MOST_HALVINGS: u32 = 20;

/// The evicted entries of a store.
pub(crate) struct Ghosts {
    /// The number of times that the sample has been halved. At first, all keys are in it.
    halvings: AtomicU32,
    order: Mutex<EvictionOrder>,
    /// The estimated numbers of loads that a larger memory would have saved.
    returned: [Counter; 2],
}

/// Estimates of the loads that more memory would have saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavedLoads {
    /// With twice the capacity.
    pub(crate) twice: u64,
    /// With four times the capacity, those of twice included.
    pub(crate) four_times: u64,
}

impl Ghosts {
    pub(super) fn new(capacity: u64) -> Self {
        let most = (capacity / PART / EACH).max(FEWEST);
        let order = EvictionOrder { capacity, most, ..EvictionOrder::default() };
        Ghosts {
            halvings: AtomicU32::new(0),
            order: Mutex::new(order),
            returned: Default::default(),
        }
    }

    /// Remembers an entry that has been evicted, if its key is in the sample.
    pub(super) fn remember(&self, held: &TableEntry) {
        if !self.samples(held.hash) {
            return;
        }
        let mut order = self.order.lock();
        order.push(held);
        let mut halvings = self.halvings.load(Ordering::Relaxed);
        order.forget_beyond(halvings);
        while order.is_full() && halvings < MOST_HALVINGS {
            halvings += 1;
            order.keep_only(halvings);
            self.halvings.store(halvings, Ordering::Relaxed);
        }
    }

    /// Notes that a value of this key has been stored. If it had been evicted, and would still be valid, a larger memory
    /// would have held it.
    pub(crate) fn note_return(
        &self,
        hash: u64,
        now_ms: u64,
        current: impl FnOnce(&Stamps) -> bool,
    ) {
        if !self.samples(hash) {
            return;
        }
        let Some((ghost, part)) = self.order.lock().remove(hash) else { return };
        if now_ms < ghost.ends_ms && current(&ghost.stamps) {
            self.returned[part as usize].add(self.represents());
        }
    }

    /// Returns the estimates since the last reset.
    pub(crate) fn saved_loads(&self) -> SavedLoads {
        let [twice, beyond] = [self.returned[0].get(), self.returned[1].get()];
        SavedLoads { twice, four_times: twice.saturating_add(beyond) }
    }

    pub(crate) fn reset(&self) {
        self.returned.iter().for_each(Counter::reset);
    }

    /// Returns the memory that the remembered entries take, in bytes.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        let order = self.order.lock();
        // A map has a control byte for each place, and keeps one place in eight free.
        let places = order.by_hash.capacity() * 8 / 7;
        let queues: usize = order.queues.iter().map(VecDeque::capacity).sum();
        places * (size_of::<(u64, Ghost)>() + 1) + queues * size_of::<(u64, u64)>()
    }

    /// Returns true if an entry of this hash has been evicted, and is remembered.
    #[cfg(test)]
    pub(super) fn remembers(&self, hash: u64) -> bool {
        self.order.lock().by_hash.contains_key(&hash)
    }

    /// Returns true if the sample contains the keys of this hash.
    #[inline]
    fn samples(&self, hash: u64) -> bool {
        is_in_sample(hash, self.halvings.load(Ordering::Relaxed))
    }

    /// Returns the number of keys that one key of the sample represents.
    pub(crate) fn represents(&self) -> u64 {
        1 << self.halvings.load(Ordering::Relaxed)
    }
}

/// Returns true if a key of this hash stays in a sample that has been halved this many times. The bits are not those by
/// which a table distributes its entries.
#[inline]
pub(super) fn is_in_sample(hash: u64, halvings: u32) -> bool {
    let mixed = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    mixed & ((1 << halvings) - 1) == 0
}

/// The parts of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EvictedPart {
    /// Evicted last: in memory with twice the capacity.
    Twice,
    /// In memory with four times the capacity.
    FourTimes,
}

struct Ghost {
    /// Its number in the order.
    number: u64,
    weight: u32,
    part: EvictedPart,
    ends_ms: u64,
    stamps: Stamps,
}

/// The remembered entries in the order of their eviction.
#[derive(Default)]
struct EvictionOrder {
    capacity: u64,
    /// The most entries that are remembered.
    most: u64,
    next: u64,
    by_hash: HashMap<u64, Ghost, BuildPrehashed>,
    /// The numbers and hashes of each part, the oldest first. Those of removed entries stay until they are the oldest.
    queues: [VecDeque<(u64, u64)>; 2],
    /// The weight of the entries of each part.
    weights: [u64; 2],
}

impl EvictionOrder {
    fn push(&mut self, held: &TableEntry) {
        self.remove(held.hash);
        let (meta, weight) = (&held.entry.meta, held.entry.weight);
        let number = self.next;
        self.next += 1;
        let (ends_ms, stamps) = (meta.ends_ms, meta.stamps.clone());
        let ghost = Ghost { number, weight, part: EvictedPart::Twice, ends_ms, stamps };
        self.by_hash.insert(held.hash, ghost);
        self.queues[0].push_back((number, held.hash));
        self.weights[0] += u64::from(weight);
    }

    fn remove(&mut self, hash: u64) -> Option<(Ghost, EvictedPart)> {
        let ghost = self.by_hash.remove(&hash)?;
        let part = ghost.part;
        self.weights[part as usize] -= u64::from(ghost.weight);
        Some((ghost, part))
    }

    /// Moves entries that are beyond their part to the next one, and forgets those beyond the last.
    fn forget_beyond(&mut self, halvings: u32) {
        while self.weights[0] > self.capacity >> halvings
            && let Some((number, hash)) = self.queues[0].pop_front()
        {
            if let Some(ghost) = self.by_hash.get_mut(&hash).filter(|g| g.number == number) {
                ghost.part = EvictedPart::FourTimes;
                self.weights[0] -= u64::from(ghost.weight);
                self.weights[1] += u64::from(ghost.weight);
                self.queues[1].push_back((number, hash));
            }
        }
        while self.weights[1] > (self.capacity * 2) >> halvings
            && let Some((number, hash)) = self.queues[1].pop_front()
        {
            if self.by_hash.get(&hash).is_some_and(|ghost| ghost.number == number) {
                self.remove(hash);
            }
        }
        self.drop_removed();
    }

    /// Returns true if the sample is too large.
    fn is_full(&self) -> bool {
        self.by_hash.len() as u64 > self.most
    }

    /// Forgets the entries that are not in a smaller sample.
    fn keep_only(&mut self, halvings: u32) {
        let leave: Vec<u64> =
            self.by_hash.keys().copied().filter(|hash| !is_in_sample(*hash, halvings)).collect();
        for hash in leave {
            self.remove(hash);
        }
        self.forget_beyond(halvings);
    }

    /// Removes the places of removed entries from the queues, if these are the larger part.
    fn drop_removed(&mut self) {
        let EvictionOrder { by_hash, queues, .. } = self;
        if queues[0].len() + queues[1].len() > 2 * by_hash.len() + FEWEST as usize {
            for queue in queues {
                queue.retain(|(number, hash)| {
                    by_hash.get(hash).is_some_and(|g| g.number == *number)
                });
            }
        }
    }
}
