//! Driving a future without a runtime.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Polls a future once, with a waker that does nothing: what is measured is the future alone, not
/// the runtime that would drive it.
///
/// # Panics
///
/// If the future is not ready at once.
#[inline]
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a call from memory must not wait"),
    }
}
