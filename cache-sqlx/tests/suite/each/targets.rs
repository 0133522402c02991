//! Rows name what the invalidations of every kind concern.

use std::time::Duration;

use cache_runtime::{CacheManager, Mode, cache_invalidate, cache_put, cached, with};
use cache_sqlx::{Transaction, begin, relay};
use cache_tests::{Proxy, RedisServer};

use super::Db;
use super::videos::Videos;
use crate::caches::{config, connect};

#[cached(ttl = "1h", key_prefix = "shelf", key = "{name}", tags = ["owner:{owner}"])]
async fn shelf(value: u64, name: &str, owner: &str) -> u64 {
    _ = (name, owner);
    value
}

/// Its names contain digests.
#[cached(ttl = "1h", skip(value))]
async fn digested(value: u64, text: String) -> u64 {
    _ = text;
    value
}

#[cache_invalidate(prefix = "shelf:{name}", within = tx)]
async fn by_prefix(tx: &mut Transaction<'_, Db>, name: &str) {
    _ = name;
}

#[cache_invalidate(tags = ["owner:{owner}"], within = tx)]
async fn by_tag(tx: &mut Transaction<'_, Db>, owner: &str) {
    _ = owner;
}

#[cache_invalidate(entry = digested(0, text.clone()), within = tx)]
async fn by_entry(tx: &mut Transaction<'_, Db>, text: String) {
    _ = text;
}

#[cache_put(entry = digested(0, text.clone()), within = tx)]
async fn by_put(tx: &mut Transaction<'_, Db>, text: String) -> u64 {
    _ = text;
    7
}

const NAMES: [&str; 5] = ["a", "a:b", "with space\0\n", "ü%2F*", ""];

/// Returns each value as it is cached, or else this one.
async fn values(value: u64) -> Vec<u64> {
    let mut values = Vec::new();
    for name in NAMES {
        values.push(shelf(value, name, &format!("of {name}")).await);
        values.push(digested(value, name.repeat(100)).await);
    }
    values
}

/// Returns a cache whose Redis answers nothing from now on: what it invalidates does not arrive.
async fn deaf(cache: &CacheManager, proxy: &Proxy) -> CacheManager {
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let config = cache.config().clone().redis_url(url.as_str());
    let deaf = connect(config.redis_timeout(Duration::from_millis(50))).await;
    proxy.stall();
    deaf
}

/// Runs a change in a transaction of a process that cannot invalidate. Returns which values are loaded again after a relay.
async fn reloaded(change: impl AsyncFnOnce(&mut Transaction<'_, Db>, &CacheManager)) -> Vec<u64> {
    let (videos, server) = (Videos::new().await, RedisServer::start());
    let cache = connect(config(Mode::Redis, &server)).await;
    assert_eq!(with(&cache, values(1)).await, [1; 10]);

    let proxy = Proxy::before(server.port());
    let deaf = deaf(&cache, &proxy).await;
    let changing = async {
        let mut tx = begin(&videos.pool).await.unwrap();
        tx.outbox(true);
        tx.scope(async |tx| change(tx, &deaf).await).await;
        tx.commit().await.unwrap();
    };
    with(&deaf, changing).await;
    assert_ne!(videos.rows().await, 0);
    assert_eq!(with(&cache, values(2)).await, [1; 10], "nothing has arrived");

    relay(videos.pool.clone(), cache.clone()).run_once().await.unwrap();
    assert_eq!(videos.rows().await, 0);
    with(&cache, values(2)).await
}

#[tokio::test]
async fn prefixes_and_tags() {
    let by_prefixes = reloaded(async |tx, _| {
        for name in NAMES {
            by_prefix(tx, name).await;
        }
    });
    assert_eq!(by_prefixes.await, [2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
    let by_tags = reloaded(async |tx, _| {
        for name in NAMES {
            by_tag(tx, &format!("of {name}")).await;
        }
    });
    assert_eq!(by_tags.await, [2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
}

#[tokio::test]
async fn entries_and_puts() {
    let by_entries = reloaded(async |tx, _| {
        by_entry(tx, NAMES[0].repeat(100)).await;
        by_put(tx, NAMES[1].repeat(100)).await;
        by_entry(tx, NAMES[4].repeat(100)).await;
    });
    assert_eq!(by_entries.await, [1, 2, 1, 2, 1, 1, 1, 1, 1, 2]);
}

#[tokio::test]
async fn patterns_and_everything() {
    let by_pattern = reloaded(async |_, cache| {
        cache.clear("shelf:*").await.unwrap();
    });
    assert_eq!(by_pattern.await, [2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
    let everything = reloaded(async |_, cache| {
        cache.clear("*").await.unwrap();
    });
    assert_eq!(everything.await, [2; 10]);
}
