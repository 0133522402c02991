//! The state that a transaction and its savepoints share.

use std::collections::BTreeMap;
use std::mem;

use super::holding::{Holding, add_to};
use crate::support::lock::Mutex;

/// The invalidations of a transaction and its savepoints. Calls in the scope of one of them depend on all of them.
///
/// A scope holds this and not a queue: a queue ends with the last handle of its owner, although a task of a call goes on.
pub(super) struct Transaction {
    /// True if all reads of the transaction see one snapshot of the data.
    pub(super) reads_snapshot: bool,
    pub(super) registered: Mutex<Registered>,
}

#[derive(Default)]
pub(super) struct Registered {
    /// By level.
    pending: BTreeMap<u64, Vec<Holding>>,
    /// Those of functions whose bodies run.
    announced: BTreeMap<u64, Vec<Holding>>,
    /// The number of the last level or announcement.
    last: u64,
    /// The number of changes.
    revision: u64,
    /// True if anything was registered since the transaction began. It does not matter if it was taken back: its function may
    /// have written.
    is_touched: bool,
}

impl Transaction {
    pub(super) fn new(reads_snapshot: bool) -> Self {
        Transaction { reads_snapshot, registered: Mutex::default() }
    }

    /// Returns true if its calls are only answered: it may see rows that nobody else sees, or it sees a snapshot.
    pub(super) fn reads_only(&self) -> bool {
        self.reads_snapshot || self.is_touched()
    }

    /// Returns true if anything was registered in it, so that it may see rows that nobody else sees.
    pub(super) fn is_touched(&self) -> bool {
        self.registered.lock().is_touched
    }

    /// Returns true if anything is registered.
    pub(super) fn is_in_use(&self) -> bool {
        self.any(|_| true)
    }

    /// Returns true if this is so for anything that is registered.
    pub(super) fn any(&self, is: impl FnMut(&Holding) -> bool) -> bool {
        self.registered.lock().all().any(is)
    }

    /// Returns a number that rises with each change, and never falls.
    pub(super) fn revision(&self) -> u64 {
        self.registered.lock().revision
    }
}

impl Registered {
    /// Returns the number of a new level or announcement.
    pub(super) fn new_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn touch(&mut self) {
        self.revision += 1;
        self.is_touched = true;
    }

    /// Adds invalidations to those of a level.
    pub(super) fn add(&mut self, level: u64, all: impl IntoIterator<Item = Holding>) {
        self.touch();
        let pending = self.pending.entry(level).or_default();
        all.into_iter().for_each(|holding| add_to(pending, holding));
    }

    /// Takes the invalidations out of a level.
    pub(super) fn take(&mut self, level: u64) -> Vec<Holding> {
        self.pending.get_mut(&level).map(mem::take).unwrap_or_default()
    }

    /// Moves the invalidations of a level into the one around it.
    pub(super) fn release(&mut self, level: u64, outer: u64) {
        let pending = self.take(level);
        if !pending.is_empty() {
            self.add(outer, pending);
        }
    }

    /// Takes the invalidations out of the outermost level, with which the transaction ends.
    pub(super) fn take_last(&mut self, level: u64) -> Vec<Holding> {
        self.is_touched = false;
        self.take(level)
    }

    /// Removes a level that has ended, and returns its invalidations.
    pub(super) fn end(&mut self, level: u64) -> Vec<Holding> {
        self.pending.remove(&level).unwrap_or_default()
    }

    /// Returns the number of the targets of a level.
    pub(super) fn len(&self, level: u64) -> usize {
        self.pending.get(&level).into_iter().flatten().map(Holding::len).sum()
    }

    /// Adds the invalidations of a function whose body begins. Returns their number.
    pub(super) fn announce(&mut self, all: Vec<Holding>) -> u64 {
        self.touch();
        let number = self.new_number();
        self.announced.insert(number, all);
        number
    }

    /// Takes the announced invalidations with this number out, if they are still there.
    pub(super) fn withdraw(&mut self, number: u64) -> Option<Vec<Holding>> {
        self.announced.remove(&number)
    }

    fn all(&self) -> impl Iterator<Item = &Holding> {
        self.pending.values().chain(self.announced.values()).flatten()
    }
}
