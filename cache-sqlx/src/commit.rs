//! The commit of an outermost transaction, and what follows from its outcome.

use std::io;
use std::panic::resume_unwind;

use cache_runtime::PendingInvalidations;
use sqlx::{Error, Pool};
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::database::CacheDatabase;
use crate::outbox::Recorded;

/// Commits and invalidates in a task of its own, so that the outcome becomes known also if the caller gives up.
///
/// If the runtime ends before, the invalidations are dropped in the task, and that performs them.
pub(crate) async fn commit<DB: CacheDatabase>(
    transaction: sqlx::Transaction<'static, DB>,
    pending: PendingInvalidations,
    outbox: Option<Pool<DB>>,
) -> Result<(), Error> {
    let committing = commit_and_invalidate(transaction, pending, outbox).in_current_span();
    // R3: sqlx may run on another runtime than tokio.
    let Ok(runtime) = Handle::try_current() else { return committing.await };
    match runtime.spawn(committing).await {
        Ok(committed) => committed,
        Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
        Err(ended) => Err(Error::Io(io::Error::other(ended))),
    }
}

/// Commits, and performs the invalidations unless it is known that nothing was committed.
async fn commit_and_invalidate<DB: CacheDatabase>(
    mut transaction: sqlx::Transaction<'static, DB>,
    pending: PendingInvalidations,
    outbox: Option<Pool<DB>>,
) -> Result<(), Error> {
    let recorded = match outbox {
        Some(pool) => match Recorded::<DB>::write(&mut *transaction, &pending, pool).await {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                // Dropping the transaction rolls it back.
                pending.discard();
                return Err(error);
            }
        },
        None => None,
    };
    match transaction.commit().await {
        Ok(()) => {
            if pending.apply().await
                && let Some(recorded) = recorded
            {
                recorded.delete_in_background();
            }
            Ok(())
        }
        Err(error) => {
            if proves_rollback::<DB>(&error) {
                pending.discard();
            } else {
                pending.apply_in_background();
            }
            Err(error)
        }
    }
}

/// Returns true if a commit that fails with this error has certainly changed nothing.
fn proves_rollback<DB: CacheDatabase>(error: &Error) -> bool {
    matches!(error, Error::Database(error) if DB::proves_rollback(error.as_ref()))
}
