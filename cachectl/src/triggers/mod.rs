//! Triggers of PostgreSQL that write into the outbox what a change of a table makes stale.

mod names;
mod program;
mod quoted;
mod rows;
mod stale;
mod statement;
mod template;

pub(crate) use names::Place;
pub(crate) use rows::Rows;
pub(crate) use statement::Triggers;
pub(crate) use template::{Kind, Template};
