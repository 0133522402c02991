//! A call of many keys.
//!
//! ```text
//! look:  join or open a flight for each key -- open elsewhere --> wait for it, after the body
//!                | led
//!        Redis read of all, one request -- usable --> followers, an answer (and refresh it in the background)
//!                | missing
//! begin: placeholders and tokens of all, one request
//! load:  one body -> compare-and-set fills, one request -> followers, answers
//! wait:  for the flights of others -- no outcome --> look again
//! ```
//!
//! The rule that excludes circles of callers: **a call that leads waits for no flight until it has landed all of
//! its own**. So it never leads a flight behind another one
//! ([`join_without_wait`](crate::flight::Flights::join_without_wait)), and it waits only while no load of its own is
//! left to begin.

mod admission;
mod answers;
mod begin;
mod body;
mod calls;
mod finish;
mod look;
mod next;
mod refresh;
mod run;
mod waiting;

pub(crate) use answers::Answers;
pub(crate) use run::MissedId;
pub use run::{BatchLoaded, BatchNext, BatchRefresh, BatchRun};
