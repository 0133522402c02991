//! Invalidates a cache with the commit of a transaction, for [`sqlx`] on PostgreSQL and SQLite.
#![cfg_attr(all(feature = "postgres", feature = "sqlite"), doc = include_str!("../docs/crate.md"))]
#![cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    allow(dead_code, unused_imports, reason = "without a database, its statements are absent")
)]

mod begin;
mod closure;
mod commit;
mod database;
pub mod outbox;
mod relay;
mod rows;
mod seldom;
mod transaction;

#[cfg(feature = "postgres")]
pub use begin::{Isolation, begin_isolated};
pub use begin::{begin, begin_with};
pub use closure::transaction;
pub use database::CacheDatabase;
pub use relay::{Relay, relay};
pub use transaction::Transaction;

#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../README.md")]
struct Readme;
