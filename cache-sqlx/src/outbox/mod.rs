//! The outbox: a table with the invalidations of transactions that have committed.
//!
//! A transaction with [`outbox(true)`](crate::Transaction::outbox) writes its invalidations into the table, commits,
//! invalidates, and deletes the rows in the background. If the process ends in between, the rows are left, and a
//! [relay](crate::relay()) in any process performs them. Programs that know nothing of the cache can write rows, too.

mod recorded;
mod table;

pub(crate) use recorded::Recorded;
pub use table::{create, lag, schema};
