//! The sketch of a state. Two states with the same sketch are equal.

use super::*;
use crate::flight::phase::Phase;
use crate::flight::state::FlightState;

/// A state of the model in a canonical form. Flights are numbered in the order of the walk, and of tickets
/// only the order counts. Every field is named, so that a new one is not forgotten here.
#[derive(Default)]
pub(super) struct Sketch {
    bytes: Vec<u8>,
    flights: Vec<Arc<Flight>>,
    tickets: Vec<Option<Ticket>>,
}

impl Sketch {
    pub(super) fn of(world: &World<'_>) -> Vec<u8> {
        let World {
            model: _,
            generations,
            slot: _,
            key,
            flights,
            entry,
            data,
            returned,
            callers,
            invalidations,
            mishap,
        } = world;
        let mut sketch = Sketch::default();
        let held = entry.as_ref().and_then(|_| world.valid());
        sketch.push([*data, *returned, u8::from(*mishap), held.map_or(0, |held| held + 1)]);
        for at in invalidations {
            sketch.push([match at {
                Invalidation::Ahead => 0,
                Invalidation::Over => 1,
                Invalidation::Halfway(version) => 2 + version,
            }]);
        }
        sketch.flight(flights.shard(key).lock().get(key));
        for Caller { asked, required, at } in callers {
            sketch.tickets.push(*asked);
            sketch.push([*required]);
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
        self.bytes.extend(bytes);
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

    fn place(&mut self, at: &At) {
        if let Some(Leader { table, flight, after, retry }) = at.leader() {
            assert!(after.is_none(), "taken where the caller has joined");
            assert!(retry.is_none(), "retries of the model do not wait for a place");
            self.flight(Some(flight));
            self.push([u8::from(table.is_some())]);
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
            At::Retires(Landed { flights: _, key: _, flight, next }) => {
                self.push([32]);
                self.flight(Some(flight));
                self.flight(next.as_ref());
            }
            At::Gone => self.push([33]),
        }
    }

    fn wait(&mut self, wait: &Wait) {
        self.push([u8::from(wait.is_woken())]);
        self.follower(&wait.follower);
    }

    fn follower(&mut self, follower: &Follower) {
        let Follower { flight, joined, asked } = follower;
        self.flight(Some(flight));
        self.push([*joined as u8]);
        self.tickets.push(Some(*asked));
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
        let FlightState { snapshot, phase, seals, followers } = state;
        self.push([u8::from(generations.storable(snapshot)), *seals as u8, *followers as u8]);
        self.push([match phase {
            Phase::Open(_) => 0,
            Phase::Asking => 1,
            Phase::Sealed(_) => 2,
            Phase::Landed { .. } => 3,
        }]);
        self.outcome(phase.outcome());
        self.tickets.push(phase.body());
        self.flight(phase.next());
    }

    fn ranks(mut self) -> Vec<u8> {
        let mut sorted: Vec<_> = self.tickets.iter().flatten().collect();
        sorted.sort();
        sorted.dedup();
        for ticket in &self.tickets {
            let rank = ticket.map_or(0, |ticket| sorted.partition_point(|other| **other <= ticket));
            self.bytes.push(rank as u8);
        }
        self.bytes
    }
}
