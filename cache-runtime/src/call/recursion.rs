//! The bodies that are being polled on this thread.
//!
//! A body that calls its own function with its own arguments would wait for itself. A body that waits for a
//! flight whose body waits for it would never end either.

use std::cell::RefCell;
use std::slice;
use std::sync::Arc;

use crate::flight::Flight;
use crate::tiers::key::CallKey;

thread_local! {
    static POLLING: RefCell<Vec<PolledLoads>> = const { RefCell::new(Vec::new()) };
}

/// The load of a key: the key and its flight.
pub(super) type KeyLoad = (Arc<CallKey>, Arc<Flight>);

/// The loads whose body is being polled.
enum PolledLoads {
    One(KeyLoad),
    Many(Arc<[KeyLoad]>),
}

impl PolledLoads {
    fn all(&self) -> &[KeyLoad] {
        match self {
            PolledLoads::One(load) => slice::from_ref(load),
            PolledLoads::Many(loads) => loads,
        }
    }
}

/// Returns true if the body of this key is being polled, so that this call comes from it.
pub(super) fn is_inside(key: &Arc<CallKey>) -> bool {
    let is_ours = |polling: &RefCell<Vec<PolledLoads>>| {
        polling.borrow().iter().flat_map(PolledLoads::all).any(|(of, _)| of == key)
    };
    POLLING.try_with(is_ours).unwrap_or(false)
}

/// Returns the flights whose bodies are being polled, the innermost last.
pub(super) fn bodies() -> Vec<Arc<Flight>> {
    let flights = |polling: &RefCell<Vec<PolledLoads>>| {
        let polling = polling.borrow();
        polling.iter().flat_map(PolledLoads::all).map(|(_, flight)| Arc::clone(flight)).collect()
    };
    POLLING.try_with(flights).unwrap_or_default()
}

/// Notes that the body of this key is being polled, until the result is dropped.
pub(super) fn enter(key: &Arc<CallKey>, flight: &Arc<Flight>) -> PolledBody {
    entered(PolledLoads::One((Arc::clone(key), Arc::clone(flight))))
}

/// Does the same for a body that loads several keys.
pub(super) fn enter_many(loads: &Arc<[KeyLoad]>) -> PolledBody {
    entered(PolledLoads::Many(Arc::clone(loads)))
}

fn entered(body: PolledLoads) -> PolledBody {
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
