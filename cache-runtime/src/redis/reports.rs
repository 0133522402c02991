//! What the log says of outages: each one, unless they come one upon another.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An outage so soon after one that was reported is not worth a line of its own.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    reported: Option<Instant>,
    /// Whether the outage that goes on has been reported.
    loud: bool,
    unreported: u64,
    /// Why, as far as it was said, in the outage that goes on.
    reasons: Vec<String>,
}

/// So many reasons of one outage are said: one that differs each time says nothing.
const REASONS: usize = 8;

impl Reports {
    /// An outage begins now. How many went by without a report, if this one is to be reported.
    pub(super) fn outage(&self, now: Instant, reason: &str) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.reasons = vec![reason.to_owned()];
        last.loud = last.reported.is_none_or(|then| now.saturating_duration_since(then) >= QUIET);
        if !last.loud {
            last.unreported += 1;
            return None;
        }
        last.reported = Some(now);
        Some(std::mem::take(&mut last.unreported))
    }

    /// Whether this reason of the outage that goes on has not been said yet.
    pub(super) fn is_new(&self, reason: &str) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new =
            last.reasons.len() < REASONS && last.reasons.iter().all(|known| known != reason);
        if is_new {
            last.reasons.push(reason.to_owned());
        }
        is_new
    }

    /// Whether the end of the outage is to be reported: if its beginning was.
    pub(super) fn end(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).loud
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_one_upon_another_are_counted() {
        let (reports, start) = (Reports::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(reports.outage(at(0), "a"), Some(0));
        assert!(reports.end());
        for second in 1..10 {
            assert_eq!(reports.outage(at(second), "a"), None);
            assert!(!reports.end());
        }
        assert_eq!(reports.outage(at(10), "a"), Some(9));
        assert!(reports.end());
        assert_eq!(reports.outage(at(30), "a"), Some(0));
    }

    #[test]
    fn each_reason_of_an_outage_is_said_once() {
        let (reports, now) = (Reports::default(), Instant::now());
        reports.outage(now, "refused");
        assert!(!reports.is_new("refused"));
        assert!(
            reports.is_new("expired") && !reports.is_new("expired") && !reports.is_new("refused")
        );
        let new = (0..100).filter(|number| reports.is_new(&number.to_string())).count();
        assert_eq!(new, REASONS - 2, "one that differs each time is not said each time");
        reports.outage(now, "refused");
        assert!(reports.is_new("expired"), "in the next outage");
    }
}
