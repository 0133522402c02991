//! Flights: concurrent callers of one key share one load.
//!
//! A flight is led by one caller and followed by others. While it is *open*, callers of the same
//! key join it. The leader *seals* it before it sends a question whose answer must be younger
//! than every caller it serves (the read of an entry, the check that a load is still valid):
//! whoever comes after that joins the *next* flight, which begins when this one has landed, or
//! joins in again when this one is opened once more. A leader that goes away without landing
//! lands the flight as abandoned, so nobody waits for nothing.
//!
//! The phases of a flight, and what leads from one to another, are in [`phase`]. Locks are taken in this order: the
//! shard of the table, the state of a flight, the state of the flight after it. What a body waits for is under a
//! lock of its own, with which no other is held. (All locks of the crate: `docs/internals.md`.)
//!
//! The rule behind it: a value may be used by whoever joined before the last seal, since only then
//! was it known to be valid; and by whoever had asked before the body that made it began, since
//! then no invalidation that had returned before can have been missed.

mod follower;
#[cfg(test)]
mod model;
mod phase;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use follower::Follower;
pub(crate) use phase::{FlightOutcome, Ticket};
pub(crate) use state::Flight;
pub(crate) use table::{Flights, Leader, Role};
pub(crate) use waiting::Waits;
