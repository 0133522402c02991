//! Waits for the flights of other callers.

use std::sync::Arc;

use super::{Call, recursion};
use crate::flight::{Flight, FlightOutcome, Follower, Leader, Waits};
use crate::support::timer::timeout;
use crate::tiers::key::CallKey;

/// The reason for which a flight has no outcome for a caller.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitError {
    /// The wait limit is over.
    TooLong,
    /// The body of the flight waits for the body that is making this call.
    Circle,
}

/// Waits for a flight, for no longer than the wait limit.
pub(super) async fn wait(call: &Call, follower: &Follower) -> Result<FlightOutcome, WaitError> {
    wait_inside(call, recursion::bodies(), follower).await
}

/// Waits for a flight as the leader of the next one.
pub(super) async fn wait_before(
    call: &Call,
    leader: &Leader<CallKey>,
    predecessor: &Follower,
) -> Result<FlightOutcome, WaitError> {
    let mut bodies = recursion::bodies();
    bodies.push(Arc::clone(leader.flight()));
    wait_inside(call, bodies, predecessor).await
}

/// Waits for a flight. Bodies that make this call are registered as waiting for it, which finds circles.
async fn wait_inside(
    call: &Call,
    bodies: Vec<Arc<Flight>>,
    follower: &Follower,
) -> Result<FlightOutcome, WaitError> {
    let is_inside = !bodies.is_empty();
    let _waits = Waits::begin(bodies, follower).ok_or(WaitError::Circle)?;
    if is_inside {
        call.core.gates.lend();
    }
    loop {
        match timeout(call.wait_limit(), follower.outcome()).await {
            Ok(outcome) => return Ok(outcome),
            // A load in a queue would not end sooner if this caller put another one behind it.
            Err(_) if follower.is_queued() => {}
            Err(_) => return Err(WaitError::TooLong),
        }
    }
}
