//! A commit invalidates; a rollback does not.

use cache_runtime::deferred;
use cache_sqlx::{begin, begin_with};

use super::videos::{Videos, rename, set_title};
use crate::caches::{on_caches, peer};

#[tokio::test]
async fn a_commit_invalidates_before_it_returns() {
    on_caches(async |cache| {
        let (videos, other) = (Videos::new().await, peer(&cache).await);
        assert_eq!(videos.titles().await, ["old", "old", "old"]);

        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.loads.count(), 3, "nothing was invalidated before the commit");

        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        assert_eq!(videos.loads.count(), 4);
        assert_eq!(videos.title_of(&other, 1).await, "new");
    })
    .await;
}

#[tokio::test]
async fn a_rollback_invalidates_nothing() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        assert_eq!(videos.title(1).await, "old");
        let before = cache.stats().invalidations;

        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        tx.rollback().await.unwrap();

        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        drop(tx);

        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.committed(1).await, "old");
        assert_eq!(videos.loads.count(), 1);
        assert_eq!(cache.stats().invalidations, before);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_with_a_statement_of_its_own_invalidates_at_its_commit() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        assert_eq!(videos.title(1).await, "old");
        let mut tx = begin_with(&videos.pool, "BEGIN").await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(videos.title(1).await, "new");
    })
    .await;
}

#[tokio::test]
async fn the_direct_api_in_the_scope_of_a_transaction_waits_for_its_commit() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        let mut tx = begin(&videos.pool).await.unwrap();
        tx.scope(async |tx| {
            set_title(tx, 1, "new").await.unwrap();
            cache.invalidate_prefix("video:1").await.unwrap();
        })
        .await;
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        assert_eq!(videos.loads.count(), 4);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_outside_of_a_transaction_does_not_wait() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        assert_eq!(videos.title(1).await, "old");
        let tx = begin(&videos.pool).await.unwrap();
        cache.invalidate_prefix("video:1").await.unwrap();
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.loads.count(), 2);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_commit_in_a_deferred_future_does_not_wait_for_its_end() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        assert_eq!(videos.title(1).await, "old");
        let ((), pending) = deferred(async {
            let mut tx = begin(&videos.pool).await.unwrap();
            rename(&mut tx, 1, "new").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(videos.title(1).await, "new");
        })
        .await;
        assert!(pending.is_empty());
    })
    .await;
}
