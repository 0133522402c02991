//! Reads of rows that a transaction has changed and not committed.

use cache_runtime::{cached, with};
use cache_sqlx::{Transaction, begin};
use cache_tests::Counter;
use sqlx::Error;

use super::Db;
use super::videos::{Videos, load, rename, slow_title, title};
use crate::caches::on_caches;
use crate::gate::Gate;

#[cached(ttl = "1h", key_prefix = "within", key = "{id}", tags = ["video:{id}"], within = tx)]
async fn title_within(
    tx: &mut Transaction<'_, Db>,
    loads: &Counter,
    id: i64,
) -> Result<String, Error> {
    loads.hit();
    load(tx, id).await
}

#[tokio::test]
async fn they_are_seen_by_the_transaction_alone() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        assert_eq!(videos.title(1).await, "old");
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "mine").await.unwrap();
        for _ in 0..2 {
            let mine = tx.scope(async |tx| title(tx, &videos.loads, 1).await).await;
            assert_eq!(mine.unwrap(), "mine");
            assert_eq!(videos.title(1).await, "old");
        }
        assert_eq!(videos.loads.count(), 3, "each read in the transaction ran the body");
        tx.rollback().await.unwrap();
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.loads.count(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_function_within_the_transaction_stores_none_of_them() {
    on_caches(async |_| {
        let (videos, loads) = (Videos::new().await, Counter::new());
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "mine").await.unwrap();
        assert_eq!(title_within(&mut tx, &loads, 1).await.unwrap(), "mine");
        assert_eq!(title_within(&mut tx, &loads, 1).await.unwrap(), "mine");
        assert_eq!(loads.count(), 2);
        tx.rollback().await.unwrap();

        let mut tx = begin(&videos.pool).await.unwrap();
        assert_eq!(title_within(&mut tx, &loads, 1).await.unwrap(), "old");
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_sees_what_the_outer_transaction_has_changed() {
    on_caches(async |_| {
        let (videos, loads) = (Videos::new().await, Counter::new());
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "mine").await.unwrap();
        let mut savepoint = tx.savepoint().await.unwrap();
        assert_eq!(title_within(&mut savepoint, &loads, 1).await.unwrap(), "mine");
        assert_eq!(title_within(&mut savepoint, &loads, 1).await.unwrap(), "mine");
        assert_eq!(loads.count(), 2);
        savepoint.commit().await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = begin(&videos.pool).await.unwrap();
        assert_eq!(title_within(&mut tx, &loads, 1).await.unwrap(), "old");
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_of_another_manager_is_kept_apart() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        let config = cache.config().clone().namespace(cache_tests::unique_namespace());
        let other = crate::caches::connect(config).await;
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.title_of(&other, 1).await, "old");
        let mut tx = begin(&videos.pool).await.unwrap();
        with(&other, rename(&mut tx, 1, "new")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(videos.title(1).await, "old", "this cache was not told");
        assert_eq!(videos.title_of(&other, 1).await, "new");
    })
    .await;
}

#[tokio::test]
async fn nobody_waits_for_a_load_of_the_transaction() {
    on_caches(async |_| {
        let (videos, inside, outside) = (Videos::new().await, Gate::new(), Gate::new());
        outside.open();
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "mine").await.unwrap();
        let reading = tx.scope(async |tx| slow_title(tx, &inside, 1).await);
        let (mine, theirs) = tokio::join!(reading, async {
            inside.until_reached().await;
            let mut connection = videos.pool.acquire().await.unwrap();
            let theirs = slow_title(&mut connection, &outside, 1).await;
            inside.open();
            theirs
        });
        assert_eq!((mine.unwrap().as_str(), theirs.unwrap().as_str()), ("mine", "old"));
    })
    .await;
}
