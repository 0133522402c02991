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
}

impl Reports {
    /// An outage begins now. How many went by without a report, if this one is to be reported.
    pub(super) fn outage(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.loud = last.reported.is_none_or(|then| now.saturating_duration_since(then) >= QUIET);
        if !last.loud {
            last.unreported += 1;
            return None;
        }
        last.reported = Some(now);
        Some(std::mem::take(&mut last.unreported))
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
        assert_eq!(reports.outage(at(0)), Some(0));
        assert!(reports.end());
        for second in 1..10 {
            assert_eq!(reports.outage(at(second)), None);
            assert!(!reports.end());
        }
        assert_eq!(reports.outage(at(10)), Some(9));
        assert!(reports.end());
        assert_eq!(reports.outage(at(30)), Some(0));
    }
}
