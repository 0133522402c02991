//! The rows of the outbox.

mod kind;
mod lag;
mod row;

pub(crate) use kind::Kind;
pub(crate) use lag::lag;
pub(crate) use row::{NewRow, Row};
