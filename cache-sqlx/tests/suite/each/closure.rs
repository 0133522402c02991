//! Transactions of closures.

use std::sync::Arc;

use cache_runtime::with;
use cache_sqlx::transaction;
use sqlx::Error;

use super::videos::{Videos, rename, set_title};
use crate::caches::on_caches;

#[tokio::test]
async fn it_commits_after_ok_and_invalidates() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let answer = transaction(&videos.pool, async |tx| {
            rename(tx, 1, "new").await?;
            set_title(tx, 2, "new").await?;
            cache.invalidate_prefix("video:2").await.unwrap();
            Ok::<_, Error>(42)
        })
        .await;
        assert_eq!(answer.unwrap(), 42);
        assert_eq!(videos.titles().await, ["new", "new", "old"]);
        assert_eq!(videos.loads.count(), 5);
    })
    .await;
}

/// An error of a program.
#[derive(Debug)]
enum Failure {
    Refused,
    Sql,
}

impl From<Error> for Failure {
    fn from(_: Error) -> Self {
        Failure::Sql
    }
}

#[tokio::test]
async fn it_rolls_back_after_err_and_invalidates_nothing() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let before = cache.stats().invalidations;
        let answer = transaction(&videos.pool, async |tx| {
            rename(tx, 1, "never").await?;
            Err::<(), _>(Failure::Refused)
        })
        .await;
        assert!(matches!(answer, Err(Failure::Refused)), "{answer:?}");
        let answer = transaction(&videos.pool, async |tx| {
            rename(tx, 1, "never").await?;
            sqlx::query("nonsense").execute(&mut **tx).await?;
            Ok::<_, Failure>(())
        })
        .await;
        assert!(matches!(answer, Err(Failure::Sql)), "{answer:?}");
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!(videos.committed(1).await, "old");
        assert_eq!((videos.loads.count(), cache.stats().invalidations), (3, before));
    })
    .await;
}

#[tokio::test]
async fn it_rolls_back_if_the_closure_panics() {
    on_caches(async |cache| {
        let videos = Arc::new(Videos::new().await);
        videos.title(1).await;
        let task = tokio::spawn({
            let (videos, cache) = (Arc::clone(&videos), cache.clone());
            async move {
                let panicking = transaction(&videos.pool, async |tx| {
                    rename(tx, 1, "never").await?;
                    panic!("in the closure");
                    #[allow(unreachable_code, reason = "the type of the closure")]
                    Ok::<_, Error>(())
                });
                with(&cache, panicking).await
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(videos.committed(1).await, "old");
        assert_eq!(videos.loads.count(), 1);
    })
    .await;
}
