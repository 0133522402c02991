//! Generations: what makes an invalidation inside one process a single atomic step.
//!
//! Every name and every tag is hashed to one of a fixed number of atomic numbers. An entry keeps
//! the numbers it found *before* its value was loaded, and is fresh only while they are the
//! present ones. Two tags that share a number cost each other misses, never a stale value.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

const SLOTS: usize = 1 << 16;

/// The generations of one manager: an array for names, one for tags, and the epoch of all.
pub(crate) struct Generations {
    names: Box<[AtomicU32]>,
    tags: Box<[AtomicU32]>,
    epoch: AtomicU64,
    sweeps: AtomicU64,
}

/// Where the generation of a name or tag is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Name(u16),
    Tag(u16),
}

impl Slot {
    pub(crate) fn name(name: &str) -> Self {
        Slot::Name(xxh3_64(name.as_bytes()) as u16)
    }

    pub(crate) fn tag(tag: &str) -> Self {
        Slot::Tag(xxh3_64(tag.as_bytes()) as u16)
    }
}

/// The generations that were present when a load began.
#[derive(Clone, Debug)]
pub(crate) struct Stamps {
    epoch: u64,
    sweeps: u64,
    slots: SmallVec<[(Slot, u32); 4]>,
}

impl Stamps {
    /// Whether all of these slots were noted.
    pub(crate) fn cover(&self, slots: &[Slot]) -> bool {
        slots.iter().all(|slot| self.slots.iter().any(|(noted, _)| noted == slot))
    }
}

impl Generations {
    pub(crate) fn new() -> Self {
        Generations {
            names: random_array(),
            tags: random_array(),
            epoch: AtomicU64::new(1),
            sweeps: AtomicU64::new(1),
        }
    }

    /// Notes the present generations. To be called before the value is looked for.
    pub(crate) fn note(&self, slots: &[Slot]) -> Stamps {
        let epoch = self.epoch.load(Ordering::Acquire);
        let sweeps = self.sweeps.load(Ordering::Acquire);
        let slots =
            slots.iter().map(|&slot| (slot, self.at(slot).load(Ordering::Acquire))).collect();
        Stamps { epoch, sweeps, slots }
    }

    /// Whether nothing noted in `stamps` has been invalidated since.
    #[inline]
    pub(crate) fn current(&self, stamps: &Stamps) -> bool {
        self.epoch.load(Ordering::Acquire) == stamps.epoch
            && stamps
                .slots
                .iter()
                .all(|&(slot, noted)| self.at(slot).load(Ordering::Acquire) == noted)
    }

    /// Whether a load that began with these stamps may store its value, or be joined: nothing it
    /// depends on has been invalidated since, and no pattern has been cleared.
    pub(crate) fn storable(&self, stamps: &Stamps) -> bool {
        self.sweeps.load(Ordering::Acquire) == stamps.sweeps && self.current(stamps)
    }

    /// A pattern is about to be cleared: which running loads it matches is not known, so none of
    /// them may store. Entries that are there stay; the sweep finds those that match.
    pub(crate) fn begin_sweep(&self) {
        self.sweeps.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes everything that noted this slot stale.
    pub(crate) fn bump(&self, slot: Slot) {
        self.at(slot).fetch_add(1, Ordering::AcqRel);
    }

    /// Makes every entry and every running load stale.
    pub(crate) fn bump_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    #[inline]
    fn at(&self, slot: Slot) -> &AtomicU32 {
        match slot {
            Slot::Name(index) => &self.names[usize::from(index)],
            Slot::Tag(index) => &self.tags[usize::from(index)],
        }
    }
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generations").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Random starts: numbers noted under one manager mean nothing to another.
fn random_array() -> Box<[AtomicU32]> {
    let seed = crate::random::word();
    (0..SLOTS as u64)
        .map(|i| AtomicU32::new(xxh3_64(&(seed.wrapping_add(i)).to_le_bytes()) as u32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bump_makes_what_was_noted_before_stale_and_nothing_else() {
        let generations = Generations::new();
        let (a, b) = (Slot::tag("a"), Slot::tag("b"));
        let noted_a = generations.note(&[a]);
        let noted_b = generations.note(&[b]);
        generations.bump(a);
        assert!(!generations.current(&noted_a));
        assert!(generations.current(&noted_b));
        assert!(generations.current(&generations.note(&[a, b])));
    }

    #[test]
    fn a_name_and_a_tag_of_one_spelling_are_apart() {
        let generations = Generations::new();
        let noted = generations.note(&[Slot::name("video")]);
        generations.bump(Slot::tag("video"));
        assert!(generations.current(&noted));
    }

    #[test]
    fn a_sweep_stops_loads_and_leaves_entries() {
        let generations = Generations::new();
        let noted = generations.note(&[]);
        generations.begin_sweep();
        assert!(generations.current(&noted));
        assert!(!generations.storable(&noted));
    }

    #[test]
    fn a_new_epoch_makes_all_stale() {
        let generations = Generations::new();
        let noted = generations.note(&[]);
        generations.bump_epoch();
        assert!(!generations.current(&noted));
    }
}
