//! The gates of one function.

use std::mem;
use std::sync::Arc;

use super::breaker::BreakerChange;
use super::gate::Gate;
use crate::flight::Flight;
use crate::output::SharedFailure;
use crate::support::lock::Mutex;
use crate::support::panics::drop_each;

/// The gates of one function, and its last error.
#[derive(Debug)]
pub(crate) struct SiteLimits {
    /// The gate of `max_loads`, then that of `source`.
    pub(super) gates: Vec<Arc<Gate>>,
    last_error: Mutex<Option<LastError>>,
}

/// The last error of a function whose source has a breaker.
#[derive(Clone, Debug)]
pub(crate) struct LastError {
    pub(crate) error: SharedFailure,
    pub(crate) failed_ms: u64,
}

/// The result of a body, for the breaker of its source.
#[derive(Debug, Default)]
pub(crate) struct BodyResult {
    pub(crate) failed: bool,
    /// The error of a failed body, if it can be shared.
    pub(crate) error: Option<SharedFailure>,
    pub(crate) is_probe: bool,
}

impl SiteLimits {
    pub(super) fn new(gates: Vec<Arc<Gate>>) -> Self {
        SiteLimits { gates, last_error: Mutex::default() }
    }

    /// Returns true if a source of the function has a breaker.
    pub(crate) fn has_breaker(&self) -> bool {
        self.gates.iter().any(|gate| gate.has_breaker())
    }

    /// Returns true if a load would wait now. `bodies` are those that make the call.
    pub(crate) fn is_full(&self, bodies: &[Arc<Flight>]) -> bool {
        self.gates.iter().any(|gate| gate.is_full() && gate.held_by(bodies).is_none())
    }

    /// Returns true if a call that can do without a load is rejected now, because the source fails.
    /// `bodies` are those that make the call: the calls of a probe belong to it.
    pub(crate) fn rejects(&self, now_ms: u64, bodies: &[Arc<Flight>]) -> bool {
        let rejects = |gate: &Arc<Gate>| gate.rejects(now_ms) && gate.held_by(bodies).is_none();
        self.gates.iter().any(rejects)
    }

    /// Returns the last error, which is the answer while the source fails.
    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.last_error.lock().clone()
    }

    /// Notes the result of a body. `say` gets the name of each source
    /// that has changed, and true if it fails now.
    pub(crate) fn note(
        &self,
        BodyResult { failed, error, is_probe }: BodyResult,
        now_ms: u64,
        mut say: impl FnMut(&str, bool),
    ) {
        if !self.has_breaker() {
            return;
        }
        let last = error.filter(|_| failed).map(|error| LastError { error, failed_ms: now_ms });
        if !failed || last.is_some() {
            // The code of the error's type runs outside of the lock.
            let before = mem::replace(&mut *self.last_error.lock(), last);
            drop_each(before);
        }
        for gate in &self.gates {
            if let Some(change) = gate.note(failed, is_probe, now_ms) {
                say(gate.name(), change == BreakerChange::Opened);
            }
        }
    }
}
