//! The transactions around the code that runs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use super::holding::ReadOf;
use super::queue::InvalidationQueue;
use super::transaction::Transaction;
use crate::support::ambient::{self, Surrounded};
use crate::tiers::core::Core;

thread_local! {
    static QUEUES: RefCell<Vec<InvalidationQueue>> = const { RefCell::new(Vec::new()) };
    /// The number of invalidations that were queued on this thread, and of scopes that were entered with some.
    static QUEUED: Cell<u64> = const { Cell::new(0) };
}

/// The transactions around a call, since it began. There is at least one.
#[derive(Clone)]
pub(crate) struct Scope {
    transactions: Vec<Arc<Transaction>>,
    /// The changes in all of them until the call began.
    revision: u64,
}

impl InvalidationQueue {
    /// Runs a future in the scope of this queue: its invalidations are queued, and its calls of cached functions that
    /// depend on a queued one bypass the cache.
    ///
    /// The scope belongs to the future, not to the thread. A task that is spawned inside does not inherit it. Scopes nest:
    /// invalidations go into the innermost queue, and calls depend on all of them.
    ///
    /// Cancel safe: dropping the returned future drops `future`. The queue keeps its invalidations.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let _open = Surrounded::new();
        let mut future = pin!(future);
        poll_fn(|context| {
            let _entered = InScope::new(self.clone());
            future.as_mut().poll(context)
        })
        .await
    }

    /// Does the same for code that is not async, on this thread.
    pub fn scope_blocking<T>(&self, run: impl FnOnce() -> T) -> T {
        let _open = Surrounded::new();
        let _entered = InScope::new(self.clone());
        run()
    }
}

/// True if the queue could be noted. It cannot be noted while the thread is ending.
struct InScope(bool);

impl InScope {
    fn new(queue: InvalidationQueue) -> Self {
        // A load around the scope may read a row of it that is not committed.
        if queue.transaction().is_touched() {
            note_queued();
        }
        InScope(QUEUES.try_with(|queues| queues.borrow_mut().push(queue)).is_ok())
    }
}

impl Drop for InScope {
    fn drop(&mut self) {
        if self.0 {
            // The queue is dropped outside of the borrow: its end may invalidate.
            let _queue = QUEUES.try_with(|queues| queues.borrow_mut().pop());
        }
    }
}

/// Returns the scope of the code that runs, if there is one. A call takes it before it looks for a value.
pub(crate) fn current() -> Option<Scope> {
    let around = |queues: &[InvalidationQueue]| {
        let mut transactions: Vec<_> =
            queues.iter().map(|queue| Arc::clone(queue.transaction())).collect();
        // Those of a savepoint and the queue around it are one.
        transactions.dedup_by(|one, other| Arc::ptr_eq(one, other));
        Scope { revision: revision(&transactions), transactions }
    };
    of_queues(|queues| (!queues.is_empty()).then(|| around(queues))).flatten()
}

/// Returns true if something is queued in the scope of the code that runs.
///
/// R8: a hit in a scope allocates nothing.
pub(crate) fn is_in_use() -> bool {
    of_queues(|queues| queues.iter().any(|queue| queue.transaction().is_in_use())).unwrap_or(false)
}

/// Returns true if the code runs in a scope.
pub(crate) fn is_in_scope() -> bool {
    of_queues(|queues| !queues.is_empty()).unwrap_or(false)
}

/// Returns the queue of the innermost scope, if there is one.
pub(crate) fn innermost() -> Option<InvalidationQueue> {
    of_queues(|queues| queues.last().cloned()).flatten()
}

/// Passes on the queues around the code that runs, the innermost last; `None` if there is none in the process.
#[inline]
fn of_queues<T>(pass: impl FnOnce(&[InvalidationQueue]) -> T) -> Option<T> {
    if !ambient::any() {
        return None;
    }
    QUEUES.try_with(|queues| pass(&queues.borrow())).ok()
}

/// Notes that an invalidation was queued on this thread.
pub(super) fn note_queued() {
    let _ = QUEUED.try_with(|queued| queued.set(queued.get().wrapping_add(1)));
}

/// Returns a number that rises with each invalidation that is queued on this thread, and with each scope that is entered
/// after one. If it changes while a body is polled, the body may have read a row that is not committed.
pub(crate) fn queued_here() -> u64 {
    QUEUED.try_with(Cell::get).unwrap_or_default()
}

impl Scope {
    /// Returns true if calls are only answered, and no load is stored or shared: something was queued, so that the
    /// transaction may see rows that nobody else sees, or it sees a snapshot that may be older than an invalidation.
    pub(crate) fn reads_only(&self) -> bool {
        self.transactions.iter().any(|transaction| transaction.reads_only())
    }

    /// Returns true if something is queued.
    pub(crate) fn is_in_use(&self) -> bool {
        self.transactions.iter().any(|transaction| transaction.is_in_use())
    }

    /// Returns true if a read depends on something that is queued.
    pub(crate) fn covers(&self, read: ReadOf<'_>) -> bool {
        self.transactions.iter().any(|of| of.any(|holding| holding.covers(read)))
    }

    /// Returns the tags that are queued for a cache.
    pub(crate) fn tags_of(&self, core: &Arc<Core>) -> BTreeSet<String> {
        let mut tags = BTreeSet::new();
        for transaction in &self.transactions {
            transaction.any(|holding| {
                tags.extend(holding.tags_of(core).cloned());
                false
            });
        }
        tags
    }

    /// Returns true if something was queued since the call began. Its look-up may have waited for others meanwhile.
    pub(crate) fn has_changed(&self) -> bool {
        revision(&self.transactions) != self.revision
    }
}

fn revision(transactions: &[Arc<Transaction>]) -> u64 {
    transactions.iter().fold(0, |sum, transaction| sum.wrapping_add(transaction.revision()))
}
