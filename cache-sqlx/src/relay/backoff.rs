//! Delays between attempts. They grow, and differ between relays.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Backoff {
    delay: Duration,
    seed: RandomState,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { delay: FIRST, seed: RandomState::new() }
    }
}

impl Backoff {
    /// Returns the delay before the next attempt: 0.5 to 1 of the current value.
    pub(super) fn next(&mut self) -> Duration {
        let fraction =
            f64::from((self.seed.hash_one(self.delay) >> 32) as u32) / f64::from(u32::MAX);
        let delay = self.delay.mul_f64(0.5 + fraction / 2.0);
        self.delay = (self.delay * 2).min(LONGEST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!((FIRST / 2..=FIRST).contains(&delays[0]), "{delays:?}");
        assert!(
            delays[10..].iter().all(|delay| (LONGEST / 2..=LONGEST).contains(delay)),
            "{delays:?}"
        );
    }
}
