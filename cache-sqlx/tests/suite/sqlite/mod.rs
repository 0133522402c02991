//! SQLite.

mod busy;
#[path = "../each/closure.rs"]
mod closure;
#[path = "../each/commit.rs"]
mod commit;
#[path = "../each/killed.rs"]
mod killed;
#[path = "../each/outbox.rs"]
mod outbox;
#[path = "../each/own_rows.rs"]
mod own_rows;
#[path = "../each/readers.rs"]
mod readers;
#[path = "../each/relays.rs"]
mod relays;
#[path = "../each/savepoints.rs"]
mod savepoints;
mod snapshot;
#[path = "../each/targets.rs"]
mod targets;
#[path = "../each/videos.rs"]
pub mod videos;

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tempfile::TempDir;

pub use sqlx::Sqlite as Db;
pub use sqlx::SqliteConnection as Connection;
pub use sqlx::SqlitePool as Pool;

/// A database of one test.
#[derive(Debug)]
pub struct Database(TempDir);

impl Database {
    /// If true, each row is applied by one relay.
    pub const LOCKS_ROWS: bool = false;

    pub fn new() -> Self {
        Database(TempDir::new().unwrap())
    }

    /// Returns a pool of connections.
    pub async fn connect(&self) -> Pool {
        connect(&self.url()).await
    }

    /// Returns the address.
    pub fn url(&self) -> String {
        format!("sqlite://{}/videos.db?mode=rwc", self.0.path().display())
    }
}

/// Returns a pool for an address, whose connections wait for each other.
pub async fn connect(url: &str) -> Pool {
    let options = SqliteConnectOptions::from_str(url)
        .unwrap()
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(60));
    SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap()
}
