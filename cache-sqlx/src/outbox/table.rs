//! The table.

use cache_runtime::OutboxLag;
use sqlx::{Error, Pool};

use crate::database::CacheDatabase;

/// Returns the statements that make the table `cache_outbox` and its index, for a migration. They change nothing if both
/// are there.
pub fn schema<DB: CacheDatabase>() -> &'static str {
    DB::SCHEMA
}

/// Makes the table and its index, if they are absent. Several processes may call it at the same time.
///
/// # Errors
/// The error of sqlx.
pub async fn create<DB: CacheDatabase>(pool: &Pool<DB>) -> Result<(), Error> {
    DB::create(pool).await
}

/// Counts the rows in the outbox, of all namespaces.
///
/// # Errors
/// The error of sqlx, for example if the table is missing.
pub async fn lag<DB: CacheDatabase>(pool: &Pool<DB>) -> Result<OutboxLag, Error> {
    let mut connection = pool.acquire().await?;
    DB::lag(&mut connection).await
}
