//! Commits that fail, and commits whose outcome is unknown.

use std::pin::pin;

use cache_runtime::CacheManager;
use cache_sqlx::{Isolation, Transaction, begin, begin_isolated};
use cache_tests::{Proxy, Way};
use futures_util::future::{Either, select};
use sqlx::{Error, PgPool, Postgres};
use tokio::task::yield_now;

use super::connect;
use super::videos::{Videos, rename};
use crate::caches::{on_cache, on_caches};
use crate::wait::until;

fn code(error: &Error) -> String {
    match error {
        Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        other => other.to_string(),
    }
}

fn invalidations(cache: &CacheManager) -> u64 {
    cache.stats().invalidations
}

/// Reads all titles and changes one, as a transaction does whose order with others matters.
async fn sum_up(tx: &mut Transaction<'_, Postgres>, id: i64) -> Result<(), Error> {
    let all: Vec<String> =
        sqlx::query_scalar("select title from videos").fetch_all(&mut **tx).await?;
    rename(tx, id, &all.join(",")).await
}

#[tokio::test]
async fn a_retry_after_a_serialization_failure_invalidates_once() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let first = || begin_isolated(&videos.pool, Isolation::Serializable);
        let (mut one, mut two) = (first().await.unwrap(), first().await.unwrap());
        sum_up(&mut one, 1).await.unwrap();
        sum_up(&mut two, 2).await.unwrap();
        one.commit().await.unwrap();
        let after_one = invalidations(&cache);
        let failed = two.commit().await.unwrap_err();
        assert_eq!(code(&failed), "40001");
        assert_eq!(invalidations(&cache), after_one, "nothing was committed");

        let mut again = first().await.unwrap();
        sum_up(&mut again, 2).await.unwrap();
        again.commit().await.unwrap();
        assert_eq!(invalidations(&cache), after_one + 1);
        assert_eq!(
            videos.titles().await,
            ["old,old,old", &format!("old,old,old,{}", "old,old"), "old"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_deadlock_discards_what_its_victim_has_registered() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let before = invalidations(&cache);
        let mut one = begin(&videos.pool).await.unwrap();
        let mut two = begin(&videos.pool).await.unwrap();
        rename(&mut one, 1, "one").await.unwrap();
        rename(&mut two, 2, "two").await.unwrap();
        let (one, two) = tokio::join!(
            async {
                let failed = rename(&mut one, 2, "one").await.err();
                finish(one, failed).await
            },
            async {
                let failed = rename(&mut two, 1, "two").await.err();
                finish(two, failed).await
            },
        );
        let failed: Vec<_> =
            [&one, &two].into_iter().filter_map(|end| end.as_ref().err()).collect();
        assert_eq!(failed.iter().map(|error| code(error)).collect::<Vec<_>>(), ["40P01"]);
        assert_eq!(invalidations(&cache), before + 1, "that of the other one");
        let winner = if one.is_ok() { "one" } else { "two" };
        assert_eq!(videos.titles().await, [winner, winner, "old"]);
    })
    .await;
}

async fn finish(tx: Transaction<'_, Postgres>, failed: Option<Error>) -> Result<(), Error> {
    match failed {
        Some(error) => tx.rollback().await.and(Err(error)),
        None => tx.commit().await,
    }
}

#[tokio::test]
async fn a_constraint_that_the_commit_checks_discards() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let deferred = "alter table videos add constraint titles unique (title, id) deferrable initially deferred; \
             create table comments (video bigint references videos deferrable initially deferred)";
        videos.database.0.psql(deferred);
        let before = invalidations(&cache);
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "never").await.unwrap();
        sqlx::query("insert into comments values (7)").execute(&mut *tx).await.unwrap();
        let failed = tx.commit().await.unwrap_err();
        assert_eq!(code(&failed), "23503");
        assert_eq!(invalidations(&cache), before);
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
        assert_eq!(videos.loads.count(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_invalidates() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        let (proxy, pool) = proxied(&videos).await;
        videos.titles().await;
        let mut tx = begin(&pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        proxy.cut_after(0);
        let failed = tx.commit().await.unwrap_err();
        assert!(matches!(failed, Error::Io(_)), "{failed:?}");
        assert_eq!(videos.committed(1).await, "new");
        until(async || videos.title(1).await == "new").await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_the_server_ends_before_the_commit_leaves_nothing_stale() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        let before = invalidations(&cache);
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "never").await.unwrap();
        let backend: i32 =
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *tx).await.unwrap();
        videos.database.0.psql(&format!("select pg_terminate_backend({backend}, 10000)"));
        tx.commit().await.unwrap_err();
        // It is not known, so it invalidates.
        until(async || invalidations(&cache) > before).await;
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_cancelled_goes_on_and_invalidates() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        let (proxy, pool) = proxied(&videos).await;
        videos.titles().await;
        let before = invalidations(&cache);
        let mut tx = begin(&pool).await.unwrap();
        rename(&mut tx, 1, "new").await.unwrap();
        proxy.stall_one_way(Way::Requests);
        {
            let commit = pin!(tx.commit());
            assert!(matches!(select(commit, pin!(yield_now())).await, Either::Right(_)));
        }
        assert_eq!(videos.title(1).await, "old");
        assert_eq!(invalidations(&cache), before);
        proxy.pass();
        until(async || videos.title(1).await == "new").await;
    })
    .await;
}

/// Returns a pool behind a proxy.
async fn proxied(videos: &Videos) -> (Proxy, PgPool) {
    let database = &videos.database.0;
    let proxy = Proxy::before(database.server().port());
    let pool = connect(&database.url_by(proxy.port())).await;
    (proxy, pool)
}

#[tokio::test]
async fn a_commit_of_an_aborted_transaction_changes_nothing() {
    on_caches(async |_| {
        let videos = Videos::new().await;
        videos.titles().await;
        let mut tx = begin(&videos.pool).await.unwrap();
        rename(&mut tx, 1, "never").await.unwrap();
        sqlx::query("nonsense").execute(&mut *tx).await.unwrap_err();
        // The server answers ROLLBACK, and this is no error.
        tx.commit().await.unwrap();
        assert_eq!(videos.titles().await, ["old", "old", "old"]);
    })
    .await;
}
