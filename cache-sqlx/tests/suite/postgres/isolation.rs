//! The isolation of a transaction.

use cache_sqlx::{Isolation, Transaction, begin, begin_isolated, begin_with};
use sqlx::Postgres;

use super::videos::{Videos, load, rename, title};
use crate::caches::on_caches;

async fn isolation(tx: &mut Transaction<'_, Postgres>) -> String {
    sqlx::query_scalar("show transaction_isolation").fetch_one(&mut **tx).await.unwrap()
}

#[tokio::test]
async fn it_is_the_one_that_was_asked_for_also_if_the_default_is_another() {
    let videos = Videos::new().await;
    let name = videos.database.0.name().to_owned();
    videos
        .database
        .0
        .psql(&format!("alter database {name} set default_transaction_isolation = 'serializable'"));
    let pool = videos.database.connect().await;
    let mut tx = begin_with(&pool, "BEGIN").await.unwrap();
    assert_eq!(isolation(&mut tx).await, "serializable");
    let mut tx = begin(&pool).await.unwrap();
    assert_eq!(isolation(&mut tx).await, "read committed");
    for (level, expected) in [
        (Isolation::ReadCommitted, "read committed"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::Serializable, "serializable"),
    ] {
        let mut tx = begin_isolated(&pool, level).await.unwrap();
        assert_eq!(isolation(&mut tx).await, expected);
    }
}

#[tokio::test]
async fn a_snapshot_from_before_a_commit_leaves_nothing_stale() {
    for level in [Isolation::RepeatableRead, Isolation::Serializable] {
        on_caches(async |_| {
            let videos = Videos::new().await;
            let mut snapshot = begin_isolated(&videos.pool, level).await.unwrap();
            assert_eq!(load(&mut snapshot, 1).await.unwrap(), "old");

            let mut tx = begin(&videos.pool).await.unwrap();
            rename(&mut tx, 1, "new").await.unwrap();
            tx.commit().await.unwrap();

            let read = snapshot.scope(async |tx| title(tx, &videos.loads, 1).await).await;
            assert_eq!(read.unwrap(), "old", "of its snapshot");
            assert_eq!(videos.title(1).await, "new");
            snapshot.commit().await.unwrap();
            assert_eq!(videos.title(1).await, "new");
        })
        .await;
    }
}

#[tokio::test]
async fn a_transaction_that_reads_what_is_committed_loads_into_the_cache() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        let read = tx.scope(async |tx| title(tx, &videos.loads, 1).await).await;
        assert_eq!(read.unwrap(), "old");
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.loads.count(), 1);
    })
    .await;
}
