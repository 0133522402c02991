//! Futures on the heap.

use std::future::Future;
use std::pin::Pin;

/// A future with an erased type.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Boxes a future. The memory is allocated first, so that an optimised program makes the future there instead of
/// copying it.
///
/// The result of `Box::pin(future())` passes through the stack frame of its function. Without optimisation,
/// it keeps its space there while that function runs. Bodies call cached functions that run bodies, so no
/// function on that path may have a large frame.
#[inline(never)]
pub(crate) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}
