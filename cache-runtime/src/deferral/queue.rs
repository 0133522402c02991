//! The queue of one transaction.

use std::fmt;
use std::sync::{Arc, MutexGuard};

use super::holding::Holding;
use super::transaction::{Registered, Transaction};

#[doc = include_str!("../../docs/queue.md")]
#[derive(Clone)]
pub struct InvalidationQueue(Arc<Level>);

/// A transaction, or a savepoint in one.
struct Level {
    transaction: Arc<Transaction>,
    number: u64,
    /// The level around a savepoint.
    outer: Option<InvalidationQueue>,
}

impl Default for InvalidationQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl InvalidationQueue {
    /// Returns an empty queue.
    pub fn new() -> Self {
        Self::of(false)
    }

    /// Returns an empty queue of a transaction whose reads all see one snapshot of the data, as those of isolation level
    /// `REPEATABLE READ` do.
    ///
    /// A value that is read there may be older than an invalidation that others have seen. So in the scope of this queue,
    /// calls return cached values, and nothing is loaded into the cache.
    pub fn of_snapshot() -> Self {
        Self::of(true)
    }

    fn of(reads_snapshot: bool) -> Self {
        let transaction = Arc::new(Transaction::new(reads_snapshot));
        InvalidationQueue(Arc::new(Level { transaction, number: 0, outer: None }))
    }

    /// Returns the queue of a savepoint in this transaction.
    ///
    /// [`release`](InvalidationQueue::release) it when the savepoint is released. If the transaction is rolled back to the
    /// savepoint, [discard](super::PendingInvalidations::discard) what it [holds](InvalidationQueue::take). A queue that is dropped
    /// without either is released.
    #[must_use]
    pub fn nested(&self) -> Self {
        let transaction = Arc::clone(&self.0.transaction);
        let number = self.registered().new_number();
        InvalidationQueue(Arc::new(Level { transaction, number, outer: Some(self.clone()) }))
    }

    /// Returns true if the queue holds no invalidation. Those of outer and nested queues do not count.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.registered().len(self.0.number)
    }

    /// Moves all invalidations of a [nested](InvalidationQueue::nested) queue into the outer one. A queue that is not nested
    /// keeps them.
    pub fn release(&self) {
        if let Some(outer) = &self.0.outer {
            self.registered().release(self.0.number, outer.0.number);
        }
    }

    pub(super) fn take_all(&self) -> Vec<Holding> {
        let mut registered = self.registered();
        match self.0.outer {
            Some(_) => registered.take(self.0.number),
            None => registered.take_last(self.0.number),
        }
    }

    /// Returns the queue around that of a savepoint.
    pub(super) fn outer(&self) -> Option<&InvalidationQueue> {
        self.0.outer.as_ref()
    }

    pub(super) fn transaction(&self) -> &Arc<Transaction> {
        &self.0.transaction
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        self.0.transaction.registered.lock()
    }

    pub(super) fn extend(&self, all: impl IntoIterator<Item = Holding>) {
        self.registered().add(self.0.number, all);
    }

    /// Makes calls depend on the invalidations of a function whose body begins. They are queued when it ends.
    pub(super) fn announce(&self, all: Vec<Holding>) -> Announced {
        let number = self.registered().announce(all);
        Announced { queue: self.clone(), number }
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let mut registered = self.transaction.registered.lock();
        if let Some(outer) = &self.outer {
            registered.release(self.number, outer.0.number);
        }
        let pending = registered.end(self.number);
        drop(registered);
        // It is not known how the transaction has ended.
        pending.iter().for_each(Holding::apply_in_background);
    }
}

impl fmt::Debug for InvalidationQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidationQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The targets of a function whose body runs. If it is dropped, they are queued: it is not known what the body has
/// written.
pub(crate) struct Announced {
    queue: InvalidationQueue,
    number: u64,
}

impl Announced {
    /// Queues these invalidations in the place of the announced ones.
    pub(crate) fn replace(self, all: Vec<Holding>) {
        let mut registered = self.queue.registered();
        let announced = registered.withdraw(self.number);
        registered.add(self.queue.0.number, all);
        drop(registered);
        // They may be the last that hold their cache, with the values in it.
        drop(announced);
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let mut registered = self.queue.registered();
        if let Some(announced) = registered.withdraw(self.number) {
            registered.add(self.queue.0.number, announced);
        }
    }
}
