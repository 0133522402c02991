//! Generations: they make an invalidation inside one process a single atomic step.
//!
//! Every name and every tag is hashed to one of a number of atomic counters. The capacity of the store
//! decides the number. An entry keeps the sum of the counters that it depends on, as it was *before* its
//! value was loaded. It is fresh only while the present sum is the same. Counters only grow, so equal sums
//! mean that none of them has changed. Two tags that share a counter cost each other misses, never a stale
//! value.
//!
//! A put replaces the entry of its name in the table itself. So it raises no counter of names, and makes no
//! other entry stale, except for those that depend on the entry of the name: they have a counter of their own. Loads and puts of that name that began before the put must not be stored after it. So
//! they also compare a counter of puts when they store. From this comparison until the value is in the table,
//! no other store of the same name runs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem::size_of;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, MutexGuard, RwLockReadGuard};

use xxhash_rust::xxh3::xxh3_64;

use crate::coherence::lease::Lease;
use crate::coherence::scans::Scans;
use crate::coherence::soft::{SoftRaises, Softened};
use crate::key::glob::Pattern;
use crate::key::name::name_of_tag;
use crate::support::lock::{Mutex, RwLock};

/// The minimum and the maximum number of counters for names; tags have the same number.
const FEWEST: usize = 1 << 14;
const MOST: usize = 1 << 22;
/// The bytes of the store's capacity for each counter of names, about half an entry. If the store is full,
/// the invalidation of a name makes half an entry of another name stale on average.
const BYTES_EACH: u64 = 128;
/// The number of slots that the stamps hold inline: the name, two prefixes, a tag.
const FEW: usize = 4;
/// The number of counters of puts. If two concurrent loads or puts share a counter, one of them may not be
/// stored.
const PUTS: usize = 1 << 14;
/// The number of counters of names for each counter of what depends on names.
const NAMES_FOR_EACH: usize = 8;
/// The number of places that keep the last change of tags. If a tag is invalidated during a load, the load's value
/// may not be stored if it brings a tag with the same place.
const LAST: usize = 1 << 12;
/// The number of places that keep the last change of names. If a name is invalidated or put during the body of a put
/// whose value names an entry, the value may not be stored if that entry has the same place.
const MARKS: usize = 1 << 12;
/// The maximum number of concurrent stores in memory.
const LANES: usize = 64;

/// The generations of one manager.
pub(crate) struct Generations {
    /// The counters of the names, then those of the tags, then those of what depends on the entries of names. The last ones
    /// are separate from those of tags, because every put and removal of a name raises one of them, and a tag can have any
    /// number of entries.
    counters: Box<[AtomicU32]>,
    /// The counters of each kind of slots, by the two highest bits of a slot.
    ranges: [CounterRange; 4],
    /// True if a generation of these has been noted.
    has_dependents: AtomicBool,
    /// A counter that every entry depends on.
    epoch: AtomicU64,
    /// The number of the last cleared pattern. A running load of a name that the pattern matches is not
    /// stored.
    scans: AtomicU64,
    /// Counters of the values that replaced another one. Several names share a counter.
    puts: Box<[AtomicU32]>,
    /// Locks, each for some of the names. A store in memory holds the lock of its name, so no other store of
    /// the name runs.
    lanes: [Mutex<()>; LANES],
    /// Stores in memory hold this lock for reading, so that no scan begins meanwhile.
    patterns: RwLock<Scans>,
    /// A counter that is raised after each change of another counter that entries depend on.
    changes: AtomicU64,
    /// The number of the last change of a name or tag that has begun.
    begun: AtomicU64,
    /// The numbers of the last invalidations of tags. Several tags share a place.
    last: Box<[AtomicU64]>,
    /// The numbers of the last invalidations and puts of names. Several names share a place.
    marks: Box<[AtomicU64]>,
    /// The soft invalidations of tags.
    soft: SoftRaises,
    /// The lease of the feed: until it ends, these counters include the invalidations of other processes.
    pub(crate) lease: Lease,
}

/// The number of changes up to which an entry is known to be current.
///
/// Until the next invalidation of any entry, a hit compares two numbers. It does not read the counters, which
/// lie far apart in memory.
#[derive(Debug, Default)]
pub(crate) struct Verified(AtomicU64);

/// The value in place of that number if the entry has left the store.
const RETIRED: u64 = u64::MAX;

impl Verified {
    /// Marks the entry as one that must not be served any more, because it was replaced or removed.
    pub(crate) fn retire(&self) {
        self.0.store(RETIRED, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.0.load(Ordering::Acquire) == RETIRED
    }
}

/// The index of the generation of a name or tag: its hash, and a bit that distinguishes the two.
///
/// It is never 0, so that [`StampSlots`] needs no discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(NonZeroU32);

impl Slot {
    const TAG: u32 = 1 << 31;
    /// Distinguishes the slots of what depends on a name from those of tags.
    const DEPENDENTS: u32 = Self::TAG | 1 << 30;

    /// The slot that stands for no dependency.
    const NEVER: Slot = Slot(NonZeroU32::MAX);

    pub(crate) fn name(name: &str) -> Self {
        Slot::new(xxh3_64(name.as_bytes()) as u32 & !Self::TAG)
    }

    /// Returns the slot of a tag. That of the tag of a name is raised together with the slot of the name.
    pub(crate) fn tag(tag: &str) -> Self {
        if let Some(name) = name_of_tag(tag) {
            return Slot::name(name).of_dependents();
        }
        Slot::new(xxh3_64(tag.as_bytes()) as u32 & !Self::DEPENDENTS | Self::TAG)
    }

    /// Makes a slot of a number. Zero shares its counter with one, which costs at most a miss.
    fn new(number: u32) -> Self {
        Slot(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
    }

    /// Returns the slot of the entries that depend on the entry of this name.
    fn of_dependents(self) -> Self {
        let slot = Slot::new(self.0.get() | Self::DEPENDENTS);
        if slot == Self::NEVER { Slot::new(Self::DEPENDENTS) } else { slot }
    }

    fn get(self) -> usize {
        self.0.get() as usize
    }

    /// Returns the number of the range of its counter.
    fn range(self) -> usize {
        self.get() >> 30
    }

    fn kind(self) -> SlotKind {
        match self.0.get() & Self::DEPENDENTS {
            Self::DEPENDENTS => SlotKind::Dependents,
            Self::TAG => SlotKind::Tag,
            _ => SlotKind::Name,
        }
    }
}

/// The thing whose generation is in a slot.
enum SlotKind {
    Name,
    Tag,
    /// The entry of a name, for the entries that depend on it.
    Dependents,
}

/// The counters of one kind of slots, whose number is a power of two.
#[derive(Clone, Copy)]
struct CounterRange {
    first: usize,
    mask: usize,
}

impl CounterRange {
    /// Returns the ranges for this number of names.
    fn all(names: usize) -> [Self; 4] {
        let range = |first, count| CounterRange { first, mask: count - 1 };
        let (of_names, of_tags) = (range(0, names), range(names, names));
        let of_dependents = range(2 * names, names / NAMES_FOR_EACH);
        [of_names, of_names, of_tags, of_dependents]
    }
}

/// The generations that an entry depends on, as they were before its value was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    sum: u64,
    slots: StampSlots,
}

/// The slots of an entry, that of its name first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum StampSlots {
    /// The slots. Unused places hold [`Slot::NEVER`].
    Few([Slot; FEW]),
    #[allow(clippy::box_collection, reason = "a thin pointer: most entries have no more")]
    Many(Box<Vec<Slot>>),
}

// Each entry has stamps, so their size matters.
const _: () = assert!(size_of::<Stamps>() == 8 + size_of::<[Slot; FEW]>());

impl Stamps {
    /// Returns true if an entry with these stamps depends on all of these slots.
    pub(crate) fn cover(&self, slots: &[Slot]) -> bool {
        let own = self.slots.all();
        slots.iter().all(|slot| own.contains(slot))
    }

    /// Returns the slot of the name.
    fn name(&self) -> Slot {
        self.slots.all().first().copied().unwrap_or(Slot::NEVER)
    }
}

impl StampSlots {
    fn new(slots: &[Slot]) -> Self {
        let mut few = [Slot::NEVER; FEW];
        match few.get_mut(..slots.len()) {
            Some(first) => {
                first.copy_from_slice(slots);
                StampSlots::Few(few)
            }
            None => StampSlots::Many(Box::new(slots.to_vec())),
        }
    }

    fn all(&self) -> &[Slot] {
        match self {
            StampSlots::Few(few) => few,
            StampSlots::Many(many) => many,
        }
    }
}

/// The state that a load notes before it begins.
#[derive(Clone, Debug)]
pub(crate) struct GenerationSnapshot {
    pub(crate) stamps: Stamps,
    /// The number of the last change of a name or tag that had begun.
    begun: u64,
    scans: u64,
    /// The counter of puts of the name, if there is one.
    puts: u32,
    /// The number of times that [others of the same call](Generations::together) have raised this counter since.
    raised: Option<Arc<AtomicU32>>,
}

impl GenerationSnapshot {
    /// Returns the counter of puts, if no others than those of the same call have raised it. All of these hold the same
    /// lane while they store, because `LANES` divides `PUTS`.
    fn expected_puts(&self) -> u32 {
        let raised = self.raised.as_ref().map_or(0, |raised| raised.load(Ordering::Acquire));
        self.puts.wrapping_add(raised)
    }
}

/// The state before a body whose value will name what it changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    begun: u64,
    scans: u64,
    epoch: u64,
}

/// The state before a read that bypasses memory, because the lease has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    until_ms: u64,
    epoch: u64,
}

impl Generations {
    /// Makes the generations for a store of `capacity` bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        let wanted = usize::try_from(capacity / BYTES_EACH).unwrap_or(MOST);
        let names = wanted.clamp(FEWEST, MOST).next_power_of_two();
        let all = 2 * names + names / NAMES_FOR_EACH;
        Generations {
            counters: (0..all).map(|_| AtomicU32::new(0)).collect(),
            ranges: CounterRange::all(names),
            has_dependents: AtomicBool::new(false),
            // The epoch is random: the numbers noted under one manager are meaningless to another.
            epoch: AtomicU64::new(crate::support::random::word()),
            scans: AtomicU64::new(0),
            puts: (0..PUTS).map(|_| AtomicU32::new(0)).collect(),
            lanes: [const { Mutex::new(()) }; LANES],
            patterns: RwLock::default(),
            changes: AtomicU64::new(1),
            begun: AtomicU64::new(0),
            last: (0..LAST).map(|_| AtomicU64::new(0)).collect(),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            soft: SoftRaises::default(),
            lease: Lease::default(),
        }
    }

    /// Notes the present generations. This must be called before the value is looked for.
    ///
    /// The first slot is that of the name.
    pub(crate) fn note(&self, slots: &[Slot]) -> GenerationSnapshot {
        if slots.iter().any(|slot| matches!(slot.kind(), SlotKind::Dependents)) {
            self.has_dependents.store(true, Ordering::SeqCst);
            // See `replaced`.
            fence(Ordering::SeqCst);
        }
        let begun = self.begun.load(Ordering::Acquire);
        let scans = self.scans.load(Ordering::Acquire);
        let puts = slots.first().map_or(0, |own| self.puts(*own).load(Ordering::Acquire));
        let mut stamps = Stamps { sum: 0, slots: StampSlots::new(slots) };
        stamps.sum = self.sum(&stamps);
        GenerationSnapshot { stamps, begun, scans, puts, raised: None }
    }

    /// Adds the dependencies of other entries to a snapshot. Returns `None` if one of them may have been invalidated
    /// since they were noted, or if the snapshot is not current any more.
    pub(crate) fn with_stamps<'s>(
        &self,
        snapshot: &'s GenerationSnapshot,
        others: impl Iterator<Item = &'s Stamps> + Clone,
    ) -> Option<GenerationSnapshot> {
        let all = std::iter::once(&snapshot.stamps).chain(others);
        let mut slots: Vec<Slot> = Vec::new();
        for slot in all.clone().flat_map(|stamps| stamps.slots.all()) {
            if *slot != Slot::NEVER && !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        // The counters are read before the comparisons. Counters only grow, so these are those that were noted.
        let Stamps { sum, slots } = self.note(&slots).stamps;
        let mut all = all;
        all.all(|stamps| self.current(stamps))
            .then(|| GenerationSnapshot { stamps: Stamps { sum, slots }, ..snapshot.clone() })
    }

    /// Adds tags to a snapshot that were not known when it was noted, because they depend on the value. Returns `None`
    /// if one of them may have been invalidated since, or if the snapshot is not current any more.
    ///
    /// R1: so the tags count as noted before the value was loaded.
    pub(crate) fn with_tags(
        &self,
        snapshot: &GenerationSnapshot,
        tags: &[Slot],
    ) -> Option<GenerationSnapshot> {
        let noted = snapshot.stamps.slots.all().iter().filter(|slot| **slot != Slot::NEVER);
        let slots: Vec<Slot> = noted.chain(tags).copied().collect();
        // The counters are read before the numbers of the invalidations, which are written in the other order. So
        // each invalidation that these counters include is seen.
        let Stamps { sum, slots } = self.note(&slots).stamps;
        let is_unchanged = tags
            .iter()
            .all(|tag| self.last[tag.get() % LAST].load(Ordering::Acquire) <= snapshot.begun);
        (is_unchanged && self.current(&snapshot.stamps))
            .then(|| GenerationSnapshot { stamps: Stamps { sum, slots }, ..snapshot.clone() })
    }

    /// Notes the state before a body whose value will name an entry.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            begun: self.begun.load(Ordering::Acquire),
            scans: self.scans.load(Ordering::Acquire),
            epoch: self.epoch.load(Ordering::Acquire),
        }
    }

    /// Notes the generations of an entry, whose name and slots were not known at that moment. Returns `None` if it is not
    /// [as it was](Generations::is_unchanged).
    ///
    /// R1: so they count as noted at that moment.
    pub(crate) fn note_since(
        &self,
        moment: &Moment,
        slots: &[Slot],
        name: &str,
    ) -> Option<GenerationSnapshot> {
        // The counters are read before the numbers of the changes, which are written in the other order.
        let Moment { begun, scans, .. } = *moment;
        let snapshot = GenerationSnapshot { begun, scans, ..self.note(slots) };
        self.is_unchanged(moment, slots, name).then_some(snapshot)
    }

    /// Returns true if nothing of an entry has changed since that moment: neither its name nor a tag was
    /// invalidated, nothing was put under the name, and no pattern was cleared that matches it. The first slot is that of the
    /// name.
    pub(crate) fn is_unchanged(&self, moment: &Moment, slots: &[Slot], name: &str) -> bool {
        let last = |slot: &Slot| match slot.kind() {
            SlotKind::Name => self.marks[slot.get() % MARKS].load(Ordering::Acquire),
            SlotKind::Tag | SlotKind::Dependents => {
                self.last[slot.get() % LAST].load(Ordering::Acquire)
            }
        };
        slots.iter().all(|slot| last(slot) <= moment.begun)
            && !self.patterns.read().may_match_since(moment.scans, || name)
            && self.epoch.load(Ordering::Acquire) == moment.epoch
    }

    /// Marks a name that this process is about to invalidate or to put in Redis.
    ///
    /// R2: a put whose value names an entry may not store it if the name was marked during its body. This must
    /// be called before Redis changes, because the process receives no notice of its own changes.
    pub(crate) fn mark(&self, name: Slot) {
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        self.marks[name.get() % MARKS].fetch_max(number, Ordering::AcqRel);
    }

    /// Lets the puts of one call not overtake each other: several of its names may share a counter.
    pub(crate) fn together<'s>(snapshots: impl Iterator<Item = &'s mut GenerationSnapshot>) {
        let mut firsts: HashMap<usize, &mut GenerationSnapshot> = HashMap::new();
        for snapshot in snapshots {
            match firsts.entry(snapshot.stamps.name().get() % PUTS) {
                Entry::Vacant(place) => _ = place.insert(snapshot),
                Entry::Occupied(first) => {
                    let raised = first.into_mut().raised.get_or_insert_default();
                    snapshot.raised = Some(Arc::clone(raised));
                }
            }
        }
    }

    /// Returns true if no slot in `stamps` has been invalidated since.
    ///
    /// R1: in memory, generations take the place of tokens.
    pub(crate) fn current(&self, stamps: &Stamps) -> bool {
        self.sum(stamps) == stamps.sum
    }

    /// Does the same for an entry that remembers the last result.
    #[inline]
    pub(crate) fn still_current(&self, stamps: &Stamps, verified: &Verified) -> bool {
        // Read before the counters: a change after this read is not part of the number, so the next call
        // checks again.
        let changes = self.changes.load(Ordering::Acquire);
        verified.0.load(Ordering::Relaxed) == changes || self.verify(stamps, verified, changes)
    }

    #[cold]
    fn verify(&self, stamps: &Stamps, verified: &Verified, changes: u64) -> bool {
        let last = verified.0.load(Ordering::Acquire);
        if last == RETIRED || !self.current(stamps) {
            return false;
        }
        // This must not overwrite a number that another thread has written meanwhile: the entry may be
        // retired now.
        let _ = verified.0.compare_exchange(last, changes, Ordering::Relaxed, Ordering::Relaxed);
        true
    }

    /// Returns true if a load with this snapshot may be joined: none of its dependencies has been invalidated
    /// since, no value has replaced its entry, and no pattern has been cleared.
    pub(crate) fn storable(&self, snapshot: &GenerationSnapshot) -> bool {
        let unswept = self.scans.load(Ordering::Acquire) == snapshot.scans;
        unswept && self.newest(snapshot) && self.current(&snapshot.stamps)
    }

    /// Returns true if no value has replaced the entry since this snapshot.
    fn newest(&self, snapshot: &GenerationSnapshot) -> bool {
        let own = snapshot.stamps.name();
        own == Slot::NEVER || self.puts(own).load(Ordering::Acquire) == snapshot.expected_puts()
    }

    /// Returns the right to store, which must be held from the last check of [`storable`](Storing::storable)
    /// until the value is in the table. A concurrent put or clear then either finds the stored value, or
    /// makes it not storable.
    ///
    /// No code of the user may run while it is held: no `Serialize`, `Clone` or `Drop` of a value.
    pub(crate) fn storing(&self, snapshot: &GenerationSnapshot) -> Storing<'_> {
        let lane = snapshot.stamps.name().get() % LANES;
        let lane = self.lanes[lane].lock();
        let patterns = self.patterns.read();
        Storing { generations: self, _lane: lane, patterns }
    }

    /// Notes that a pattern is about to be cleared: running loads of names that it matches may not store.
    /// Stored entries stay; the scan finds those that match.
    pub(crate) fn begin_scan(&self, pattern: &Pattern) {
        let mut nobody_stores = self.patterns.write();
        self.scans.store(nobody_stores.begin(pattern), Ordering::Release);
    }

    /// Makes stale every entry and every running load that depends on this slot.
    pub(crate) fn bump(&self, slot: Slot) {
        match slot.kind() {
            SlotKind::Name => {
                self.mark(slot);
                self.counter(slot.of_dependents()).fetch_add(1, Ordering::AcqRel);
            }
            SlotKind::Tag => {
                let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
                self.last[slot.get() % LAST].fetch_max(number, Ordering::AcqRel);
            }
            SlotKind::Dependents => {}
        }
        self.counter(slot).fetch_add(1, Ordering::AcqRel);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes stale what depends on this tag. Entries that were made before `at_ms`, the present time, are
    /// [softened](Generations::softened) for this long.
    ///
    /// R1: no older entry is fresh after this, as after a hard invalidation.
    pub(crate) fn bump_softly(&self, tag: Slot, at_ms: u64, window_ms: u64) {
        self.soft.record(self.index(tag), at_ms, window_ms, || self.bump(tag));
    }

    /// Returns true if an entry may be softened.
    pub(crate) fn softens(&self) -> bool {
        self.soft.any()
    }

    /// Returns the soft invalidations of an entry that is not current, if all of its invalidations were soft, and none of their
    /// windows is over. It must have been made at this time, after it noted these stamps.
    pub(crate) fn softened(
        &self,
        stamps: &Stamps,
        created_ms: u64,
        now_ms: u64,
    ) -> Option<Softened> {
        let slots = stamps.slots.all().iter().filter(|slot| **slot != Slot::NEVER);
        // The records are read before the counters. A later invalidation makes the difference larger.
        let softened = self.soft.of(slots.map(|slot| self.index(*slot)), created_ms, now_ms)?;
        (self.sum(stamps).wrapping_sub(stamps.sum) == softened.raises).then_some(softened)
    }

    /// Makes stale what depends on the entry of a name, because a put has replaced it in the table.
    ///
    /// While nothing depends on any entry, a put raises no counter. The order counts: a reader that notes a generation
    /// and then reads the table either reads the new value, or is seen here.
    pub(crate) fn replaced(&self, name: Slot) {
        fence(Ordering::SeqCst);
        if self.has_dependents.load(Ordering::SeqCst) {
            self.bump(name.of_dependents());
        }
    }

    /// Makes every entry and every running load stale.
    pub(crate) fn bump_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes the state of memory before a read of Redis that bypasses memory, because the lease has ended.
    /// Once the read has its reply, this state is [given up](Generations::give_up). Returns `None` if there
    /// is nothing to give up.
    pub(crate) fn pass(&self) -> Option<Passed> {
        let until_ms = self.lease.lapsed()?;
        Some(Passed { until_ms, epoch: self.epoch.load(Ordering::Acquire) })
    }

    /// Gives up the contents of memory after the reply to a read that bypassed it. The reply may be newer
    /// than anything in memory, so the contents are no longer served, even in an outage. For all concurrent
    /// reads together, this happens once.
    pub(crate) fn give_up(&self, passed: Passed) {
        let (next, order) = (passed.epoch.wrapping_add(1), Ordering::AcqRel);
        let _ = self.epoch.compare_exchange(passed.epoch, next, order, Ordering::Acquire);
        // Raised even if another read was first, because that one may not have raised it yet.
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.lease.give_up(passed.until_ms);
    }

    fn sum(&self, stamps: &Stamps) -> u64 {
        let epoch = self.epoch.load(Ordering::Acquire);
        let add = |sum: u64, slot: &Slot| match *slot {
            Slot::NEVER => sum,
            slot => sum.wrapping_add(self.counter(slot).load(Ordering::Acquire).into()),
        };
        stamps.slots.all().iter().fold(epoch, add)
    }

    fn puts(&self, slot: Slot) -> &AtomicU32 {
        &self.puts[slot.get() % PUTS]
    }

    fn counter(&self, slot: Slot) -> &AtomicU32 {
        &self.counters[self.index(slot)]
    }

    fn index(&self, slot: Slot) -> usize {
        let CounterRange { first, mask } = self.ranges[slot.range()];
        first + (slot.get() & mask)
    }
}

/// The right to store in memory, as long as the value is still storable.
pub(crate) struct Storing<'a> {
    generations: &'a Generations,
    _lane: MutexGuard<'a, ()>,
    patterns: RwLockReadGuard<'a, Scans>,
}

impl Storing<'_> {
    /// Returns true if a load of this name with this snapshot may store its value: none of its dependencies
    /// has been invalidated since, no value has replaced its entry, and no pattern that matches the name has
    /// been cleared.
    pub(crate) fn storable<'n>(
        &self,
        snapshot: &GenerationSnapshot,
        name: impl FnOnce() -> &'n str,
    ) -> bool {
        !self.patterns.may_match_since(snapshot.scans, name)
            && self.generations.newest(snapshot)
            && self.generations.current(&snapshot.stamps)
    }

    /// Notes that a value replaces the entry of its name: loads and puts that began before may not store.
    /// Returns false if this one may not store either.
    pub(crate) fn overtake<'n>(
        &self,
        snapshot: &GenerationSnapshot,
        name: impl FnOnce() -> &'n str,
    ) -> bool {
        let may = self.storable(snapshot, name);
        if may {
            self.generations.mark(snapshot.stamps.name());
            self.generations.puts(snapshot.stamps.name()).fetch_add(1, Ordering::AcqRel);
            if let Some(raised) = &snapshot.raised {
                raised.fetch_add(1, Ordering::AcqRel);
            }
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
    use crate::key::name::name_tag;

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

    /// Tries every order of invalidations of two tags, soft and hard, and of the times at which an entry is made and read.
    #[test]
    fn an_entry_is_softened_exactly_if_all_of_its_invalidations_are_soft_and_their_windows_open() {
        const WINDOW: u64 = 4;
        let (a, b) = (Slot::tag("a"), Slot::tag("b"));
        for order in 0..5_usize.pow(5) {
            let generations = Generations::new(0);
            let mut made = None;
            let (mut softs, mut hard) = (Vec::new(), false);
            for place in 0..5 {
                // Two steps are in one millisecond.
                let now_ms = 10 + place / 2;
                match order / 5_usize.pow(place as u32) % 5 {
                    0 => {
                        made = Some((generations.note(&[a, b]).stamps, now_ms));
                        (softs, hard) = (Vec::new(), false);
                    }
                    1 | 2 => {
                        let tag = if order / 5_usize.pow(place as u32) % 5 == 1 { a } else { b };
                        generations.bump_softly(tag, now_ms, WINDOW);
                        softs.push(now_ms);
                    }
                    3 => {
                        generations.bump(a);
                        hard = true;
                    }
                    _ => {}
                }
            }
            let Some((stamps, created_ms)) = made else { continue };
            for now_ms in [12, 13, 14, 15, 16] {
                let softened = generations.softened(&stamps, created_ms, now_ms);
                let first = softs.iter().min().copied();
                let is_open = first.is_some_and(|first| now_ms < first + WINDOW);
                let is_later = softs.iter().all(|at_ms| created_ms < *at_ms);
                let expected = first.filter(|_| !hard && is_open && is_later);
                assert_eq!(softened.map(|softened| softened.at_ms), expected, "{order} {now_ms}");
            }
        }
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
    fn what_changes_after_a_moment_is_not_noted_as_of_it() {
        let generations = Generations::new(0);
        let (name, tag) = (Slot::name("a:1"), Slot::tag("a"));
        let noted = |moment| generations.note_since(&moment, &[name, tag], "a:1").is_some();
        let changes: [&dyn Fn(); 6] = [
            &|| generations.mark(name),
            &|| generations.bump(name),
            &|| generations.bump(tag),
            &|| generations.bump_epoch(),
            &|| generations.begin_scan(&Pattern::new("a:?").unwrap()),
            &|| {
                let put = generations.note(&[name]);
                assert!(generations.storing(&put).overtake(&put, || "a:1"));
            },
        ];
        for change in changes {
            let before = generations.moment();
            generations.mark(Slot::name("b:1"));
            generations.begin_scan(&Pattern::new("b:?").unwrap());
            assert!(noted(before));
            change();
            assert!(!noted(before) && noted(generations.moment()));
        }
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
    fn puts_of_one_call_that_share_a_counter_do_not_overtake_each_other() {
        const { assert!(PUTS.is_multiple_of(LANES)) };
        let generations = Generations::new(0);
        let shared = |turn: usize| Slot::new(u32::try_from(7 + turn * PUTS).unwrap());
        let mut puts = [0, 1, 2].map(|turn| generations.note(&[shared(turn)]));
        let other = generations.note(&[shared(3)]);
        Generations::together(puts.iter_mut());
        let overtake = |snapshot| generations.storing(snapshot).overtake(snapshot, || "a");
        assert!(overtake(&puts[0]) && overtake(&puts[1]));
        assert!(!overtake(&other), "it belongs to another call");
        let newer = generations.note(&[shared(3)]);
        assert!(overtake(&newer));
        assert!(!overtake(&puts[2]), "another call has raised the counter");
    }

    #[test]
    fn who_overtakes_makes_no_entry_stale() {
        let generations = Generations::new(0);
        let put = generations.note(&[Slot::new(7)]);
        // An entry of the same name, and one of another name that shares all its counters.
        let entries =
            [Slot::new(7), Slot::new(7 + (1 << 30))].map(|slot| generations.note(&[slot]));
        assert!(generations.storing(&put).overtake(&put, || "a"));
        assert!(entries.iter().all(|entry| generations.current(&entry.stamps)));
    }

    #[test]
    fn a_tag_that_the_value_brings_is_added_unless_it_was_invalidated_since() {
        let generations = Generations::new(0);
        let (name, tag, other) = (Slot::name("a"), Slot::tag("b"), Slot::tag("c"));
        generations.bump(tag);
        let snapshot = generations.note(&[name]);
        let added = generations.with_tags(&snapshot, &[tag]).unwrap();
        assert!(generations.current(&added.stamps) && added.stamps.cover(&[name, tag]));
        generations.bump(other);
        assert!(generations.with_tags(&snapshot, &[tag]).is_some(), "another tag");
        generations.bump(tag);
        assert!(!generations.current(&added.stamps));
        assert!(generations.with_tags(&snapshot, &[tag]).is_none(), "invalidated since");
        assert!(generations.with_tags(&snapshot, &[other]).is_none());
        assert!(generations.with_tags(&generations.note(&[name]), &[tag, other]).is_some());
    }

    #[test]
    fn no_tag_is_added_to_a_snapshot_that_is_not_current() {
        let generations = Generations::new(0);
        let (name, tag) = (Slot::name("a"), Slot::tag("b"));
        let snapshot = generations.note(&[name]);
        generations.bump(name);
        assert!(generations.with_tags(&snapshot, &[tag]).is_none());
        let snapshot = generations.note(&[name]);
        generations.bump_epoch();
        assert!(generations.with_tags(&snapshot, &[tag]).is_none());
    }

    #[test]
    fn a_change_of_a_name_reaches_no_tag() {
        let generations = Generations::new(0);
        let tags = ["a", "b"].map(Slot::tag);
        let entries = generations.note(&tags);
        for number in 0..100_000 {
            generations.bump(Slot::name(&number.to_string()));
        }
        generations.bump(Slot::name("a"));
        assert!(generations.current(&entries.stamps));
        assert!(generations.with_tags(&entries, &tags).is_some());
    }

    #[test]
    fn what_depends_on_a_name_is_stale_after_an_invalidation_or_a_put_of_the_name() {
        let generations = Generations::new(0);
        let (name, dependents) = (Slot::name("a"), Slot::tag(&name_tag("a")));
        let noted = generations.note(&[Slot::name("b"), dependents]);
        generations.replaced(Slot::name("b"));
        assert!(generations.current(&noted.stamps), "a put of another name");
        generations.bump(name);
        assert!(!generations.current(&noted.stamps));
        let noted = generations.note(&[Slot::name("b"), dependents]);
        generations.replaced(name);
        assert!(!generations.current(&noted.stamps));
    }

    #[test]
    fn a_put_changes_nothing_while_nothing_depends_on_entries() {
        let generations = Generations::new(0);
        let (verified, entry) = (Verified::default(), generations.note(&[Slot::name("a")]));
        assert!(generations.still_current(&entry.stamps, &verified));
        let changes = generations.changes.load(Ordering::Acquire);
        generations.replaced(Slot::name("a"));
        assert_eq!(generations.changes.load(Ordering::Acquire), changes);
    }

    #[test]
    fn dependencies_of_others_are_added_if_they_are_current() {
        let generations = Generations::new(0);
        let [a, b, c] = ["a", "b", "c"].map(Slot::tag);
        let outer = generations.note(&[Slot::name("outer"), a]);
        let inner = generations.note(&[Slot::name("inner"), a, b]).stamps;
        let both = generations.with_stamps(&outer, [&inner, &inner].into_iter()).unwrap();
        assert!(generations.current(&both.stamps) && both.stamps.cover(&[a, b]));
        assert_eq!(both.stamps.name(), Slot::name("outer"));
        generations.bump(c);
        assert!(generations.current(&both.stamps));
        generations.bump(b);
        assert!(!generations.current(&both.stamps) && generations.current(&outer.stamps));
        assert!(generations.with_stamps(&outer, [&inner].into_iter()).is_none());
        assert!(generations.with_stamps(&outer, [].into_iter()).is_some());
        generations.bump_epoch();
        assert!(generations.with_stamps(&outer, [].into_iter()).is_none());
    }

    #[test]
    fn unused_places_of_a_snapshot_are_not_taken_over() {
        let generations = Generations::new(0);
        let tags: Vec<Slot> = ["b", "c", "d", "e"].map(Slot::tag).to_vec();
        let added = generations.with_tags(&generations.note(&[Slot::name("a")]), &tags).unwrap();
        assert!(generations.current(&added.stamps) && added.stamps.cover(&tags));
        generations.bump(Slot::tag("e"));
        assert!(!generations.current(&added.stamps));
    }

    #[test]
    fn the_counters_grow_with_the_capacity_within_bounds() {
        let counters = |capacity| Generations::new(capacity).ranges[0].mask + 1;
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
