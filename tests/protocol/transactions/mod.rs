//! Transactions: a writer whose rows are uncommitted for a while, and whose invalidations wait for the commit.
//!
//! A database has one row. Two cached functions compute their entries from it: one entry is invalidated by its name, the
//! other one by a tag. A transaction writes the row, registers what is to be invalidated, opens savepoints, and
//! calls the cached functions in its scope; it commits or rolls back, or the outcome is unknown. Beside it there are
//! readers outside of the transaction, which read the committed row, writers without a transaction, and relays, which
//! apply the rows of an outbox. Two processes share a Redis, and each has a memory and flights.
//!
//! The protocol below is taken as given, since the other programs check it: a look at the cache is one step. A load may
//! store in Redis if nothing was removed since it noted the tokens, and in memory if no generation was raised.
//! A caller that joins a flight gets the value if it was still valid when it was stored.
//!
//! The invariants: no store has, and no caller outside of the transaction is given, a value that was never committed, or one
//! from before an invalidation whose bound had passed when the call began. A call in the scope sees what its
//! transaction has written. When all writers have ended, everything that is stored is the committed row.

mod cache;
mod database;
mod ending;
mod load;
mod outbox;
mod programs;
mod rules;
mod scope;
mod setting;
mod steps;
mod switches;
mod transaction;
mod words;
mod writer;
