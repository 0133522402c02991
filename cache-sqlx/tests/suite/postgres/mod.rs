//! PostgreSQL.

#[path = "../each/closure.rs"]
mod closure;
#[path = "../each/commit.rs"]
mod commit;
mod isolation;
#[path = "../each/killed.rs"]
mod killed;
mod killed_in_statements;
mod notify;
#[path = "../each/outbox.rs"]
mod outbox;
mod outcomes;
#[path = "../each/own_rows.rs"]
mod own_rows;
#[path = "../each/readers.rs"]
mod readers;
#[path = "../each/relays.rs"]
mod relays;
#[path = "../each/savepoints.rs"]
mod savepoints;
#[path = "../each/targets.rs"]
mod targets;
#[path = "../each/videos.rs"]
pub mod videos;

use cache_tests::{Postgres, PostgresDatabase};
use sqlx::postgres::PgPoolOptions;

pub use sqlx::PgConnection as Connection;
pub use sqlx::PgPool as Pool;
pub use sqlx::Postgres as Db;

/// A database of one test.
#[derive(Debug)]
pub struct Database(pub PostgresDatabase<'static>);

impl Database {
    /// If true, each row is applied by one relay.
    pub const LOCKS_ROWS: bool = true;

    pub fn new() -> Self {
        Database(Postgres::shared().database())
    }

    /// Returns a pool of connections.
    pub async fn connect(&self) -> Pool {
        connect(&self.url()).await
    }

    /// Returns the address.
    pub fn url(&self) -> String {
        self.0.url()
    }
}

/// Returns a pool for an address.
pub async fn connect(url: &str) -> Pool {
    PgPoolOptions::new().max_connections(8).connect(url).await.unwrap()
}
