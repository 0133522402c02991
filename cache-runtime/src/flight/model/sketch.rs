//! The sketch of a state. From two states with the same sketch, the same schedules continue.

use super::batch::{FollowedKey, KeyLeft, Led, LedEnd};
use super::*;
use crate::flight::phase::Phase;
use crate::flight::state::FlightState;

/// A state of the model in a canonical form. Flights are numbered in the order of the walk, and of tickets
/// only the order counts. Every field is named, so that a new one is not forgotten here.
#[derive(Default)]
pub(super) struct Sketch {
    bytes: Vec<u8>,
    flights: Vec<Arc<Flight>>,
    moments: Vec<Option<Moment>>,
}

/// A ticket of which only the order counts: a body may begin after the moment at which a caller has asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Ticket,
    is_body: bool,
}

impl Sketch {
    pub(super) fn of(world: &World<'_>) -> Vec<u8> {
        let World { model: _, generations, flights, shelves, callers, invalidations, mishap } =
            world;
        let mut sketch = Sketch::default();
        sketch.push([u8::from(*mishap)]);
        let all_have_come = callers.iter().all(Caller::has_come);
        for (index, shelf) in shelves.iter().enumerate() {
            let Shelf { slot: _, key, entry: _, data, returned, loaded } = shelf;
            let held = world.valid(index).map_or(0, |held| held + 1);
            let returned = if all_have_come { 0 } else { *returned };
            sketch.push([*data, returned, u8::from(*loaded), held]);
            sketch.flight(flights.shard(key).lock().get(key));
        }
        for at in invalidations {
            match at {
                Invalidation::Ahead => sketch.push([0]),
                Invalidation::Over => sketch.push([1]),
                Invalidation::Halfway(key, version) => {
                    sketch.push([2, *key as u8, if all_have_come { 0 } else { *version }]);
                }
            }
        }
        for Caller { asks: _, key, asked, required, at, outer } in callers {
            sketch.push([*key as u8]);
            if at.may_follow() {
                sketch.moment(*asked, false);
            }
            for (index, required) in required.iter().enumerate() {
                let counts = at.requires(*key, index);
                sketch.push([if counts { *required } else { 0 }]);
            }
            sketch.push([u8::from(outer.is_some())]);
            if let Some((leader, version)) = outer {
                sketch.leader(leader);
                sketch.push([*version]);
            }
            sketch.place(at);
        }
        // Each flight may lead to others.
        let mut i = 0;
        while let Some(flight) = sketch.flights.get(i).cloned() {
            sketch.state(&flight.state.lock(), generations);
            i += 1;
        }
        sketch.ranks()
    }

    fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes.extend_from_slice(&bytes);
    }

    fn flight(&mut self, flight: Option<&Arc<Flight>>) {
        let Some(flight) = flight else { return self.push([0]) };
        let known = self.flights.iter().position(|known| Arc::ptr_eq(known, flight));
        let number = known.unwrap_or_else(|| {
            self.flights.push(Arc::clone(flight));
            self.flights.len() - 1
        });
        self.push([number as u8 + 1]);
    }

    fn leader(&mut self, leader: &Leader<u8>) {
        let Leader { table, flight, after, retry } = leader;
        assert!(after.is_none(), "taken where the caller has joined");
        assert!(retry.is_none(), "retries of the model do not wait for a place");
        self.flight(Some(flight));
        self.push([u8::from(table.is_some())]);
    }

    fn place(&mut self, at: &At) {
        if let Some(leader) = at.leader() {
            self.leader(leader);
        }
        match at {
            At::Joins => self.push([20]),
            At::Follows(wait) => {
                self.push([21]);
                self.wait(wait);
            }
            At::WaitsToLead(_, wait) => {
                self.push([22]);
                self.wait(wait);
            }
            At::PassesOn(_, predecessor, outcome) => {
                self.push([23]);
                self.follower(predecessor);
                self.outcome(Some(outcome));
            }
            At::Seals(_) => self.push([24]),
            At::Reads(_) => self.push([25]),
            At::Reopens(_) => self.push([26]),
            At::BeginsBody(_) => self.push([27]),
            At::EndsBody(_, version) => self.push([28, *version]),
            At::Fills(_, version) => self.push([29, *version]),
            At::SealsStored(_, version) => self.push([30, *version]),
            At::Lands(_, outcome) => {
                self.push([31]);
                self.outcome(Some(outcome));
            }
            At::Retires(landed) => {
                self.push([32]);
                self.landed(landed);
            }
            At::Gone => self.push([33]),
            At::Many(batch) => {
                self.push([34]);
                self.batch(batch);
            }
        }
    }

    fn batch(&mut self, batch: &Batch) {
        let Batch { order: _, stage, done, left, led, followed, retiring } = batch;
        self.push([*stage as u8, *done as u8, left.len() as u8, led.len() as u8]);
        for KeyLeft { key, alone } in left {
            self.push([*key as u8, u8::from(*alone)]);
        }
        for Led { key, leader, behind, version, end } in led {
            self.push([*key as u8, version.map_or(0, |version| version + 1)]);
            self.leader(leader);
            self.push([u8::from(behind.is_some())]);
            if let Some(wait) = behind {
                self.wait(wait);
            }
            match end {
                None => self.push([0]),
                Some(LedEnd::With(outcome)) => self.outcome(Some(outcome)),
                Some(LedEnd::Panicked) => self.push([7]),
                Some(LedEnd::Dropped) => self.push([8]),
            }
        }
        self.push([followed.len() as u8]);
        for FollowedKey { key, wait } in followed {
            self.push([*key as u8]);
            self.wait(wait);
        }
        self.push([u8::from(retiring.is_some())]);
        if let Some(landed) = retiring {
            self.landed(landed);
        }
    }

    fn landed(&mut self, landed: &Landed) {
        let Landed { flights: _, key, flight, next } = landed;
        self.push([**key]);
        self.flight(Some(flight));
        self.flight(next.as_ref());
    }

    fn wait(&mut self, wait: &Wait) {
        self.push([u8::from(wait.is_woken())]);
        self.follower(&wait.follower);
    }

    fn follower(&mut self, follower: &Follower) {
        let Follower { flight, joined, asked } = follower;
        self.flight(Some(flight));
        // Seals are only added.
        self.push([u8::from(*joined == flight.state.lock().seals)]);
        self.moment(Some(*asked), false);
    }

    fn outcome(&mut self, outcome: Option<&FlightOutcome>) {
        let kind = match outcome {
            None => 0,
            Some(FlightOutcome::Value(_)) => 1,
            Some(FlightOutcome::Error(_)) => 2,
            Some(FlightOutcome::Failed) => 3,
            Some(FlightOutcome::Outdated(_)) => 4,
            Some(FlightOutcome::Abandoned) => 5,
            Some(FlightOutcome::Panicked) => 6,
        };
        self.push([kind, outcome.and_then(version).map_or(0, |version| version + 1)]);
    }

    fn state(&mut self, state: &FlightState, generations: &Generations) {
        let FlightState { snapshot, phase, seals: _, followers } = state;
        // Neither counts when the flight has landed.
        let (storable, followed) = match phase {
            Phase::Landed { .. } => (false, false),
            _ => (generations.storable(snapshot), *followers > 0),
        };
        self.push([u8::from(storable), u8::from(followed)]);
        self.push([match phase {
            Phase::Open(_) => 0,
            Phase::Asking => 1,
            Phase::Sealed(_) => 2,
            Phase::Landed { .. } => 3,
        }]);
        self.outcome(phase.outcome());
        self.moment(phase.body(), true);
        self.flight(phase.next());
    }

    fn moment(&mut self, at: Option<Ticket>, is_body: bool) {
        self.moments.push(at.map(|at| Moment { at, is_body }));
    }

    /// Adds the ranks of the moments. The order of two callers counts only if a body has begun between them.
    fn ranks(mut self) -> Vec<u8> {
        let mut sorted: Vec<_> = self.moments.iter().flatten().copied().collect();
        sorted.sort();
        let (mut rank, mut after_body) = (1, false);
        let ranks = sorted.iter().map(|moment| {
            rank += u8::from(after_body && !moment.is_body);
            after_body = moment.is_body;
            (*moment, rank)
        });
        let ranks: Vec<_> = ranks.collect();
        for moment in self.moments.iter().map(Option::as_ref) {
            let rank = ranks.iter().find(|(other, _)| Some(other) == moment);
            self.bytes.push(rank.map_or(0, |(_, rank)| *rank));
        }
        self.bytes
    }
}
