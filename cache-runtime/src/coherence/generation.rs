//! Generations: what makes an invalidation inside one process a single atomic step.
//!
//! Every name and every tag is hashed to one of a number of atomic counters that the capacity decides.
//! An entry keeps the sum of the counters it depends on, as it was *before* its value was loaded, and
//! is fresh only while that is the present sum. Counters only grow, so equal sums mean that none of
//! them has changed. Two tags that share a counter cost each other misses, never a stale value.
//!
//! A put takes the place of the entry of its name in the table itself, so it makes no entry stale, and
//! least of all those whose names share its counter. What must not come after it are loads and puts of
//! that name that have noted what was before. They compare one counter more, of puts, when they store;
//! and who stores does that alone among those of the same name, from its last look at the counters until
//! the value is in the table.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{MutexGuard, RwLockReadGuard};

use xxhash_rust::xxh3::xxh3_64;

use crate::coherence::lease::Lease;
use crate::coherence::scans::Scans;
use crate::key::glob::Pattern;
use crate::support::lock::{Mutex, RwLock};

/// The fewest and the most counters for names, and as many for tags.
const FEWEST: usize = 1 << 14;
const MOST: usize = 1 << 22;
/// One counter for names for so many bytes of the store's capacity, about half an entry: what is stored
/// or removed makes another entry stale once for every other entry that fits, at worst.
const BYTES_EACH: u64 = 128;
/// So many slots stand in the stamps themselves: the name, two prefixes, a tag.
const FEW: usize = 4;
/// The counters of puts: two loads and puts that run at once and share one cost each other a store.
const PUTS: usize = 1 << 14;
/// So many may store in memory at once.
const LANES: usize = 64;

/// The generations of one manager.
pub(crate) struct Generations {
    /// Those of the names, then those of the tags.
    counters: Box<[AtomicU32]>,
    /// Counts for every entry there is.
    epoch: AtomicU64,
    /// Counts for every load that runs and that a pattern may match.
    scans: AtomicU64,
    /// The number of values that replaced another, for the names that share one of these.
    puts: Box<[AtomicU32]>,
    /// Locks, each for some of the names. A store in memory holds the lock of its name, so no other
    /// store of the name runs.
    lanes: [Mutex<()>; LANES],
    /// Shared by those who store in memory: no scan begins meanwhile.
    patterns: RwLock<Scans>,
    /// Raised after any of the others that an entry depends on.
    changes: AtomicU64,
    /// Until when these are up to date with what other processes invalidate.
    pub(crate) lease: Lease,
}

/// The number of changes up to which an entry is known to be current.
///
/// As long as nothing at all has been invalidated, a hit compares two numbers, and the counters
/// themselves, which lie far apart, are not looked at.
#[derive(Debug, Default)]
pub(crate) struct Verified(AtomicU64);

/// In place of that number: the entry has left the store.
const RETIRED: u64 = u64::MAX;

impl Verified {
    /// Nobody is to serve this entry any more: another has taken its place, or it has none.
    pub(crate) fn retire(&self) {
        self.0.store(RETIRED, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.0.load(Ordering::Acquire) == RETIRED
    }
}

/// The index of a name's or tag's generation: its hash, and which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Slot {
    const TAG: u32 = 1 << 31;

    pub(crate) fn name(name: &str) -> Self {
        Slot(xxh3_64(name.as_bytes()) as u32 & !Self::TAG)
    }

    pub(crate) fn tag(tag: &str) -> Self {
        let slot = Slot(xxh3_64(tag.as_bytes()) as u32 | Self::TAG);
        if slot == Self::NEVER { Slot(Self::TAG) } else { slot }
    }

    /// Nothing's: what depends on it depends on nothing.
    const NEVER: Slot = Slot(u32::MAX);
}

/// The generations that an entry depends on, as they were before its value was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Stamps {
    sum: u64,
    /// The first slots, and after them [`Slot::NEVER`].
    few: [Slot; FEW],
    #[allow(clippy::box_collection, reason = "a thin pointer: most entries have no more")]
    more: Option<Box<Vec<Slot>>>,
}

impl Stamps {
    /// Returns whether an entry with these stamps depends on all of these slots.
    pub(crate) fn cover(&self, slots: &[Slot]) -> bool {
        let more = self.more.as_ref().map_or(&[][..], |more| more);
        slots.iter().all(|slot| self.few.contains(slot) || more.contains(slot))
    }
}

/// The state that a load notes before it begins.
#[derive(Clone, Debug)]
pub(crate) struct GenerationSnapshot {
    pub(crate) stamps: Stamps,
    scans: u64,
    /// The name's, if there is one.
    puts: u32,
}

/// A read goes past memory: the lease has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    until_ms: u64,
    epoch: u64,
}

impl Generations {
    /// For a store of so many bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        let wanted = usize::try_from(capacity / BYTES_EACH).unwrap_or(MOST);
        let half = wanted.clamp(FEWEST, MOST).next_power_of_two();
        Generations {
            counters: (0..2 * half).map(|_| AtomicU32::new(0)).collect(),
            // Random: numbers noted under one manager mean nothing to another.
            epoch: AtomicU64::new(crate::support::random::word()),
            scans: AtomicU64::new(0),
            puts: (0..PUTS).map(|_| AtomicU32::new(0)).collect(),
            lanes: [const { Mutex::new(()) }; LANES],
            patterns: RwLock::default(),
            changes: AtomicU64::new(1),
            lease: Lease::default(),
        }
    }

    /// Notes the present generations. To be called before the value is looked for.
    ///
    /// The first slot is that of the name.
    pub(crate) fn note(&self, slots: &[Slot]) -> GenerationSnapshot {
        let scans = self.scans.load(Ordering::Acquire);
        let puts = slots.first().map_or(0, |own| self.puts(*own).load(Ordering::Acquire));
        let (first, rest) = slots.split_at(slots.len().min(FEW));
        let mut few = [Slot::NEVER; FEW];
        few[..first.len()].copy_from_slice(first);
        let more = (!rest.is_empty()).then(|| Box::new(rest.to_vec()));
        let mut stamps = Stamps { sum: 0, few, more };
        stamps.sum = self.sum(&stamps);
        GenerationSnapshot { stamps, scans, puts }
    }

    /// Returns true if nothing noted in `stamps` has been invalidated since.
    ///
    /// R1: in memory, generations take the place of tokens.
    pub(crate) fn current(&self, stamps: &Stamps) -> bool {
        self.sum(stamps) == stamps.sum
    }

    /// The same for an entry that remembers the last answer.
    #[inline]
    pub(crate) fn still_current(&self, stamps: &Stamps, verified: &Verified) -> bool {
        // Read before the counters: a change that is not in this number is yet to be seen.
        let changes = self.changes.load(Ordering::Acquire);
        verified.0.load(Ordering::Relaxed) == changes || self.verify(stamps, verified, changes)
    }

    #[cold]
    fn verify(&self, stamps: &Stamps, verified: &Verified, changes: u64) -> bool {
        let last = verified.0.load(Ordering::Acquire);
        if last == RETIRED || !self.current(stamps) {
            return false;
        }
        // Not over what another thread has written meanwhile: that may be that it is retired.
        let _ = verified.0.compare_exchange(last, changes, Ordering::Relaxed, Ordering::Relaxed);
        true
    }

    /// Returns whether a load with this snapshot may be joined: nothing that it depends on has been
    /// invalidated since, no value has replaced its entry, and no pattern has been cleared.
    pub(crate) fn storable(&self, snapshot: &GenerationSnapshot) -> bool {
        let unswept = self.scans.load(Ordering::Acquire) == snapshot.scans;
        unswept && self.newest(snapshot) && self.current(&snapshot.stamps)
    }

    /// Returns whether no value has replaced the entry since this snapshot.
    fn newest(&self, snapshot: &GenerationSnapshot) -> bool {
        let own = snapshot.stamps.few[0];
        own == Slot::NEVER || self.puts(own).load(Ordering::Acquire) == snapshot.puts
    }

    /// To be held from the last look at whether something is still [`storable`](Storing::storable) until it
    /// is stored: what is put in its place meanwhile, or cleared, finds it, or makes it not storable.
    ///
    /// Nothing of the user's may run meanwhile: no `Serialize`, `Clone` or `Drop` of a value.
    pub(crate) fn storing(&self, snapshot: &GenerationSnapshot) -> Storing<'_> {
        let lane = snapshot.stamps.few[0].0 as usize % LANES;
        let lane = self.lanes[lane].lock();
        let patterns = self.patterns.read();
        Storing { generations: self, _lane: lane, patterns }
    }

    /// A pattern is about to be cleared: running loads that it matches may not store. Entries that
    /// are there stay; the scan finds those that match.
    pub(crate) fn begin_scan(&self, pattern: &Pattern) {
        let mut nobody_stores = self.patterns.write();
        self.scans.store(nobody_stores.begin(pattern), Ordering::Release);
    }

    /// Makes everything that noted this slot stale.
    pub(crate) fn bump(&self, slot: Slot) {
        self.counter(slot).fetch_add(1, Ordering::AcqRel);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes every entry and every running load stale.
    pub(crate) fn bump_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// To be called before Redis is asked by a read that may not look into memory: what there is to be
    /// given up once it has its answer, since the lease has ended.
    pub(crate) fn pass(&self) -> Option<Passed> {
        let until_ms = self.lease.lapsed()?;
        Some(Passed { until_ms, epoch: self.epoch.load(Ordering::Acquire) })
    }

    /// Such a read has its answer, which may be newer than anything in memory: that is not served any
    /// more, not even in an outage. Once for all reads that were under way together.
    pub(crate) fn give_up(&self, passed: Passed) {
        let (next, order) = (passed.epoch.wrapping_add(1), Ordering::AcqRel);
        let _ = self.epoch.compare_exchange(passed.epoch, next, order, Ordering::Acquire);
        // Also where another one was first: it may not have come so far.
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.lease.give_up(passed.until_ms);
    }

    fn sum(&self, stamps: &Stamps) -> u64 {
        let epoch = self.epoch.load(Ordering::Acquire);
        let add = |sum: u64, slot: &Slot| match *slot {
            Slot::NEVER => sum,
            slot => sum.wrapping_add(self.counter(slot).load(Ordering::Acquire).into()),
        };
        let few = stamps.few.iter().fold(epoch, add);
        match &stamps.more {
            None => few,
            Some(more) => more.iter().fold(few, add),
        }
    }

    fn puts(&self, slot: Slot) -> &AtomicU32 {
        &self.puts[slot.0 as usize % PUTS]
    }

    fn counter(&self, slot: Slot) -> &AtomicU32 {
        let half = self.counters.len() / 2;
        let first = if slot.0 & Slot::TAG == 0 { 0 } else { half };
        &self.counters[first + (slot.0 as usize & (half - 1))]
    }
}

/// The right to store in memory what is still storable.
pub(crate) struct Storing<'a> {
    generations: &'a Generations,
    _lane: MutexGuard<'a, ()>,
    patterns: RwLockReadGuard<'a, Scans>,
}

impl Storing<'_> {
    /// Returns whether a load of this name with this snapshot may store its value: nothing that it
    /// depends on has been invalidated since, no value has replaced its entry, and no pattern that
    /// matches the name has been cleared.
    pub(crate) fn storable<'n>(
        &self,
        snapshot: &GenerationSnapshot,
        name: impl FnOnce() -> &'n str,
    ) -> bool {
        !self.patterns.may_match_since(snapshot.scans, name)
            && self.generations.newest(snapshot)
            && self.generations.current(&snapshot.stamps)
    }

    /// A value is about to take the place of what is under its name: loads and puts that have noted what
    /// was before may not store. `false` if this one may not, either.
    pub(crate) fn overtake<'n>(
        &self,
        snapshot: &GenerationSnapshot,
        name: impl FnOnce() -> &'n str,
    ) -> bool {
        let may = self.storable(snapshot, name);
        if may {
            self.generations.puts(snapshot.stamps.few[0]).fetch_add(1, Ordering::AcqRel);
        }
        may
    }
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generations").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;

    #[test]
    fn a_bump_makes_what_was_noted_before_stale_and_nothing_else() {
        let generations = Generations::new(0);
        let (a, b) = (Slot::tag("a"), Slot::tag("b"));
        let noted_a = generations.note(&[a]);
        let noted_b = generations.note(&[b]);
        generations.bump(a);
        assert!(!generations.current(&noted_a.stamps));
        assert!(generations.current(&noted_b.stamps));
        assert!(generations.current(&generations.note(&[a, b]).stamps));
    }

    #[test]
    fn what_was_verified_is_looked_at_again_after_a_change() {
        let generations = Generations::new(0);
        let (a, b) = (Slot::tag("a"), Slot::tag("b"));
        let snapshot = generations.note(&[a]);
        let verified = Verified::default();
        let current = || generations.still_current(&snapshot.stamps, &verified);
        assert!(current() && current());
        generations.bump(b);
        assert!(current() && current());
        generations.bump(a);
        assert!(!current() && !current());
    }

    #[test]
    fn a_name_and_a_tag_of_one_spelling_are_apart() {
        let generations = Generations::new(0);
        let snapshot = generations.note(&[Slot::name("video")]);
        generations.bump(Slot::tag("video"));
        assert!(generations.current(&snapshot.stamps));
    }

    #[test]
    fn a_sweep_stops_loads_that_it_matches_and_leaves_entries() {
        let generations = Generations::new(0);
        let snapshot = generations.note(&[]);
        generations.begin_scan(&Pattern::new("a:*").unwrap());
        assert!(generations.current(&snapshot.stamps));
        assert!(!generations.storable(&snapshot));
        let storing = generations.storing(&snapshot);
        assert!(!storing.storable(&snapshot, || "a:1"));
        assert!(storing.storable(&snapshot, || "b:1"));
        assert!(!storing.overtake(&snapshot, || "a:1"));
        assert!(storing.overtake(&snapshot, || "b:1"));
    }

    #[test]
    fn who_overtakes_keeps_what_noted_before_from_being_stored() {
        let generations = Generations::new(0);
        let (name, tag) = (Slot::name("a"), Slot::tag("a"));
        let (first, second) = (generations.note(&[name, tag]), generations.note(&[name, tag]));
        let overtake = |snapshot| generations.storing(snapshot).overtake(snapshot, || "a");
        assert!(overtake(&first));
        assert!(!generations.storable(&second));
        assert!(!overtake(&second));
        assert!(generations.storable(&generations.note(&[name, tag])));
    }

    #[test]
    fn who_overtakes_makes_no_entry_stale() {
        let generations = Generations::new(0);
        let put = generations.note(&[Slot(7)]);
        // Of the same name, and of another that shares all its counters.
        let entries = [Slot(7), Slot(7 + (1 << 30))].map(|slot| generations.note(&[slot]));
        assert!(generations.storing(&put).overtake(&put, || "a"));
        assert!(entries.iter().all(|entry| generations.current(&entry.stamps)));
    }

    #[test]
    fn the_counters_grow_with_the_capacity_within_bounds() {
        let counters = |capacity| Generations::new(capacity).counters.len() / 2;
        assert_eq!((counters(0), counters(64 << 20)), (FEWEST, 1 << 19));
        assert_eq!((counters(65 << 20), counters(u64::MAX)), (1 << 20, MOST));
    }

    #[test]
    fn numbers_of_another_manager_are_not_current() {
        let snapshot = Generations::new(0).note(&[Slot::name("a")]);
        assert!(!Generations::new(0).current(&snapshot.stamps));
    }

    #[test]
    fn a_read_that_has_gone_past_memory_gives_it_up_once() {
        let generations = Generations::new(0);
        assert!(generations.pass().is_none(), "nothing was ever received");
        generations.lease.renew(1, 1);
        let (old, passes) = (generations.note(&[]), [generations.pass(), generations.pass()]);
        assert!(generations.current(&old.stamps), "not before there is an answer");
        passes[0].into_iter().for_each(|passed| generations.give_up(passed));
        assert!(!generations.current(&old.stamps) && generations.pass().is_none());
        let new = generations.note(&[]);
        passes[1].into_iter().for_each(|passed| generations.give_up(passed));
        assert!(generations.current(&new.stamps));
    }

    #[test]
    fn a_new_epoch_makes_all_stale() {
        let generations = Generations::new(0);
        let snapshot = generations.note(&[]);
        generations.bump_epoch();
        assert!(!generations.current(&snapshot.stamps));
    }
}
