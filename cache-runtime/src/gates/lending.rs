//! Lends the permit of a body to a load in the queue that the body waits for.
//!
//! Without this, a body could wait for itself: it has the permit for which the load waits.

use std::sync::Arc;

use super::gate::{Gate, QueuePlace};
use crate::flight::Flight;

/// The maximum number of flights in one search. A longer chain of waits ends by the wait limit.
const MOST: usize = 256;

/// Lends the permits of this gate to all loads in its queue that a body with a permit waits for.
pub(super) fn lend(gate: &Arc<Gate>) {
    while gate.has_queue() && gate.holders().iter().any(|holder| lend_of(gate, holder)) {}
}

/// Lends the permit of a body to the first load in the queue that it waits for, directly or by way of others.
fn lend_of(gate: &Arc<Gate>, holder: &Arc<Flight>) -> bool {
    let mut found = vec![Arc::clone(holder)];
    let mut next = 0;
    while let Some(flight) = found.get(next).cloned() {
        let place = place_of(&flight);
        if let Some(place) = place.as_ref().filter(|place| Arc::ptr_eq(&place.gate, gate)) {
            let permit = gate.held_by(std::slice::from_ref(holder));
            if permit.is_some_and(|permit| place.lend(permit)) {
                return true;
            }
        }
        let elsewhere = place.filter(|place| !Arc::ptr_eq(&place.gate, gate));
        for other in flight.awaits().into_iter().chain(elsewhere.iter().flat_map(ahead)) {
            if found.len() < MOST && !found.iter().any(|known| Arc::ptr_eq(known, &other)) {
                found.push(other);
            }
        }
        next += 1;
    }
    false
}

/// Returns the bodies for which a load in the queue of another gate waits. It waits for the first of them that ends. So
/// as long as one of them can go on, it waits for none.
fn ahead(place: &Arc<QueuePlace>) -> Vec<Arc<Flight>> {
    let holders = place.gate.holders();
    let all_wait = holders.iter().all(|holder| holder.is_queued() || !holder.awaits().is_empty());
    if all_wait { holders } else { Vec::new() }
}

fn place_of(flight: &Arc<Flight>) -> Option<Arc<QueuePlace>> {
    flight.queue_place()?.downcast().ok()
}
