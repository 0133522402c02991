//! The journal: invalidations that Redis is not yet known to hold.
//!
//! While it is not empty, this process reads and stores nothing in Redis: what is there may be
//! from before an invalidation that has already returned to its caller.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::notice;

/// Beyond so many entries the journal asks for the whole namespace in place of forgetting one.
const CAPACITY: usize = 10_000;
/// How many owed removals are sent in one step.
const BATCH: usize = 500;

/// Keys in Redis whose removal is owed.
#[derive(Debug)]
pub(super) struct Journal {
    owed: Mutex<Owed>,
    len: AtomicUsize,
    root: String,
}

#[derive(Debug, Default)]
struct Owed {
    keys: HashMap<String, u64>,
    next: u64,
}

impl Journal {
    /// A journal that falls back to the removal of `root`.
    pub(super) fn new(root: String) -> Self {
        Journal { owed: Mutex::default(), len: AtomicUsize::new(0), root }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Notes keys. Whether the removal of the root is among what is owed now: then nothing that was
    /// known of it counts any more.
    pub(super) fn add(&self, keys: &[String]) -> bool {
        self.change(|owed| {
            owed.next += 1;
            let number = owed.next;
            if owed.keys.len() + keys.len() > CAPACITY {
                owed.keys.clear();
                owed.keys.insert(self.root.clone(), number);
            } else {
                owed.keys.extend(keys.iter().map(|key| (key.clone(), number)));
            }
            owed.keys.contains_key(&self.root)
        })
    }

    /// What is owed now.
    fn all(&self) -> Vec<(String, u64)> {
        let owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        owed.keys.iter().map(|(key, number)| (key.clone(), *number)).collect()
    }

    /// What is owed now, in parts that can be sent in one step each and told of in one notice.
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

    /// Strikes out what has been confirmed, unless it has been asked for again meanwhile.
    pub(super) fn confirm(&self, confirmed: &[(String, u64)]) {
        self.change(|owed| {
            for (key, number) in confirmed {
                if owed.keys.get(key) == Some(number) {
                    owed.keys.remove(key);
                }
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Owed) -> T) -> T {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let output = change(&mut owed);
        self.len.store(owed.keys.len(), Ordering::Release);
        output
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

    #[test]
    fn an_overflow_owes_the_whole_namespace() {
        let journal = Journal::new("root".into());
        assert!(!journal.add(&keys(0..CAPACITY)));
        assert!(journal.add(&keys(CAPACITY..CAPACITY + 1)));
        assert_eq!(journal.all().into_iter().map(|(key, _)| key).collect::<Vec<_>>(), ["root"]);
    }
}
