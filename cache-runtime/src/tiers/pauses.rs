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
    /// The time, in milliseconds, before which a key is not loaded again.
    until: HashMap<u64, u64, BuildPrehashed>,
    /// The pauses in the order of their ends.
    order: VecDeque<(u64, u64)>,
}

impl Pauses {
    /// Notes that a load has failed at `now_ms`. Returns true if that is remembered.
    pub(crate) fn begin(&mut self, key: &CallKey, now_ms: u64) -> bool {
        self.forget(now_ms);
        if self.order.len() >= REMEMBERED {
            return false;
        }
        let (hash, until) = (hash(key), now_ms.saturating_add(millis(RETRY_AFTER)));
        self.until.insert(hash, until);
        self.order.push_back((until, hash));
        true
    }

    /// Returns true if a load has failed within the last pause, so that the next one must wait.
    pub(crate) fn hold(&mut self, key: &CallKey, now_ms: u64) -> bool {
        self.forget(now_ms);
        !self.until.is_empty() && self.until.contains_key(&hash(key))
    }

    /// Forgets the pauses that are over.
    fn forget(&mut self, now_ms: u64) {
        while let Some(&(until, hash)) = self.order.front().filter(|(until, _)| *until <= now_ms) {
            self.order.pop_front();
            // The load may have failed again since.
            if self.until.get(&hash) == Some(&until) {
                self.until.remove(&hash);
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
        assert!(pauses.begin(&key, 1_000) && pauses.begin(&key, 1_500));
        assert!(pauses.hold(&key, 2_499));
        assert!(!pauses.hold(&key, 2_500));
    }

    #[test]
    fn nothing_is_left_of_pauses_that_are_over() {
        let memory = Memory::new(1 << 20, 1 << 20, 2);
        let mut pauses = Pauses::default();
        let mut begin = |number: usize, now_ms| {
            let key = named(&memory, Name::new(&format!("a:{number}")), &[]);
            pauses.begin(&key, now_ms)
        };
        assert!((0..REMEMBERED).all(|number| begin(number, 0)));
        assert!(!begin(REMEMBERED, 999), "there are enough of them");
        assert!(begin(REMEMBERED, 1_000));
        assert_eq!((pauses.until.len(), pauses.order.len()), (1, 1));
        assert!(!pauses.hold(&key("b"), 2_000));
        assert_eq!((pauses.until.capacity(), pauses.order.capacity()), (0, 0));
    }
}
