//! The ids of a call.

use std::cell::Cell;

use fastrand::Rng;

/// The number of ids of a call.
pub const AT_ONCE: usize = 100;

/// Lists of ids for the calls of a turn.
#[derive(Debug)]
pub struct Batches(Vec<Vec<u64>>);

impl Batches {
    /// Returns lists that together hold each of the ids below `keys` once, mixed; the same in every run.
    pub fn of(keys: u64) -> Self {
        let mut ids: Vec<u64> = (0..keys).collect();
        Rng::with_seed(1).shuffle(&mut ids);
        Batches(ids.chunks(AT_ONCE).map(<[u64]>::to_vec).collect())
    }

    /// Returns this many lists of ids that were never returned before by this counter.
    pub fn fresh(next: &Cell<u64>, count: usize) -> Self {
        let list = |_| {
            let first = next.get();
            next.set(first + AT_ONCE as u64);
            (first..next.get()).collect()
        };
        Batches((0..count).map(list).collect())
    }

    /// Returns this many lists, from the first one again after the last.
    pub fn cycle(&self, count: usize) -> impl Iterator<Item = &[u64]> {
        self.0.iter().map(Vec::as_slice).cycle().take(count)
    }
}
