//! Futures on the heap.

use std::future::Future;
use std::pin::Pin;

/// A future whose type is not known to those who wait for it.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The future, made on the heap.
///
/// Boxes a future. The result of `Box::pin(future())` passes through the stack of the function it stands in,
/// and without optimisation keeps its room there as long as that function runs. Bodies call cached functions
/// that run bodies, so a function on that way must not have large frames.
#[inline(never)]
pub(crate) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
