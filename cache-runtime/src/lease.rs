//! Until when this process knows what has been invalidated elsewhere.
//!
//! The feed of invalidations renews the lease; while it holds, memory may stand in front of Redis.
//! It is a moment on the system clock, whatever clock the manager counts the age of values by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{coarse_ms, millis, precise_ms};

/// So long after a question was sent its answer says that nothing was missed. What another process
/// invalidates is served here for no longer than this.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// By so much the coarse clock may be behind.
const MARGIN: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Lease {
    until_ms: AtomicU64,
}

impl Lease {
    /// Whether it holds now. On the hit path.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        // Acquired: whoever sees the lease sees what had been invalidated when it was renewed.
        coarse_ms() < self.until_ms.load(Ordering::Acquire)
    }

    /// A question that was sent at this time, by the precise clock, has been answered.
    pub(crate) fn renew(&self, sent_ms: u64) {
        let until = sent_ms.saturating_add(millis(LEASE - MARGIN));
        self.until_ms.fetch_max(until, Ordering::AcqRel);
    }

    /// Ends it at once.
    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }

    /// Whether it holds, or has held at some time in the last `past`.
    pub(crate) fn has_held_within(&self, past: Duration) -> bool {
        let until = self.until_ms.load(Ordering::Acquire);
        until != 0 && precise_ms() < until.saturating_add(millis(past))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_from_its_renewal_until_it_ends() {
        let lease = Lease::default();
        assert!(!lease.holds() && !lease.has_held_within(LEASE));
        lease.renew(precise_ms());
        assert!(lease.holds());
        lease.end();
        assert!(!lease.holds());
    }

    #[test]
    fn an_answer_that_came_late_renews_nothing() {
        let lease = Lease::default();
        lease.renew(precise_ms() - millis(LEASE));
        assert!(!lease.holds());
        assert!(lease.has_held_within(LEASE));
    }

    #[test]
    fn an_older_answer_takes_nothing_back() {
        let lease = Lease::default();
        lease.renew(precise_ms());
        lease.renew(precise_ms() - millis(LEASE));
        assert!(lease.holds());
    }
}
