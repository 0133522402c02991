//! One gate: its permits, and the loads that wait for them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::breaker::{BreakerChange, SourceBreaker};
use super::counts::GateCounters;
use super::queue::{GateQueue, LoadClass};
use crate::flight::Flight;
use crate::stats::GateStats;
use crate::support::lock::Mutex;
use crate::support::random;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// The limit of a source or of a function.
pub(crate) struct Gate {
    /// Identifies it among all gates of the process.
    number: u64,
    name: String,
    state: Mutex<GateState>,
    /// `None`: the source has no breaker.
    breaker: Option<Mutex<SourceBreaker>>,
    pub(super) counters: GateCounters,
}

struct GateState {
    queue: GateQueue<Waiter>,
    /// The flights whose bodies have a permit.
    holders: Vec<Weak<Flight>>,
}

/// A load in the queue.
struct Waiter(oneshot::Sender<Arc<LoadPermit>>);

/// A permit. It is given back when the last body that shares it has ended.
pub(crate) struct LoadPermit(Arc<Gate>);

/// The result of asking for a permit.
pub(super) enum Asked {
    Permit(Arc<LoadPermit>),
    Queued(InQueue),
}

/// The wait for a permit. If it is dropped, its place is free.
pub(super) struct InQueue {
    place: Arc<QueuePlace>,
    permit: oneshot::Receiver<Arc<LoadPermit>>,
    flights: Vec<Arc<Flight>>,
}

/// The place of a load in the queue of a gate.
pub(super) struct QueuePlace {
    pub(super) gate: Arc<Gate>,
    class: LoadClass,
    number: u64,
}

/// A body that finds out if a source has recovered. Ends when it is dropped.
pub(super) struct Probing(Arc<Gate>);

impl Gate {
    pub(super) fn new(name: String, limit: u32, breaker: bool) -> Arc<Self> {
        let state = GateState { queue: GateQueue::new(limit), holders: Vec::new() };
        Arc::new(Gate {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            name,
            state: Mutex::new(state),
            breaker: breaker.then(Mutex::default),
            counters: GateCounters::default(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn limit(&self) -> u32 {
        self.state.lock().queue.limit()
    }

    pub(super) fn has_breaker(&self) -> bool {
        self.breaker.is_some()
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.lock().queue.is_full()
    }

    /// Returns true if a load waits.
    pub(super) fn has_queue(&self) -> bool {
        self.state.lock().queue.waiting() > 0
    }

    /// Returns the permit that one of these bodies has.
    pub(super) fn held_by(&self, bodies: &[Arc<Flight>]) -> Option<Arc<LoadPermit>> {
        let held = |body: &Arc<Flight>| body.permit_of(self.number)?.downcast().ok();
        bodies.iter().rev().find_map(held)
    }

    /// Takes a permit for a body of these flights, or a place in the queue.
    pub(super) fn ask(self: &Arc<Self>, class: LoadClass, flights: &[Arc<Flight>]) -> Asked {
        let mut state = self.state.lock();
        if state.queue.enter() {
            drop(state);
            return Asked::Permit(Arc::new(LoadPermit(Arc::clone(self))));
        }
        let (sender, permit) = oneshot::channel();
        let number = state.queue.wait(class, Waiter(sender));
        drop(state);
        let place = Arc::new(QueuePlace { gate: Arc::clone(self), class, number });
        flights.iter().for_each(|flight| flight.queue_at(Some(Arc::clone(&place) as _)));
        Asked::Queued(InQueue { place, permit, flights: flights.to_vec() })
    }

    /// Notes that the bodies of these flights have a permit.
    pub(super) fn hold(&self, flights: &[Arc<Flight>], permit: &Arc<LoadPermit>) {
        for flight in flights {
            flight.hold(self.number, Arc::clone(permit) as _);
        }
        // All flights of a body wait for the same.
        if let Some(first) = flights.first() {
            self.state.lock().holders.push(Arc::downgrade(first));
        }
    }

    /// Notes that the body of these flights has none any more.
    pub(super) fn let_go(&self, flights: &[Arc<Flight>]) {
        if let Some(first) = flights.first() {
            let mut state = self.state.lock();
            let of_first =
                |holder: &Weak<Flight>| std::ptr::eq(holder.as_ptr(), Arc::as_ptr(first));
            if let Some(at) = state.holders.iter().position(of_first) {
                state.holders.swap_remove(at);
            }
        }
        // Outside of the locks of the flights: the next load is woken.
        let permits: Vec<_> =
            flights.iter().filter_map(|flight| flight.let_go(self.number)).collect();
        drop(permits);
    }

    /// Returns the flights whose bodies have a permit.
    pub(super) fn holders(&self) -> Vec<Arc<Flight>> {
        self.state.lock().holders.iter().filter_map(Weak::upgrade).collect()
    }

    /// Takes a permit back, and passes it on to the next load in the queue.
    fn give_back(self: &Arc<Self>) {
        let next = self.state.lock().queue.give_back();
        if let Some(Waiter(sender)) = next {
            // If the load waits no longer, the permit is dropped here, and goes to the next one.
            drop(sender.send(Arc::new(LoadPermit(Arc::clone(self)))));
        }
    }

    /// Returns true if a call is rejected now, because the source fails.
    pub(super) fn rejects(&self, now_ms: u64) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.lock().rejects(now_ms))
    }

    /// Returns true if the source fails.
    pub(super) fn is_open(&self) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.lock().is_open())
    }

    pub(super) fn begin_probe(self: &Arc<Self>, now_ms: u64) -> Option<Probing> {
        let begun = self.breaker.as_ref()?.lock().begin_probe(now_ms);
        begun.then(|| Probing(Arc::clone(self)))
    }

    /// Notes the result of a body.
    pub(super) fn note(&self, failed: bool, is_probe: bool, now_ms: u64) -> Option<BreakerChange> {
        let mut breaker = self.breaker.as_ref()?.lock();
        match failed {
            true => breaker.fails(is_probe, now_ms, random::fraction()),
            false => breaker.succeeds(),
        }
    }

    pub(super) fn stats(&self) -> GateStats {
        let (running, waiting, limit) = {
            let queue = &self.state.lock().queue;
            (queue.taken(), queue.waiting(), queue.limit())
        };
        GateStats {
            name: self.name.clone(),
            limit,
            running,
            waiting: waiting as u64,
            queued: self.counters.queued.get(),
            waited_micros: self.counters.waited_micros.get(),
            shed: self.counters.shed.get(),
            open: self.breaker.as_ref().map(|breaker| breaker.lock().is_open()),
        }
    }

    pub(super) fn reset(&self) {
        let GateCounters { queued, waited_micros, shed } = &self.counters;
        [queued, waited_micros, shed].into_iter().for_each(crate::stats::Counter::reset);
    }
}

impl QueuePlace {
    /// Gives the load in this place a share of a permit, if it is still there.
    pub(super) fn lend(&self, permit: Arc<LoadPermit>) -> bool {
        let waiter = self.gate.state.lock().queue.leave(self.class, self.number);
        waiter.is_some_and(|Waiter(sender)| sender.send(permit).is_ok())
    }
}

impl Future for InQueue {
    type Output = Arc<LoadPermit>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Arc<LoadPermit>> {
        match Pin::new(&mut self.permit).poll(context) {
            Poll::Ready(Ok(permit)) => Poll::Ready(permit),
            // A place is removed only together with its wait, or with a permit for it.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for InQueue {
    fn drop(&mut self) {
        let QueuePlace { gate, class, number } = &*self.place;
        let left = gate.state.lock().queue.leave(*class, *number);
        drop(left);
        self.flights.iter().for_each(|flight| flight.queue_at(None));
    }
}

impl Drop for LoadPermit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        if let Some(breaker) = &self.0.breaker {
            breaker.lock().end_probe();
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("name", &self.name).finish_non_exhaustive()
    }
}
