//! The behaviour of transactions, of the outbox and of its relay, on real databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(clippy::duplicate_mod, reason = "one test body for each database, with the types of each")]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod caches;
mod gate;
mod postgres;
mod sqlite;
mod wait;
