//! The log lines about outages: one for each outage, unless they follow each other closely.

use std::time::{Duration, Instant};

use crate::support::lock::Mutex;

/// The time after a reported outage during which further ones are only counted.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    reported: Option<Instant>,
    /// True if the current outage has been reported.
    loud: bool,
    unreported: u64,
    /// The reported reasons of the current outage.
    reasons: Vec<String>,
}

/// The maximum number of reported reasons of one outage. A reason that differs each time is not informative.
const REASONS: usize = 8;

impl Reports {
    /// Notes the beginning of an outage. If this one must be reported, returns the number of outages since
    /// the last report.
    pub(super) fn outage(&self, now: Instant, reason: &str) -> Option<u64> {
        let mut last = self.0.lock();
        last.reasons = vec![reason.to_owned()];
        last.loud = last.reported.is_none_or(|then| now.saturating_duration_since(then) >= QUIET);
        if !last.loud {
            last.unreported += 1;
            return None;
        }
        last.reported = Some(now);
        Some(std::mem::take(&mut last.unreported))
    }

    /// Returns true if this reason of the current outage has not been reported yet.
    pub(super) fn is_new(&self, reason: &str) -> bool {
        let mut last = self.0.lock();
        let is_new =
            last.reasons.len() < REASONS && last.reasons.iter().all(|known| known != reason);
        if is_new {
            last.reasons.push(reason.to_owned());
        }
        is_new
    }

    /// Returns true if the end of the outage must be reported, because its beginning was.
    pub(super) fn end(&self) -> bool {
        self.0.lock().loud
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
