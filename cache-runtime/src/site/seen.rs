//! The calls between cached functions that were seen in this process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::instance::{Instance, instance_of};
use crate::support::lock::RwLock;

/// The most pairs of functions that are kept (R7). Beyond it, only known pairs are counted.
const MOST: usize = 4_096;

static SEEN: SeenPairs = SeenPairs::new();

/// Pairs of origins, the outer one first, with the number of calls.
struct SeenPairs(RwLock<BTreeMap<(u64, u64), AtomicU64>>);

impl SeenPairs {
    const fn new() -> Self {
        SeenPairs(RwLock::new(BTreeMap::new()))
    }

    fn note(&self, pair: (u64, u64)) {
        let is_full = {
            let seen = self.0.read();
            if let Some(count) = seen.get(&pair) {
                count.fetch_add(1, Ordering::Relaxed);
                return;
            }
            seen.len() >= MOST
        };
        if !is_full {
            self.add(pair);
        }
    }

    fn add(&self, pair: (u64, u64)) {
        let mut seen = self.0.write();
        if seen.len() < MOST {
            seen.entry(pair).or_default().fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(&self) -> Vec<((u64, u64), u64)> {
        let seen = self.0.read();
        seen.iter().map(|(pair, count)| (*pair, count.load(Ordering::Relaxed))).collect()
    }
}

/// Notes that the body of a function has called another one. Both are given by their origins.
pub(crate) fn note_call(outer: u64, inner: u64) {
    SEEN.note((outer, inner));
}

/// Returns the calls that were seen: the outer function, the inner one, and their number.
pub(crate) fn seen_calls() -> Vec<(&'static Instance, &'static Instance, u64)> {
    let named = |((outer, inner), count): ((u64, u64), u64)| {
        Some((instance_of(outer)?, instance_of(inner)?, count))
    };
    SEEN.all().into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{MOST, SeenPairs};

    #[test]
    fn pairs_are_counted() {
        let seen = SeenPairs::new();
        for pair in [(1, 2), (2, 1), (1, 2)] {
            seen.note(pair);
        }
        assert_eq!(seen.all(), [((1, 2), 2), ((2, 1), 1)]);
    }

    /// R7: only so many pairs are kept, and those are still counted.
    #[test]
    fn the_number_of_pairs_is_limited() {
        let seen = SeenPairs::new();
        for inner in 0..5_000 {
            seen.note((1, inner));
        }
        seen.note((1, 7));
        let all = seen.all();
        assert_eq!((all.len(), all[7]), (MOST, ((1, 7), 2)));
    }
}
