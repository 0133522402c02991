//! The rows that a transaction has written.
//!
//! R6 holds as long as the process lives. The rows make it hold beyond that.

use cache_runtime::PendingInvalidations;
use sqlx::{Error, Pool};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::database::CacheDatabase;
use crate::rows::NewRow;

/// Deletes at the same time in this process. The rows of others are left to the relay.
static DELETES: Semaphore = Semaphore::const_new(16);

/// The rows that a transaction has written, and the pool that deletes them.
pub(crate) struct Recorded<DB: CacheDatabase> {
    pool: Pool<DB>,
    ids: Vec<i64>,
}

impl<DB: CacheDatabase> Recorded<DB> {
    /// Writes a row for each invalidation.
    ///
    /// No relay is woken: this process is about to invalidate, and the relay would do so again. The relay finds rows that
    /// are left at its next look.
    pub(crate) async fn write(
        connection: &mut DB::Connection,
        pending: &PendingInvalidations,
        pool: Pool<DB>,
    ) -> Result<Self, Error> {
        let ids = if pending.is_empty() {
            Vec::new()
        } else {
            let rows: Vec<_> = pending.iter().map(|pending| NewRow::new(&pending)).collect();
            DB::insert(connection, &rows).await?
        };
        Ok(Recorded { pool, ids })
    }

    /// Deletes the rows in a task of its own. If this fails, the relay repeats their invalidations and deletes them.
    pub(crate) fn delete_in_background(self) {
        if self.ids.is_empty() {
            return;
        }
        if let (Ok(permit), Ok(runtime)) = (DELETES.try_acquire(), Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = self.delete().await {
                    tracing::debug!(%error, "rows of the outbox are left to the relay");
                }
                drop(permit);
            });
        }
    }

    async fn delete(&self) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        DB::delete(&mut connection, &self.ids).await
    }
}
