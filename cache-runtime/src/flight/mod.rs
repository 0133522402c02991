//! Flights: concurrent callers of one key share one load.
//!
//! A flight has one leader, and may have followers. While it is *open*, callers of the same key join it.
//! Before some requests, the leader *seals* the flight, because the reply must be younger than every caller
//! that it serves. Such requests are the read of an entry and the check that a load is still valid. A caller
//! that comes after the seal joins the *next* flight, which begins when this one has landed. If this flight
//! is opened again, callers join it again. If a leader is dropped before it lands the flight, the flight
//! lands as abandoned, so that its followers go on.
//!
//! The phases of a flight and their transitions are in [`phase`]. Locks are taken in this order: the
//! shard of the table, the state of a flight, the state of the flight after it. The waits of a body have a
//! lock of their own, with which no other is held. (All locks of the crate: `docs/internals.md`.)
//!
//! If the callers of a flight cannot use its outcome, each loads in a flight of its own, a few at once
//! ([`retries`]).
//!
//! The rule behind it (R1, R4): two kinds of callers may use a value. Those that joined before the last seal
//! may use it, because it was valid then. Those that called before the body began may use it, because no
//! invalidation that had returned by their call can be missing from it.

mod follower;
#[cfg(test)]
mod model;
mod phase;
mod retries;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use follower::Follower;
pub(crate) use phase::{FlightOutcome, Ticket};
pub(crate) use retries::Retries;
pub(crate) use state::Flight;
pub(crate) use table::{Flights, Leader, Role};
pub(crate) use waiting::Waits;
