//! The counts that a manager has added to the statistics of all processes.
//!
//! An unconfirmed report is sent again unchanged, under its number, and Redis adds each number of a manager
//! once. So an outage loses nothing. A killed process loses its counts since its last report.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::stats::Total;

/// The maximum number of fields that one report changes.
const BATCH: usize = 1_000;

/// The reports of a manager.
#[derive(Debug, Default)]
pub(super) struct FleetCounters(pub(super) Mutex<Sent>);

impl FleetCounters {
    /// Discards the counts of the parent in a forked process: the parent reports them.
    pub(super) fn discard(&self, totals: impl FnOnce() -> Vec<Total>) {
        if let Ok(mut sent) = self.0.try_lock() {
            sent.note(totals());
            sent.pending.clear();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The total in Redis for each field, once all pending reports are confirmed.
    totals: HashMap<String, u64>,
    /// Growth that is not confirmed.
    pub(super) pending: VecDeque<Vec<Total>>,
    /// The number of the report that was confirmed last.
    pub(super) number: u64,
    pub(super) at: Option<Instant>,
    /// True if the user of this connection may not report.
    pub(super) is_forbidden: bool,
}

impl Sent {
    /// Adds the growth of the totals to the pending reports.
    pub(super) fn note(&mut self, totals: Vec<Total>) {
        let mut grown = Vec::new();
        for (field, total) in totals {
            let known = self.totals.entry(field.clone()).or_default();
            if total > *known {
                grown.push((field, total - *known));
                *known = total;
            }
        }
        self.pending.extend(grown.chunks(BATCH).map(<[Total]>::to_vec));
    }

    pub(super) fn is_due(&self, after: Duration) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(field: &str, total: u64) -> Total {
        (field.to_owned(), total)
    }

    #[test]
    fn growth_is_noted_once() {
        let mut sent = Sent::default();
        sent.note(vec![total("a", 3), total("b", 1)]);
        sent.note(vec![total("a", 5), total("b", 1)]);
        let pending: Vec<_> = sent.pending.into_iter().collect();
        assert_eq!(pending, [vec![total("a", 3), total("b", 1)], vec![total("a", 2)]]);
    }

    #[test]
    fn a_report_is_bounded() {
        let mut sent = Sent::default();
        sent.note((0..BATCH + 1).map(|n| total(&n.to_string(), 1)).collect());
        let sizes: Vec<_> = sent.pending.iter().map(Vec::len).collect();
        assert_eq!(sizes, [BATCH, 1]);
    }
}
