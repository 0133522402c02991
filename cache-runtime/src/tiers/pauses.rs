//! Keys whose loads have failed recently, and that are not loaded again at once.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::time::Duration;

use crate::key::prehashed::BuildPrehashed;
use crate::support::clock::millis;
use crate::tiers::key::CallKey;

/// The pause after a failed load before the next one, if there is an older value to serve.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The maximum number of failures that are remembered. Beyond it, loads do not pause.
const REMEMBERED: usize = 4_096;

/// The pauses by the hashes of the keys, because keys are large. If two keys have one hash, a failure of one
/// pauses both.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    by_key: HashMap<u64, Pause, BuildPrehashed>,
    /// The pauses in the order of their ends.
    order: VecDeque<(u64, u64)>,
}

/// The pause of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// The time, in milliseconds, before which the key is not loaded again.
    until_ms: u64,
    /// True if a stale value may stand in for the error.
    pub(crate) stands_in: bool,
}

impl Pauses {
    /// Notes that a load has failed at `now_ms`, with an error for which a stale value may stand in or not.
    /// Returns true if that is remembered.
    pub(crate) fn begin(&mut self, key: &CallKey, now_ms: u64, stands_in: bool) -> bool {
        self.forget(now_ms);
        if self.order.len() >= REMEMBERED {
            return false;
        }
        let (hash, until_ms) = (hash(key), now_ms.saturating_add(millis(RETRY_AFTER)));
        self.by_key.insert(hash, Pause { until_ms, stands_in });
        self.order.push_back((until_ms, hash));
        true
    }

    /// Returns the pause of a key whose load has failed lately.
    pub(crate) fn of(&mut self, key: &CallKey, now_ms: u64) -> Option<Pause> {
        self.forget(now_ms);
        if self.by_key.is_empty() { None } else { self.by_key.get(&hash(key)).copied() }
    }

    /// Forgets the pauses that are over.
    fn forget(&mut self, now_ms: u64) {
        while let Some(&(until, hash)) = self.order.front().filter(|(until, _)| *until <= now_ms) {
            self.order.pop_front();
            // The load may have failed again since.
            if self.by_key.get(&hash).is_some_and(|pause| pause.until_ms == until) {
                self.by_key.remove(&hash);
            }
        }
        if self.order.is_empty() && self.order.capacity() > 0 {
            *self = Pauses::default();
        }
    }
}

fn hash(key: &CallKey) -> u64 {
    BuildPrehashed::default().hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::name::Name;
    use crate::memory::Memory;
    use crate::tiers::key::named;

    fn key(name: &str) -> CallKey {
        named(&Memory::new(1 << 20, 1 << 20, 2), Name::new(name), &[])
    }

    #[test]
    fn a_pause_holds_until_a_second_after_the_last_failure() {
        let (mut pauses, key) = (Pauses::default(), key("a"));
        assert!(pauses.begin(&key, 1_000, true) && pauses.begin(&key, 1_500, false));
        assert!(pauses.of(&key, 2_499).is_some_and(|pause| !pause.stands_in));
        assert!(pauses.of(&key, 2_500).is_none());
    }

    #[test]
    fn nothing_is_left_of_pauses_that_are_over() {
        let memory = Memory::new(1 << 20, 1 << 20, 2);
        let mut pauses = Pauses::default();
        let mut begin = |number: usize, now_ms| {
            let key = named(&memory, Name::new(format!("a:{number}")), &[]);
            pauses.begin(&key, now_ms, true)
        };
        assert!((0..REMEMBERED).all(|number| begin(number, 0)));
        assert!(!begin(REMEMBERED, 999), "there are enough of them");
        assert!(begin(REMEMBERED, 1_000));
        assert_eq!((pauses.by_key.len(), pauses.order.len()), (1, 1));
        assert!(pauses.of(&key("b"), 2_000).is_none());
        assert_eq!((pauses.by_key.capacity(), pauses.order.capacity()), (0, 0));
    }
}
