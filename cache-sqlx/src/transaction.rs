//! Transactions and savepoints.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_runtime::{InvalidationQueue, PendingInvalidations, Within};
use sqlx::{Connection, Error, Pool};

use crate::commit::commit;
use crate::database::CacheDatabase;

/// A transaction, or a savepoint in one, whose invalidations are performed when it commits.
///
/// It dereferences to the connection, as [`sqlx::Transaction`] does: `&mut *tx` is the executor of a query, and
/// `&mut **tx` in a function that takes `tx: &mut Transaction<'_, Postgres>`.
///
/// Functions with `within = tx` register their invalidations with it. So do all calls inside of
/// [`scope`](Transaction::scope). If the transaction is dropped or [rolled back](Transaction::rollback), they are
/// discarded.
pub struct Transaction<'c, DB: CacheDatabase> {
    inner: Inner<'c, DB>,
    registered: Registered,
    /// If true, the outermost transaction writes its invalidations into the outbox. Savepoints share it.
    outbox: Arc<AtomicBool>,
}

/// The transaction of sqlx. The outermost one can outlive the code that has begun it.
enum Inner<'c, DB: CacheDatabase> {
    Outermost { transaction: sqlx::Transaction<'static, DB>, pool: Pool<DB> },
    Savepoint(sqlx::Transaction<'c, DB>),
}

impl<DB: CacheDatabase> Transaction<'static, DB> {
    pub(crate) fn new(
        transaction: sqlx::Transaction<'static, DB>,
        queue: InvalidationQueue,
        pool: Pool<DB>,
    ) -> Self {
        let inner = Inner::Outermost { transaction, pool };
        Transaction { inner, registered: Registered(queue), outbox: Arc::default() }
    }
}

impl<DB: CacheDatabase> Transaction<'_, DB> {
    /// Commits, invalidates, and then returns. Of a savepoint: releases it, and leaves its invalidations to the
    /// outer transaction.
    ///
    /// If Redis does not confirm an invalidation within its deadline, it stays pending in this process, and the
    /// commit returns.
    ///
    /// # Errors
    /// The error of sqlx. If it proves that nothing was committed (a serialization failure, a deadlock, a
    /// constraint, a busy SQLite), the invalidations are discarded. After all others the outcome is unknown, for
    /// example if the connection is lost: then the invalidations are performed in the background.
    /// If the [outbox](Transaction::outbox) cannot be written, nothing is committed.
    ///
    /// # Cancellation
    /// The commit runs in a task of its own. If the future is dropped after it was polled, the task commits and invalidates all the
    /// same; if it was not polled, the transaction is rolled back. Of a savepoint: it is not known if it is released.
    pub async fn commit(self) -> Result<(), Error> {
        match self.inner {
            Inner::Outermost { transaction, pool } => {
                let outbox = self.outbox.load(Ordering::Relaxed).then_some(pool);
                commit(transaction, self.registered.take(), outbox).await
            }
            Inner::Savepoint(savepoint) => {
                // Before the statement: if it is cancelled, the savepoint may be released, and more is invalidated than
                // has changed.
                self.registered.release();
                savepoint.commit().await
            }
        }
    }

    /// Rolls back, and discards the invalidations. Of a savepoint: its own.
    ///
    /// # Errors
    /// The error of sqlx. Nothing was committed in any case.
    ///
    /// # Cancellation
    /// If the future is dropped, the transaction is rolled back as well.
    pub async fn rollback(self) -> Result<(), Error> {
        match self.inner {
            Inner::Outermost { transaction, .. } => transaction.rollback().await,
            Inner::Savepoint(savepoint) => savepoint.rollback().await,
        }
    }

    /// Sets a savepoint. Its [`commit`](Transaction::commit) releases it into this transaction; if it is dropped or
    /// rolled back, its changes and its invalidations are.
    ///
    /// # Errors
    /// The error of sqlx.
    ///
    /// # Cancellation
    /// If the future is dropped, the savepoint is rolled back.
    pub async fn savepoint(&mut self) -> Result<Transaction<'_, DB>, Error> {
        let registered = Registered(self.registered.0.nested());
        let outbox = Arc::clone(&self.outbox);
        let inner = Inner::Savepoint(self.inner.begin().await?);
        Ok(Transaction { inner, registered, outbox })
    }

    /// Runs a closure in the scope of this transaction: each invalidation in it is registered, also those of
    /// functions without `within` and of the direct API. Cached calls that depend on one of them bypass the cache.
    ///
    /// A task that it spawns is not in the scope.
    pub async fn scope<T>(&mut self, work: impl AsyncFnOnce(&mut Transaction<'_, DB>) -> T) -> T {
        let queue = self.registered.0.clone();
        queue.scope(work(self)).await
    }

    /// Writes the invalidations into the [outbox](crate::outbox) before the commit, if `on`, so that none is lost if
    /// the process ends between the commit and the invalidation. Holds for the whole transaction, also if a savepoint
    /// calls it. Default: off.
    pub fn outbox(&mut self, on: bool) -> &mut Self {
        self.outbox.store(on, Ordering::Relaxed);
        self
    }
}

impl<DB: CacheDatabase> Within for Transaction<'_, DB> {
    fn invalidations(&self) -> &InvalidationQueue {
        &self.registered.0
    }
}

impl<DB: CacheDatabase> Deref for Transaction<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<DB: CacheDatabase> DerefMut for Transaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

impl<DB: CacheDatabase> AsMut<DB::Connection> for Transaction<'_, DB> {
    fn as_mut(&mut self) -> &mut DB::Connection {
        &mut self.inner
    }
}

impl<DB: CacheDatabase> Deref for Inner<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        match self {
            Inner::Outermost { transaction, .. } => transaction,
            Inner::Savepoint(savepoint) => savepoint,
        }
    }
}

impl<DB: CacheDatabase> DerefMut for Inner<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Inner::Outermost { transaction, .. } => transaction,
            Inner::Savepoint(savepoint) => savepoint,
        }
    }
}

impl<DB: CacheDatabase> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("registered", &self.registered.0)
            .finish_non_exhaustive()
    }
}

/// The invalidations of a transaction that has not committed. Dropping them discards them: the transaction is dropped with
/// them, and so rolled back.
struct Registered(InvalidationQueue);

impl Registered {
    /// Moves the invalidations into the outer transaction.
    fn release(self) {
        self.0.release();
    }

    /// Takes the invalidations out, because the transaction is about to commit.
    fn take(self) -> PendingInvalidations {
        self.0.take()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.take().discard();
    }
}
