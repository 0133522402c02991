//! Commits of SQLite that fail.

use std::str::FromStr;
use std::time::Duration;

use cache_sqlx::begin;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Error, SqlitePool};

use super::videos::{Videos, load, rename};
use crate::caches::on_caches;

/// Returns a pool whose connections wait for others for this time.
async fn with_journal(videos: &Videos, busy_timeout: Duration) -> SqlitePool {
    let options = SqliteConnectOptions::from_str(&videos.database.url())
        .unwrap()
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(busy_timeout);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

#[tokio::test]
async fn a_commit_that_a_reader_prevents_discards() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        videos.pool.close().await;
        // With a rollback journal, a commit waits for all readers.
        let reading = with_journal(&videos, Duration::from_secs(60)).await;
        let writing = with_journal(&videos, Duration::ZERO).await;
        let before = cache.stats().invalidations;

        let mut reader = reading.begin().await.unwrap();
        assert_eq!(load(&mut reader, 1).await.unwrap(), "old");
        let mut tx = begin(&writing).await.unwrap();
        rename(&mut tx, 1, "never").await.unwrap();
        let failed = tx.commit().await.unwrap_err();
        let Error::Database(failed) = failed else { panic!("{failed:?}") };
        assert_eq!(failed.code().as_deref(), Some("5"));
        reader.rollback().await.unwrap();

        assert_eq!(cache.stats().invalidations, before);
        let mut connection = reading.acquire().await.unwrap();
        assert_eq!(load(&mut connection, 1).await.unwrap(), "old");
    })
    .await;
}

#[tokio::test]
async fn a_constraint_that_the_commit_checks_discards() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let comments =
            "create table comments (video bigint references videos deferrable initially deferred)";
        sqlx::query(comments).execute(&videos.pool).await.unwrap();
        let before = cache.stats().invalidations;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "never").await.unwrap();
        sqlx::query("insert into comments values (7)").execute(&mut *tx).await.unwrap();
        let failed = tx.commit().await.unwrap_err();
        assert!(matches!(failed, Error::Database(_)), "{failed:?}");
        assert_eq!(cache.stats().invalidations, before);
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!(videos.loads.count(), 3);
    })
    .await;
}
