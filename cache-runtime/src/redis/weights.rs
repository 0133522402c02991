//! The expected sizes of values, before they are read.

use super::lane::Lane;
use std::sync::atomic::{AtomicU8, Ordering};

/// The minimum size, in bytes, of a value that uses the connection for large values.
const BULKY: usize = 16 * 1024;
/// The number of places for kinds of values. Kinds that share a place use the same connection.
const PLACES: usize = 1024;
/// The number of small values in a row after which a kind no longer counts as large.
const REMEMBERED: u8 = 32;

/// The number of next values that are expected to be large, for each kind of values, such as those of one
/// function. A reply uses the connection of its command, and the replies behind it wait. So the connection
/// must be chosen before the size is known.
pub(super) struct Weights(Box<[AtomicU8]>);

impl Default for Weights {
    fn default() -> Self {
        Weights((0..PLACES).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Weights {
    /// Returns the connection for reading a value of this kind.
    pub(super) fn lane(&self, kind: u64) -> Lane {
        match self.place(kind) {
            Some(left) if left.load(Ordering::Relaxed) > 0 => Lane::Bulk,
            _ => Lane::Quick,
        }
    }

    /// Notes the size of a value of this kind.
    pub(super) fn note(&self, kind: u64, bytes: usize) {
        let Some(place) = self.place(kind) else { return };
        let left = place.load(Ordering::Relaxed);
        let next = if lane_of(bytes) == Lane::Bulk { REMEMBERED } else { left.saturating_sub(1) };
        // Mostly the number does not change, and without the write no cache line of another core is
        // invalidated.
        if next != left {
            place.store(next, Ordering::Relaxed);
        }
    }

    fn place(&self, kind: u64) -> Option<&AtomicU8> {
        self.0.get((kind % PLACES as u64) as usize)
    }
}

/// Returns the connection for a value of a known size.
pub(super) fn lane_of(bytes: usize) -> Lane {
    if bytes < BULKY { Lane::Quick } else { Lane::Bulk }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_large_until_many_in_a_row_were_small() {
        let weights = Weights::default();
        weights.note(1, BULKY - 1);
        assert_eq!(weights.lane(1), Lane::Quick);
        weights.note(1, BULKY);
        assert_eq!((weights.lane(1), weights.lane(2)), (Lane::Bulk, Lane::Quick));
        for _ in 1..REMEMBERED {
            weights.note(1, 0);
        }
        assert_eq!(weights.lane(1), Lane::Bulk);
        weights.note(1, 0);
        assert_eq!(weights.lane(1), Lane::Quick);
        weights.note(1, 0);
        assert_eq!(weights.lane(1), Lane::Quick);
    }
}
