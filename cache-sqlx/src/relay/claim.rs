//! The connection on which a relay reads rows and deletes them.

use sqlx::pool::PoolConnection;
use sqlx::{Error, Pool, Transaction};

use crate::database::CacheDatabase;

/// A connection, in a transaction that locks the rows if the database can do that.
pub(super) enum Claim<DB: CacheDatabase> {
    Locking(Transaction<'static, DB>),
    Open(PoolConnection<DB>),
}

impl<DB: CacheDatabase> Claim<DB> {
    pub(super) async fn begin(pool: &Pool<DB>) -> Result<Self, Error> {
        Ok(match DB::BEGIN {
            Some(statement) if DB::LOCKS_ROWS => Claim::Locking(pool.begin_with(statement).await?),
            _ => Claim::Open(pool.acquire().await?),
        })
    }

    pub(super) fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Claim::Locking(transaction) => transaction,
            Claim::Open(connection) => connection,
        }
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        match self {
            Claim::Locking(transaction) => transaction.commit().await,
            Claim::Open(_) => Ok(()),
        }
    }
}
