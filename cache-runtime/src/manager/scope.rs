//! The manager of a call whose attribute names none: that of the innermost [`with`] around it, otherwise that of
//! the process.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::{CacheManager, WeakManager, connected};
use crate::support::ambient::Surrounded;
use crate::support::innermost::{Entered, around, around_blocking, innermost};

thread_local! {
    static CURRENT: RefCell<Option<CacheManager>> = const { RefCell::new(None) };
}

/// Runs `future` with `manager` as the cache of every annotated function called in it, except for those whose
/// attribute [names](crate::options#manager) a manager.
///
/// Use it in tests, and for all calls of a task. If the cache belongs to a struct or is an argument, name it in the
/// attribute instead. The scope belongs to the future, not to
/// the thread: it holds across await points, and scopes nest. A task spawned inside does not inherit
/// it; wrap the spawned future too.
///
/// Cancel safe: dropping the returned future drops `future` and ends the scope.
///
/// ```
/// use cache_runtime::{CacheConfig, CacheManager, cached};
///
/// #[cached(ttl = "1m")]
/// async fn double(x: u64) -> u64 {
///     x * 2
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_runtime::Error> {
/// let manager = CacheManager::builder().build()?;
/// let sum = cache_runtime::with(&manager, async { double(1).await + double(1).await }).await;
/// assert_eq!(sum, 4);
/// assert_eq!(manager.stats().total.loads, 1);
/// # Ok(())
/// # }
/// ```
pub async fn with<F: Future>(manager: &CacheManager, future: F) -> F::Output {
    connected::note_use();
    around(&CURRENT, manager.clone(), future).await
}

/// Does the same as [`with`] for code that is not async: runs a function with `manager` as the cache of every annotated
/// function that it calls on this thread.
///
/// ```
/// use cache_runtime::{CacheManager, cached};
///
/// #[cached(ttl = "1m")]
/// fn double(x: u64) -> u64 {
///     x * 2
/// }
///
/// # fn main() -> Result<(), cache_runtime::Error> {
/// let manager = CacheManager::builder().build()?;
/// assert_eq!(cache_runtime::with_blocking(&manager, || double(1) + double(1)), 4);
/// assert_eq!(manager.stats().total.loads, 1);
/// # Ok(())
/// # }
/// ```
pub fn with_blocking<T>(manager: &CacheManager, run: impl FnOnce() -> T) -> T {
    connected::note_use();
    around_blocking(&CURRENT, manager.clone(), run)
}

/// Drives a task of a manager in the scope it was begun in, unless that has gone.
pub(crate) async fn carried<F: Future<Output = ()>>(scope: Option<WeakManager>, task: F) {
    let Some(scope) = scope else { return task.await };
    let _open = Surrounded::new();
    let mut task = pin!(task);
    poll_fn(|context| match scope.upgrade() {
        Some(manager) => {
            let _entered = Entered::new(&CURRENT, manager);
            task.as_mut().poll(context)
        }
        None => Poll::Ready(()),
    })
    .await
}

/// Returns the scoped manager, if there is one.
#[inline]
pub(crate) fn current() -> Option<CacheManager> {
    innermost(&CURRENT)
}
