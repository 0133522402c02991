//! A model of the callers of one key: every order in which they can access the table.
//!
//! A caller is a small state machine that uses the table as [`call`](crate::call) does. An invalidation is
//! one, too. Their steps are the operations of the table (each holds its lock), the requests to the store,
//! and the polls of followers. Polls are repeated only after a wake-up. A search runs every interleaving of
//! the steps, each from its start. States that two interleavings share are continued only once. In addition,
//! any one caller may be dropped at any one step, its load may fail, or its wait may time out.
//!
//! The invariants: no flight gives a caller a value from before an invalidation that had returned when that
//! caller came; every follower is woken; and when all callers have gone, the table is empty.
//!
//! A landing sets the outcome and retires the flight in two scopes. The steps of others between them are
//! covered (here it wakes the followers before it retires, which is one order more). Not covered: the code
//! between the two scopes of `land`, where a caller can only open the next flight; the insides of an
//! operation, such as the wait for a lock; and loads that run in the background, which have a table of their
//! own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

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
use search::schedules;

const KEY: u8 = 7;

/// The participants.
#[derive(Clone, Copy, Debug)]
struct Model {
    store: Store,
    callers: usize,
    invalidations: &'static [Side],
    /// True if one caller may have one [`Mishap`].
    mishap: bool,
    /// True if others may come between the two scopes of a landing.
    gap: bool,
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
    /// The caller has waited for too long.
    GivesUp,
}

/// The next step.
#[derive(Clone, Copy, Debug)]
enum Move {
    Caller(usize),
    Invalidation(usize),
    Mishap(usize, Mishap),
}

/// A version of the data: the number of invalidations that have begun.
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
    Gone,
}

struct Caller {
    asked: Option<Ticket>,
    /// The oldest version that the caller may be given.
    required: Version,
    at: At,
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

#[derive(Clone, Copy)]
enum Invalidation {
    Ahead,
    /// Redis has the invalidation, and this process has not.
    Halfway(Version),
    Over,
}

/// The content of the store.
enum Entry {
    /// Valid as long as the tokens are those of its version.
    Redis(Version),
    Memory(Version, GenerationSnapshot),
}

/// The whole state at one moment of one schedule.
struct World<'a> {
    model: Model,
    generations: &'a Generations,
    slot: Slot,
    key: Arc<u8>,
    flights: Arc<Flights<u8>>,
    entry: Option<Entry>,
    data: Version,
    /// The newest version whose invalidation has returned.
    returned: Version,
    callers: Vec<Caller>,
    invalidations: Vec<Invalidation>,
    mishap: bool,
}

impl<'a> World<'a> {
    fn new(model: Model, generations: &'a Generations) -> Self {
        let caller = || Caller { asked: None, required: 0, at: At::Joins };
        World {
            model,
            generations,
            slot: Slot::name("7"),
            key: Arc::new(KEY),
            flights: Flights::new(),
            entry: None,
            data: 0,
            returned: 0,
            callers: (0..model.callers).map(|_| caller()).collect(),
            invalidations: vec![Invalidation::Ahead; model.invalidations.len()],
            mishap: model.mishap,
        }
    }

    /// Returns the steps that are possible now, without a mishap.
    ///
    /// Callers come in their order, and invalidations of one kind begin in theirs, because they are
    /// interchangeable.
    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (i, caller) in self.callers.iter().enumerate() {
            if caller.at.can_move() {
                moves.push(Move::Caller(i));
            }
            if caller.asked.is_none() {
                break;
            }
        }
        let invalidations = self.invalidations.iter().zip(self.model.invalidations);
        let mut ahead = None;
        for (i, (at, place)) in invalidations.enumerate() {
            match at {
                Invalidation::Over => continue,
                Invalidation::Ahead if ahead == Some(place) => continue,
                Invalidation::Ahead => ahead = Some(place),
                Invalidation::Halfway(_) => {}
            }
            moves.push(Move::Invalidation(i));
        }
        moves
    }

    fn mishaps(&self) -> Vec<Move> {
        let mut mishaps = Vec::new();
        for (i, caller) in self.callers.iter().enumerate() {
            if !self.mishap || caller.asked.is_none() {
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
                mishaps.push(Move::Mishap(i, Mishap::GivesUp));
            }
        }
        mishaps
    }

    fn perform(&mut self, next: Move) -> Result<(), &'static str> {
        match next {
            Move::Caller(i) => self.step(i)?,
            Move::Invalidation(i) => self.invalidate(i),
            Move::Mishap(i, mishap) => {
                self.mishap = false;
                self.callers[i].at = self.befall(i, mishap);
            }
        }
        Ok(())
    }

    fn step(&mut self, i: usize) -> Result<(), &'static str> {
        let at = mem::replace(&mut self.callers[i].at, At::Gone);
        self.callers[i].at = match at {
            At::Joins => self.join(i),
            At::Follows(mut wait) => match wait.poll() {
                None => At::Follows(wait),
                Some(outcome @ FlightOutcome::Value(_)) => {
                    self.check(i, &outcome)?;
                    At::Gone
                }
                // No second body panics.
                Some(
                    FlightOutcome::Outdated(_) | FlightOutcome::Abandoned | FlightOutcome::Panicked,
                ) => At::Joins,
                Some(FlightOutcome::Failed | FlightOutcome::Error(_)) => {
                    self.look(Leader::alone(self.generations, &[self.slot]))
                }
            },
            At::WaitsToLead(leader, mut wait) => match wait.poll() {
                None => At::WaitsToLead(leader, wait),
                Some(outcome @ FlightOutcome::Value(_)) => {
                    self.check(i, &outcome)?;
                    At::PassesOn(leader, wait.follower, outcome)
                }
                Some(_) => self.look(leader),
            },
            At::PassesOn(leader, predecessor, outcome) => {
                self.land(leader, |leader| leader.pass_on(&predecessor, outcome))
            }
            At::Seals(leader) => {
                leader.seal();
                At::Reads(leader)
            }
            At::Reads(leader) => match self.valid() {
                Some(version) => At::Lands(leader, FlightOutcome::Value(Arc::new(version))),
                None => At::Reopens(leader),
            },
            At::Reopens(leader) => {
                leader.reopen();
                At::BeginsBody(leader)
            }
            At::BeginsBody(leader) => {
                leader.body_begins();
                At::EndsBody(leader, self.data)
            }
            At::EndsBody(leader, version) if self.model.store == Store::Redis => {
                leader.seal();
                At::Fills(leader, version)
            }
            At::EndsBody(leader, version) => {
                let snapshot = leader.snapshot();
                if self.generations.storable(&snapshot) {
                    self.entry = Some(Entry::Memory(version, snapshot));
                }
                At::SealsStored(leader, version)
            }
            At::Fills(leader, version) => {
                let value = Arc::new(version);
                // The store is refused if the tokens have changed, or if another load has come first.
                if version != self.data || self.valid().is_some() {
                    At::Lands(leader, FlightOutcome::Outdated(Some(value)))
                } else {
                    self.entry = Some(Entry::Redis(version));
                    At::Lands(leader, FlightOutcome::Value(value))
                }
            }
            At::SealsStored(leader, version) => {
                leader.seal();
                At::Lands(leader, FlightOutcome::Value(Arc::new(version)))
            }
            At::Lands(leader, outcome) => self.land(leader, |leader| leader.land(|| outcome)),
            At::Retires(Landed { flights, key, flight, next }) => {
                flights.retire(&key, &flight, next);
                At::Gone
            }
            At::Gone => At::Gone,
        };
        Ok(())
    }

    fn befall(&mut self, i: usize, mishap: Mishap) -> At {
        let at = mem::replace(&mut self.callers[i].at, At::Gone);
        match (mishap, at) {
            (Mishap::GivesUp, At::Follows(wait)) => {
                self.flights.give_up(&self.key, &wait.follower);
                At::Joins
            }
            (Mishap::GivesUp, At::WaitsToLead(leader, wait)) => {
                leader.overtake(&wait.follower);
                self.look(leader)
            }
            (Mishap::Fails, At::EndsBody(leader, _)) => {
                self.land(leader, |leader| leader.land(|| FlightOutcome::Failed))
            }
            (Mishap::Panics, At::EndsBody(leader, _)) => {
                self.land(leader, |leader| leader.panicked())
            }
            (Mishap::Unkept, At::EndsBody(leader, version)) => {
                let outcome = || FlightOutcome::Outdated(Some(Arc::new(version)));
                self.land(leader, |leader| leader.land(outcome))
            }
            (_, at) => match at.into_leader() {
                Some(leader) => self.land(leader, drop),
                None => At::Gone,
            },
        }
    }

    fn join(&mut self, i: usize) -> At {
        let caller = &mut self.callers[i];
        let asked = *caller.asked.get_or_insert_with(|| {
            caller.required = self.returned;
            Ticket::now()
        });
        let slots = [self.slot];
        match self.flights.join(&self.key, asked, self.generations, || &slots) {
            Role::Follow(follower) => At::Follows(Wait::new(follower)),
            Role::Lead(mut leader) => match leader.predecessor() {
                Some(predecessor) => At::WaitsToLead(leader, Wait::new(predecessor)),
                None => self.look(leader),
            },
        }
    }

    /// Reads the store. A value from Redis serves the callers that joined before the read.
    fn look(&self, leader: Leader<u8>) -> At {
        match self.model.store {
            Store::Redis => At::Seals(leader),
            Store::Memory => At::Reads(leader),
        }
    }

    /// Returns the version that the store holds, if it is still valid.
    fn valid(&self) -> Option<Version> {
        match self.entry.as_ref()? {
            Entry::Redis(version) => (*version == self.data).then_some(*version),
            Entry::Memory(version, snapshot) => {
                self.generations.current(&snapshot.stamps).then_some(*version)
            }
        }
    }

    /// Ends a flight by `land`. In a model with a gap, the last scope of it is a step of its own.
    fn land(&self, mut leader: Leader<u8>, land: impl FnOnce(Leader<u8>)) -> At {
        let table = if self.model.gap { leader.table.take() } else { None };
        let flight = Arc::clone(&leader.flight);
        let next = flight.state.lock().phase.next().cloned();
        land(leader);
        match table {
            Some((flights, key)) => At::Retires(Landed { flights, key, flight, next }),
            None => At::Gone,
        }
    }

    /// Invalidates in Redis first, then in the generations of this process.
    fn invalidate(&mut self, i: usize) {
        let (here, in_redis) =
            (self.model.invalidations[i] == Side::Here, self.model.store == Store::Redis);
        let version = match self.invalidations[i] {
            Invalidation::Halfway(version) => version,
            _ => {
                self.data += 1;
                if here && in_redis {
                    self.invalidations[i] = Invalidation::Halfway(self.data);
                    return;
                }
                self.data
            }
        };
        if here {
            self.generations.bump(self.slot);
        }
        self.returned = self.returned.max(version);
        self.invalidations[i] = Invalidation::Over;
    }

    fn check(&self, i: usize, outcome: &FlightOutcome) -> Result<(), &'static str> {
        match version(outcome) {
            Some(version) if version < self.callers[i].required => Err("a value that is too old"),
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

impl At {
    fn can_move(&self) -> bool {
        match self {
            At::Follows(wait) | At::WaitsToLead(_, wait) => wait.is_woken(),
            At::Gone => false,
            _ => true,
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
            At::Joins | At::Follows(_) | At::Retires(_) | At::Gone => None,
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
            At::Joins | At::Follows(_) | At::Retires(_) | At::Gone => None,
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

#[test]
fn two_callers_and_two_invalidations() {
    for (store, invalidations) in [
        (Store::Redis, &[Side::Here, Side::Here]),
        (Store::Redis, &[Side::Here, Side::Elsewhere]),
        (Store::Redis, &[Side::Elsewhere, Side::Elsewhere]),
        (Store::Memory, &[Side::Here, Side::Here]),
    ] {
        for gap in [false, true] {
            let model = Model { store, callers: 2, invalidations, mishap: true, gap };
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
            let model = Model { store, callers: 3, invalidations, mishap, gap };
            assert!(schedules(model) > 1_000_000);
        }
    }
}
