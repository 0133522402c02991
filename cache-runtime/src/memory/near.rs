//! A thread's own look at the entries it finds most often.
//!
//! Even a read lock is a write to a line that all readers share: on two cores a hot key costs five
//! times what it costs on one. So each thread keeps pointers to a few entries that it finds again
//! and again, and looks there first. What it finds is judged like everything else, by the
//! generations and the time, and an entry that has left the table says so itself: the near cache never
//! serves what the table does not hold.
//!
//! A near cache belongs to its thread alone, or a hit would need a lock. So nobody else can take from it
//! what has left the table: the thread does so itself when it next asks the table. All threads
//! together hold no more than a part of the capacity, however many there are, so that is all that
//! threads which never ask again can keep.

use std::cell::Cell;
use std::mem::{self, size_of};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::entry::{AnyEntry, TableEntry};
use crate::support::panics::drop_each;

/// The number of places at first, and the maximum.
const PLACES: Range<usize> = 64..1 << 15;
/// So many are there however little a thread may hold.
const FEWEST: usize = 16;
/// So often an entry keeps its place from others that belong there, unless it is found meanwhile.
const PATIENCE: u8 = 16;
/// The places are too few once each of them, at the mean, has turned so many away.
const CROWD: usize = 2;
/// The part of a store's capacity that all near caches together may hold.
const PART: u64 = 8;

thread_local! {
    static NEAR: Cell<Option<Box<NearCache>>> = const { Cell::new(None) };
    /// True if this thread has one, in its place or in use.
    static MADE: Cell<bool> = const { Cell::new(false) };
}

/// Takes the near cache of this thread out of its place. It is to be [given back](give_back).
///
/// So no closure encloses the use of it: link-time optimisation would leave that out of the hit path. Returns
/// `None` before it is made, while it is in use, and while the thread is ending. If the code of a user panics
/// meanwhile, it is dropped, and the thread makes another one.
#[inline(always)]
pub(super) fn take() -> Option<Box<NearCache>> {
    NEAR.try_with(Cell::take).ok().flatten()
}

/// Does the same, and makes one if the thread has none. Returns `None` while it is in use, and while the thread is
/// ending.
fn take_or_make() -> Option<Box<NearCache>> {
    let near = NEAR.try_with(Cell::take).ok()?;
    near.or_else(|| (!MADE.replace(true)).then(Box::default))
}

/// Puts the near cache of this thread back into its place.
#[inline(always)]
pub(super) fn give_back(near: Box<NearCache>) {
    let before = NEAR.try_with(move |place| place.replace(Some(near)));
    // The place was empty. The compiler does not know that, and would drop what was there.
    mem::forget(before);
}

/// On a line of its own, so that those who write it do not disturb those who read others.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// Counts how far the tables have been turned over.
///
/// A table does not see the hits of the near cache, and might take an entry for cold. So the near cache
/// answers for one turn, a small part of the table, and then asks the table again. A thread that sees a new
/// turn also lets go of what has left the tables.
static TURN: Line<AtomicU32> = Line(AtomicU32::new(0));

/// The bytes that the near caches of all threads may hold, and do hold.
static ALL: Line<All> =
    Line(All { caches: AtomicU64::new(0), room: AtomicU64::new(0), held: AtomicU64::new(0) });

struct All {
    /// The number of threads that have a near cache.
    caches: AtomicU64,
    /// The bytes that they may hold together: a part of the capacity of each store there is.
    room: AtomicU64,
    /// The bytes that they hold.
    held: AtomicU64,
}

impl All {
    /// Returns the bytes that one thread may hold. Half of the room is kept back for threads that come when
    /// others have taken their share of it, since those give it back no sooner than they ask a table again.
    fn share(&self) -> u64 {
        let caches = self.caches.load(Ordering::Relaxed).max(2);
        self.room.load(Ordering::Relaxed) / 2 / caches
    }

    /// Returns true if this number of further bytes may be held, and takes them.
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
    /// A power of two, or none until the table has been asked.
    slots: Vec<NearSlot>,
    /// The bytes of all that is held.
    weight: u64,
    /// The number of look-ups of an entry whose place is another's, since the number of places last changed.
    crowded: Cell<usize>,
    /// The turn in which it was last looked through.
    turn: u32,
    /// True if it is one of those that share the room.
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
    /// The number of others that are still sent on to the table.
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

/// An entry that counts as held while it is.
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

/// A store's turns, and its part of what the near caches may hold.
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

/// Many entries have left a table: this thread lets go of them at once, each other one when it next
/// asks a table.
pub(super) fn let_go() {
    turn_over();
    let Some(mut near) = take() else { return };
    let left = near.look_through(turn());
    // Not before the near cache can be used again: a value's `Drop` may call the cache.
    give_back(near);
    drop_each(left);
}

/// Gives a near cache back that does not have the entry with this hash. Returns the present turn if the entry may
/// have its place there.
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
    // As above.
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

    /// In each turn once: takes out what has left the table, and everything if it is more than this
    /// thread may hold by now.
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

    /// Puts an entry in its place. Returns what has to go for it: the former entry, or the entry itself.
    fn put(&mut self, held: TableEntry, turn: u32) -> (Option<Kept>, Option<TableEntry>) {
        if !mem::replace(&mut self.counted, true) {
            ALL.0.caches.fetch_add(1, Ordering::Relaxed);
            // The others have a smaller share from now on.
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

    /// Returns true if this place keeps its entry: it has patience left, and less each time.
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

    /// Twice as many, if they are crowded.
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
