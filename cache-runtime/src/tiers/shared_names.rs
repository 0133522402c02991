//! Kinds of values that are likely to share their names with values of another function. This also happens
//! with two versions of one function, as during a rolling deploy.
//!
//! A process that finds a valid entry that it cannot use leaves the entry there, and stores its own value
//! beside it. From then on, all reads of that kind fetch both in one round trip, until a number of reads has
//! found no such entry.

use std::sync::atomic::{AtomicU32, Ordering};

/// The maximum number of places beside a name for the values of one origin.
pub(crate) const MOST_BESIDE: u8 = 3;
/// The number of distinguished kinds. Two kinds that share a place make each other's requests longer.
const KINDS: usize = 256;
/// The number of reads that find their own entry under the name before reads stop fetching the one beside it.
const LASTING: u32 = 1_000;

/// For each kind, the number of places beside the name that reads fetch and, in the higher bits, the
/// remaining reads.
pub(crate) struct SharedNames([AtomicU32; KINDS]);

impl Default for SharedNames {
    fn default() -> Self {
        SharedNames([const { AtomicU32::new(0) }; KINDS])
    }
}

impl SharedNames {
    /// Returns the number of places beside its name that a read of this kind requests.
    pub(crate) fn places(&self, kind: u64) -> u8 {
        self.of(kind).load(Ordering::Relaxed) as u8
    }

    /// Notes the number of places that a read needed.
    pub(crate) fn note(&self, kind: u64, places: u8) {
        let places = places.max(self.places(kind)).min(MOST_BESIDE);
        self.of(kind).store(LASTING << 8 | u32::from(places), Ordering::Relaxed);
    }

    /// Notes a read that needed no other place.
    pub(crate) fn note_alone(&self, kind: u64) {
        let next = |now: u32| match now >> 8 {
            0 | 1 => 0,
            _ => now - (1 << 8),
        };
        let _ =
            self.of(kind).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(next(now)));
    }

    fn of(&self, kind: u64) -> &AtomicU32 {
        &self.0[(kind % KINDS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_asked_for_until_it_has_long_not_been() {
        let shared = SharedNames::default();
        assert_eq!(shared.places(7), 0);
        shared.note(7, 2);
        shared.note(7, 1);
        (1..LASTING).for_each(|_| shared.note_alone(7));
        assert_eq!((shared.places(7), shared.places(8)), (2, 0));
        shared.note_alone(7);
        assert_eq!(shared.places(7), 0);
        shared.note_alone(7);
        assert_eq!(shared.places(7), 0);
    }

    #[test]
    fn there_is_a_limit() {
        let shared = SharedNames::default();
        shared.note(7, 200);
        assert_eq!(shared.places(7), MOST_BESIDE);
    }
}
