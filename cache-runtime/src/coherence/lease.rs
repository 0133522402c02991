//! The time until which this process has received all invalidations of other processes.
//!
//! The feed of invalidations renews the lease. While the lease holds, memory may answer reads in place of
//! Redis. Its end is a time of the system clock, regardless of the clock with which the manager measures the
//! age of values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::clock::{coarse_ms, millis, precise_ms, renewed_ms};

/// The life of the lease, from the time at which a ping was sent. An entry that another process invalidates
/// is served here for no longer than this.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// The maximum lag of the coarse clock.
const MARGIN: Duration = Duration::from_millis(100);

/// The value in place of the end of a lease whose contents of memory have been given up. Entries from before
/// it are stale.
const GIVEN_UP: u64 = 1;

#[derive(Debug, Default)]
pub(crate) struct Lease {
    until_ms: AtomicU64,
    /// The time at which the last answered ping was sent, by the manager's clock.
    received_ms: AtomicU64,
}

impl Lease {
    /// Returns true if the lease holds now, by the coarse clock. This is on the hit path.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        // Acquire: a thread that sees the lease also sees every invalidation from before its renewal.
        coarse_ms() < self.until_ms.load(Ordering::Acquire)
    }

    /// Checks the same by the exact time, off the hit path. The coarse clock lags in a process that was
    /// stopped and continues.
    pub(crate) fn holds_exactly(&self) -> bool {
        renewed_ms() < self.until_ms.load(Ordering::Acquire)
    }

    /// Returns the time at which the lease ended, if the contents of memory at that time are still in use.
    pub(crate) fn lapsed(&self) -> Option<u64> {
        let until = self.until_ms.load(Ordering::Acquire);
        (until > GIVEN_UP && until <= renewed_ms()).then_some(until)
    }

    /// Gives up the contents of memory from the time at which the lease ended.
    pub(crate) fn give_up(&self, until: u64) {
        let (from, to) = (Ordering::AcqRel, Ordering::Relaxed);
        // If the lease has been renewed since, nothing has to be done.
        let _ = self.until_ms.compare_exchange(until, GIVEN_UP, from, to);
    }

    /// Renews the lease after the reply to a ping. The ping was sent at `sent_ms` by the precise clock, and
    /// at `by_clock_ms` by the manager's clock.
    pub(crate) fn renew(&self, sent_ms: u64, by_clock_ms: u64) {
        self.received_ms.fetch_max(by_clock_ms, Ordering::AcqRel);
        let until = sent_ms.saturating_add(millis(LEASE - MARGIN));
        self.until_ms.fetch_max(until, Ordering::AcqRel);
    }

    /// Ends the lease at once.
    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }

    /// Returns the time up to which the invalidations of other processes have been received, by the manager's
    /// clock. Returns `None` if there never was a lease.
    pub(crate) fn received_ms(&self) -> Option<u64> {
        Some(self.received_ms.load(Ordering::Acquire)).filter(|received| *received > 0)
    }

    /// Returns true if the lease holds, or has held at some time in the last `past`.
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
        lease.renew(precise_ms(), 1);
        assert!(lease.holds());
        lease.end();
        assert!(!lease.holds());
    }

    #[test]
    fn an_answer_that_came_late_renews_nothing() {
        let lease = Lease::default();
        lease.renew(precise_ms() - millis(LEASE), 1);
        assert!(!lease.holds());
        assert!(lease.has_held_within(LEASE));
    }

    #[test]
    fn an_older_answer_takes_nothing_back() {
        let lease = Lease::default();
        lease.renew(precise_ms(), 1);
        lease.renew(precise_ms() - millis(LEASE), 1);
        assert!(lease.holds());
    }

    #[test]
    fn what_is_given_up_is_so_once_and_not_after_a_renewal() {
        let lease = Lease::default();
        assert_eq!(lease.lapsed(), None, "it never held");
        lease.renew(precise_ms() - millis(LEASE), 1);
        let until = lease.lapsed().unwrap_or_default();
        lease.renew(precise_ms(), 2);
        lease.give_up(until);
        assert!(lease.holds_exactly() && lease.lapsed().is_none());
        lease.end();
        lease.renew(precise_ms() - millis(LEASE), 3);
        lease.give_up(lease.lapsed().unwrap_or_default());
        assert!(lease.lapsed().is_none() && lease.has_held_within(Duration::MAX));
        assert_eq!(lease.received_ms(), Some(3));
    }
}
