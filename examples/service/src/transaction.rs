//! A transaction of SQLite whose invalidations follow its commit.
//!
//! The cache knows a transaction by its queue: the commit applies what is in it, and a rollback discards it. These are the few
//! lines that any driver needs. `cache-sqlx` has them for PostgreSQL and SQLite.

use std::sync::Arc;

use cache_runtime::{InvalidationQueue, Within};
use rusqlite::Connection;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use crate::db::{Db, DbError};

/// A transaction. If it is dropped before its [`commit`](Transaction::commit), it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    db: Db,
    /// `None` while a query runs. If it is dropped there, the connection is closed after the query, which rolls back.
    open: Option<Open>,
    queue: InvalidationQueue,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// The only place of a writer.
    turn: OwnedSemaphorePermit,
}

impl Db {
    /// Begins a transaction. It waits for the end of other writes.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        let turn = self.writer.turn().await?;
        let pool = Arc::clone(&self.writer);
        let connection = blocking(move || {
            let connection = pool.take()?;
            connection.execute_batch("BEGIN IMMEDIATE").map(|()| connection)
        });
        let open = Some(Open { connection: connection.await?, turn });
        // All reads of a transaction of SQLite see one snapshot.
        Ok(Transaction { db: self.clone(), open, queue: InvalidationQueue::of_snapshot() })
    }
}

impl Transaction {
    /// Returns the database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Runs a query in the transaction. If it fails, the transaction goes on.
    ///
    /// # Errors
    ///
    /// If the query fails, or an earlier one was dropped.
    pub async fn run<T: Send + 'static>(
        &mut self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        let mut open = self.open.take().ok_or(DbError::Stopped)?;
        let work = spawn_blocking(move || (query(&mut open.connection), open));
        let (answer, open) = work.await.map_err(|_| DbError::Stopped)?;
        self.open = Some(open);
        answer.map_err(DbError::of)
    }

    /// Commits, then invalidates, then returns. If the future is dropped, all of this happens nevertheless.
    ///
    /// # Errors
    ///
    /// If SQLite refuses the commit. The transaction is then rolled back, and nothing is invalidated.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let Open { connection, turn } = self.open.take().ok_or(DbError::Stopped)?;
        let (queue, pool) = (self.queue.clone(), Arc::clone(&self.db.writer));
        let committed = tokio::spawn(async move {
            let committed = blocking(move || {
                connection.execute_batch("COMMIT")?;
                pool.put_back(connection);
                drop(turn);
                Ok(())
            })
            .await;
            let pending = queue.take();
            match &committed {
                Ok(()) => _ = pending.apply().await,
                // SQLite says so if it has not committed.
                Err(DbError::Sqlite(_)) => pending.discard(),
                Err(DbError::Stopped) => pending.apply_in_background(),
            }
            committed
        });
        committed.await.map_err(|_| DbError::Stopped)?
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.open.take().is_some() {
            // The connection is closed, which rolls back.
            self.queue.take().discard();
        }
    }
}

impl Within for Transaction {
    fn invalidations(&self) -> &InvalidationQueue {
        &self.queue
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, DbError> {
    spawn_blocking(work).await.map_err(|_| DbError::Stopped)?.map_err(DbError::of)
}
