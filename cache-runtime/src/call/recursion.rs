//! The bodies that are being polled on this thread.
//!
//! A body that calls its own function with its own arguments would wait for itself. A body that waits for a
//! flight whose body waits for it would never end either.

use std::cell::RefCell;
use std::sync::Arc;

use crate::flight::Flight;
use crate::tiers::key::CallKey;

thread_local! {
    static POLLING: RefCell<Vec<(Arc<CallKey>, Arc<Flight>)>> = const { RefCell::new(Vec::new()) };
}

/// Returns true if the body of this key is being polled, so that this call comes from it.
pub(super) fn is_inside(key: &Arc<CallKey>) -> bool {
    let is_ours = |polling: &RefCell<Vec<_>>| polling.borrow().iter().any(|(of, _)| of == key);
    POLLING.try_with(is_ours).unwrap_or(false)
}

/// Returns the flights whose bodies are being polled, the innermost last.
pub(super) fn bodies() -> Vec<Arc<Flight>> {
    let flights = |polling: &RefCell<Vec<(_, Arc<Flight>)>>| {
        polling.borrow().iter().map(|(_, flight)| Arc::clone(flight)).collect()
    };
    POLLING.try_with(flights).unwrap_or_default()
}

/// Notes that the body of this key is being polled, until the result is dropped.
pub(super) fn enter(key: &Arc<CallKey>, flight: &Arc<Flight>) -> PolledBody {
    let body = (Arc::clone(key), Arc::clone(flight));
    PolledBody(POLLING.try_with(|polling| polling.borrow_mut().push(body)).is_ok())
}

/// True if it could be noted. It cannot be noted while the thread is ending.
pub(super) struct PolledBody(bool);

impl Drop for PolledBody {
    fn drop(&mut self) {
        if self.0 {
            let _ = POLLING.try_with(|polling| polling.borrow_mut().pop());
        }
    }
}
