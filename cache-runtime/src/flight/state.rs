//! One flight: the state that its callers share.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::phase::{Effect, FlightEvent, Phase};
use crate::coherence::generation::{GenerationSnapshot, Generations};
use crate::support::lock::Mutex;

/// The time after which a flight whose body has not begun counts as stuck: a load sends at most two requests
/// before its body.
const STUCK: Duration = Duration::from_secs(2);

/// One load under way, and its callers.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(super) opened: Instant,
    pub(super) state: Mutex<FlightState>,
    /// The flights that the body waits for.
    pub(super) waiting: Mutex<BodyWaits>,
    pub(super) changed: Notify,
    /// True if its load has failed with an error for which no stale value stands in.
    pub(super) refuses_stale: AtomicBool,
}

#[derive(Debug)]
pub(super) struct FlightState {
    /// The generations that must be current for a caller to join.
    pub(super) snapshot: GenerationSnapshot,
    pub(super) phase: Phase<Arc<Flight>>,
    /// The number of its seals.
    pub(super) seals: u32,
    pub(super) followers: usize,
}

impl FlightState {
    /// Enters the phase that follows.
    pub(super) fn apply(&mut self, event: FlightEvent<Arc<Flight>>) -> Effect<Arc<Flight>> {
        let phase = mem::replace(&mut self.phase, Phase::NEW);
        let (phase, effect) = phase.after(event);
        self.phase = phase;
        if let Effect::CountSeal = effect {
            self.seals += 1;
        }
        effect
    }

    /// Returns true if a caller waits for the outcome.
    pub(super) fn is_awaited(&self) -> bool {
        self.followers > 0 || self.phase.next().is_some()
    }
}

impl Flight {
    pub(super) fn new(snapshot: GenerationSnapshot) -> Arc<Self> {
        let state = FlightState { snapshot, phase: Phase::NEW, seals: 0, followers: 0 };
        Arc::new(Flight {
            opened: Instant::now(),
            state: Mutex::new(state),
            waiting: Mutex::default(),
            changed: Notify::new(),
            refuses_stale: AtomicBool::new(false),
        })
    }

    /// Returns how long its body has waited for other flights.
    pub(crate) fn waited(&self) -> Duration {
        self.waiting.lock().waited()
    }

    /// Returns true if its body should have begun long ago.
    pub(super) fn is_stuck(&self) -> bool {
        self.state.lock().phase.body().is_none() && self.opened.elapsed() > STUCK
    }
}

/// Returns true if the flight has not landed, and none of its dependencies is known to have been invalidated
/// since it was opened.
pub(super) fn joinable(flight: &Flight, generations: &Generations) -> bool {
    let state = flight.state.lock();
    generations.storable(&state.snapshot)
        && state.phase.is_joinable(|| generations.lease.holds_exactly())
}

/// The flights that a body is waiting for, and the total time that it has waited for flights.
#[derive(Default)]
pub(super) struct BodyWaits {
    pub(super) flights: Vec<Arc<Flight>>,
    since: Option<Instant>,
    sum: Duration,
}

impl BodyWaits {
    pub(super) fn begin(&mut self, flight: &Arc<Flight>) {
        self.since.get_or_insert_with(Instant::now);
        self.flights.push(Arc::clone(flight));
    }

    pub(super) fn end(&mut self, flight: &Arc<Flight>) {
        if let Some(at) = self.flights.iter().position(|other| Arc::ptr_eq(other, flight)) {
            self.flights.swap_remove(at);
        }
        if self.flights.is_empty()
            && let Some(since) = self.since.take()
        {
            self.sum += since.elapsed();
        }
    }

    fn waited(&self) -> Duration {
        self.sum + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Flights may wait for each other, so the derived `Debug` might not end.
impl fmt::Debug for BodyWaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWaits").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}
