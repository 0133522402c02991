//! The bodies that are being polled on this thread.
//!
//! A body that calls its own function with its own arguments would wait for itself. A body that waits for a
//! flight whose body waits for it would never end either.

use std::cell::RefCell;
use std::slice;
use std::sync::Arc;

use crate::flight::Flight;
use crate::site;
use crate::support::ambient::{self, Surrounded};
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;

thread_local! {
    static POLLING: RefCell<Vec<Polled>> = const { RefCell::new(Vec::new()) };
}

/// The load of a key: the key and its flight.
pub(super) type KeyLoad = (Arc<CallKey>, Arc<Flight>);

/// A body that is being polled.
struct Polled {
    loads: PolledLoads,
    /// Present if the memory hits of the body are noted. While it is there, each hit looks for the body that
    /// makes the call (R8).
    watch: Option<Surrounded>,
    /// Receives the dependencies of the calls that the body makes, if its function inherits them.
    heir: Option<Arc<Inherited>>,
}

/// The loads whose body is being polled.
enum PolledLoads {
    One(KeyLoad),
    Many(Arc<[KeyLoad]>),
}

impl Polled {
    fn loads(&self) -> impl Iterator<Item = &KeyLoad> {
        self.loads.all().iter()
    }

    /// Returns the origin of the function whose body it is; `None` for the direct API.
    fn origin(&self) -> Option<u64> {
        self.loads().next()?.0.accepted_origin()
    }
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
    let is_ours = |polling: &RefCell<Vec<Polled>>| {
        polling.borrow().iter().flat_map(Polled::loads).any(|(of, _)| of == key)
    };
    POLLING.try_with(is_ours).unwrap_or(false)
}

/// Returns the flights whose bodies are being polled, the innermost last.
pub(super) fn bodies() -> Vec<Arc<Flight>> {
    let flights = |polling: &RefCell<Vec<Polled>>| {
        let polling = polling.borrow();
        polling.iter().flat_map(Polled::loads).map(|(_, flight)| Arc::clone(flight)).collect()
    };
    POLLING.try_with(flights).unwrap_or_default()
}

/// Returns the receiver of the dependencies of a call that is made now. Only the innermost body counts: one whose
/// function does not inherit hides its calls from those around it.
pub(crate) fn heir() -> Option<Arc<Inherited>> {
    if !ambient::any() {
        return None;
    }
    let heir = |polling: &RefCell<Vec<Polled>>| polling.borrow().last()?.heir.clone();
    POLLING.try_with(heir).ok().flatten()
}

/// Notes a call of a function for the graph, if the body of a cached function makes it. `inner` is the origin of the
/// function's values.
pub(crate) fn note_call(inner: u64) {
    note(inner, |_| true);
}

/// Does the same for a call that memory answers, if the body is watched.
pub(crate) fn note_hit(inner: u64) {
    note(inner, |body| body.watch.is_some());
}

fn note(inner: u64, counts: fn(&Polled) -> bool) {
    let innermost = |polling: &RefCell<Vec<Polled>>| {
        let polling = polling.borrow();
        let (body, origin) = polling.iter().rev().find_map(|body| Some((body, body.origin()?)))?;
        counts(body).then_some(origin)
    };
    if let Ok(Some(outer)) = POLLING.try_with(innermost) {
        site::note_call(outer, inner);
    }
}

/// Notes that the body of this key is being polled, until the result is dropped.
pub(super) fn enter(
    key: &Arc<CallKey>,
    flight: &Arc<Flight>,
    watch: Option<Surrounded>,
    heir: Option<Arc<Inherited>>,
) -> PolledBody {
    entered(PolledLoads::One((Arc::clone(key), Arc::clone(flight))), watch, heir)
}

/// Does the same for a body that loads several keys.
pub(super) fn enter_many(
    loads: &Arc<[KeyLoad]>,
    watch: Option<Surrounded>,
    heir: Option<Arc<Inherited>>,
) -> PolledBody {
    entered(PolledLoads::Many(Arc::clone(loads)), watch, heir)
}

fn entered(
    loads: PolledLoads,
    watch: Option<Surrounded>,
    heir: Option<Arc<Inherited>>,
) -> PolledBody {
    // A memory hit must not be served without its dependencies.
    let watch = watch.or_else(|| heir.is_some().then(Surrounded::new));
    let body = Polled { loads, watch, heir };
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
