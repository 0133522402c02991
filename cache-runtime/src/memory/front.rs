//! A thread's own look at the entries it finds most often.
//!
//! Even a read lock is a write to a line that all readers share: on two cores a hot key costs five
//! times what it costs on one. So each thread keeps pointers to a few entries that it finds again
//! and again, and looks there first. What it finds is judged like everything else, by the
//! generations and the time, and an entry that has left the table says so itself: the front never
//! serves what the table does not hold.

use std::cell::{Cell, RefCell};
use std::mem::{self, size_of};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::available_parallelism;

use super::entry::{AnyEntry, Held};

/// How many places there are at first, and how many at most.
const PLACES: Range<usize> = 64..1 << 15;
/// So often an entry keeps its place from others that belong there, unless it is found meanwhile.
const PATIENCE: u8 = 16;
/// The places are too few once each of them, at the mean, has turned so many away.
const CROWD: usize = 4;

thread_local! {
    static FRONT: RefCell<Front> = const { RefCell::new(Front::new()) };
}

struct Front {
    /// A power of two, or none until the table has been asked.
    places: Vec<Place>,
    /// The bytes of all that is held.
    weight: u64,
    /// How often an entry was looked for whose place is another's, since there are so many places.
    crowded: Cell<usize>,
}

#[derive(Clone, Default)]
struct Place {
    held: Option<Held>,
    /// When it was last found in the table.
    turn: u32,
    /// How many others are still sent on to the table.
    patience: Cell<u8>,
}

/// What the front knows of an entry.
pub(super) enum Looked<T> {
    Found(T),
    /// Nothing: the table is to be asked, and what it finds is to be put to the front.
    Vacant,
    /// Nothing: the table is to be asked.
    Taken,
}

/// How far a table has been turned over by evictions.
///
/// What the front answers the table does not see, and might take for cold. So the front answers
/// for one turn, a small part of the table, and then asks the table again.
pub(super) struct Turns {
    now: AtomicU32,
    evicted: Evicted,
    /// The bytes that are evicted in a turn.
    each: u64,
    room: Room,
}

/// How much one thread may take to the front. All that run at once take a part of the capacity at
/// most: a sixteenth for entries that have left the table and cannot be freed, and a quarter of that
/// for the places.
#[derive(Clone, Copy)]
pub(super) struct Room {
    bytes: u64,
    places: usize,
}

/// On a line of its own, so that those who evict do not disturb those who read.
#[derive(Default)]
#[repr(align(128))]
struct Evicted(AtomicU64);

impl Turns {
    pub(super) fn new(capacity: u64) -> Self {
        let threads = available_parallelism().map_or(4, usize::from) as u64;
        let bytes = capacity / 16 / threads;
        let places = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / size_of::<Place>();
        Turns {
            now: AtomicU32::default(),
            evicted: Evicted::default(),
            each: (capacity / 32).max(1),
            room: Room { bytes, places: places.min(PLACES.end) },
        }
    }

    #[inline]
    pub(super) fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// So many bytes have been evicted.
    pub(super) fn pass(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let before = self.evicted.0.fetch_add(bytes, Ordering::Relaxed);
        if before / self.each != (before + bytes) / self.each {
            self.now.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What `take` makes of the entry at the front with this hash.
#[inline]
pub(super) fn get<T>(hash: u64, turn: u32, take: impl FnOnce(&AnyEntry) -> Option<T>) -> Looked<T> {
    let looked = FRONT.try_with(move |front| {
        let front = front.try_borrow().ok()?;
        let place = front.places.get(front.index(hash))?;
        let held = match &place.held {
            Some(held) if held.hash == hash => held,
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
pub(super) fn put(held: Held, turn: u32, room: Room) {
    let outgoing = FRONT.try_with(|front| front.try_borrow_mut().ok()?.put(held, turn, room));
    // Not before the front can be used again: a value's `Drop` may call the cache.
    drop(outgoing);
}

impl Front {
    const fn new() -> Self {
        Front { places: Vec::new(), weight: 0, crowded: Cell::new(0) }
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        hash as usize & self.places.len().wrapping_sub(1)
    }

    /// What has to go for it: what was in its place, or the entry itself.
    fn put(&mut self, held: Held, turn: u32, room: Room) -> Option<Held> {
        self.make_places(room.places);
        let index = self.index(held.hash);
        let place = &mut self.places[index];
        let before = place.held.as_ref().map_or(0, weight_of);
        let weight = self.weight - before + weight_of(&held);
        if weight > room.bytes {
            place.patience.set(u8::MAX);
            return Some(held);
        }
        self.weight = weight;
        place.turn = turn;
        place.patience.set(PATIENCE);
        place.held.replace(held)
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
        let wanted = (now * 2).max(PLACES.start);
        if wanted > most.max(PLACES.start) {
            return;
        }
        let before = mem::replace(&mut self.places, vec![Place::default(); wanted]);
        for place in before {
            if let Some(held) = &place.held {
                let index = self.index(held.hash);
                self.places[index] = place;
            }
        }
    }
}

fn weight_of(held: &Held) -> u64 {
    held.entry.weight.into()
}
