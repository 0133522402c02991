//! Transactions of SQLite read from a snapshot.

use cache_sqlx::begin;

use super::videos::{Videos, load, rename, title};
use crate::caches::on_caches;

#[tokio::test]
async fn a_snapshot_from_before_a_commit_leaves_nothing_stale() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        let mut snapshot = begin(&videos.pool).await.unwrap();
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
