//! Lets a caller load for itself, if it cannot use the outcome of the load for which it has waited.

use std::mem;

use tokio::time::Instant;

use super::{Call, recursion};
use crate::flight::{FlightOutcome, Leader, Waits};
use crate::support::timer::timeout;
use crate::tiers::key::CallKey;

/// The patience of one call with the loads of others that fail.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The moment at which the call first waited for a place among the retries.
    since: Option<Instant>,
    /// True if the call has waited for a body that panicked.
    panicked: bool,
}

impl Patience {
    /// Returns true if the call joins the next flight after this outcome. The first panic is like a dropped
    /// leader: one caller loads for all. After another one, the calls retry.
    pub(super) fn bears(&mut self, outcome: &FlightOutcome) -> bool {
        match outcome {
            FlightOutcome::Outdated(_) | FlightOutcome::Abandoned => true,
            FlightOutcome::Panicked => !mem::replace(&mut self.panicked, true),
            FlightOutcome::Value(_) | FlightOutcome::Error(_) | FlightOutcome::Failed => false,
        }
    }

    /// Waits until the call may load, in all for no longer than the wait limit. Returns the flight in which it
    /// loads, which no other caller joins. Returns `None` if another load of the key has succeeded meanwhile.
    ///
    /// A call that would wait for itself does not wait.
    ///
    /// Cancel safe: the next caller has the place of a dropped wait.
    pub(super) async fn retry(&mut self, call: &Call) -> Option<Leader<CallKey>> {
        let core = &call.core;
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let mut retry = core.retries.enter(&call.key, &core.generations);
        let placed = match Waits::for_flight(recursion::bodies(), retry.running()) {
            Some(_waits) => {
                core.gates.lend();
                let limit = call.wait_limit().saturating_sub(waited);
                timeout(limit, retry.place()).await.ok()
            }
            None => None,
        };
        match placed {
            // The generations are noted after the wait: an earlier load would not see what was changed since.
            Some(true) => Some(alone(call).retrying(retry)),
            Some(false) => None,
            None => Some(alone(call)),
        }
    }
}

/// Returns a flight that no other caller joins.
pub(super) fn alone(call: &Call) -> Leader<CallKey> {
    Leader::alone(&call.core.generations, call.key.slots())
}
