//! The outbox by sqlx.

use std::io::{IsTerminal as _, stderr};

use cache_runtime::{CacheManager, OutboxLag};
use cache_sqlx::{CacheDatabase, outbox, relay};
use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions as _, Connection as _, Pool};
use tokio::time::timeout;

use super::{Address, BoxedFuture, Outbox};
use crate::exit::Failure;

impl<DB: CacheDatabase> Outbox for Pool<DB> {
    fn lag(&self) -> BoxedFuture<'_, Result<OutboxLag, Failure>> {
        Box::pin(async { outbox::lag(self).await.map_err(failure) })
    }

    fn relay<'a>(&self, manager: CacheManager, stop: BoxedFuture<'a, ()>) -> BoxedFuture<'a, ()> {
        // It runs for long, and only its log says what fails meanwhile.
        tracing_subscriber::fmt().with_writer(stderr).with_ansi(stderr().is_terminal()).init();
        Box::pin(relay(self.clone(), manager).run_until(stop))
    }
}

/// Connects once, so that the reason of a failure is known: a pool says only that it has waited in vain.
pub(super) async fn open<DB: CacheDatabase>(address: &Address) -> Result<Box<dyn Outbox>, Failure> {
    let options = address.url.parse::<<DB::Connection as sqlx::Connection>::Options>();
    let options = options.map_err(failure)?;
    let connecting = timeout(address.patience, options.connect());
    let connection = connecting
        .await
        .map_err(|_| Failure::NoDatabase(format!("no connection within {:?}", address.patience)))?;
    // It was needed to connect only.
    drop(connection.map_err(failure)?.close().await);
    let pool = PoolOptions::<DB>::new().max_connections(2).acquire_timeout(address.patience);
    Ok(Box::new(pool.connect_lazy_with(options)))
}

fn failure(error: sqlx::Error) -> Failure {
    if let sqlx::Error::Configuration(error) = &error {
        return Failure::Usage(format!("the address of the database cannot be used: {error}"));
    }
    if error.as_database_error().is_some_and(is_missing_table) {
        return Failure::NoOutbox;
    }
    let text = match &error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    };
    Failure::NoDatabase(text)
}

/// SQLite has no code of its own for this.
fn is_missing_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
}
