//! The near cache: a thread's own pointers to the entries that it finds most often.
//!
//! Even a read lock is a write to a cache line that all readers share: on two cores, a hit on a hot key takes
//! five times as long as on one. So each thread keeps pointers to a few entries that it finds repeatedly, and
//! looks there first. These entries are checked like all others, by the generations and the time. An entry
//! that has left the table is marked as retired. So the near cache never serves an entry that the table does
//! not hold.
//!
//! A near cache belongs to its thread alone; otherwise a hit would need a lock. So no other thread can remove
//! retired entries from it. Its thread removes them when it next uses the table. All threads together hold no
//! more than a part of the capacity, regardless of their number. This also limits the entries of threads that
//! never use the table again.

use std::cell::Cell;
use std::mem::{self, size_of};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::entry::{AnyEntry, TableEntry};
use crate::support::panics::drop_each;

/// The number of places at first, and the maximum.
const PLACES: Range<usize> = 64..1 << 15;
/// The minimum number of places, even if a thread may hold very little.
const FEWEST: usize = 16;
/// The number of times that an entry keeps its place from other entries, unless it is found meanwhile.
const PATIENCE: u8 = 16;
/// The mean number of rejected entries per place from which on the number of places is doubled.
const CROWD: usize = 2;
/// The part of a store's capacity that all near caches together may hold.
const PART: u64 = 8;

thread_local! {
    static NEAR: Cell<Option<Box<NearCache>>> = const { Cell::new(None) };
    /// True if this thread has a near cache, in its place or in use.
    static MADE: Cell<bool> = const { Cell::new(false) };
}

/// Takes the near cache of this thread out of its place. The caller must [give it back](give_back).
///
/// So no closure encloses its use: link-time optimisation would not inline the closure into the hit path.
/// Returns `None` before it is made, while it is in use, and while the thread is ending. If the code of a
/// user panics meanwhile, it is dropped, and the thread makes another one.
#[inline(always)]
pub(super) fn take() -> Option<Box<NearCache>> {
    NEAR.try_with(Cell::take).ok().flatten()
}

/// Does the same, and makes a near cache if the thread has none. Returns `None` while it is in use, and while
/// the thread is ending.
fn take_or_make() -> Option<Box<NearCache>> {
    let near = NEAR.try_with(Cell::take).ok()?;
    near.or_else(|| (!MADE.replace(true)).then(Box::default))
}

/// Puts the near cache of this thread back into its place.
#[inline(always)]
pub(super) fn give_back(near: Box<NearCache>) {
    let before = NEAR.try_with(move |place| place.replace(Some(near)));
    // The place was empty. The compiler does not know this, and would drop the former content.
    mem::forget(before);
}

/// A value on a cache line of its own, so that writes to it do not slow down reads of other values.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// The number of turns of all tables.
///
/// A table does not see the hits of the near cache, and might evict an entry as unused. So the near cache
/// answers for one turn, in which a small part of a table is evicted, and then the table is used again. A
/// thread that sees a new turn also drops the entries that have left the tables.
static TURN: Line<AtomicU32> = Line(AtomicU32::new(0));

/// The maximum and the present number of bytes that the near caches of all threads hold.
static ALL: Line<All> =
    Line(All { caches: AtomicU64::new(0), room: AtomicU64::new(0), held: AtomicU64::new(0) });

struct All {
    /// The number of threads that have a near cache.
    caches: AtomicU64,
    /// The bytes that they may hold together: a part of the capacity of each store.
    room: AtomicU64,
    /// The bytes that they hold.
    held: AtomicU64,
}

impl All {
    /// Returns the bytes that one thread may hold. Half of the room is reserved for threads that start later,
    /// because the other threads reduce their share only when they next use a table.
    fn share(&self) -> u64 {
        let caches = self.caches.load(Ordering::Relaxed).max(2);
        self.room.load(Ordering::Relaxed) / 2 / caches
    }

    /// Returns true if this number of further bytes may be held, and reserves them.
    fn take(&self, bytes: u64) -> bool {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = held <= self.room.load(Ordering::Relaxed);
        if !fits {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

#[derive(Default)]
pub(super) struct NearCache {
    /// The places. Their number is a power of two, or zero before the first use of the table.
    slots: Vec<NearSlot>,
    /// The weight of all held entries, in bytes.
    weight: u64,
    /// The number of look-ups of an entry whose place another entry holds, since the number of places last
    /// changed.
    crowded: Cell<usize>,
    /// The turn in which retired entries were last removed.
    turn: u32,
    /// True if it is counted as one of the near caches that share the room.
    counted: bool,
}

impl Drop for NearCache {
    fn drop(&mut self) {
        MADE.set(false);
        ALL.0.caches.fetch_sub(u64::from(self.counted), Ordering::Relaxed);
        // A panic at the end of a thread would end the process.
        drop_each(mem::take(&mut self.slots));
    }
}

#[derive(Default)]
struct NearSlot {
    kept: Option<Kept>,
    /// The turn in which it was last found in the table.
    turn: u32,
    /// The number of times that the entry still keeps its place from other entries.
    patience: Cell<u8>,
}

impl NearSlot {
    /// Returns its entry if that has this hash.
    #[inline(always)]
    fn held(&self, hash: u64) -> Option<&TableEntry> {
        match &self.kept {
            Some(Kept(held)) if held.hash == hash => Some(held),
            _ => None,
        }
    }
}

/// An entry that counts as held as long as this exists.
struct Kept(TableEntry);

impl Kept {
    fn new(held: TableEntry) -> Result<Self, TableEntry> {
        if ALL.0.take(weight_of(&held)) { Ok(Kept(held)) } else { Err(held) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        ALL.0.held.fetch_sub(weight_of(&self.0), Ordering::Relaxed);
    }
}

/// The turns of a store, and its contribution to the room of the near caches.
pub(super) struct Turns {
    evicted: Line<AtomicU64>,
    /// The bytes that are evicted in a turn.
    each: u64,
    part: u64,
}

impl Turns {
    pub(super) fn new(capacity: u64) -> Self {
        let part = capacity / PART;
        ALL.0.room.fetch_add(part, Ordering::Relaxed);
        Turns { evicted: Line::default(), each: (capacity / 32).max(1), part }
    }

    /// Counts the bytes that have been evicted.
    pub(super) fn pass(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let before = self.evicted.0.fetch_add(bytes, Ordering::Relaxed);
        if before / self.each != (before + bytes) / self.each {
            turn_over();
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        ALL.0.room.fetch_sub(self.part, Ordering::Relaxed);
        let_go();
    }
}

#[inline]
pub(super) fn turn() -> u32 {
    TURN.0.load(Ordering::Relaxed)
}

fn turn_over() {
    TURN.0.fetch_add(1, Ordering::Relaxed);
}

/// Begins a new turn after many entries have left a table. This thread drops them at once, each other thread
/// when it next uses a table.
pub(super) fn let_go() {
    turn_over();
    let Some(mut near) = take() else { return };
    let left = near.look_through(turn());
    // The values are dropped only after the near cache can be used again, because the `Drop` of a value may
    // call the cache.
    give_back(near);
    drop_each(left);
}

/// Gives a near cache back that does not hold the entry with this hash. Returns the present turn if the entry
/// may get its place there.
pub(super) fn give_back_without(hash: u64, near: Option<Box<NearCache>>) -> Option<u32> {
    let Some(near) = near else { return Some(turn()) };
    let slot = near.slot(hash);
    let is_taken = slot.is_some_and(|slot| slot.held(hash).is_none() && near.stays(slot));
    give_back(near);
    (!is_taken).then(turn)
}

/// Puts an entry into the near cache, if the thread has room for it.
#[cold]
pub(super) fn put(held: TableEntry, turn: u32) {
    let Some(mut near) = take_or_make() else { return drop_each([held]) };
    let left = near.look_through(turn);
    let (kept, held) = near.put(held, turn);
    give_back(near);
    // The values are dropped last for the same reason as in `let_go`.
    drop_each(left.into_iter().chain(kept));
    drop_each(held);
}

impl NearCache {
    /// Returns the entry with this hash, if it was found in the table in this turn.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64) -> Option<&AnyEntry> {
        let slot = self.slot(hash)?;
        let held = slot.held(hash)?;
        slot.patience.set(PATIENCE);
        if slot.turn == turn() { Some(&held.entry) } else { None }
    }

    #[inline(always)]
    fn slot(&self, hash: u64) -> Option<&NearSlot> {
        self.slots.get(self.index(hash))
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }

    /// Removes the retired entries, once in each turn. Removes all entries if they are more than this thread
    /// may hold now.
    fn look_through(&mut self, turn: u32) -> Vec<Kept> {
        if self.turn == turn {
            return Vec::new();
        }
        self.turn = turn;
        let share = ALL.0.share();
        if self.weight > share || self.slots.len() > most_places(share) {
            self.weight = 0;
            return mem::take(&mut self.slots).into_iter().filter_map(|p| p.kept).collect();
        }
        let has_left = |kept: &mut Kept| kept.0.entry.verified.is_retired();
        let left = self.slots.iter_mut().filter_map(|slot| slot.kept.take_if(has_left));
        let left: Vec<Kept> = left.collect();
        self.weight -= left.iter().map(|kept| weight_of(&kept.0)).sum::<u64>();
        left
    }

    /// Puts an entry in its place. Returns the entry that must be dropped: the former one, or the given one.
    fn put(&mut self, held: TableEntry, turn: u32) -> (Option<Kept>, Option<TableEntry>) {
        if !mem::replace(&mut self.counted, true) {
            ALL.0.caches.fetch_add(1, Ordering::Relaxed);
            // The other threads have a smaller share from now on.
            turn_over();
        }
        let share = ALL.0.share();
        self.make_places(most_places(share));
        let index = self.index(held.hash);
        let slot = &mut self.slots[index];
        let before = slot.kept.as_ref().map_or(0, |kept| weight_of(&kept.0));
        let weight = self.weight - before + weight_of(&held);
        let kept = if weight > share { Err(held) } else { Kept::new(held) };
        match kept {
            Ok(kept) => {
                self.weight = weight;
                slot.turn = turn;
                slot.patience.set(PATIENCE);
                (slot.kept.replace(kept), None)
            }
            Err(held) => {
                slot.patience.set(u8::MAX);
                (None, Some(held))
            }
        }
    }

    /// Returns true if this place keeps its entry: its patience is not used up. Each call reduces the
    /// patience by one.
    #[inline]
    fn stays(&self, slot: &NearSlot) -> bool {
        self.crowded.set(self.crowded.get() + 1);
        let patience = slot.patience.get();
        slot.patience.set(patience.saturating_sub(1));
        patience > 0 && !self.is_crowded()
    }

    fn is_crowded(&self) -> bool {
        self.crowded.get() >= self.slots.len() * CROWD
    }

    /// Doubles the number of places if they are crowded.
    fn make_places(&mut self, most: usize) {
        let now = self.slots.len();
        if now > 0 && !self.is_crowded() {
            return;
        }
        self.crowded.set(0);
        let wanted = if now == 0 { PLACES.start.min(most) } else { now * 2 };
        if wanted > most {
            return;
        }
        let slots = (0..wanted).map(|_| NearSlot::default()).collect();
        let before = mem::replace(&mut self.slots, slots);
        for slot in before {
            if let Some(kept) = &slot.kept {
                let index = self.index(kept.0.hash);
                self.slots[index] = slot;
            }
        }
    }
}

fn most_places(share: u64) -> usize {
    let fit = usize::try_from(share / 4).unwrap_or(usize::MAX) / size_of::<NearSlot>();
    1 << fit.clamp(FEWEST, PLACES.end).ilog2()
}

fn weight_of(held: &TableEntry) -> u64 {
    held.entry.weight.into()
}
