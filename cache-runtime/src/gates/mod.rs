//! Gates: the limits on the bodies that run at once.
//!
//! A gate belongs to a source that the configuration limits (`postgres=32`), or to one function (`max_loads`). A body
//! holds a permit of each gate of its function while it runs. It takes that of the function before that of the source.
//! Without a free permit, the load waits in the queue of the gate.
//!
//! A body may wait for others: it calls another cached function, or it waits for the flight of another caller. If a load
//! in a queue is needed by a body that holds a permit of the same gate, then that body would wait for itself. Two rules
//! prevent this:
//!
//! - The load of a call that a body makes uses the permit of that body.
//! - A body that waits for a load in the queue, directly or by way of others, lends its permit to that load ([`lending`]).
//!
//! In both cases the permit is one that a waiting body would otherwise keep without use, so a permit is still that of one
//! running body. Only a body that goes on while it waits, as in a `join!`, runs beside those that share its permit.

mod breaker;
mod counts;
mod entering;
mod gate;
mod lending;
mod limits;
mod queue;
mod table;

pub(crate) use entering::{Admitted, Demand, Refused};
pub(crate) use limits::{BodyResult, SiteLimits};
pub(crate) use table::Gates;
