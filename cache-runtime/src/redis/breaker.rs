//! The breaker: it keeps Redis out of use although the server replies.
//!
//! One failed operation takes a link out of use until the server has answered a probe, which mostly happens
//! at once. So a server that answers probes and fails operations would cost one deadline after the other. The
//! breaker counts failures. After some failures in a row, or when a large part of the operations fail, a
//! successful probe is not enough. The link then stays out of use for a delay that grows each time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::backoff::Backoff;
use crate::support::lock::Mutex;

/// The number of failures in a row that opens the breaker.
const IN_A_ROW: u32 = 5;
/// The number of operations over which the rate of failures is measured.
const WINDOW: u32 = 50;
/// The number of failures in a window that opens the breaker.
const OF_A_WINDOW: u32 = 25;
/// The time without a pause after which the delays start again at the shortest.
const CALM: Duration = Duration::from_secs(30);

/// The state of the circuit breaker for Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Breaker {
    /// Redis is used.
    Closed,
    /// An operation has just failed; one probe is sent, and no other operation.
    HalfOpen,
    /// Redis is not used until the next probe.
    Open,
}

/// The outcomes of the operations of one manager.
#[derive(Debug, Default)]
pub(super) struct Record {
    in_a_row: AtomicU32,
    asked: AtomicU32,
    failed: AtomicU32,
    /// The number of late large replies in a row, while the server answered pings.
    late: AtomicU32,
    delays: Mutex<Delays>,
}

#[derive(Debug, Default)]
struct Delays {
    backoff: Backoff,
    last_pause: Option<Instant>,
    last_failure: Option<SystemTime>,
}

impl Record {
    /// Notes that an operation has succeeded.
    pub(super) fn succeed(&self) {
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) >= WINDOW {
            self.begin_window();
        }
    }

    /// Notes that an operation has failed, for a reason that may lie in Redis.
    pub(super) fn fail(&self) {
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.note_failure();
    }

    /// Notes that a large reply was late. Returns the number of late ones in a row.
    pub(super) fn late(&self) -> u32 {
        self.note_failure();
        self.late.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Notes that a large reply came in time.
    pub(super) fn in_time(&self) {
        if self.late.load(Ordering::Relaxed) != 0 {
            self.late.store(0, Ordering::Relaxed);
        }
    }

    /// Notes a failure of a connection or a check, not of an operation.
    pub(super) fn note_failure(&self) {
        self.change(|delays| delays.last_failure = Some(SystemTime::now()));
    }

    /// Returns the time for which Redis stays out of use although a probe has succeeded.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let in_a_row = self.in_a_row.load(Ordering::Relaxed) >= IN_A_ROW;
        if !in_a_row && self.failed.load(Ordering::Relaxed) < OF_A_WINDOW {
            return None;
        }
        // The next failure opens the breaker again.
        self.in_a_row.store(IN_A_ROW - 1, Ordering::Relaxed);
        self.begin_window();
        Some(self.change(|delays| {
            let last = delays.last_pause.replace(now);
            if last.is_none_or(|last| now.saturating_duration_since(last) > CALM) {
                delays.backoff = Backoff::default();
            }
            delays.backoff.next()
        }))
    }

    pub(super) fn last_failure(&self) -> Option<SystemTime> {
        self.change(|delays| delays.last_failure)
    }

    fn begin_window(&self) {
        self.asked.store(0, Ordering::Relaxed);
        self.failed.store(0, Ordering::Relaxed);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Delays) -> T) -> T {
        change(&mut self.delays.lock())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn fail(record: &Record, times: u32) {
        (0..times).for_each(|_| record.fail());
    }

    #[test]
    fn a_single_failure_needs_no_pause() {
        let record = Record::default();
        fail(&record, 1);
        assert_eq!(record.pause(Instant::now()), None);
        assert!(record.last_failure().is_some());
    }

    #[test]
    fn failures_in_a_row_need_a_pause_that_grows_as_long_as_they_go_on() {
        let (record, now) = (Record::default(), Instant::now());
        fail(&record, IN_A_ROW);
        let first = record.pause(now).unwrap();
        for _ in 0..10 {
            assert_eq!(record.pause(now), None, "closed, for one more try");
            fail(&record, 1);
            assert!(record.pause(now).is_some());
        }
        fail(&record, 1);
        assert!(record.pause(now).unwrap() > first * 3);
        fail(&record, 1);
        assert!(record.pause(now + CALM * 2).unwrap() < first * 4);

        record.succeed();
        fail(&record, 1);
        assert_eq!(record.pause(now), None);
    }

    #[test]
    fn a_rate_of_failures_needs_a_pause() {
        let record = Record::default();
        for _ in 0..OF_A_WINDOW {
            record.succeed();
            fail(&record, 1);
        }
        assert!(record.pause(Instant::now()).is_some());
        assert_eq!(record.pause(Instant::now()), None);
    }

    #[test]
    fn rare_failures_do_not_add_up() {
        let record = Record::default();
        for _ in 0..100 {
            fail(&record, 1);
            (0..20).for_each(|_| record.succeed());
        }
        assert_eq!(record.pause(Instant::now()), None);
    }
}
