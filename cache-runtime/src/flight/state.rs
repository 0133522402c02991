//! One flight: what its callers share.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::generation::{GenerationSnapshot, Generations};

/// Before its body a load asks Redis twice at most.
const STUCK: Duration = Duration::from_secs(2);

/// A moment in the life of the process: of two, the later has the larger number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

static TICKETS: AtomicU64 = AtomicU64::new(1);

impl Ticket {
    pub(crate) fn now() -> Self {
        Ticket(TICKETS.fetch_add(1, Ordering::AcqRel))
    }
}

/// How a flight ended, as its followers see it.
#[derive(Clone, Debug)]
pub(crate) enum FlightOutcome {
    /// The value, of the call's type.
    Value(Arc<dyn Any + Send + Sync>),
    /// The load failed; this is the error, of the call's type.
    Error(Arc<dyn Any + Send + Sync>),
    /// The load failed with an error that cannot be shared: each caller loads for itself, at once.
    Failed,
    /// The value may be from before an invalidation: who asked after the body began opens the next
    /// flight. Without a value everybody does.
    Outdated(Option<Arc<dyn Any + Send + Sync>>),
    /// The leader was dropped or panicked.
    Abandoned,
}

#[derive(Debug)]
pub(crate) struct Flight {
    pub(super) opened: Instant,
    pub(super) state: Mutex<State>,
    /// What the body waits for.
    pub(super) waiting: Mutex<Waiting>,
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    /// What must be current for a caller to join.
    pub(super) snapshot: GenerationSnapshot,
    pub(super) sealed: bool,
    pub(super) seals: u32,
    /// Redis has been asked, and its answer is right for who comes while the lease holds.
    pub(super) relies_on_lease: bool,
    pub(super) outcome: Option<FlightOutcome>,
    pub(super) body_began: Option<Ticket>,
    pub(super) followers: usize,
    pub(super) next: Option<Arc<Flight>>,
}

impl Flight {
    pub(super) fn new(snapshot: GenerationSnapshot) -> Arc<Self> {
        let state = State {
            snapshot,
            sealed: false,
            seals: 0,
            relies_on_lease: false,
            outcome: None,
            body_began: None,
            followers: 0,
            next: None,
        };
        Arc::new(Flight {
            opened: Instant::now(),
            state: Mutex::new(state),
            waiting: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// How long its body has waited for other flights.
    pub(crate) fn waited(&self) -> Duration {
        lock(&self.waiting).waited()
    }

    /// Whether its body should have begun long ago.
    pub(super) fn is_stuck(&self) -> bool {
        lock(&self.state).body_began.is_none() && self.opened.elapsed() > STUCK
    }
}

/// Whether nothing has been invalidated since the flight was opened, as far as that is known, and it has not
/// landed.
pub(super) fn joinable(flight: &Flight, generations: &Generations) -> bool {
    let state = lock(&flight.state);
    generations.storable(&state.snapshot)
        && state.outcome.is_none()
        && (!state.relies_on_lease || generations.lease.holds_exactly())
}

/// The flights that a body waits for now, and for how long it has waited for any.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) flights: Vec<Arc<Flight>>,
    since: Option<Instant>,
    sum: Duration,
}

impl Waiting {
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

/// Flights may wait for each other.
impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of the user runs under these locks; what a panic elsewhere left is consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
