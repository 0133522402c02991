//! Which values are large, as far as that is known before they are read.

use super::lane::Lane;
use std::sync::atomic::{AtomicU8, Ordering};

/// A value of at least so many bytes goes over the connection for large things.
const BULKY: usize = 16 * 1024;
/// So many places for kinds of values. Those that share one go the same way.
const PLACES: usize = 1024;
/// A kind counts as large until so many values in a row were small.
const REMEMBERED: u8 = 32;

/// For each kind of values, such as those of one function, how many of the next ones are thought
/// to be large. A reply comes over the connection of its command, and those behind it wait: so it is to
/// be known before the size is.
pub(super) struct Weights(Box<[AtomicU8]>);

impl Default for Weights {
    fn default() -> Self {
        Weights((0..PLACES).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Weights {
    /// The connection to read a value of this kind over.
    pub(super) fn lane(&self, kind: u64) -> Lane {
        match self.place(kind) {
            Some(left) if left.load(Ordering::Relaxed) > 0 => Lane::Bulk,
            _ => Lane::Quick,
        }
    }

    /// A value of this kind was so large.
    pub(super) fn note(&self, kind: u64, bytes: usize) {
        let Some(place) = self.place(kind) else { return };
        let left = place.load(Ordering::Relaxed);
        let next = if lane_of(bytes) == Lane::Bulk { REMEMBERED } else { left.saturating_sub(1) };
        // Most of the time nothing changes, and nobody else's cache line is taken away.
        if next != left {
            place.store(next, Ordering::Relaxed);
        }
    }

    fn place(&self, kind: u64) -> Option<&AtomicU8> {
        self.0.get((kind % PLACES as u64) as usize)
    }
}

/// The connection for a value of a size that is known.
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
