//! The table of flights, and the roles of callers in them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::follower::Follower;
use super::phase::{Effect, FlightEvent, FlightOutcome, Ticket};
use super::retries::Retry;
use super::state::{Flight, joinable};
use crate::coherence::generation::{GenerationSnapshot, Generations, Slot};
use crate::key::prehashed::BuildPrehashed;
use crate::support::clock;
use crate::support::lock::Mutex;
use crate::support::process::Process;

const SHARDS: usize = 16;

type Shard<K> = HashMap<Arc<K>, Arc<Flight>, BuildPrehashed>;

/// The flights of one manager, by key.
#[derive(Debug)]
pub(crate) struct Flights<K> {
    shards: [Mutex<Shard<K>>; SHARDS],
    process: Process,
}

/// The role of a caller in the load of its key.
#[derive(Debug)]
pub(crate) enum Role<K: Eq + Hash> {
    Lead(Leader<K>),
    Follow(Follower),
}

/// The role of a caller that comes too late for the flight of its key, if nobody has opened the next one.
#[derive(Clone, Copy)]
enum Behind {
    /// It leads the next flight, and waits for the one before it first.
    Leads,
    /// It follows the flight before, whose outcome it cannot use.
    Follows,
}

impl<K: Eq + Hash> Flights<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Flights {
            shards: std::array::from_fn(|_| Mutex::default()),
            process: Process::default(),
        })
    }

    /// Joins the flight of this key, or opens one. `slots` are the generations that the key's
    /// entry depends on: a flight that noted older ones is not joined but replaced.
    pub(crate) fn join<'s>(
        self: &Arc<Self>,
        key: &Arc<K>,
        asked: Ticket,
        generations: &Generations,
        slots: impl FnOnce() -> &'s [Slot],
    ) -> Role<K> {
        self.join_or_lead(key, asked, generations, slots, Behind::Leads)
    }

    /// Does the same for a caller of many keys, which leads no flight behind another one. It would have to wait
    /// for that one while it leads others, and those who wait for these might have to wait for it in turn.
    /// Instead, it follows a flight that came too early for it, and joins again when that has landed.
    pub(crate) fn join_without_wait<'s>(
        self: &Arc<Self>,
        key: &Arc<K>,
        asked: Ticket,
        generations: &Generations,
        slots: impl FnOnce() -> &'s [Slot],
    ) -> Role<K> {
        self.join_or_lead(key, asked, generations, slots, Behind::Follows)
    }

    fn join_or_lead<'s>(
        self: &Arc<Self>,
        key: &Arc<K>,
        asked: Ticket,
        generations: &Generations,
        slots: impl FnOnce() -> &'s [Slot],
        behind: Behind,
    ) -> Role<K> {
        // R4: under one lock a caller finds the flight that it may join, or opens the only other one.
        let (mut shard, known) = self.own_shard(key);
        let joinable = |flight: &&Arc<Flight>| joinable(flight, generations);
        let Some(flight) = known.as_ref().filter(joinable) else {
            let flight = Flight::new(generations.note(slots()));
            shard.insert(Arc::clone(key), Arc::clone(&flight));
            return Role::Lead(self.leader(key, flight, None));
        };
        let mut state = flight.state.lock();
        if !state.phase.is_sealed() {
            return Role::Follow(Follower::new(Arc::clone(flight), &mut state, asked));
        }
        if let Some(next) = state.phase.next().filter(joinable) {
            return Role::Follow(Follower::new(Arc::clone(next), &mut next.state.lock(), asked));
        }
        if let Behind::Follows = behind {
            return Role::Follow(Follower::new(Arc::clone(flight), &mut state, asked));
        }
        let next = Flight::new(generations.note(slots()));
        let _ = state.apply(FlightEvent::Succeed(Arc::clone(&next)));
        let after = Follower { flight: Arc::clone(flight), joined: state.seals, asked };
        drop(state);
        Role::Lead(self.leader(key, next, Some(after)))
    }

    /// Opens the flight of this key, unless one is under way that could be joined. A flight whose body does
    /// not begin is replaced: the runtime of its task may no longer be driven.
    pub(crate) fn open(
        self: &Arc<Self>,
        key: &Arc<K>,
        generations: &Generations,
        slots: &[Slot],
    ) -> Option<Leader<K>> {
        let (mut shard, known) = self.own_shard(key);
        let under_way = |flight: Arc<Flight>| joinable(&flight, generations) && !flight.is_stuck();
        if known.is_some_and(under_way) {
            return None;
        }
        let flight = Flight::new(generations.note(slots));
        shard.insert(Arc::clone(key), Arc::clone(&flight));
        Some(self.leader(key, flight, None))
    }

    /// Follows the flight of this key, if one is under way that can be joined.
    pub(crate) fn follow(
        &self,
        key: &Arc<K>,
        asked: Ticket,
        generations: &Generations,
    ) -> Option<Follower> {
        let (_shard, known) = self.own_shard(key);
        let under_way = |flight: &Arc<Flight>| joinable(flight, generations) && !flight.is_stuck();
        let flight = known.filter(under_way)?;
        let mut state = flight.state.lock();
        Some(Follower::new(Arc::clone(&flight), &mut state, asked))
    }

    /// Locks the shard of a key. Returns it with the flight of the key, if this process has one.
    fn own_shard(&self, key: &K) -> (MutexGuard<'_, Shard<K>>, Option<Arc<Flight>>) {
        let shard = self.shard(key).lock();
        // The check is a system call. A caller who opens a flight needs none.
        if !shard.contains_key(key) {
            return (shard, None);
        }
        drop(shard);
        self.leave_to_their_process();
        let shard = self.shard(key).lock();
        let flight = shard.get(key).cloned();
        (shard, flight)
    }

    /// Removes the flights of the parent in a forked process, where no task would land them.
    fn leave_to_their_process(&self) {
        if self.process.has_changed() {
            self.shards.iter().for_each(|shard| shard.lock().clear());
            clock::tick_on();
        }
    }

    /// Removes a flight from the table after a caller has waited too long for it.
    pub(crate) fn give_up(&self, key: &Arc<K>, follower: &Follower) {
        let mut shard = self.shard(key).lock();
        if shard.get(key).is_some_and(|current| Arc::ptr_eq(current, &follower.flight)) {
            shard.remove(key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn leader(
        self: &Arc<Self>,
        key: &Arc<K>,
        flight: Arc<Flight>,
        after: Option<Follower>,
    ) -> Leader<K> {
        Leader { table: Some((Arc::clone(self), Arc::clone(key))), flight, after, retry: None }
    }

    /// Passes the key on to the next flight, whose callers came too late for `flight`.
    pub(super) fn retire(&self, key: &Arc<K>, flight: &Arc<Flight>, next: Option<Arc<Flight>>) {
        let mut shard = self.shard(key).lock();
        if shard.get(key).is_none_or(|current| !Arc::ptr_eq(current, flight)) {
            return;
        }
        match next.filter(|next| next.state.lock().phase.outcome().is_none()) {
            Some(next) => shard.insert(Arc::clone(key), next),
            None => shard.remove(key),
        };
    }

    pub(super) fn shard(&self, key: &K) -> &Mutex<Shard<K>> {
        // Other bits than those by which the hash map chooses its buckets.
        &self.shards[(BuildPrehashed::default().hash_one(key) >> 32) as usize % SHARDS]
    }
}

/// The caller that loads. If it is dropped before [`land`](Leader::land), it abandons the flight.
#[derive(Debug)]
pub(crate) struct Leader<K: Eq + Hash> {
    pub(super) table: Option<(Arc<Flights<K>>, Arc<K>)>,
    pub(super) flight: Arc<Flight>,
    pub(super) after: Option<Follower>,
    /// The place among the retries of the key, if this is one of them.
    pub(super) retry: Option<Retry<K>>,
}

impl<K: Eq + Hash> Leader<K> {
    /// Returns the leader of a flight that no other caller joins.
    pub(crate) fn alone(generations: &Generations, slots: &[Slot]) -> Self {
        let flight = Flight::new(generations.note(slots));
        Leader { table: None, flight, after: None, retry: None }
    }

    /// Adds the place among the retries of the key, which is free again when the flight has ended.
    pub(crate) fn retrying(mut self, mut retry: Retry<K>) -> Self {
        retry.begin(&self.flight);
        self.retry = Some(retry);
        self
    }

    /// Returns true if no other caller joins the flight.
    pub(crate) fn is_alone(&self) -> bool {
        self.table.is_none()
    }

    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Returns the generations that were noted when the flight was opened, before anything was read or
    /// loaded.
    pub(crate) fn snapshot(&self) -> GenerationSnapshot {
        self.flight.state.lock().snapshot.clone()
    }

    /// Notes the generations again, because the results of earlier reads will not be used.
    pub(crate) fn note_again(&self, generations: &Generations, slots: &[Slot]) {
        self.flight.state.lock().snapshot = generations.note(slots);
    }

    /// Returns a follower of this flight, for a caller that waits for it.
    pub(crate) fn followed(&self, asked: Ticket) -> Follower {
        Follower::new(Arc::clone(&self.flight), &mut self.flight.state.lock(), asked)
    }

    /// Notes that the body begins now.
    pub(crate) fn body_begins(&self) {
        if self.table.is_some() {
            self.apply(FlightEvent::Begin(Ticket::now()));
        }
    }

    /// Lands this flight with the outcome of the one before it. The outcome serves those followers that
    /// called before the body of that flight began.
    pub(crate) fn pass_on(self, predecessor: &Follower, outcome: FlightOutcome) {
        let body = predecessor.flight.state.lock().phase.body();
        if let Some(began) = body {
            self.apply(FlightEvent::Begin(began));
        }
        self.land(|| match outcome {
            FlightOutcome::Value(value) => FlightOutcome::Outdated(Some(value)),
            outcome => outcome,
        });
    }

    /// Puts this flight in the place of the one before it, because the wait for that one took too long.
    /// Callers join this one from now on.
    pub(crate) fn overtake(&self, predecessor: &Follower) {
        let Some((flights, key)) = &self.table else { return };
        let mut shard = flights.shard(key).lock();
        if shard.get(key).is_some_and(|current| Arc::ptr_eq(current, &predecessor.flight)) {
            shard.insert(Arc::clone(key), Arc::clone(&self.flight));
        }
    }

    /// Returns the flight before this one, if it is still under way. The leader waits for it first.
    pub(crate) fn predecessor(&mut self) -> Option<Follower> {
        self.after.take()
    }

    /// Returns true if a caller waits for the outcome.
    pub(crate) fn awaited(&self) -> bool {
        self.flight.state.lock().is_awaited()
    }

    /// Notes that a request to Redis is sent whose reply is valid while the lease holds. Callers may join
    /// until it ends.
    pub(crate) fn rely_on_lease(&self) {
        self.apply(FlightEvent::Ask);
    }

    /// Seals the flight: from now on, callers join the next one.
    pub(crate) fn seal(&self) {
        self.apply(FlightEvent::Seal);
    }

    /// Opens the flight again, because the load itself is about to begin.
    pub(crate) fn reopen(&self) {
        self.apply(FlightEvent::Reopen);
    }

    /// Notes that no stale value stands in for the error with which the flight is about to end.
    pub(crate) fn refuse_stale(&self) {
        self.flight.refuses_stale.store(true, Ordering::Release);
    }

    /// Ends the flight of a body that has panicked.
    pub(crate) fn panicked(&self) {
        self.apply(FlightEvent::Land(FlightOutcome::Panicked));
    }

    /// Ends the flight. `outcome` is called only if a caller waits for the outcome.
    pub(crate) fn land(self, outcome: impl FnOnce() -> FlightOutcome) {
        let mut state = self.flight.state.lock();
        if !state.is_awaited() {
            let effect = state.apply(FlightEvent::Land(FlightOutcome::Outdated(None)));
            drop(state);
            return self.follow_up(effect);
        }
        let _ = state.apply(FlightEvent::Close);
        drop(state);
        self.apply(FlightEvent::Land(outcome()));
    }

    fn apply(&self, event: FlightEvent<Arc<Flight>>) {
        let effect = self.flight.state.lock().apply(event);
        self.follow_up(effect);
    }

    #[inline]
    fn follow_up(&self, effect: Effect<Arc<Flight>>) {
        if let Effect::Retire(next) = effect {
            self.retire(next);
        }
    }

    /// Leaves the table to the next flight, and wakes the callers that wait for this one.
    fn retire(&self, next: Option<Arc<Flight>>) {
        if let Some((flights, key)) = &self.table {
            flights.retire(key, &self.flight, next);
        }
        self.flight.changed.notify_waiters();
    }
}

impl<K: Eq + Hash> Drop for Leader<K> {
    fn drop(&mut self) {
        // R4: if a leader is dropped, its followers go on.
        let mut state = self.flight.state.lock();
        if state.phase.outcome().is_none() {
            let effect = state.apply(FlightEvent::Land(FlightOutcome::Abandoned));
            drop(state);
            self.follow_up(effect);
        }
    }
}
