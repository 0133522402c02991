//! Rows in the outbox.

use cache_runtime::{Mode, with};
use cache_sqlx::{begin, outbox, transaction};
use cache_tests::RedisServer;
use sqlx::Error;

use super::videos::{Videos, rename, set_title};
use crate::caches::{config, connect, on_cache, on_caches};
use crate::wait::until;

#[tokio::test]
async fn rows_are_written_with_the_commit_and_deleted_after_the_invalidation() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(tx.outbox(true), 1, "new").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        until(async || videos.rows().await == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_writes_its_rows_with_those_of_the_transaction() {
    on_cache(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        let mut savepoint = tx.savepoint().await.unwrap();
        rename(savepoint.outbox(true), 1, "new").await.unwrap();
        savepoint.commit().await.unwrap();
        // Without the table nothing can be written.
        sqlx::query("drop table cache_outbox").execute(&mut *tx).await.unwrap();
        assert!(tx.commit().await.is_err());
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!((videos.committed(1).await.as_str(), videos.loads.count()), ("old", 3));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_committed_if_the_rows_cannot_be_written() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        sqlx::query("drop table cache_outbox").execute(&videos.pool).await.unwrap();
        let before = cache.stats().invalidations;
        let done =
            transaction(&videos.pool, async |tx| rename(tx.outbox(true), 1, "new").await).await;
        assert!(matches!(done, Err(Error::Database(_))), "{done:?}");
        assert_eq!(videos.committed(1).await, "old");
        assert_eq!(cache.stats().invalidations, before);

        // Without an invalidation there is no row.
        let done = transaction(&videos.pool, async |tx| {
            tx.outbox(true);
            set_title(tx, 1, "new").await
        });
        done.await.unwrap();
        assert_eq!(videos.committed(1).await, "new");
    })
    .await;
}

#[tokio::test]
async fn rows_stay_until_redis_has_confirmed() {
    let server = RedisServer::start();
    let cache = connect(config(Mode::Tiered, &server)).await;
    with(&cache, async {
        let videos = Videos::new().await;
        videos.title(1).await;
        server.kill();
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(tx.outbox(true), 1, "new").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(videos.title(1).await, "new");
        let lag = outbox::lag(&videos.pool).await.unwrap();
        assert!(lag.rows > 0 && lag.oldest.is_some() && lag.poisoned == 0, "{lag:?}");
    })
    .await;
}

#[tokio::test]
async fn processes_that_make_the_table_at_the_same_time_do_not_fail() {
    let videos = Videos::new().await;
    sqlx::query("drop table cache_outbox").execute(&videos.pool).await.unwrap();
    let creating = (0..4).map(|_| outbox::create(&videos.pool));
    for created in futures_util::future::join_all(creating).await {
        created.unwrap();
    }
    assert_eq!(outbox::lag(&videos.pool).await.unwrap(), cache_runtime::OutboxLag::default());
}
