//! Errors of loads that are remembered for a while, so that a failing source is not asked at each call.
//!
//! They are in the memory of this process only. An error is as valid as a value that was loaded at the same time:
//! it depends on the generations that were noted before the body ran. With Redis, it is used while the lease of
//! the feed holds, as a copy is.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::coherence::generation::GenerationSnapshot;
use crate::key::prehashed::BuildPrehashed;
use crate::output::SharedFailure;
use crate::support::lock::Mutex;
use crate::support::panics::drop_each;
use crate::tiers::key::CallKey;

/// R7: the maximum number of errors that are remembered. Beyond it, the one that ends first is forgotten.
const REMEMBERED: usize = 4_096;

/// The error of a load.
#[derive(Clone)]
pub(crate) struct RecentError {
    pub(crate) error: SharedFailure,
    /// True if a stale value may stand in for it.
    pub(crate) stands_in: bool,
    /// The time at which the load failed, in milliseconds.
    pub(crate) failed_ms: u64,
    /// The generations that were noted before the body ran.
    pub(crate) snapshot: GenerationSnapshot,
}

/// The remembered errors of one manager.
#[derive(Default)]
pub(crate) struct RecentErrors(Mutex<ErrorTable>);

#[derive(Default)]
struct ErrorTable {
    by_key: HashMap<Arc<CallKey>, (ErrorEnd, RecentError), BuildPrehashed>,
    /// The keys in the order of the ends of their errors.
    ends: BTreeMap<ErrorEnd, Arc<CallKey>>,
    /// The number of errors that have been noted.
    noted: u64,
}

/// The end of an error: a time in milliseconds, and a number that no other error has.
type ErrorEnd = (u64, u64);

/// An error that is no longer remembered, with its key. Both may hold values of the user, so they are dropped when no
/// lock is held.
type ForgottenError = (Option<Arc<CallKey>>, RecentError);

impl RecentErrors {
    /// Remembers an error for this time from its failure on.
    pub(crate) fn remember(&self, key: &Arc<CallKey>, error: RecentError, ttl_ms: u64) {
        let mut table = self.0.lock();
        let mut gone = table.ended(error.failed_ms);
        gone.extend(table.remove(key));
        if table.ends.len() >= REMEMBERED {
            gone.extend(table.remove_first());
        }
        table.noted += 1;
        let end = (error.failed_ms.saturating_add(ttl_ms), table.noted);
        table.ends.insert(end, Arc::clone(key));
        table.by_key.insert(Arc::clone(key), (end, error));
        // The lock is released first: the `Drop` of an error may use the cache.
        drop(table);
        drop_each(gone);
    }

    /// Forgets the error of a key.
    pub(crate) fn forget(&self, key: &CallKey) {
        let gone = self.0.lock().remove(key);
        drop_each(gone);
    }

    /// Returns the error of a key that is not over at `now_ms`.
    pub(crate) fn find(&self, key: &CallKey, now_ms: u64) -> Option<RecentError> {
        let table = self.0.lock();
        let ((end_ms, _), error) = table.by_key.get(key)?;
        (now_ms < *end_ms).then(|| error.clone())
    }
}

impl ErrorTable {
    fn remove(&mut self, key: &CallKey) -> Option<ForgottenError> {
        let (end, error) = self.by_key.remove(key)?;
        Some((self.ends.remove(&end), error))
    }

    fn remove_first(&mut self) -> Option<ForgottenError> {
        let (_, key) = self.ends.pop_first()?;
        let (_, error) = self.by_key.remove(&key)?;
        Some((Some(key), error))
    }

    /// Removes the errors whose time is over.
    fn ended(&mut self, now_ms: u64) -> Vec<ForgottenError> {
        let mut ended = Vec::new();
        while self.ends.first_key_value().is_some_and(|((end_ms, _), _)| *end_ms <= now_ms) {
            ended.extend(self.remove_first());
        }
        ended
    }
}

impl fmt::Debug for RecentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentError").field("failed_ms", &self.failed_ms).finish_non_exhaustive()
    }
}

impl fmt::Debug for RecentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentErrors")
            .field("errors", &self.0.lock().ends.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::generation::Generations;
    use crate::key::name::Name;
    use crate::memory::Memory;
    use crate::tiers::key::named;

    fn key(memory: &Memory, id: usize) -> Arc<CallKey> {
        Arc::new(named(memory, Name::new(format!("a:{id}")), &[]))
    }

    fn error(key: &CallKey, failed_ms: u64) -> RecentError {
        let snapshot = Generations::new(0).note(key.slots());
        RecentError { error: Arc::new(()), stands_in: true, failed_ms, snapshot }
    }

    #[test]
    fn an_error_is_remembered_for_its_time() {
        let (memory, errors) = (Memory::new(1 << 20, 1 << 20, 2), RecentErrors::default());
        let (a, b) = (key(&memory, 1), key(&memory, 2));
        errors.remember(&a, error(&a, 1_000), 500);
        assert!(errors.find(&a, 1_499).is_some() && errors.find(&b, 1_000).is_none());
        assert!(errors.find(&a, 1_500).is_none());
        errors.remember(&a, error(&a, 2_000), 500);
        assert!(errors.find(&a, 2_499).is_some());
        errors.forget(&a);
        assert!(errors.find(&a, 2_000).is_none());
    }

    // R7
    #[test]
    fn the_number_of_errors_is_bounded_and_nothing_is_left_of_those_that_have_ended() {
        let (memory, errors) = (Memory::new(1 << 20, 1 << 20, 2), RecentErrors::default());
        let counts = || {
            let table = errors.0.lock();
            (table.by_key.len(), table.ends.len())
        };
        // The first one ends last, so it stays.
        let first = key(&memory, 0);
        errors.remember(&first, error(&first, 0), 10_000);
        for id in 1..=REMEMBERED {
            let key = key(&memory, id);
            errors.remember(&key, error(&key, 0), 1_000);
            errors.remember(&key, error(&key, 0), 1_000);
        }
        assert_eq!(counts(), (REMEMBERED, REMEMBERED));
        assert!(errors.find(&first, 0).is_some());
        assert!(errors.find(&key(&memory, 1), 0).is_none());
        assert!(errors.find(&key(&memory, REMEMBERED), 0).is_some());
        let last = key(&memory, REMEMBERED + 1);
        errors.remember(&last, error(&last, 1_000), 1_000);
        assert_eq!(counts(), (2, 2));
    }

    #[test]
    fn an_error_may_use_the_cache_when_it_is_dropped() {
        struct Uses(Arc<RecentErrors>, Arc<CallKey>);
        impl Drop for Uses {
            fn drop(&mut self) {
                self.0.forget(&self.1);
            }
        }
        let memory = Memory::new(1 << 20, 1 << 20, 2);
        let (errors, key) = (Arc::new(RecentErrors::default()), key(&memory, 1));
        let uses = Arc::new(Uses(Arc::clone(&errors), Arc::clone(&key)));
        let before = RecentError { error: uses, ..error(&key, 0) };
        errors.remember(&key, before, 1_000);
        errors.remember(&key, error(&key, 1), 1_000);
        assert!(errors.find(&key, 1).is_none(), "the first one has forgotten the second");
    }
}
