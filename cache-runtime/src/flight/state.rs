//! One flight: the state that its callers share.

use std::any::Any;
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
    /// The flights and the queue that the body waits for, and the permits that it has.
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

    /// Returns true if a body waits for it.
    pub(crate) fn is_needed(&self) -> bool {
        self.waiting.lock().needed_by > 0
    }

    /// Returns the flights that its body waits for.
    pub(crate) fn awaits(&self) -> Vec<Arc<Flight>> {
        self.waiting.lock().flights.clone()
    }

    /// Notes the place of its load in the queue of a gate, or that it has none any more.
    pub(crate) fn queue_at(&self, place: Option<Attached>) {
        let before = std::mem::replace(&mut self.waiting.lock().place, place);
        drop(before);
    }

    /// Returns the place of its load in the queue of a gate.
    pub(crate) fn queue_place(&self) -> Option<Attached> {
        self.waiting.lock().place.clone()
    }

    /// Returns true if its load waits in the queue of a gate.
    pub(crate) fn is_queued(&self) -> bool {
        self.waiting.lock().place.is_some()
    }

    /// Notes that its body has a permit of the gate with this number.
    pub(crate) fn hold(&self, gate: u64, permit: Attached) {
        self.waiting.lock().permits.push((gate, permit));
    }

    /// Returns the permit that its body has of a gate.
    pub(crate) fn permit_of(&self, gate: u64) -> Option<Attached> {
        let waiting = self.waiting.lock();
        let permit = waiting.permits.iter().find(|(of, _)| *of == gate);
        permit.map(|(_, permit)| Arc::clone(permit))
    }

    /// Removes the permit of a gate.
    pub(crate) fn let_go(&self, gate: u64) -> Option<Attached> {
        let permits = &mut self.waiting.lock().permits;
        let at = permits.iter().position(|(of, _)| *of == gate)?;
        Some(permits.swap_remove(at).1)
    }

    /// Returns all permits that its body has.
    pub(crate) fn permits(&self) -> Vec<Attached> {
        self.waiting.lock().permits.iter().map(|(_, permit)| Arc::clone(permit)).collect()
    }

    /// Returns true if its body should have begun long ago. A load in a queue is not stuck.
    pub(super) fn is_stuck(&self) -> bool {
        self.state.lock().phase.body().is_none()
            && self.opened.elapsed() > STUCK
            && !self.is_queued()
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
    /// The number of bodies that wait for this flight.
    needed_by: usize,
    /// The place in the queue of a gate.
    place: Option<Attached>,
    /// The permits of gates, each with the number of the gate.
    permits: Vec<(u64, Attached)>,
}

/// Something that the gates keep at a flight: a place in a queue, or a permit.
pub(crate) type Attached = Arc<dyn Any + Send + Sync>;

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

    /// Notes that this number of bodies begins to wait for the flight.
    pub(super) fn needed(&mut self, bodies: usize) {
        self.needed_by += bodies;
    }

    /// Notes that this number of bodies waits for the flight no longer.
    pub(super) fn not_needed(&mut self, bodies: usize) {
        self.needed_by = self.needed_by.saturating_sub(bodies);
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
