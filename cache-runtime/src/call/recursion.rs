//! Which bodies are being polled on this thread right now.
//!
//! A body that calls its own function with its own arguments would wait for itself.

use std::cell::RefCell;
use std::sync::Arc;

use super::CallKey;

thread_local! {
    static POLLING: RefCell<Vec<Arc<CallKey>>> = const { RefCell::new(Vec::new()) };
}

/// Whether the body of this key is what is calling.
pub(super) fn is_inside(key: &Arc<CallKey>) -> bool {
    POLLING.try_with(|polling| polling.borrow().contains(key)).unwrap_or(false)
}

/// Notes that the body of this key is being polled, until it is dropped.
pub(super) fn enter(key: &Arc<CallKey>) -> Noted {
    let push = |polling: &RefCell<Vec<_>>| polling.borrow_mut().push(Arc::clone(key));
    Noted(POLLING.try_with(push).is_ok())
}

/// Whether it could be noted: not while the thread is ending.
pub(super) struct Noted(bool);

impl Drop for Noted {
    fn drop(&mut self) {
        if self.0 {
            let _ = POLLING.try_with(|polling| polling.borrow_mut().pop());
        }
    }
}
