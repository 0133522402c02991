//! The outbox in a database.

mod address;
mod lag;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod pool;

use std::future::Future;
use std::pin::Pin;

use cache_runtime::{CacheManager, OutboxLag};

use crate::exit::Failure;
pub(crate) use address::{Address, Dialect};
pub(crate) use lag::Lag;

pub(crate) type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The table `cache_outbox` of a database.
pub(crate) trait Outbox {
    /// Counts the rows, of all namespaces.
    fn lag(&self) -> BoxedFuture<'_, Result<OutboxLag, Failure>>;

    /// Performs the invalidations until `stop` is ready.
    fn relay<'a>(&self, manager: CacheManager, stop: BoxedFuture<'a, ()>) -> BoxedFuture<'a, ()>;
}

/// Connects to the database.
pub(crate) async fn open(address: &Address) -> Result<Box<dyn Outbox>, Failure> {
    match address.dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => pool::open::<sqlx::Postgres>(address).await,
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => pool::open::<sqlx::Sqlite>(address).await,
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        dialect => Err(Failure::NoFeature(dialect.feature())),
    }
}

/// Returns the statements that make the table.
pub(crate) fn schema(dialect: Dialect) -> Result<&'static str, Failure> {
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Ok(cache_sqlx::outbox::schema::<sqlx::Postgres>()),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => Ok(cache_sqlx::outbox::schema::<sqlx::Sqlite>()),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        dialect => Err(Failure::NoFeature(dialect.feature())),
    }
}
