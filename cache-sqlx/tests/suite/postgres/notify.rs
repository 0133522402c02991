//! The connection on which a relay is woken.

use std::time::Duration;

use cache_sqlx::relay;
use cache_tests::{Postgres, Proxy};
use tokio::task::JoinHandle;

use super::connect;
use super::videos::Videos;
use crate::caches::on_cache;
use crate::wait::until;

/// A relay that looks so seldom has been woken.
const SELDOM: Duration = Duration::from_secs(3_600);

/// A program that knows nothing of the cache.
const WRITE: &str =
    "insert into cache_outbox (kind, target) values ('prefix', 'video:1'); notify cache_outbox";

/// Returns the backends that listen in this database.
fn listening(videos: &Videos) -> String {
    videos.database.0.psql(
        "select pid from pg_stat_activity where datname = current_database() \
         and query like 'LISTEN%' and state = 'idle'",
    )
}

async fn write_and_wait(videos: &Videos) {
    videos.database.0.psql(WRITE);
    until(async || videos.rows().await == 0).await;
}

async fn start(videos: &Videos, cache: cache_runtime::CacheManager) -> JoinHandle<()> {
    let relay = relay(videos.pool.clone(), cache).interval(SELDOM);
    let running = tokio::spawn(relay.run());
    until(async || !listening(videos).is_empty()).await;
    running
}

#[tokio::test]
async fn a_notification_wakes_a_relay() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        let running = start(&videos, cache).await;
        for _ in 0..3 {
            write_and_wait(&videos).await;
        }
        running.abort();
    })
    .await;
}

#[tokio::test]
async fn a_relay_whose_connection_is_lost_listens_again_and_finds_what_was_written_meanwhile() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        let running = start(&videos, cache).await;
        for _ in 0..2 {
            let before = listening(&videos);
            videos.database.0.psql(&format!("select pg_terminate_backend({before}, 10000)"));
            write_and_wait(&videos).await;
            until(async || ![String::new(), before.clone()].contains(&listening(&videos))).await;
        }
        running.abort();
    })
    .await;
}

#[tokio::test]
async fn a_relay_survives_the_end_of_its_server() {
    on_cache(async |cache| {
        let server = Postgres::start();
        let pool = connect(&server.url()).await;
        cache_sqlx::outbox::create(&pool).await.unwrap();
        let running = tokio::spawn(relay(pool.clone(), cache).interval(SELDOM).run());
        for _ in 0..2 {
            server.psql(WRITE);
            until(async || server.psql("select count(*) from cache_outbox") == "0").await;
            server.kill();
            server.restart();
        }
        running.abort();
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_lost_without_a_sign_is_given_up() {
    on_cache(async |cache| {
        let videos = Videos::new().await;
        let database = &videos.database.0;
        let proxy = Proxy::before(database.server().port());
        let pool = connect(&database.url_by(proxy.port())).await;
        let relay = relay(pool.clone(), cache).timeout(Duration::from_secs(2));
        assert_eq!(relay.run_once().await.unwrap(), 0);

        until(async || pool.num_idle() == 1).await;
        proxy.hush_last();
        videos.database.0.psql(WRITE);
        relay.run_once().await.unwrap_err();
        until(async || relay.run_once().await.is_ok()).await;
        assert_eq!(videos.rows().await, 0);
    })
    .await;
}
