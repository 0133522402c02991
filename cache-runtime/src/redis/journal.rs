//! The journal: removals that Redis has not confirmed.
//!
//! While the removal of a key is pending, this process does not read that key. The value in Redis may be from
//! before an invalidation that has already returned to its caller. A read of a name and its tags reads the
//! key of the name and the token of each tag. So it waits for the removals of all of these, and of the root's
//! token. Other reads go on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::notice;
use crate::support::lock::Mutex;

/// The maximum number of pending removals. With more, the journal invalidates the whole namespace instead.
const CAPACITY: usize = 10_000;
/// The maximum number of pending removals that are sent in one step.
const BATCH: usize = 500;

/// Keys in Redis whose removal is pending.
#[derive(Debug)]
pub(super) struct Journal {
    pending: Mutex<PendingRemovals>,
    len: AtomicUsize,
    root: String,
    /// Notified when removals are confirmed, or could not be sent.
    pub(super) changed: Notify,
    /// Held by the link that sends the pending removals.
    pub(super) sender: AsyncMutex<()>,
}

#[derive(Debug, Default)]
struct PendingRemovals {
    keys: HashMap<String, Times>,
    last: u64,
}

/// The numbers of the first and of the last unconfirmed request to remove a key.
#[derive(Clone, Copy, Debug)]
struct Times {
    first: u64,
    last: u64,
}

impl Journal {
    /// Makes a journal that falls back to the removal of `root`.
    pub(super) fn new(root: String) -> Self {
        Journal {
            pending: Mutex::default(),
            len: AtomicUsize::new(0),
            root,
            changed: Notify::new(),
            sender: AsyncMutex::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Adds keys. Returns true if the removal of the root is pending now, so that cached tokens of it are
    /// void.
    pub(super) fn add(&self, keys: &[String]) -> bool {
        self.change(|pending| {
            pending.last += 1;
            // R6, R7: a full journal forgets nothing; it removes the root instead.
            if pending.keys.len() + keys.len() > CAPACITY {
                // The former removals count as pending until the root's removal is confirmed.
                let first = pending.keys.values().map(|times| times.first).min();
                pending.keys.clear();
                let times = Times { first: first.unwrap_or(pending.last), last: pending.last };
                pending.keys.insert(self.root.clone(), times);
            } else {
                keys.iter().for_each(|key| pending.add(key));
            }
            pending.keys.contains_key(&self.root)
        })
    }

    /// Returns the number of the last addition.
    pub(super) fn last(&self) -> u64 {
        self.pending.lock().last
    }

    /// Returns true if the removal of one of these keys, or of everything, was requested up to this number
    /// and is not confirmed.
    pub(super) fn has_pending(&self, keys: &[String], until: u64) -> bool {
        let pending = self.pending.lock();
        let mut keys = keys.iter().chain([&self.root]);
        keys.any(|key| pending.keys.get(key).is_some_and(|times| times.first <= until))
    }

    /// Returns true if the removal of any key was requested up to this number and is not confirmed.
    pub(super) fn has_any_pending(&self, until: u64) -> bool {
        let pending = self.pending.lock();
        pending.keys.values().any(|times| times.first <= until)
    }

    /// Returns the pending removals.
    fn all(&self) -> Vec<(String, u64)> {
        let pending = self.pending.lock();
        pending.keys.iter().map(|(key, times)| (key.clone(), times.last)).collect()
    }

    /// Returns the pending removals in batches. Each can be sent in one step and fits into one notice.
    pub(super) fn batches(&self) -> Vec<Vec<(String, u64)>> {
        let mut batches: Vec<Vec<(String, u64)>> = Vec::new();
        let mut room = 0;
        for (key, number) in self.all() {
            let size = notice::size_of_key(&key);
            match batches.last_mut().filter(|batch| size <= room && batch.len() < BATCH) {
                Some(batch) => batch.push((key, number)),
                None => {
                    room = notice::ROOM;
                    batches.push(vec![(key, number)]);
                }
            }
            room = room.saturating_sub(size);
        }
        batches
    }

    /// Removes confirmed removals, unless they were requested again meanwhile.
    pub(super) fn confirm(&self, confirmed: &[(String, u64)]) {
        self.change(|pending| {
            confirmed.iter().for_each(|(key, number)| pending.confirm(key, *number))
        });
        self.changed.notify_waiters();
    }

    fn change<T>(&self, change: impl FnOnce(&mut PendingRemovals) -> T) -> T {
        let mut pending = self.pending.lock();
        let output = change(&mut pending);
        self.len.store(pending.keys.len(), Ordering::Release);
        output
    }
}

impl PendingRemovals {
    fn add(&mut self, key: &str) {
        let last = self.last;
        let times = self.keys.entry(key.to_owned()).or_insert(Times { first: last, last });
        times.last = last;
    }

    fn confirm(&mut self, key: &str, number: u64) {
        let Entry::Occupied(mut pending) = self.keys.entry(key.to_owned()) else { return };
        if pending.get().last <= number {
            pending.remove();
        } else {
            let first = &mut pending.get_mut().first;
            *first = number.saturating_add(1).max(*first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|i| format!("k{i}")).collect()
    }

    #[test]
    fn a_key_owed_twice_is_owed_until_the_second_is_confirmed() {
        let journal = Journal::new("root".into());
        assert!(!journal.add(&keys(0..1)));
        let first = journal.all();
        assert!(!journal.add(&keys(0..1)));
        journal.confirm(&first);
        assert_eq!(journal.len(), 1);
        journal.confirm(&journal.all());
        assert!(journal.is_empty());
    }

    #[test]
    fn what_is_owed_is_sent_in_parts_that_a_notice_can_tell_of() {
        let journal = Journal::new("root".into());
        let long = |name: usize| format!("{name:0>200}");
        journal.add(&(0..1_000).map(long).collect::<Vec<_>>());
        let batches = journal.batches();
        assert!(batches.iter().all(|batch| {
            let items = batch.iter().map(|(key, _)| notice::Item::Key(key));
            batch.len() <= BATCH && notice::write(0, items).is_some()
        }));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 1_000);
        assert!((4..=10).contains(&batches.len()), "{}", batches.len());
    }

    // R6, R7: the journal is bounded, and forgets nothing.
    #[test]
    fn an_overflow_owes_the_whole_namespace() {
        let journal = Journal::new("root".into());
        assert!(!journal.add(&keys(0..CAPACITY)));
        assert!(journal.add(&keys(CAPACITY..CAPACITY + 1)));
        assert_eq!(journal.all().into_iter().map(|(key, _)| key).collect::<Vec<_>>(), ["root"]);
        assert!(journal.has_pending(&[], 1), "what was pending before is pending still");
    }

    #[test]
    fn a_question_waits_for_its_own_keys_alone_and_for_the_root() {
        let journal = Journal::new("root".into());
        journal.add(&keys(0..2));
        let now = journal.last();
        assert!(journal.has_pending(&keys(1..5), now) && journal.has_any_pending(now));
        assert!(!journal.has_pending(&keys(2..5), now) && !journal.has_pending(&[], now));
        journal.add(&["root".to_owned()]);
        assert!(!journal.has_pending(&keys(2..5), now), "it was added later");
        assert!(
            journal.has_pending(&keys(2..5), journal.last())
                && journal.has_pending(&[], journal.last())
        );
    }

    #[test]
    fn a_question_does_not_wait_for_what_is_asked_for_again_and_again() {
        let journal = Journal::new("root".into());
        journal.add(&keys(0..1));
        let (now, sent) = (journal.last(), journal.all());
        journal.add(&keys(0..1));
        assert!(journal.has_pending(&keys(0..1), now));
        journal.confirm(&sent);
        assert!(
            !journal.has_pending(&keys(0..1), now),
            "the removal it had to wait for is confirmed"
        );
        assert!(journal.has_pending(&keys(0..1), journal.last()));
        journal.confirm(&sent);
        assert_eq!(journal.len(), 1);
    }
}
