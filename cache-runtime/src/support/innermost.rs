//! A value that surrounds the code of a future or function: that of the innermost scope on a thread.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::thread::LocalKey;

use super::ambient::{self, Surrounded};

/// The value of the innermost scope on each thread.
pub(crate) type Innermost<T> = LocalKey<RefCell<Option<T>>>;

/// Returns the value of the innermost scope, if there is one.
#[inline]
pub(crate) fn innermost<T: Clone>(scopes: &'static Innermost<T>) -> Option<T> {
    if !ambient::any() {
        return None;
    }
    // Not available while the thread is ending: then there is no scope either.
    scopes.try_with(|scopes| scopes.borrow().clone()).ok().flatten()
}

/// Runs a future with this value around it. The scope holds across await points, and nests.
pub(crate) async fn around<T: Clone, F: Future>(
    scopes: &'static Innermost<T>,
    value: T,
    future: F,
) -> F::Output {
    let _open = Surrounded::new();
    let mut future = pin!(future);
    poll_fn(|context| {
        let _entered = Entered::new(scopes, value.clone());
        future.as_mut().poll(context)
    })
    .await
}

/// Runs a function with this value around it.
pub(crate) fn around_blocking<T, R>(
    scopes: &'static Innermost<T>,
    value: T,
    run: impl FnOnce() -> R,
) -> R {
    let _open = Surrounded::new();
    let _entered = Entered::new(scopes, value);
    run()
}

/// Makes a value that of the innermost scope. Restores the outer one when it is dropped, after a return or a panic.
/// The caller holds a [`Surrounded`] meanwhile.
pub(crate) struct Entered<T: 'static> {
    scopes: &'static Innermost<T>,
    outer: Option<T>,
}

impl<T> Entered<T> {
    pub(crate) fn new(scopes: &'static Innermost<T>, value: T) -> Self {
        let outer = scopes.try_with(|scopes| scopes.replace(Some(value)));
        Entered { scopes, outer: outer.ok().flatten() }
    }
}

impl<T> Drop for Entered<T> {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = self.scopes.try_with(|scopes| scopes.replace(outer));
    }
}
