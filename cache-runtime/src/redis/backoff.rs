//! Delays between attempts. They grow, and are jittered, so that many processes do not return at the same
//! moment.

use std::time::Duration;

use crate::support::random;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Backoff(FIRST)
    }
}

impl Backoff {
    /// Returns the delay before the next attempt: 0.5 to 1.5 of the current value.
    pub(super) fn next(&mut self) -> Duration {
        let delay = self.0.mul_f64(0.5 + random::fraction());
        self.0 = (self.0 * 2).min(LONGEST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest_and_differ() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..30).map(|_| backoff.next()).collect();
        assert!(delays[0] >= FIRST / 2 && delays[0] <= FIRST.mul_f64(1.5));
        assert!(
            delays[10..].iter().all(|delay| (LONGEST / 2..=LONGEST.mul_f64(1.5)).contains(delay))
        );
        assert!(delays[10..].iter().any(|delay| *delay != delays[10]));
    }
}
