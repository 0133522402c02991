//! A thread's own look at the entries it finds most often.
//!
//! Even a read lock is a write to a line that all readers share: on two cores a hot key costs five
//! times what it costs on one. So each thread keeps pointers to a few entries that it finds again
//! and again, and looks there first. What it finds is judged like everything else, by the
//! generations and the time, and an entry that has left the table says so itself: the front never
//! serves what the table does not hold.
//!
//! A front belongs to its thread alone, or a hit would need a lock. So nobody else can take from it
//! what has left the table: the thread does so itself when it next asks the table. All threads
//! together hold no more than a part of the capacity, however many there are, so that is all that
//! threads which never ask again can keep.

use std::cell::{Cell, RefCell};
use std::mem::{self, size_of};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::entry::{AnyEntry, Held};

/// How many places there are at first, and how many at most.
const PLACES: Range<usize> = 64..1 << 15;
/// So many are there however little a thread may hold.
const FEWEST: usize = 16;
/// So often an entry keeps its place from others that belong there, unless it is found meanwhile.
const PATIENCE: u8 = 16;
/// The places are too few once each of them, at the mean, has turned so many away.
const CROWD: usize = 4;
/// The part of a store's capacity that all fronts together may hold.
const PART: u64 = 8;

thread_local! {
    static FRONT: RefCell<Front> = const { RefCell::new(Front::new()) };
}

/// On a line of its own, so that those who write it do not disturb those who read others.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// How far the tables have been turned over.
///
/// What the front answers a table does not see, and might take for cold. So the front answers for
/// one turn, a small part of the table, and then asks the table again. A thread that sees a new turn
/// also lets go of what has left the tables.
static TURN: Line<AtomicU32> = Line(AtomicU32::new(0));

/// What the fronts of all threads may hold, and do.
static ALL: Line<All> =
    Line(All { fronts: AtomicU64::new(0), room: AtomicU64::new(0), held: AtomicU64::new(0) });

struct All {
    /// How many threads have a front.
    fronts: AtomicU64,
    /// The bytes that they may hold together: a part of the capacity of each store there is.
    room: AtomicU64,
    /// The bytes that they hold.
    held: AtomicU64,
}

impl All {
    /// What one thread may hold. Half of the room is kept back for threads that come when others have taken
    /// their share of it, since those give it back no sooner than they ask a table again.
    fn share(&self) -> u64 {
        let fronts = self.fronts.load(Ordering::Relaxed).max(2);
        self.room.load(Ordering::Relaxed) / 2 / fronts
    }

    /// Whether so many bytes more may be held.
    fn take(&self, bytes: u64) -> bool {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = held <= self.room.load(Ordering::Relaxed);
        if !fits {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

struct Front {
    /// A power of two, or none until the table has been asked.
    places: Vec<Place>,
    /// The bytes of all that is held.
    weight: u64,
    /// How often an entry was looked for whose place is another's, since there are so many places.
    crowded: Cell<usize>,
    /// When it was last looked through.
    turn: u32,
    /// Whether it is one of those that share the room.
    counted: bool,
}

impl Drop for Front {
    fn drop(&mut self) {
        ALL.0.fronts.fetch_sub(u64::from(self.counted), Ordering::Relaxed);
        // A panic at the end of a thread would end the process.
        super::let_go(mem::take(&mut self.places));
    }
}

#[derive(Default)]
struct Place {
    kept: Option<Kept>,
    /// When it was last found in the table.
    turn: u32,
    /// How many others are still sent on to the table.
    patience: Cell<u8>,
}

/// An entry that counts as held while it is.
struct Kept(Held);

impl Kept {
    fn new(held: Held) -> Result<Self, Held> {
        if ALL.0.take(weight_of(&held)) { Ok(Kept(held)) } else { Err(held) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        ALL.0.held.fetch_sub(weight_of(&self.0), Ordering::Relaxed);
    }
}

/// What the front knows of an entry.
pub(super) enum Looked<T> {
    Found(T),
    /// Nothing: the table is to be asked, and what it finds is to be put to the front.
    Vacant,
    /// Nothing: the table is to be asked.
    Taken,
}

/// A store's turns, and its part of what the fronts may hold.
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

    /// So many bytes have been evicted.
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
    let outgoing = FRONT.try_with(|front| Some(front.try_borrow_mut().ok()?.look_through(turn())));
    // Not before the front can be used again: a value's `Drop` may call the cache.
    super::let_go(outgoing.ok().flatten().into_iter().flatten());
}

/// What `take` makes of the entry at the front with this hash.
#[inline]
pub(super) fn get<T>(hash: u64, turn: u32, take: impl FnOnce(&AnyEntry) -> Option<T>) -> Looked<T> {
    let looked = FRONT.try_with(move |front| {
        let front = front.try_borrow().ok()?;
        let place = front.places.get(front.index(hash))?;
        let held = match &place.kept {
            Some(Kept(held)) if held.hash == hash => held,
            _ => return front.stays(place).then_some(Looked::Taken),
        };
        place.patience.set(PATIENCE);
        if place.turn == turn { take(&held.entry).map(Looked::Found) } else { None }
    });
    // Not available while the thread is ending.
    looked.unwrap_or(Some(Looked::Taken)).unwrap_or(Looked::Vacant)
}

/// Puts an entry to the front, if the thread has room for it.
#[cold]
pub(super) fn put(held: Held, turn: u32) {
    let outgoing = FRONT.try_with(|front| {
        let mut front = front.try_borrow_mut().ok()?;
        let left = front.look_through(turn);
        Some((left, front.put(held, turn)))
    });
    // As above.
    if let Ok(Some((left, (kept, held)))) = outgoing {
        super::let_go(left.into_iter().chain(kept));
        super::let_go(held);
    }
}

impl Front {
    const fn new() -> Self {
        Front { places: Vec::new(), weight: 0, crowded: Cell::new(0), turn: 0, counted: false }
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        hash as usize & self.places.len().wrapping_sub(1)
    }

    /// In each turn once: takes out what has left the table, and everything if it is more than this
    /// thread may hold by now.
    fn look_through(&mut self, turn: u32) -> Vec<Kept> {
        if self.turn == turn {
            return Vec::new();
        }
        self.turn = turn;
        let share = ALL.0.share();
        if self.weight > share || self.places.len() > most_places(share) {
            self.weight = 0;
            return mem::take(&mut self.places).into_iter().filter_map(|p| p.kept).collect();
        }
        let has_left = |kept: &mut Kept| kept.0.entry.verified.is_retired();
        let left = self.places.iter_mut().filter_map(|place| place.kept.take_if(has_left));
        let left: Vec<Kept> = left.collect();
        self.weight -= left.iter().map(|kept| weight_of(&kept.0)).sum::<u64>();
        left
    }

    /// What has to go for it: what was in its place, or the entry itself.
    fn put(&mut self, held: Held, turn: u32) -> (Option<Kept>, Option<Held>) {
        if !mem::replace(&mut self.counted, true) {
            ALL.0.fronts.fetch_add(1, Ordering::Relaxed);
            // The others have a smaller share from now on.
            turn_over();
        }
        let share = ALL.0.share();
        self.make_places(most_places(share));
        let index = self.index(held.hash);
        let place = &mut self.places[index];
        let before = place.kept.as_ref().map_or(0, |kept| weight_of(&kept.0));
        let weight = self.weight - before + weight_of(&held);
        let kept = if weight > share { Err(held) } else { Kept::new(held) };
        match kept {
            Ok(kept) => {
                self.weight = weight;
                place.turn = turn;
                place.patience.set(PATIENCE);
                (place.kept.replace(kept), None)
            }
            Err(held) => {
                place.patience.set(u8::MAX);
                (None, Some(held))
            }
        }
    }

    /// Whether this place is not to be had for another entry: it has patience left, and less each time.
    #[inline]
    fn stays(&self, place: &Place) -> bool {
        self.crowded.set(self.crowded.get() + 1);
        let patience = place.patience.get();
        place.patience.set(patience.saturating_sub(1));
        patience > 0 && !self.is_crowded()
    }

    fn is_crowded(&self) -> bool {
        self.crowded.get() >= self.places.len() * CROWD
    }

    /// Twice as many, if they are crowded.
    fn make_places(&mut self, most: usize) {
        let now = self.places.len();
        if now > 0 && !self.is_crowded() {
            return;
        }
        self.crowded.set(0);
        let wanted = if now == 0 { PLACES.start.min(most) } else { now * 2 };
        if wanted > most {
            return;
        }
        let places = (0..wanted).map(|_| Place::default()).collect();
        let before = mem::replace(&mut self.places, places);
        for place in before {
            if let Some(kept) = &place.kept {
                let index = self.index(kept.0.hash);
                self.places[index] = place;
            }
        }
    }
}

fn most_places(share: u64) -> usize {
    let fit = usize::try_from(share / 4).unwrap_or(usize::MAX) / size_of::<Place>();
    1 << fit.clamp(FEWEST, PLACES.end).ilog2()
}

fn weight_of(held: &Held) -> u64 {
    held.entry.weight.into()
}
