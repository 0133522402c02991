//! Invalidations that are queued, or done at once without a queue.

use std::future::Future;
use std::sync::Arc;

use super::holding::Holding;
use super::pending::PendingInvalidations;
use super::queue::{Announced, InvalidationQueue};
use super::scope::{innermost, note_queued};
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;

#[doc = include_str!("../../docs/deferred.md")]
pub fn deferred<F: Future>(future: F) -> impl Future<Output = (F::Output, PendingInvalidations)> {
    // An async function has its argument several times in its future, and transactions nest.
    let future = Box::pin(future);
    async move {
        let queue = inner();
        let output = queue.scope(future).await;
        (output, queue.take())
    }
}

/// Does the same as [`deferred`] for code that is not async: runs a function, and returns its output and the
/// invalidations that it has made on this thread.
///
/// ```
/// use cache_runtime::{CacheManager, cache_invalidate, deferred_blocking, with_blocking};
///
/// #[cache_invalidate(prefix = "video:{id}")]
/// fn rename(id: u64) {}
///
/// # fn main() -> Result<(), cache_runtime::Error> {
/// # let manager = CacheManager::builder().build()?;
/// # with_blocking(&manager, || {
/// let ((), pending) = deferred_blocking(|| rename(1));
/// assert!(!pending.is_empty());
/// // The transaction is rolled back.
/// pending.discard();
/// # });
/// # Ok(())
/// # }
/// ```
pub fn deferred_blocking<T>(run: impl FnOnce() -> T) -> (T, PendingInvalidations) {
    let queue = inner();
    let output = queue.scope_blocking(run);
    (output, queue.take())
}

/// Returns a queue inside of the present one, if there is one.
fn inner() -> InvalidationQueue {
    innermost().map_or_else(InvalidationQueue::new, |outer| outer.nested())
}

/// Invalidates, or queues the invalidation in a scope. Returns the number of removed entries of the names in Redis, if it
/// is known.
pub(crate) async fn invalidate(core: &Arc<Core>, targets: Targets) -> Option<u64> {
    invalidate_in(innermost(), core, targets).await
}

/// Does the same with this queue in the place of that of a scope.
pub(crate) async fn invalidate_in(
    queue: Option<InvalidationQueue>,
    core: &Arc<Core>,
    targets: Targets,
) -> Option<u64> {
    if queue_in(queue, || Holding::of_targets(core, targets.clone())) {
        return None;
    }
    core.invalidate(&targets).await
}

/// Queues an invalidation, if the code runs in a scope. Returns true if it does.
pub(crate) fn queue(holding: impl FnOnce() -> Holding) -> bool {
    queue_in(innermost(), holding)
}

/// Does the same with this queue in the place of that of a scope.
pub(crate) fn queue_in(
    queue: Option<InvalidationQueue>,
    holding: impl FnOnce() -> Holding,
) -> bool {
    let Some(queue) = queue else { return false };
    queue.extend([holding()]);
    note_queued();
    true
}

/// Makes calls depend on the invalidations of a function whose body begins, if it runs in a scope. They are queued when the
/// function has ended.
pub(crate) fn announce(all: impl FnOnce() -> Vec<Holding>) -> Option<Announced> {
    let announced = innermost()?.announce(all());
    note_queued();
    Some(announced)
}
