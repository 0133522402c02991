//! The times at which hits of a call site are checked against their source.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::clock::{Clock, millis};

/// The verification of the hits of one call site in one manager.
#[derive(Debug)]
pub(crate) struct Verification {
    every_ms: u64,
    /// The time from which the next hit is verified; zero: at once.
    due_ms: AtomicU64,
    clock: Clock,
}

impl Verification {
    /// Verifies at most one hit in this time. The first hit is due at once.
    pub(crate) fn new(every: Duration, clock: Clock) -> Self {
        Verification { every_ms: millis(every), due_ms: AtomicU64::new(0), clock }
    }

    /// Returns true if the next hit is to be verified.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.clock.now_ms() >= self.due_ms.load(Ordering::Relaxed)
    }

    /// Returns true to the one hit that is to be verified now.
    pub(super) fn claim(&self) -> bool {
        let (now, due) = (self.clock.now_ms(), self.due_ms.load(Ordering::Relaxed));
        let next = now.saturating_add(self.every_ms);
        let relaxed = Ordering::Relaxed;
        now >= due && self.due_ms.compare_exchange(due, next, relaxed, relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hit_of_an_interval_is_verified() {
        let clock = Clock::mock();
        let verification = Verification::new(Duration::from_secs(60), clock.clone());
        assert!(verification.is_due() && verification.claim());
        assert!(!verification.is_due() && !verification.claim());
        clock.advance(Duration::from_millis(59_999));
        assert!(!verification.is_due() && !verification.claim());
        clock.advance(Duration::from_secs(3_600));
        assert!(verification.is_due() && verification.claim());
        assert!(!verification.claim(), "missed intervals are not made up for");
    }
}
