//! A model of the callers of one key, or of two: every order in which they can access the table.
//!
//! A caller is a small state machine that uses the table as [`call`](crate::call) does. An invalidation is
//! one, too. Their steps are the operations of the table (each holds its lock), the requests to the store,
//! and the polls of followers. Polls are repeated only after a wake-up. A search runs every interleaving of
//! the steps, each from its start. States that two interleavings share are continued only once. In addition,
//! any one caller may be dropped at any one step, its load may fail, or its wait may time out.
//!
//! The invariants: no flight gives a caller a value from before an invalidation that had returned when that
//! caller came; every follower is woken; no callers wait for each other; no state is reached again; and when
//! all callers have gone, the table is empty.
//!
//! The tests of one key are here. Callers of many keys are in [`batch`], and their tests and limits in
//! [`many`].
//!
//! A landing sets the outcome and retires the flight in two scopes. The steps of others between them are
//! covered (here it wakes the followers before it retires, which is one order more). Not covered: the code
//! between the two scopes of `land`, where a caller can only open the next flight; the insides of an
//! operation, such as the wait for a lock; and loads that run in the background, which have a table of their
//! own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod batch;
mod many;
mod search;
mod sketch;

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::coherence::generation::{GenerationSnapshot, Generations, Slot};
use batch::{Batch, BatchRule};
use search::schedules;

/// The keys. A model of one key has the first.
const KEYS: [u8; 2] = [7, 8];

/// The participants.
#[derive(Clone, Copy, Debug)]
struct Model {
    store: Store,
    callers: &'static [Asks],
    /// Each removes any one of the keys.
    invalidations: &'static [Side],
    /// True if one caller may have one [`Mishap`].
    mishap: bool,
    /// True if others may come between the two scopes of a landing.
    gap: bool,
    rule: BatchRule,
}

/// The keys that a caller asks for, by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    One(usize),
    /// One key, whose body calls for another one.
    Nested {
        key: usize,
        inside: usize,
    },
    Many([usize; 2]),
}

impl Asks {
    fn keys(self) -> [usize; 2] {
        match self {
            Asks::One(key) => [key, key],
            Asks::Nested { key, inside } => [key, inside],
            Asks::Many(keys) => keys,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Redis,
    Memory,
}

/// The process that invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Here,
    Elsewhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// The caller is dropped.
    Dropped,
    /// The body returns an error.
    Fails,
    /// The body panics.
    Panics,
    /// The value is not stored in Redis, so its validity is unknown.
    Unkept,
    /// The body returns no value for this key.
    Lacks(usize),
    /// The caller has waited for too long for the load of this key.
    GivesUp(usize),
}

/// The next step.
#[derive(Clone, Copy, Debug)]
enum Move {
    Caller(usize),
    /// The number of the invalidation, and its key.
    Invalidation(usize, usize),
    Mishap(usize, Mishap),
}

/// A version of the data of a key: the number of its invalidations that have begun.
type Version = u8;

/// The state of a caller: its next step.
enum At {
    Joins,
    Follows(Wait),
    WaitsToLead(Leader<u8>, Wait),
    PassesOn(Leader<u8>, Arc<Follower>, FlightOutcome),
    Seals(Leader<u8>),
    Reads(Leader<u8>),
    Reopens(Leader<u8>),
    BeginsBody(Leader<u8>),
    /// The end of the body has no effect on others: it is one step with the step after it.
    EndsBody(Leader<u8>, Version),
    Fills(Leader<u8>, Version),
    SealsStored(Leader<u8>, Version),
    Lands(Leader<u8>, FlightOutcome),
    Retires(Landed),
    /// The caller asks for many keys.
    Many(Box<Batch>),
    Gone,
}

struct Caller {
    asks: Asks,
    /// The key that a caller of one key asks for now.
    key: usize,
    asked: Option<Ticket>,
    /// The oldest version of each key that the caller may be given.
    required: [Version; KEYS.len()],
    at: At,
    /// The load whose body waits for this caller, and the version that the body has read.
    outer: Option<(Leader<u8>, Version)>,
}

/// A caller that waits for a flight.
struct Wait {
    follower: Arc<Follower>,
    outcome: Pin<Box<dyn Future<Output = FlightOutcome>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Wait {
    fn new(follower: Follower) -> Self {
        let follower = Arc::new(follower);
        let waiting = Arc::clone(&follower);
        Wait {
            follower,
            outcome: Box::pin(async move { waiting.outcome().await }),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Acquire)
    }

    fn poll(&mut self) -> Option<FlightOutcome> {
        self.woken.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.outcome.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}

/// A flight that has its outcome and is still in the table.
struct Landed {
    flights: Arc<Flights<u8>>,
    key: Arc<u8>,
    flight: Arc<Flight>,
    next: Option<Arc<Flight>>,
}

impl Landed {
    fn retire(self) {
        self.flights.retire(&self.key, &self.flight, self.next);
    }
}

#[derive(Clone, Copy)]
enum Invalidation {
    Ahead,
    /// Redis has the invalidation of this key, and this process has not.
    Halfway(usize, Version),
    Over,
}

/// The content of the store.
enum Entry {
    /// Valid as long as the tokens are those of its version.
    Redis(Version),
    Memory(Version, GenerationSnapshot),
}

/// The state of one key.
struct Shelf {
    slot: Slot,
    key: Arc<u8>,
    entry: Option<Entry>,
    data: Version,
    /// The newest version whose invalidation has returned.
    returned: Version,
    /// True if a body has begun to load the key. It is noted in a model without disturbances.
    loaded: bool,
}

/// The whole state at one moment of one schedule.
struct World<'a> {
    model: Model,
    generations: &'a Generations,
    flights: Arc<Flights<u8>>,
    shelves: Vec<Shelf>,
    callers: Vec<Caller>,
    invalidations: Vec<Invalidation>,
    mishap: bool,
}

impl<'a> World<'a> {
    fn new(model: Model, generations: &'a Generations) -> Self {
        let last = model.callers.iter().flat_map(|asks| asks.keys()).max().unwrap();
        let shelf = |key: &u8| Shelf {
            slot: Slot::name(&key.to_string()),
            key: Arc::new(*key),
            entry: None,
            data: 0,
            returned: 0,
            loaded: false,
        };
        World {
            model,
            generations,
            flights: Flights::new(),
            shelves: KEYS[..=last].iter().map(shelf).collect(),
            callers: model.callers.iter().copied().map(Caller::new).collect(),
            invalidations: vec![Invalidation::Ahead; model.invalidations.len()],
            mishap: model.mishap,
        }
    }

    /// Returns the steps that are possible now, without a mishap.
    ///
    /// Interchangeable callers come in their order, and invalidations of one kind begin in theirs.
    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (i, caller) in self.callers.iter().enumerate() {
            if caller.at.can_move() && !self.comes_later(i) {
                moves.push(Move::Caller(i));
            }
        }
        let invalidations = self.invalidations.iter().zip(self.model.invalidations);
        let mut ahead = None;
        for (i, (at, place)) in invalidations.enumerate() {
            match at {
                Invalidation::Over => {}
                Invalidation::Ahead if ahead == Some(place) => {}
                Invalidation::Ahead => {
                    ahead = Some(place);
                    moves.extend((0..self.shelves.len()).map(|key| Move::Invalidation(i, key)));
                }
                Invalidation::Halfway(key, _) => moves.push(Move::Invalidation(i, *key)),
            }
        }
        moves
    }

    /// Returns true if an interchangeable caller comes before this one.
    fn comes_later(&self, i: usize) -> bool {
        let ahead = |caller: &Caller| caller.asked.is_none();
        let alike = |other: &Caller| self.model.interchanges(other.asks, self.callers[i].asks);
        ahead(&self.callers[i])
            && self.callers[..i].iter().any(|other| ahead(other) && alike(other))
    }

    fn mishaps(&self) -> Vec<Move> {
        let mut mishaps = Vec::new();
        for (i, caller) in self.callers.iter().enumerate() {
            if !self.mishap || caller.asked.is_none() {
                continue;
            }
            if let At::Many(batch) = &caller.at {
                let mishaps_of_it = batch.mishaps(self.model.store);
                mishaps.extend(mishaps_of_it.map(|mishap| Move::Mishap(i, mishap)));
                continue;
            }
            // A caller cannot be dropped between the two scopes of a landing, because nothing is awaited
            // there.
            if !matches!(caller.at, At::Gone | At::Retires(_)) {
                mishaps.push(Move::Mishap(i, Mishap::Dropped));
            }
            if matches!(caller.at, At::EndsBody(..)) {
                mishaps.push(Move::Mishap(i, Mishap::Fails));
                mishaps.push(Move::Mishap(i, Mishap::Panics));
                if self.model.store == Store::Redis {
                    mishaps.push(Move::Mishap(i, Mishap::Unkept));
                }
            }
            if matches!(caller.at, At::Follows(_) | At::WaitsToLead(..)) {
                mishaps.push(Move::Mishap(i, Mishap::GivesUp(caller.key)));
            }
        }
        mishaps
    }

    fn perform(&mut self, next: Move) -> Result<(), &'static str> {
        match next {
            Move::Caller(i) => {
                let at = self.step(i)?;
                self.go_on(i, at);
            }
            Move::Invalidation(i, key) => self.invalidate(i, key),
            Move::Mishap(i, mishap) => {
                self.mishap = false;
                let at = self.befall(i, mishap);
                self.go_on(i, at);
            }
        }
        Ok(())
    }

    /// Enters the next state. When a call that a body has made is over, the body goes on.
    fn go_on(&mut self, i: usize, at: At) {
        let caller = &mut self.callers[i];
        caller.at = at;
        if matches!(caller.at, At::Gone)
            && let Some((leader, version)) = caller.outer.take()
        {
            caller.key = caller.asks.keys()[0];
            caller.at = At::EndsBody(leader, version);
        }
    }

    fn step(&mut self, i: usize) -> Result<At, &'static str> {
        let at = mem::replace(&mut self.callers[i].at, At::Gone);
        let key = self.callers[i].key;
        Ok(match at {
            At::Joins => self.join_as_one(i),
            At::Follows(mut wait) => match wait.poll() {
                None => At::Follows(wait),
                Some(outcome @ FlightOutcome::Value(_)) => {
                    self.check(i, key, &outcome)?;
                    At::Gone
                }
                // No second body panics.
                Some(
                    FlightOutcome::Outdated(_) | FlightOutcome::Abandoned | FlightOutcome::Panicked,
                ) => At::Joins,
                Some(FlightOutcome::Failed | FlightOutcome::Error(_)) => {
                    self.look(self.lead_alone(key))
                }
            },
            At::WaitsToLead(leader, mut wait) => match wait.poll() {
                None => At::WaitsToLead(leader, wait),
                Some(outcome @ FlightOutcome::Value(_)) => {
                    self.check(i, key, &outcome)?;
                    At::PassesOn(leader, wait.follower, outcome)
                }
                Some(_) => self.look(leader),
            },
            At::PassesOn(leader, predecessor, outcome) => {
                self.land_as_one(leader, |leader| leader.pass_on(&predecessor, outcome))
            }
            At::Seals(leader) => {
                leader.seal();
                At::Reads(leader)
            }
            At::Reads(leader) => match self.valid(key) {
                Some(version) => At::Lands(leader, FlightOutcome::Value(Arc::new(version))),
                None => At::Reopens(leader),
            },
            At::Reopens(leader) => {
                leader.reopen();
                At::BeginsBody(leader)
            }
            At::BeginsBody(leader) => {
                self.begin_body(&leader, key)?;
                let version = self.shelves[key].data;
                match self.callers[i].asks {
                    Asks::Nested { key: outer, inside } if outer == key => {
                        self.call_inside(i, leader, version, inside)
                    }
                    _ => At::EndsBody(leader, version),
                }
            }
            At::EndsBody(leader, version) if self.model.store == Store::Redis => {
                leader.seal();
                At::Fills(leader, version)
            }
            At::EndsBody(leader, version) => {
                self.store_in_memory(key, version, leader.snapshot());
                At::SealsStored(leader, version)
            }
            At::Fills(leader, version) => {
                let outcome = self.fill(key, version);
                At::Lands(leader, outcome)
            }
            At::SealsStored(leader, version) => {
                leader.seal();
                At::Lands(leader, FlightOutcome::Value(Arc::new(version)))
            }
            At::Lands(leader, outcome) => {
                self.land_as_one(leader, |leader| leader.land(|| outcome))
            }
            At::Retires(landed) => {
                landed.retire();
                At::Gone
            }
            At::Many(batch) => self.step_of_many(i, batch)?,
            At::Gone => At::Gone,
        })
    }

    fn befall(&mut self, i: usize, mishap: Mishap) -> At {
        let at = mem::replace(&mut self.callers[i].at, At::Gone);
        match (mishap, at) {
            (mishap, At::Many(batch)) => self.befall_many(batch, mishap),
            (Mishap::GivesUp(key), At::Follows(wait)) => {
                self.flights.give_up(&self.shelves[key].key, &wait.follower);
                At::Joins
            }
            (Mishap::GivesUp(_), At::WaitsToLead(leader, wait)) => {
                leader.overtake(&wait.follower);
                self.look(leader)
            }
            (Mishap::Fails, At::EndsBody(leader, _)) => {
                self.land_as_one(leader, |leader| leader.land(|| FlightOutcome::Failed))
            }
            (Mishap::Panics, At::EndsBody(leader, _)) => {
                self.land_as_one(leader, |leader| leader.panicked())
            }
            (Mishap::Unkept, At::EndsBody(leader, version)) => {
                let outcome = || FlightOutcome::Outdated(Some(Arc::new(version)));
                self.land_as_one(leader, |leader| leader.land(outcome))
            }
            (_, at) => {
                // The inner one of two calls is dropped first.
                let outer = self.callers[i].outer.take();
                let at = match at.into_leader() {
                    Some(leader) => self.land_as_one(leader, drop),
                    None => At::Gone,
                };
                drop(outer);
                at
            }
        }
    }

    /// Returns the moment at which the caller came. It comes when it first joins a flight.
    fn come(&mut self, i: usize) -> Ticket {
        let caller = &mut self.callers[i];
        *caller.asked.get_or_insert_with(|| {
            for key in caller.asks.keys() {
                caller.required[key] = self.shelves[key].returned;
            }
            Ticket::now()
        })
    }

    fn join_as_one(&mut self, i: usize) -> At {
        let (asked, shelf) = (self.come(i), &self.shelves[self.callers[i].key]);
        let slots = [shelf.slot];
        match self.flights.join(&shelf.key, asked, self.generations, || &slots) {
            Role::Follow(follower) => At::Follows(Wait::new(follower)),
            Role::Lead(mut leader) => match leader.predecessor() {
                Some(predecessor) => At::WaitsToLead(leader, Wait::new(predecessor)),
                None => self.look(leader),
            },
        }
    }

    fn lead_alone(&self, key: usize) -> Leader<u8> {
        Leader::alone(self.generations, &[self.shelves[key].slot])
    }

    /// Notes that a body begins to load a key.
    fn begin_body(&mut self, leader: &Leader<u8>, key: usize) -> Result<(), &'static str> {
        leader.body_begins();
        if self.model.is_undisturbed() && mem::replace(&mut self.shelves[key].loaded, true) {
            return Err("a key that is loaded twice");
        }
        Ok(())
    }

    /// Calls for another key, from inside of a body.
    fn call_inside(&mut self, i: usize, leader: Leader<u8>, version: Version, key: usize) -> At {
        let caller = &mut self.callers[i];
        caller.outer = Some((leader, version));
        caller.key = key;
        caller.asked = Some(Ticket::now());
        caller.required[key] = self.shelves[key].returned;
        At::Joins
    }

    /// Reads the store. A value from Redis serves the callers that joined before the read.
    fn look(&self, leader: Leader<u8>) -> At {
        match self.model.store {
            Store::Redis => At::Seals(leader),
            Store::Memory => At::Reads(leader),
        }
    }

    /// Returns the version that the store holds, if it is still valid.
    fn valid(&self, key: usize) -> Option<Version> {
        let shelf = &self.shelves[key];
        match shelf.entry.as_ref()? {
            Entry::Redis(version) => (*version == shelf.data).then_some(*version),
            Entry::Memory(version, snapshot) => {
                self.generations.current(&snapshot.stamps).then_some(*version)
            }
        }
    }

    fn store_in_memory(&mut self, key: usize, version: Version, snapshot: GenerationSnapshot) {
        if self.generations.storable(&snapshot) {
            self.shelves[key].entry = Some(Entry::Memory(version, snapshot));
        }
    }

    /// Stores a value in Redis, unless the tokens have changed, or another load has come first.
    fn fill(&mut self, key: usize, version: Version) -> FlightOutcome {
        let value = Arc::new(version);
        if version != self.shelves[key].data || self.valid(key).is_some() {
            return FlightOutcome::Outdated(Some(value));
        }
        self.shelves[key].entry = Some(Entry::Redis(version));
        FlightOutcome::Value(value)
    }

    fn land_as_one(&self, leader: Leader<u8>, land: impl FnOnce(Leader<u8>)) -> At {
        self.land(leader, land).map_or(At::Gone, At::Retires)
    }

    /// Ends a flight by `land`. In a model with a gap, the last scope of it is a step of its own.
    fn land(&self, mut leader: Leader<u8>, land: impl FnOnce(Leader<u8>)) -> Option<Landed> {
        let table = if self.model.gap { leader.table.take() } else { None };
        let flight = Arc::clone(&leader.flight);
        let next = flight.state.lock().phase.next().cloned();
        land(leader);
        table.map(|(flights, key)| Landed { flights, key, flight, next })
    }

    /// Invalidates in Redis first, then in the generations of this process.
    fn invalidate(&mut self, i: usize, key: usize) {
        let (here, in_redis) =
            (self.model.invalidations[i] == Side::Here, self.model.store == Store::Redis);
        let shelf = &mut self.shelves[key];
        let version = match self.invalidations[i] {
            Invalidation::Halfway(_, version) => version,
            _ => {
                shelf.data += 1;
                if here && in_redis {
                    self.invalidations[i] = Invalidation::Halfway(key, shelf.data);
                    return;
                }
                shelf.data
            }
        };
        if here {
            self.generations.bump(shelf.slot);
        }
        shelf.returned = shelf.returned.max(version);
        self.invalidations[i] = Invalidation::Over;
    }

    fn check(&self, i: usize, key: usize, outcome: &FlightOutcome) -> Result<(), &'static str> {
        match version(outcome) {
            Some(version) if version < self.callers[i].required[key] => {
                Err("a value that is too old")
            }
            _ => Ok(()),
        }
    }

    /// Checks the state when no further step is possible.
    fn check_end(&self) -> Result<(), &'static str> {
        if self.callers.iter().any(|caller| !matches!(caller.at, At::Gone)) {
            return Err("a caller that waits for ever");
        }
        if self.flights.len() > 0 {
            return Err("a flight that nobody leads");
        }
        Ok(())
    }
}

impl Model {
    /// Returns true if two callers may change places. The keys of two batches may be swapped with them.
    fn interchanges(&self, one: Asks, other: Asks) -> bool {
        one == other || matches!(self.callers, [Asks::Many(_), Asks::Many(_)])
    }

    /// Returns true if each key has to be loaded only once.
    fn is_undisturbed(&self) -> bool {
        self.invalidations.is_empty() && !self.mishap
    }
}

impl Caller {
    fn new(asks: Asks) -> Self {
        let at = match asks {
            Asks::One(_) | Asks::Nested { .. } => At::Joins,
            Asks::Many(keys) => At::Many(Box::new(Batch::new(keys))),
        };
        let [key, _] = asks.keys();
        Caller { asks, key, asked: None, required: [0; KEYS.len()], at, outer: None }
    }

    /// Returns true if it will not come again, not even from inside of its body.
    fn has_come(&self) -> bool {
        match self.asks {
            Asks::Nested { .. } => matches!(self.at, At::Gone),
            Asks::One(_) | Asks::Many(_) => self.asked.is_some(),
        }
    }
}

impl At {
    fn can_move(&self) -> bool {
        match self {
            At::Follows(wait) | At::WaitsToLead(_, wait) => wait.is_woken(),
            At::Many(batch) => batch.can_move(),
            At::Gone => false,
            _ => true,
        }
    }

    /// Returns true if the caller may still be given a value from a flight of another caller.
    fn may_follow(&self) -> bool {
        match self {
            At::Joins | At::Follows(_) | At::WaitsToLead(..) => true,
            At::Many(batch) => batch.may_follow(),
            _ => false,
        }
    }

    /// Returns true if a value of the key may be checked. A caller of one key asks for `own`.
    fn requires(&self, own: usize, key: usize) -> bool {
        match self {
            At::Many(batch) => batch.requires(key),
            at => key == own && at.may_follow(),
        }
    }

    fn leader(&self) -> Option<&Leader<u8>> {
        match self {
            At::WaitsToLead(leader, _)
            | At::PassesOn(leader, ..)
            | At::Seals(leader)
            | At::Reads(leader)
            | At::Reopens(leader)
            | At::BeginsBody(leader)
            | At::EndsBody(leader, _)
            | At::Fills(leader, _)
            | At::SealsStored(leader, _)
            | At::Lands(leader, _) => Some(leader),
            At::Joins | At::Follows(_) | At::Retires(_) | At::Many(_) | At::Gone => None,
        }
    }

    fn into_leader(self) -> Option<Leader<u8>> {
        match self {
            At::WaitsToLead(leader, _)
            | At::PassesOn(leader, ..)
            | At::Seals(leader)
            | At::Reads(leader)
            | At::Reopens(leader)
            | At::BeginsBody(leader)
            | At::EndsBody(leader, _)
            | At::Fills(leader, _)
            | At::SealsStored(leader, _)
            | At::Lands(leader, _) => Some(leader),
            At::Joins | At::Follows(_) | At::Retires(_) | At::Many(_) | At::Gone => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            At::Joins => "joins",
            At::Follows(_) => "polls as a follower",
            At::WaitsToLead(..) => "polls the flight before its own",
            At::PassesOn(..) => "passes on",
            At::Seals(_) | At::SealsStored(..) => "seals",
            At::Reads(_) => "reads",
            At::Reopens(_) => "reopens",
            At::BeginsBody(_) => "begins its body",
            At::EndsBody(..) => "ends its body",
            At::Fills(..) => "fills",
            At::Lands(..) => "lands",
            At::Retires(_) => "retires its flight",
            At::Many(batch) => batch.name(),
            At::Gone => "has gone",
        }
    }
}

fn version(outcome: &FlightOutcome) -> Option<Version> {
    match outcome {
        FlightOutcome::Value(value) | FlightOutcome::Outdated(Some(value)) => {
            Some(*value.downcast_ref::<Version>().unwrap())
        }
        _ => None,
    }
}

/// Makes a model of callers of one key.
fn of_one_key(
    store: Store,
    callers: &'static [Asks],
    invalidations: &'static [Side],
    mishap: bool,
    gap: bool,
) -> Model {
    Model { store, callers, invalidations, mishap, gap, rule: BatchRule::LandsFirst }
}

#[test]
fn two_callers_and_two_invalidations() {
    for (store, invalidations) in [
        (Store::Redis, &[Side::Here, Side::Here]),
        (Store::Redis, &[Side::Here, Side::Elsewhere]),
        (Store::Redis, &[Side::Elsewhere, Side::Elsewhere]),
        (Store::Memory, &[Side::Here, Side::Here]),
    ] {
        for gap in [false, true] {
            let model = of_one_key(store, &[Asks::One(0); 2], invalidations, true, gap);
            assert!(schedules(model) > 1_000_000);
        }
    }
}

/// Runs with a mishap or with a gap. Both together would take as long as all the rest.
#[test]
fn three_callers_and_one_invalidation() {
    for (store, invalidations) in [
        (Store::Redis, &[Side::Here]),
        (Store::Redis, &[Side::Elsewhere]),
        (Store::Memory, &[Side::Here]),
    ] {
        for (mishap, gap) in [(true, false), (false, true)] {
            let model = of_one_key(store, &[Asks::One(0); 3], invalidations, mishap, gap);
            assert!(schedules(model) > 1_000_000);
        }
    }
}
