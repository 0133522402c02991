//! Soft invalidations in this process.
//!
//! A soft invalidation raises the generation of a tag as a hard one does, so no older entry is fresh any more. In addition,
//! it is recorded here. An entry whose generations have changed by soft invalidations *alone* is stale, and not absent,
//! while all of these are recorded.
//!
//! An entry keeps only the sum of its generations. So it is compared by number: the present sum may exceed that of the entry
//! by one for each recorded soft invalidation that the entry surely precedes. An invalidation that is not recorded makes the
//! difference larger. An entry surely precedes an invalidation if it was made at an earlier time: the time is read before the
//! generation is raised, and an entry notes its generations before the time at which it is made.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::lock::RwLock;

/// R7: the maximum number of records. If there are more, the oldest are forgotten, and what they made stale is absent.
const MOST: usize = 1_024;

/// The soft invalidations whose windows may still be open.
#[derive(Debug, Default)]
pub(super) struct SoftRaises {
    /// True if there may be records.
    any: AtomicBool,
    records: RwLock<Vec<SoftRaise>>,
}

/// One soft invalidation.
#[derive(Clone, Copy, Debug)]
struct SoftRaise {
    /// The index of the counter that was raised.
    counter: usize,
    /// The time before the counter was raised.
    at_ms: u64,
    until_ms: u64,
}

/// The state of an entry that was invalidated softly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Softened {
    /// The number of soft invalidations of the entry.
    pub(super) raises: u64,
    /// The time at which the entry became stale.
    pub(crate) at_ms: u64,
}

impl SoftRaises {
    /// Records a soft invalidation, and raises its counter by `raise`.
    ///
    /// Nobody sees the record before the counter is raised. Otherwise the record would explain a hard invalidation that
    /// comes between the two.
    pub(super) fn record(&self, counter: usize, at_ms: u64, window_ms: u64, raise: impl FnOnce()) {
        let mut records = self.records.write();
        records.retain(|record| at_ms < record.until_ms);
        if records.len() >= MOST {
            records.remove(0);
        }
        records.push(SoftRaise { counter, at_ms, until_ms: at_ms.saturating_add(window_ms) });
        self.any.store(true, Ordering::Release);
        raise();
    }

    /// Returns true if there may be records.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Returns the soft invalidations that an entry with these counters precedes, if it was made at this time. A record whose
    /// window is over does not count, so the entry is absent then.
    pub(super) fn of(
        &self,
        counters: impl Iterator<Item = usize> + Clone,
        created_ms: u64,
        now_ms: u64,
    ) -> Option<Softened> {
        let records = self.records.read();
        let (mut raises, mut at_ms) = (0, u64::MAX);
        for record in records.iter().filter(|r| created_ms < r.at_ms && now_ms < r.until_ms) {
            // An entry with two tags of one counter has the difference twice.
            let times = counters.clone().filter(|counter| *counter == record.counter).count();
            raises += times as u64;
            at_ms = if times > 0 { at_ms.min(record.at_ms) } else { at_ms };
        }
        drop(records);
        (raises > 0).then_some(Softened { raises, at_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raises: &SoftRaises, counter: usize, created_ms: u64, now_ms: u64) -> Option<(u64, u64)> {
        let softened = raises.of([counter, 9].into_iter(), created_ms, now_ms)?;
        Some((softened.raises, softened.at_ms))
    }

    #[test]
    fn an_entry_precedes_what_was_recorded_after_it_was_made_until_the_window_ends() {
        let raises = SoftRaises::default();
        assert!(!raises.any());
        raises.record(1, 10, 5, || {});
        raises.record(1, 12, 50, || {});
        assert!(raises.any());
        assert_eq!(of(&raises, 1, 9, 12), Some((2, 10)));
        assert_eq!(of(&raises, 1, 10, 12), Some((1, 12)));
        assert_eq!(of(&raises, 1, 12, 12), None);
        assert_eq!(of(&raises, 2, 9, 12), None);
        assert_eq!(of(&raises, 1, 9, 15), Some((1, 12)), "one of two differences is not explained");
    }

    // R7: the records are bounded.
    #[test]
    fn the_oldest_of_too_many_records_is_forgotten() {
        let raises = SoftRaises::default();
        (0..=MOST).for_each(|counter| raises.record(counter + 10, 10, 1_000, || {}));
        assert_eq!(of(&raises, 10, 1, 11), None);
        assert_eq!(of(&raises, 11, 1, 11), Some((1, 10)));
        assert_eq!(raises.records.read().len(), MOST);
    }
}
