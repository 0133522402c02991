//! The flights that the bodies of other flights wait for. Those may wait for them in turn.

use std::sync::Arc;

use super::follower::Follower;
use super::state::Flight;

/// The maximum number of flights in the search for a circle. A longer circle ends by the wait limit.
const MOST: usize = 256;

/// A wait of some bodies for a flight, until this is dropped. Each body runs inside of the one before it.
#[derive(Debug)]
pub(crate) struct Waits {
    bodies: Vec<Arc<Flight>>,
    flight: Arc<Flight>,
}

impl Waits {
    /// Begins the wait of these bodies. Returns `None` if the flight itself waits for one of them.
    pub(crate) fn begin(bodies: Vec<Arc<Flight>>, follower: &Follower) -> Option<Self> {
        Waits::for_flight(bodies, Arc::clone(&follower.flight))
    }

    /// Does the same for a flight that is waited for without following it.
    pub(crate) fn for_flight(bodies: Vec<Arc<Flight>>, flight: Arc<Flight>) -> Option<Self> {
        // The wait is noted before the search: of two waits that begin at the same time, at least one finds
        // the other.
        let waits = Waits::note(bodies, flight);
        (!waits.is_circle()).then_some(waits)
    }

    /// Notes the wait of these bodies for a flight that cannot be waiting for them.
    pub(crate) fn note(bodies: Vec<Arc<Flight>>, flight: Arc<Flight>) -> Self {
        if !bodies.is_empty() {
            flight.waiting.lock().needed(bodies.len());
        }
        bodies.iter().for_each(|body| body.waiting.lock().begin(&flight));
        Waits { bodies, flight }
    }

    fn is_circle(&self) -> bool {
        if self.bodies.is_empty() {
            return false;
        }
        let mut found = vec![Arc::clone(&self.flight)];
        let mut next = 0;
        while let Some(flight) = found.get(next).cloned() {
            if self.bodies.iter().any(|body| Arc::ptr_eq(body, &flight)) {
                return true;
            }
            for other in &flight.waiting.lock().flights {
                if found.len() < MOST && !found.iter().any(|known| Arc::ptr_eq(known, other)) {
                    found.push(Arc::clone(other));
                }
            }
            next += 1;
        }
        false
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.bodies.iter().for_each(|body| body.waiting.lock().end(&self.flight));
        if !self.bodies.is_empty() {
            self.flight.waiting.lock().not_needed(self.bodies.len());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test reports by panicking")]
    use std::time::Duration;

    use super::*;
    use crate::coherence::generation::Generations;
    use crate::flight::{Flights, Leader, Role, Ticket};

    /// Returns a flight of this key, and a caller that waits for it.
    fn flight(
        flights: &Arc<Flights<u8>>,
        generations: &Generations,
        key: u8,
    ) -> (Leader<u8>, Follower) {
        let join = || flights.join(&Arc::new(key), Ticket::now(), generations, || &[]);
        match (join(), join()) {
            (Role::Lead(leader), Role::Follow(follower)) => (leader, follower),
            _ => panic!("expected to lead and to follow"),
        }
    }

    #[test]
    fn a_circle_is_found_when_it_would_close_and_only_then() {
        let (flights, generations) = (Flights::new(), Generations::new(0));
        let [a, b, c] = [1, 2, 3].map(|key| flight(&flights, &generations, key));
        let body = |leader: &Leader<u8>| vec![Arc::clone(leader.flight())];
        let a_for_b = Waits::begin(body(&a.0), &b.1);
        let b_for_c = Waits::begin(body(&b.0), &c.1);
        assert!(a_for_b.is_some() && b_for_c.is_some());
        assert!(Waits::begin(body(&c.0), &a.1).is_none());
        assert!(Waits::begin(Vec::new(), &a.1).is_some(), "who runs inside of nothing closes none");
        drop(b_for_c);
        assert!(Waits::begin(body(&c.0), &a.1).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_several_waits_at_once_counts_once() {
        let (flights, generations) = (Flights::new(), Generations::new(0));
        let [a, b, c] = [1, 2, 3].map(|key| flight(&flights, &generations, key));
        let body = || vec![Arc::clone(a.0.flight())];
        let second = Duration::from_secs(1);
        let for_b = Waits::begin(body(), &b.1);
        tokio::time::advance(second).await;
        let for_c = Waits::begin(body(), &c.1);
        tokio::time::advance(second).await;
        drop(for_b);
        assert_eq!(a.0.flight().waited(), 2 * second);
        tokio::time::advance(second).await;
        drop(for_c);
        tokio::time::advance(second).await;
        assert_eq!(a.0.flight().waited(), 3 * second);
    }
}
