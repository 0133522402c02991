//! The role of a caller that waits for another caller's load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::phase::{FlightOutcome, Ticket};
use super::state::{Flight, FlightState};

/// A caller that waits for another caller's load.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(super) flight: Arc<Flight>,
    /// The number of seals when this caller joined.
    pub(super) joined: u32,
    pub(super) asked: Ticket,
}

impl Follower {
    pub(super) fn new(flight: Arc<Flight>, state: &mut FlightState, asked: Ticket) -> Self {
        state.followers += 1;
        Follower { joined: state.seals, flight, asked }
    }

    /// Returns the time for which the flight has been under way.
    pub(crate) fn elapsed(&self) -> Duration {
        self.flight.opened.elapsed()
    }

    /// Returns true if the load waits in the queue of a gate.
    pub(crate) fn is_queued(&self) -> bool {
        self.flight.is_queued()
    }

    /// Returns true if the flight has ended with an error for which no stale value stands in.
    pub(crate) fn refuses_stale(&self) -> bool {
        self.flight.refuses_stale.load(Ordering::Acquire)
    }

    /// Waits until the flight has landed. Cancel safe: a dropped wait leaves the flight as it is.
    pub(crate) async fn outcome(&self) -> FlightOutcome {
        loop {
            let changed = self.flight.changed.notified();
            if let Some(outcome) = self.landed() {
                return outcome;
            }
            changed.await;
        }
    }

    fn landed(&self) -> Option<FlightOutcome> {
        let state = self.flight.state.lock();
        let outcome = state.phase.outcome()?.clone();
        let asked_before_the_body = state.phase.body().is_some_and(|began| began > self.asked);
        Some(match outcome {
            FlightOutcome::Outdated(Some(value)) if asked_before_the_body => {
                FlightOutcome::Value(value)
            }
            FlightOutcome::Value(_) if state.seals == self.joined && !asked_before_the_body => {
                FlightOutcome::Outdated(None)
            }
            outcome => outcome,
        })
    }
}
