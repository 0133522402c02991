//! Which bodies are being polled on this thread right now.
//!
//! A body that calls its own function with its own arguments would wait for itself.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use super::CallKey;

thread_local! {
    static POLLING: RefCell<Vec<Arc<CallKey>>> = const { RefCell::new(Vec::new()) };
}

/// Whether the body of this key is what is calling.
pub(super) fn is_inside(key: &Arc<CallKey>) -> bool {
    POLLING.try_with(|polling| polling.borrow().contains(key)).unwrap_or(false)
}

/// Polls a body with its key noted.
pub(super) async fn inside<F: Future + ?Sized>(
    key: &Arc<CallKey>,
    mut body: Pin<&mut F>,
) -> F::Output {
    poll_fn(|context| {
        let _noted = Noted::new(key);
        body.as_mut().poll(context)
    })
    .await
}

/// Whether it could be noted: not while the thread is ending.
struct Noted(bool);

impl Noted {
    fn new(key: &Arc<CallKey>) -> Self {
        let push = |polling: &RefCell<Vec<_>>| polling.borrow_mut().push(Arc::clone(key));
        Noted(POLLING.try_with(push).is_ok())
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if self.0 {
            let _ = POLLING.try_with(|polling| polling.borrow_mut().pop());
        }
    }
}
