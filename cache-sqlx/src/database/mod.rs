//! The databases, and the statements that are particular to each.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::convert::Infallible;
use std::future::Future;

use cache_runtime::{InvalidationQueue, OutboxLag};
use sqlx::error::DatabaseError;
use sqlx::{Error, Pool};
use tokio::sync::Notify;

use crate::rows::{NewRow, Row};

/// A database whose transactions can invalidate: [`Postgres`](sqlx::Postgres) with the feature `postgres`,
/// [`Sqlite`](sqlx::Sqlite) with the feature `sqlite`.
pub trait CacheDatabase: Dialect {}

impl<DB: Dialect> CacheDatabase for DB {}

/// The particulars of a database. The trait is sealed: its module is private.
pub trait Dialect: sqlx::Database {
    /// The statement that begins a transaction; `None`: that of sqlx.
    const BEGIN: Option<&'static str>;

    /// The statements that make the outbox.
    const SCHEMA: &'static str;

    /// If true, a relay locks the rows that it applies, and other relays skip them.
    const LOCKS_ROWS: bool;

    /// Returns the queue of a transaction that [`BEGIN`](Dialect::BEGIN) begins.
    fn queue() -> InvalidationQueue;

    /// Returns true if a commit that fails with this error has certainly changed nothing.
    fn proves_rollback(error: &dyn DatabaseError) -> bool;

    /// Makes the outbox, if it is absent.
    fn create(pool: &Pool<Self>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Writes rows, and returns their ids.
    fn insert(
        connection: &mut Self::Connection,
        rows: &[NewRow<'_>],
    ) -> impl Future<Output = Result<Vec<i64>, Error>> + Send;

    /// Deletes rows. Those that are gone already do not matter.
    fn delete(
        connection: &mut Self::Connection,
        ids: &[i64],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns at most `limit` rows of this namespace that have not failed.
    fn claim(
        connection: &mut Self::Connection,
        namespace: &str,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

    /// Marks a row that cannot be applied.
    fn note_failure(
        connection: &mut Self::Connection,
        id: i64,
        failure: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Counts the rows.
    fn lag(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<OutboxLag, Error>> + Send;

    /// Wakes a relay when rows have been written, until the connection fails.
    fn listen(
        pool: &Pool<Self>,
        wake: &Notify,
    ) -> impl Future<Output = Result<Infallible, Error>> + Send;
}
