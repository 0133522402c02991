//! The largest possible number of hits, with knowledge of the future (Belady): the key whose next request is the
//! last of all is evicted, or not admitted.

use std::collections::{BinaryHeap, HashMap};

/// The time of the next request of a key that is never requested again.
const NEVER: usize = usize::MAX;

/// Returns the number of misses in a cache of this number of entries.
pub(super) fn misses(trace: &[u64], entries: usize) -> usize {
    let next = next_uses(trace);
    // When each key in the cache is requested next; and the same for the last one to be found
    // quickly, along with what was true earlier.
    let mut cached: HashMap<u64, usize> = HashMap::new();
    let mut latest: BinaryHeap<(usize, u64)> = BinaryHeap::new();
    let mut misses = 0;
    for (&key, &next) in trace.iter().zip(&next) {
        misses += usize::from(!cached.contains_key(&key));
        cached.insert(key, next);
        latest.push((next, key));
        while cached.len() > entries {
            let Some((next, key)) = latest.pop() else { break };
            if cached.get(&key) == Some(&next) {
                cached.remove(&key);
            }
        }
    }
    misses
}

/// For each request, when its key is requested next.
fn next_uses(trace: &[u64]) -> Vec<usize> {
    let mut seen = HashMap::new();
    let mut next: Vec<usize> = trace
        .iter()
        .enumerate()
        .rev()
        .map(|(at, &key)| seen.insert(key, at).unwrap_or(NEVER))
        .collect();
    next.reverse();
    next
}

#[cfg(test)]
mod tests {
    use super::misses;

    #[test]
    fn what_is_needed_last_is_thrown_out() {
        // 3 is not taken in either time: of the three it is requested last.
        assert_eq!(misses(&[1, 2, 3, 1, 2, 3], 2), 4);
        assert_eq!(misses(&[1, 2, 3, 1, 2, 3], 3), 3);
        assert_eq!(misses(&[1, 2, 1, 3, 3, 2], 1), 4);
    }
}
