//! Retries: the loads of callers that cannot use the outcome of the load for which they have waited.
//!
//! If a load fails with an error that cannot be shared, each caller that waited for it needs an error of its
//! own, so each runs a body. All at once, they would meet a source that is failing already. One after another,
//! the last caller would wait for all of them. So [`PLACES`] bodies of a key run at once, and the other callers
//! wait for a place. When a load of the key succeeds, all of them are woken, and share its value.
//!
//! A key has a queue only as long as a caller retries, so nothing is left of it afterwards (R7).

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{Either, select};
use tokio::sync::{Notify, Semaphore};

use super::state::Flight;
use super::waiting::Waits;
use crate::coherence::generation::Generations;
use crate::key::prehashed::BuildPrehashed;
use crate::support::lock::Mutex;
use crate::support::process::Process;

/// The maximum number of retries of one key that run at once.
pub(super) const PLACES: usize = 8;

type Queues<K> = HashMap<Arc<K>, (Arc<RetryQueue>, usize), BuildPrehashed>;

/// The queues of one manager, by key.
#[derive(Debug)]
pub(crate) struct Retries<K> {
    /// Each queue with the number of its callers.
    queues: Mutex<Queues<K>>,
    /// The number of queues. It is read without the lock, because it is mostly zero.
    count: AtomicUsize,
    process: Process,
}

/// The callers of one key that retry or wait for a place.
#[derive(Debug)]
struct RetryQueue {
    places: Semaphore,
    /// Wakes the callers that wait for a place, when a load has succeeded.
    recovered: Notify,
    /// Stands for all running retries where circles are searched: it waits for each of their flights.
    running: Arc<Flight>,
}

/// A caller that retries or waits for a place. If it is dropped, the next caller has its place.
#[derive(Debug)]
pub(crate) struct Retry<K: Eq + Hash> {
    table: Arc<Retries<K>>,
    key: Arc<K>,
    queue: Arc<RetryQueue>,
    has_place: bool,
    /// The wait of the queue for the flight of this caller.
    runs: Option<Waits>,
}

impl<K: Eq + Hash> Retries<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Retries {
            queues: Mutex::default(),
            count: AtomicUsize::new(0),
            process: Process::default(),
        })
    }

    /// Enters the queue of this key.
    pub(crate) fn enter(self: &Arc<Self>, key: &Arc<K>, generations: &Generations) -> Retry<K> {
        let mut queues = self.queues.lock();
        if self.process.has_changed() {
            // The retries of the parent do not run in a forked process.
            queues.clear();
        }
        let (queue, callers) = queues.entry(Arc::clone(key)).or_insert_with(|| {
            let places = Semaphore::new(PLACES);
            let running = Flight::new(generations.note(&[]));
            (Arc::new(RetryQueue { places, recovered: Notify::new(), running }), 0)
        });
        *callers += 1;
        let queue = Arc::clone(queue);
        self.count.store(queues.len(), Ordering::Release);
        let (table, key) = (Arc::clone(self), Arc::clone(key));
        Retry { table, key, queue, has_place: false, runs: None }
    }

    /// Wakes the callers that wait for a place, because a load of this key has succeeded.
    pub(crate) fn recovered(&self, key: &K) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let queue = self.queues.lock().get(key).map(|(queue, _)| Arc::clone(queue));
        // No task is woken under the lock.
        if let Some(queue) = queue {
            queue.recovered.notify_waiters();
        }
    }

    /// Removes a caller from its queue, and the queue after its last caller.
    fn leave(&self, key: &K, left: &Arc<RetryQueue>) {
        let mut queues = self.queues.lock();
        let Some((queue, callers)) = queues.get_mut(key) else { return };
        if !Arc::ptr_eq(queue, left) {
            return;
        }
        *callers -= 1;
        if *callers > 0 {
            return;
        }
        let ended = queues.remove_entry(key);
        self.count.store(queues.len(), Ordering::Release);
        // The lock is released before the key is dropped, because it may hold arguments of the user.
        drop(queues);
        drop(ended);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queues.lock().len()
    }
}

impl<K: Eq + Hash> Retry<K> {
    /// Returns the flight that stands for the running retries. A caller that waits for a place waits for it.
    pub(crate) fn running(&self) -> Arc<Flight> {
        Arc::clone(&self.queue.running)
    }

    /// Waits for a place. Returns false if a load of the key has succeeded meanwhile.
    ///
    /// Cancel safe: the next caller has the place of a dropped wait.
    pub(crate) async fn place(&mut self) -> bool {
        let RetryQueue { places, recovered, .. } = &*self.queue;
        // Of the two, the success comes first: its value spares the load.
        match select(pin!(recovered.notified()), pin!(places.acquire())).await {
            Either::Right((Ok(place), _)) => place.forget(),
            Either::Left(_) | Either::Right((Err(_), _)) => return false,
        }
        self.has_place = true;
        true
    }

    /// Notes the flight in which this caller loads.
    pub(super) fn begin(&mut self, flight: &Arc<Flight>) {
        self.runs = Some(Waits::note(vec![self.running()], Arc::clone(flight)));
    }
}

impl<K: Eq + Hash> Drop for Retry<K> {
    fn drop(&mut self) {
        self.runs = None;
        if self.has_place {
            self.queue.places.add_permits(1);
        }
        self.table.leave(&self.key, &self.queue);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::flight::Leader;

    struct Table {
        retries: Arc<Retries<u8>>,
        generations: Generations,
    }

    impl Table {
        fn new() -> Self {
            Table { retries: Retries::new(), generations: Generations::new(0) }
        }

        fn enter(&self) -> Retry<u8> {
            self.retries.enter(&Arc::new(7), &self.generations)
        }

        /// Returns a retry that runs, and its flight.
        fn running(&self) -> Leader<u8> {
            let mut retry = self.enter();
            assert_eq!(now(pin!(retry.place())), Some(true), "a place is free");
            Leader::alone(&self.generations, &[]).retrying(retry)
        }
    }

    fn now<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_places_of_a_key_are_limited_and_passed_on() {
        let table = Table::new();
        let mut running: Vec<_> = (0..PLACES).map(|_| table.running()).collect();
        let (mut next, mut last) = (table.enter(), table.enter());
        {
            let mut waits = pin!(next.place());
            assert_eq!(now(waits.as_mut()), None);
            drop(running.pop());
            assert_eq!(now(waits), Some(true));
        }
        assert_eq!(now(pin!(last.place())), None);
        let mut other = table.retries.enter(&Arc::new(8), &table.generations);
        assert_eq!(now(pin!(other.place())), Some(true), "each key has places of its own");
        drop((running, next));
        assert_eq!(now(pin!(last.place())), Some(true));
    }

    #[test]
    fn a_wait_that_is_dropped_leaves_its_place_to_the_next() {
        let table = Table::new();
        let mut running: Vec<_> = (0..PLACES).map(|_| table.running()).collect();
        let (mut dropped, mut next) = (table.enter(), table.enter());
        let mut waits = pin!(next.place());
        {
            let mut gives_up = Box::pin(dropped.place());
            assert_eq!(now(gives_up.as_mut()), None);
            assert_eq!(now(waits.as_mut()), None);
            // It is given the place, and never polled again.
            drop(running.pop());
        }
        assert_eq!(now(waits), Some(true));
    }

    #[test]
    fn a_success_wakes_all_callers_of_the_key_that_wait() {
        let table = Table::new();
        let _running: Vec<_> = (0..PLACES).map(|_| table.running()).collect();
        let mut waiting = [table.enter(), table.enter()];
        let mut waits: Vec<_> = waiting.iter_mut().map(|retry| Box::pin(retry.place())).collect();
        assert!(waits.iter_mut().all(|wait| now(wait.as_mut()).is_none()));
        table.retries.recovered(&8);
        assert!(waits.iter_mut().all(|wait| now(wait.as_mut()).is_none()), "of another key");
        table.retries.recovered(&7);
        assert!(waits.iter_mut().all(|wait| now(wait.as_mut()) == Some(false)));
    }

    // R7: the state of a failure ends with it.
    #[test]
    fn nothing_is_left_of_a_queue_after_its_last_caller() {
        let table = Table::new();
        let running: Vec<_> = (0..PLACES).map(|_| table.running()).collect();
        let waiting = table.enter();
        assert_eq!(table.retries.len(), 1);
        drop(running);
        assert_eq!(table.retries.len(), 1);
        drop(waiting);
        assert_eq!(table.retries.len(), 0);
        table.retries.recovered(&7);
        assert_eq!(table.retries.count.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_caller_inside_of_a_retry_finds_the_circle() {
        let table = Table::new();
        let (retry, other) = (table.running(), Leader::<u8>::alone(&table.generations, &[]));
        let inside = || vec![Arc::clone(retry.flight())];
        let waiting = table.enter();
        let wait = |bodies| Waits::for_flight(bodies, waiting.running());
        assert!(wait(inside()).is_none(), "it would wait for itself");
        let of_other = || vec![Arc::clone(other.flight())];
        assert!(wait(of_other()).is_some());
        let _retry_waits = Waits::for_flight(inside(), Arc::clone(other.flight())).unwrap();
        assert!(wait(of_other()).is_none());
        drop(retry);
        assert!(wait(of_other()).is_some(), "the retry has ended");
    }
}
