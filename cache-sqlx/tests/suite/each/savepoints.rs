//! Savepoints: released into the outer transaction, rolled back with their own changes.

use cache_sqlx::begin;

use super::videos::{Videos, load, rename};
use crate::caches::on_caches;

#[tokio::test]
async fn a_released_savepoint_invalidates_with_the_outer_commit() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        let mut savepoint = tx.savepoint().await.unwrap();
        rename(&mut savepoint, 2, "new").await.unwrap();
        savepoint.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!(videos.loads.count(), 3, "the release invalidates nothing");

        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "new", "old"]);
        assert_eq!(videos.loads.count(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_that_is_rolled_back_invalidates_nothing_of_its_own() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();

        let mut savepoint = tx.savepoint().await.unwrap();
        rename(&mut savepoint, 2, "never").await.unwrap();
        savepoint.rollback().await.unwrap();
        let mut savepoint = tx.savepoint().await.unwrap();
        rename(&mut savepoint, 3, "never").await.unwrap();
        drop(savepoint);
        assert_eq!(load(&mut tx, 3).await.unwrap(), "old");

        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        assert_eq!(videos.loads.count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_released_savepoint_is_discarded_with_the_outer_transaction() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let before = cache.stats().invalidations;
        let mut tx = begin(&videos.pool).await.unwrap();
        let mut savepoint = tx.savepoint().await.unwrap();
        rename(&mut savepoint, 1, "never").await.unwrap();
        savepoint.commit().await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!((videos.loads.count(), cache.stats().invalidations), (3, before));
    })
    .await;
}

#[tokio::test]
async fn savepoints_are_nested() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        let mut outer = tx.savepoint().await.unwrap();
        rename(&mut outer, 1, "new").await.unwrap();
        let mut inner = outer.savepoint().await.unwrap();
        rename(&mut inner, 2, "new").await.unwrap();
        inner.commit().await.unwrap();
        let mut inner = outer.savepoint().await.unwrap();
        rename(&mut inner, 3, "never").await.unwrap();
        inner.rollback().await.unwrap();
        outer.commit().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["new", "new", "old"]);
        assert_eq!(videos.loads.count(), 5);
    })
    .await;
}
