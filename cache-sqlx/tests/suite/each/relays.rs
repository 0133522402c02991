//! The relay.

use std::time::Duration;

use cache_runtime::{Mode, with};
use cache_sqlx::{outbox, relay};
use cache_tests::{RedisServer, unique_namespace};
use tokio::sync::oneshot;

use super::videos::{Videos, set_title};
use super::{Database, Pool};
use crate::caches::{config, connect, on_cache, on_caches, peer, until_up};
use crate::wait::{in_time, until};

/// A relay looks quickly here.
const QUICKLY: Duration = Duration::from_millis(5);

/// Writes a row into the outbox.
async fn record(pool: &Pool, namespace: &str, kind: &str, target: &str) {
    sqlx::query("insert into cache_outbox (namespace, kind, target) values ($1, $2, $3)")
        .bind(namespace.to_owned())
        .bind(kind.to_owned())
        .bind(target.to_owned())
        .execute(pool)
        .await
        .unwrap();
}

/// Changes all titles behind the back of the cache.
async fn change_all(pool: &Pool, title: &str) {
    let mut connection = pool.acquire().await.unwrap();
    for id in 1..=3 {
        set_title(&mut connection, id, title).await.unwrap();
    }
}

#[tokio::test]
async fn each_kind_of_row_is_performed() {
    let all = ["new", "new", "new"];
    let cases = [
        ("name", "video:1", ["new", "old", "old"]),
        ("prefix", "video:2", ["old", "new", "old"]),
        ("prefix", "video", all),
        ("tag", "video", all),
        ("pattern", "video:*", all),
        ("everything", "", all),
    ];
    on_caches(async |cache| {
        let (videos, other) = (Videos::new().await, peer(&cache).await);
        for (kind, target, expected) in cases {
            change_all(&videos.pool, "old").await;
            cache.clear("*").await.unwrap();
            videos.titles().await;
            change_all(&videos.pool, "new").await;
            record(&videos.pool, "", kind, target).await;
            assert_eq!(videos.titles().await, ["old", "old", "old"]);

            let applied = relay(videos.pool.clone(), cache.clone()).run_once().await.unwrap();
            assert_eq!((applied, videos.rows().await), (1, 0), "{kind} {target}");
            assert_eq!(videos.titles().await, expected, "{kind} {target}");
            if cache.config().mode == Mode::Redis {
                assert_eq!(with(&other, videos.titles()).await, expected, "{kind} {target}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rows_of_another_namespace_are_left_to_its_relay() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        let other = connect(cache.config().clone().namespace(unique_namespace())).await;
        videos.titles().await;
        with(&other, videos.titles()).await;
        change_all(&videos.pool, "new").await;
        record(&videos.pool, &cache.config().namespace, "prefix", "video:1").await;
        record(&videos.pool, &other.config().namespace, "prefix", "video:2").await;

        assert_eq!(relay(videos.pool.clone(), cache).run_once().await.unwrap(), 1);
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        assert_eq!(videos.rows().await, 1);

        assert_eq!(relay(videos.pool.clone(), other.clone()).run_once().await.unwrap(), 1);
        assert_eq!(with(&other, videos.titles()).await, ["old", "new", "old"]);
        assert_eq!(videos.rows().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_applied_is_marked_and_stops_no_other() {
    on_caches(async |cache| {
        let videos = Videos::new().await;
        videos.titles().await;
        change_all(&videos.pool, "new").await;
        for target in ["video::1", "video:1", ""] {
            record(&videos.pool, "", "prefix", target).await;
        }
        let relay = relay(videos.pool.clone(), cache.clone()).batch(2);
        assert_eq!(relay.run_once().await.unwrap(), 1);
        assert_eq!(relay.run_once().await.unwrap(), 0);
        assert_eq!(videos.titles().await, ["new", "old", "old"]);
        let lag = relay.lag().await.unwrap();
        assert_eq!((lag.rows, lag.oldest, lag.poisoned), (0, None, 2));
        // A running relay reports it.
        assert_eq!(cache.stats().outbox.poisoned, 0);
        let reported = until(async || cache.stats().outbox == lag);
        let running = cache_sqlx::relay(videos.pool.clone(), cache.clone());
        in_time(running.run_until(reported)).await;

        let marked = "select failures, failure, target from cache_outbox order by id";
        let marked: Vec<(i32, String, String)> =
            sqlx::query_as(marked).fetch_all(&videos.pool).await.unwrap();
        assert_eq!(marked.len(), 2);
        assert_eq!((marked[0].0, marked[0].2.as_str()), (1, "video::1"));
        assert!(marked[0].1.contains("video::1"), "{}", marked[0].1);

        let mend =
            "update cache_outbox set failures = 0, target = 'video:2' where target = 'video::1'";
        sqlx::query(mend).execute(&videos.pool).await.unwrap();
        assert_eq!(relay.run_once().await.unwrap(), 1);
        assert_eq!(videos.titles().await, ["new", "new", "old"]);
    })
    .await;
}

#[tokio::test]
async fn rows_stay_while_redis_is_unavailable() {
    let server = RedisServer::start();
    let cache = connect(config(Mode::Redis, &server)).await;
    with(&cache, async {
        let videos = Videos::new().await;
        videos.titles().await;
        change_all(&videos.pool, "new").await;
        record(&videos.pool, "", "prefix", "video:1").await;
        server.kill();
        let relay = relay(videos.pool.clone(), cache.clone()).interval(QUICKLY);
        assert_eq!(relay.run_once().await.unwrap(), 0);
        assert_eq!(videos.rows().await, 1);

        server.restart();
        let running = tokio::spawn(relay.run());
        until(async || videos.rows().await == 0).await;
        until_up(&cache).await;
        assert_eq!(videos.title(1).await, "new");
        running.abort();
    })
    .await;
}

#[tokio::test]
async fn several_relays_share_the_rows() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        for id in 0..90 {
            record(&videos.pool, "", "prefix", &format!("video:{id}")).await;
        }
        let relays: Vec<_> =
            (0..3).map(|_| relay(videos.pool.clone(), cache.clone()).batch(10)).collect();
        let running = relays.iter().map(|relay| relay.run_once());
        let applied = futures_util::future::join_all(running).await;
        let applied: u64 = applied.into_iter().map(Result::unwrap).sum();
        assert_eq!(videos.rows().await, 0);
        assert!(applied == 90 || !Database::LOCKS_ROWS && applied > 90, "{applied}");
    })
    .await;
}

#[tokio::test]
async fn a_relay_runs_until_it_is_stopped() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let relay = relay(videos.pool.clone(), cache).interval(QUICKLY);
        let running = tokio::spawn(relay.run_until(stopped));
        for _ in 0..3 {
            record(&videos.pool, "", "prefix", "video:1").await;
            until(async || videos.rows().await == 0).await;
        }
        drop(stop);
        in_time(running).await.unwrap();
        record(&videos.pool, "", "prefix", "video:1").await;
        assert_eq!(videos.rows().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_relay_waits_for_a_table_that_is_missing() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        sqlx::query("drop table cache_outbox").execute(&videos.pool).await.unwrap();
        let relay = relay(videos.pool.clone(), cache).interval(QUICKLY);
        assert!(relay.run_once().await.is_err());
        assert!(relay.lag().await.is_err());
        let running = tokio::spawn(relay.run());
        outbox::create(&videos.pool).await.unwrap();
        record(&videos.pool, "", "prefix", "video:1").await;
        until(async || videos.rows().await == 0).await;
        running.abort();
    })
    .await;
}
