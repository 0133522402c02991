//! The beginning of a transaction.

use cache_runtime::InvalidationQueue;
use sqlx::{Error, Pool, SqlSafeStr};

use crate::database::CacheDatabase;
use crate::transaction::Transaction;

/// Begins a transaction whose invalidations are performed when it commits.
///
/// On PostgreSQL its isolation is READ COMMITTED, also if `default_transaction_isolation` is another one: the
/// statement is `BEGIN ISOLATION LEVEL READ COMMITTED`. [`begin_isolated`](crate::begin_isolated) takes another
/// level, and `begin_with(pool, "BEGIN")` the default of the server. Do not change the level later by
/// `SET TRANSACTION`: the cache does not learn of it.
///
/// A transaction of SQLite reads from a snapshot. In the scope of such a transaction values are read from the cache,
/// and nothing is loaded into it.
///
/// # Errors
/// Those of [`Pool::begin_with`].
///
/// # Cancellation
/// If the future is dropped, the transaction is rolled back.
pub async fn begin<DB: CacheDatabase>(pool: &Pool<DB>) -> Result<Transaction<'static, DB>, Error> {
    let begun = match DB::BEGIN {
        Some(statement) => pool.begin_with(statement).await?,
        None => pool.begin().await?,
    };
    Ok(Transaction::new(begun, DB::queue(), pool.clone()))
}

/// Begins a transaction by a statement, such as `BEGIN READ ONLY` or `BEGIN IMMEDIATE`.
///
/// Its isolation is not known, so it is treated as one that reads from a snapshot: in its scope nothing is loaded
/// into the cache.
///
/// # Errors
/// Those of [`Pool::begin_with`].
///
/// # Cancellation
/// If the future is dropped, the transaction is rolled back.
pub async fn begin_with<DB: CacheDatabase>(
    pool: &Pool<DB>,
    statement: impl SqlSafeStr,
) -> Result<Transaction<'static, DB>, Error> {
    let begun = pool.begin_with(statement).await?;
    Ok(Transaction::new(begun, InvalidationQueue::of_snapshot(), pool.clone()))
}

/// Begins a transaction of PostgreSQL with this isolation.
///
/// # Errors
/// Those of [`Pool::begin_with`].
///
/// # Cancellation
/// If the future is dropped, the transaction is rolled back.
#[cfg(feature = "postgres")]
pub async fn begin_isolated(
    pool: &sqlx::PgPool,
    isolation: Isolation,
) -> Result<Transaction<'static, sqlx::Postgres>, Error> {
    let (statement, queue) = match isolation {
        Isolation::ReadCommitted => return begin(pool).await,
        Isolation::RepeatableRead => {
            ("BEGIN ISOLATION LEVEL REPEATABLE READ", InvalidationQueue::of_snapshot())
        }
        Isolation::Serializable => {
            ("BEGIN ISOLATION LEVEL SERIALIZABLE", InvalidationQueue::of_snapshot())
        }
    };
    let begun = pool.begin_with(statement).await?;
    Ok(Transaction::new(begun, queue, pool.clone()))
}

/// The isolation of a transaction of PostgreSQL.
#[cfg(feature = "postgres")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// All statements read from one snapshot. In the scope of the transaction nothing is loaded into the cache.
    RepeatableRead,
    /// As if the transactions ran one after the other. They read from snapshots, too.
    Serializable,
}
