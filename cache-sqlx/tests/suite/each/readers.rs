//! Readers at the same time as a transaction.

use cache_sqlx::begin;

use super::Pool;
use super::videos::{Videos, rename, slow_title};
use crate::caches::on_caches;
use crate::gate::Gate;

#[tokio::test]
async fn a_reader_that_refills_before_the_commit_leaves_nothing_stale() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        cache.invalidate_prefix("video:1").await.unwrap();
        assert_eq!(videos.title(1).await, "old", "not committed yet");
        tx.commit().await.unwrap();
        assert_eq!(videos.title(1).await, "new");
    })
    .await;
}

async fn slow_title_of(pool: &Pool, gate: &Gate) -> String {
    let mut connection = pool.acquire().await.unwrap();
    slow_title(&mut connection, gate, 1).await.unwrap()
}

#[tokio::test]
async fn a_load_that_read_before_the_commit_and_ends_after_it_is_not_kept() {
    on_caches(async |_| {
        let (videos, gate) = (Videos::new().await, Gate::new());
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        let (read, ()) = tokio::join!(slow_title_of(&videos.pool, &gate), async {
            gate.until_reached().await;
            tx.commit().await.unwrap();
            gate.open();
        });
        assert_eq!(read, "old");
        assert_eq!(slow_title_of(&videos.pool, &gate).await, "new");
    })
    .await;
}
