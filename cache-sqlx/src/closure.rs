//! Transactions of closures.

use sqlx::{Error, Pool};

use crate::begin::begin;
use crate::database::CacheDatabase;
use crate::transaction::Transaction;

/// Runs a closure in a transaction, and in its [scope](Transaction::scope). Commits after `Ok`, rolls back after `Err`.
///
/// The closure is run once. After a serialization failure or a deadlock the error is returned; call again to retry.
///
/// # Errors
/// That of the closure, or of [`begin`] and [`commit`](Transaction::commit).
///
/// # Cancellation
/// If the future is dropped in the closure, the transaction is rolled back. If it is dropped in the commit, the commit goes on
/// in a task of its own, and invalidates.
pub async fn transaction<DB: CacheDatabase, T, E: From<Error>>(
    pool: &Pool<DB>,
    work: impl AsyncFnOnce(&mut Transaction<'_, DB>) -> Result<T, E>,
) -> Result<T, E> {
    let mut transaction = begin(pool).await?;
    match transaction.scope(work).await {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // The closure's error says more; without an answer the transaction is rolled back as well.
            if let Err(error) = transaction.rollback().await {
                tracing::debug!(%error, "the rollback of a transaction has failed");
            }
            Err(error)
        }
    }
}
